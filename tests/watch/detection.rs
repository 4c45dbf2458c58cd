//! Every way of saving, removing and checking out files is noticed.

use super::{acting_page, files, next_change, next_changes, save};
use crate::support::{Site, TestServer, command, within};
use pagewire_client::proto::file_changed::Kind;
use pagewire_client::{SocketFilter, SubscribeOptions};
use std::fs;
use std::path::Path;
use tokio::process::Command;

/// Checks the claim with each way of watching: notifications of the operating system, and polling.
async fn in_each_way<F: Future<Output = ()>>(site: &Site, claim: impl Fn(TestServer) -> F) {
    for poll in ["--watch-poll=false", "--watch-poll"] {
        claim(TestServer::start_with(site, &["--watch", poll]).await).await;
    }
}

async fn git(folder: &Path, arguments: &[&str]) {
    let mut git = Command::new("git");
    git.current_dir(folder)
        .args([
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@t",
            "-c",
            "core.hooksPath=",
        ])
        .args(arguments)
        .envs([
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_CONFIG_SYSTEM", "/dev/null"),
        ]);
    let output = within("git", git.output()).await.expect("git is installed");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {stderr}");
}

#[tokio::test]
async fn every_way_of_saving_notifies_pages() {
    let site = Site::page();
    in_each_way(&site, async |server| {
        site.write("a b/style.css", "a {}");
        let mut page = acting_page(&server, 0).await;
        // The change before the page connected may be reported as well, so skip to this one.
        site.write("first.css", "");
        while !next_changes(&mut page)
            .await
            .contains(&"/first.css".to_owned())
        {}

        site.write("a b/style.css", "b { color: red }");
        assert_eq!(next_changes(&mut page).await, ["/a%20b/style.css"]);

        let saved = site.path().join("a b/style.css");
        site.write("a b/.style.css.tmp~", "c { color: blue }");
        fs::rename(site.path().join("a b/.style.css.tmp~"), &saved).expect("a rename");
        assert_eq!(
            next_changes(&mut page).await,
            ["/a%20b/style.css"],
            "over the old one"
        );

        // Saves as vim does: vim tests the folder, moves the old file aside, and writes a new one.
        site.write("a b/4913", "");
        fs::remove_file(site.path().join("a b/4913")).expect("removed");
        fs::rename(&saved, site.path().join("a b/style.css~")).expect("a rename");
        site.write("a b/style.css", "d { color: green }");
        fs::remove_file(site.path().join("a b/style.css~")).expect("removed");
        assert_eq!(
            next_changes(&mut page).await,
            ["/a%20b/style.css"],
            "as vim saves"
        );

        let file = fs::File::options().append(true).open(&saved);
        let now = std::time::SystemTime::now() + std::time::Duration::from_secs(1);
        file.expect("a file").set_modified(now).expect("a time");
        assert_eq!(
            next_changes(&mut page).await,
            ["/a%20b/style.css"],
            "touched"
        );

        fs::remove_dir_all(site.path().join("a b")).expect("removed");
        assert_eq!(
            next_changes(&mut page).await,
            ["/a%20b/style.css"],
            "removed"
        );
        fs::remove_file(site.path().join("first.css")).expect("removed");
    })
    .await;
}

#[tokio::test]
async fn a_second_save_within_one_timestamp_tick_is_noticed() {
    let site = Site::page();
    site.write("style.css", "a {}");
    let server = TestServer::start_with(&site, &["--watch"]).await;
    let mut page = acting_page(&server, 0).await;
    for save in 0..100 {
        // All of one size, and some within one tick of the file system's clock.
        site.write("style.css", ["b {}", "c {}"][save % 2]);
        assert_eq!(next_changes(&mut page).await, ["/style.css"], "save {save}");
    }
}

#[tokio::test]
async fn subscribers_get_one_event_per_changed_file() {
    let site = Site::page();
    in_each_way(&site, async |server| {
        // A socket filter does not apply to files.
        let options = SubscribeOptions::new()
            .files()
            .from_sockets(SocketFilter::url("/none$"));
        let client = server.client().await;
        let mut files = client.subscribe(options).await.expect("a stream");
        fs::create_dir(site.path().join("data")).expect("a folder");
        save(&site, "data/new.json", "{}");
        assert_eq!(
            next_change(&mut files).await,
            ("/data/new.json".into(), Kind::Created)
        );
        save(&site, "data/new.json", "[1, 2]");
        assert_eq!(
            next_change(&mut files).await,
            ("/data/new.json".into(), Kind::Modified)
        );
        fs::rename(site.path().join("data"), site.path().join("moved")).expect("a rename");
        assert_eq!(
            next_change(&mut files).await,
            ("/data/new.json".into(), Kind::Removed)
        );
        assert_eq!(
            next_change(&mut files).await,
            ("/moved/new.json".into(), Kind::Created)
        );
        save(&site, "moved/new.json", "[3, 4, 5]");
        assert_eq!(
            next_change(&mut files).await,
            ("/moved/new.json".into(), Kind::Modified)
        );
        fs::remove_dir_all(site.path().join("moved")).expect("removed");
        assert_eq!(
            next_change(&mut files).await,
            ("/moved/new.json".into(), Kind::Removed)
        );
    })
    .await;
}

#[tokio::test]
async fn a_checkout_of_a_thousand_files_is_one_change() {
    let site = Site::page();
    let fill = |content: &str| {
        for number in 0..1000 {
            site.write(&format!("{}/{number}.js", number % 50), content);
        }
    };
    git(site.path(), &["init", "-q", "-b", "old"]).await;
    fill("old();");
    git(site.path(), &["add", "."]).await;
    git(site.path(), &["commit", "-qm", "old"]).await;
    git(site.path(), &["checkout", "-qb", "new"]).await;
    fill("renewed();");
    git(site.path(), &["commit", "-qam", "new"]).await;
    in_each_way(&site, async |server| {
        let mut page = acting_page(&server, 0).await;
        for branch in ["old", "new"] {
            git(site.path(), &["checkout", "-q", branch]).await;
            assert_eq!(next_changes(&mut page).await.len(), 1000, "{branch}");
        }
        site.write("after.css", "");
        assert_eq!(next_changes(&mut page).await, ["/after.css"]);
        fs::remove_file(site.path().join("after.css")).expect("removed");
    })
    .await;
}

#[tokio::test]
async fn a_recreated_folder_loses_no_file() {
    let site = Site::page();
    let server = TestServer::start_with(&site, &["--watch"]).await;
    let mut page = acting_page(&server, 0).await;
    let folder = site.path().join("made");
    for round in 0..20 {
        let deep = format!("made/{}/deep/file.js", round % 3);
        site.write(&deep, format!("{round}"));
        let mut paths = next_changes(&mut page).await;
        while !paths.contains(&format!("/{deep}")) {
            paths = next_changes(&mut page).await;
        }
        // The folder is watched: a change of the same file is noticed.
        site.write(&deep, format!("again {round}"));
        assert_eq!(
            next_changes(&mut page).await,
            [format!("/{deep}")],
            "round {round}"
        );
        fs::remove_dir_all(&folder).expect("removed");
    }
}

#[tokio::test]
async fn a_recreated_root_is_watched_again() {
    let around = Site::new([("dist/index.html", "<!doctype html><title>t</title>")]);
    let dist = around.path().join("dist");
    let mut command = command();
    command
        .arg("serve")
        .arg(&dist)
        .args(["--port", "0", "--control", "127.0.0.1:0", "--watch"]);
    let server = TestServer::spawn(command).await;
    let mut page = acting_page(&server, 0).await;
    fs::remove_dir_all(&dist).expect("removed");
    assert_eq!(next_changes(&mut page).await, ["/index.html"]);
    around.write("dist/app.js", "1");
    assert_eq!(next_changes(&mut page).await, ["/app.js"]);
    around.write("dist/app.js", "12");
    assert_eq!(next_changes(&mut page).await, ["/app.js"]);
}

#[tokio::test]
async fn ignored_and_unserved_files_are_not_reported() {
    let site = Site::page();
    for folder in [
        "node_modules/x",
        "src/node_modules/y",
        ".git",
        "made",
        "src/included",
    ] {
        site.write(&format!("{folder}/there.js"), "");
    }
    site.write(".gitignore", "made/\n*.log\n");
    site.write("src/.gitignore", "!included.log\n");
    in_each_way(&site, async |server| {
        let mut page = acting_page(&server, 0).await;
        let mut files = files(&server).await;
        let unseen = [
            "node_modules/x/there.js",
            "src/node_modules/y/there.js",
            ".git/HEAD",
            "made/there.js",
            "made/new/file.js",
            "debug.log",
            "src/debug.log",
            ".env",
            "server.pem",
            "src/.npmrc",
            "src/.a.js.swp",
            "src/.#a.js",
            "src/a.js~",
        ];
        for path in unseen {
            site.write(path, "not reported");
        }
        save(&site, "src/included.log", "reported");
        assert_eq!(next_changes(&mut page).await, ["/src/included.log"]);
        assert_eq!(next_change(&mut files).await.0, "/src/included.log");
        for path in unseen.into_iter().chain(["src/included.log"]) {
            fs::remove_file(site.path().join(path)).expect("removed");
        }
        assert_eq!(next_changes(&mut page).await, ["/src/included.log"]);
        save(&site, "made/there.js", "");

        // Other rules apply from now on. A file written just before is reported once it has settled.
        save(&site, ".gitignore", "*.log\n");
        while !next_changes(&mut page)
            .await
            .contains(&"/made/there.js".to_owned())
        {}
        save(&site, "made/there.js", "reported");
        assert_eq!(next_changes(&mut page).await, ["/made/there.js"]);
        save(&site, ".gitignore", "made/\n*.log\n");
        assert_eq!(next_changes(&mut page).await, ["/.gitignore"]);
        save(&site, "made/there.js", "not reported");
        save(&site, "end.css", "");
        assert_eq!(next_changes(&mut page).await, ["/end.css"]);
        fs::remove_file(site.path().join("end.css")).expect("removed");
    })
    .await;
}

#[tokio::test]
async fn a_change_is_reported_under_every_linked_name() {
    let shared = Site::new([("x.js", "1")]);
    let site = Site::page();
    site.write("lib/y.js", "1");
    for (target, link) in [
        (shared.path(), "shared"),
        (&site.path().join("lib"), "alias"),
        (site.path(), "lib/loop"),
    ] {
        std::os::unix::fs::symlink(target, site.path().join(link)).expect("a link");
    }
    let shared_path = shared.path().to_str().expect("UTF-8");
    let server = TestServer::start_with(&site, &["--watch", "--allow-dir", shared_path]).await;
    let mut page = acting_page(&server, 0).await;
    save(&shared, "x.js", "12");
    assert_eq!(
        next_changes(&mut page).await,
        ["/shared/x.js", "/lib/loop/shared/x.js"]
    );
    save(&site, "lib/y.js", "12");
    assert_eq!(
        next_changes(&mut page).await,
        ["/lib/y.js", "/alias/y.js", "/lib/loop/lib/y.js"]
    );
    let next = site.path().join("next");
    fs::create_dir(&next).expect("a folder");
    std::os::unix::fs::symlink(&next, site.path().join("alias~")).expect("a link");
    fs::rename(site.path().join("alias~"), site.path().join("alias")).expect("a rename");
    let paths = next_changes(&mut page).await;
    assert!(paths.contains(&"/alias/y.js".to_owned()), "{paths:?}");
}

/// The lower limit is set in a user namespace of its own, so that other processes are not affected.
#[tokio::test]
async fn at_the_inotify_limit_files_are_polled_with_a_warning() {
    let site = Site::page();
    for number in 0..8 {
        site.write(&format!("{number}/x.css"), "");
    }
    let limited = "echo 4 > /proc/sys/user/max_inotify_watches && exec \"$@\"";
    let unshared = |script: &str| {
        let mut unshare = Command::new("unshare");
        unshare.args(["--user", "--map-root-user", "sh", "-c", script, "sh"]);
        unshare
    };
    let mut try_out = unshared("echo 4 > /proc/sys/user/max_inotify_watches");
    if !try_out
        .output()
        .await
        .is_ok_and(|output| output.status.success())
    {
        eprintln!("skipped: this machine allows no user namespaces with limits of their own");
        return;
    }
    let daemon = command();
    let mut command = unshared(limited);
    command
        .arg(daemon.as_std().get_program())
        .arg("serve")
        .arg(site.path())
        .args(["--port", "0", "--control", "127.0.0.1:0", "--watch"])
        .env("XDG_RUNTIME_DIR", env!("CARGO_TARGET_TMPDIR"))
        .kill_on_drop(true)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let server = TestServer::spawn(command).await;
    let mut page = acting_page(&server, 0).await;
    for number in 0..8 {
        site.write(&format!("{number}/x.css"), "a {}");
        assert_eq!(next_changes(&mut page).await, [format!("/{number}/x.css")]);
    }
    server.signal(rustix::process::Signal::TERM);
    let (code, output) = server.wait_for_exit().await;
    assert_eq!(code, Some(0), "{output}");
    let warnings = output
        .lines()
        .filter(|line| line.contains("max_user_watches"));
    assert_eq!(warnings.count(), 1, "{output}");
}

#[tokio::test]
async fn a_mounted_folder_is_watched_under_its_prefix() {
    let site = Site::page();
    let shared = Site::new([("a.css", "p {}")]);
    let mount = format!("/lib={}", shared.path().display());
    let arguments = ["--watch", "--mount", &mount, "--base-path", "/app"];
    let server = TestServer::start_with(&site, &arguments).await;
    let mut page = acting_page(&server, 0).await;
    let mut files = files(&server).await;
    save(&shared, "a.css", "p { color: red }");
    // Pages add the base path themselves.
    assert_eq!(next_changes(&mut page).await, ["/lib/a.css"]);
    assert_eq!(
        next_change(&mut files).await,
        ("/lib/a.css".to_owned(), Kind::Modified)
    );
}

#[tokio::test]
async fn files_that_are_not_served_reload_every_page_when_they_change() {
    let site = Site::new([("template.html", "<p>")]);
    let server = TestServer::start_with(&site, &["--watch", "--no-files"]).await;
    let mut page = acting_page(&server, 0).await;
    save(&site, "template.html", "<b>");
    assert_eq!(next_changes(&mut page).await, [""; 0]);
}
