//! Links to the root, to files and to folders: each one on the way can be turned.

use super::{acting_page, next_changes, save};
use crate::support::{Page, Site, TestServer, command};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// Makes a link lead to a target, in one step.
fn turn(link: &Path, target: impl AsRef<Path>) {
    let draft = link.with_file_name("turned~");
    symlink(target, &draft).expect("a link");
    fs::rename(draft, link).expect("a rename");
}

async fn serve(root: &Path, arguments: &[&str]) -> TestServer {
    let mut command = command();
    command
        .arg("serve")
        .arg(root)
        .args(["--port", "0", "--control", "127.0.0.1:0", "--watch"])
        .args(arguments);
    TestServer::spawn(command).await
}

/// Waits until the page is notified of a path.
async fn wait_for(page: &mut Page, path: &str) {
    while !next_changes(page).await.contains(&path.to_owned()) {}
}

#[tokio::test]
async fn a_root_whose_link_is_turned_is_another_folder() {
    for poll in ["--watch-poll=false", "--watch-poll"] {
        let around = Site::new([]);
        let dir = |name: &str| around.path().join(name);
        for version in ["v1", "v2", "v3"] {
            around.write(
                &format!("releases/{version}/public/index.html"),
                format!("<p>{version}"),
            );
            around.write(&format!("releases/{version}/public/same.css"), "p {}");
        }
        around.write("releases/v2/public/new.js", "");
        symlink("stage", dir("current")).expect("a link");
        symlink("releases/v1", dir("stage")).expect("a link");
        let server = serve(&dir("current/public"), &[poll]).await;
        let mut page = acting_page(&server, 0).await;
        assert_eq!(server.get("/").await.text().matches("v1").count(), 1);

        turn(&dir("stage"), "releases/v2");
        let mut changed = next_changes(&mut page).await;
        changed.sort();
        assert_eq!(changed, ["/index.html", "/new.js", "/same.css"], "{poll}");
        assert!(server.get("/").await.text().contains("v2"), "{poll}");

        fs::remove_file(dir("current")).expect("removed");
        symlink(dir("releases/v3"), dir("current")).expect("a link");
        wait_for(&mut page, "/new.js").await;
        assert!(server.get("/").await.text().contains("v3"), "{poll}");
        assert_eq!(server.get("/new.js").await.status, 404, "{poll}");
        around.write("releases/v3/public/index.html", "<p>saved");
        wait_for(&mut page, "/index.html").await;
        assert!(server.get("/").await.text().contains("saved"), "{poll}");
    }
}

/// A site whose stylesheet is behind a chain of links outside of it: `a.css`, `shared`, `latest`.
fn linked_site() -> (Site, [PathBuf; 3]) {
    let around = Site::new([("site/index.html", "<p>")]);
    for version in ["v1", "v2"] {
        around.write(&format!("versions/{version}/a.css"), version);
    }
    let links = ["site/a.css", "shared", "versions/latest"].map(|link| around.path().join(link));
    symlink("../shared/a.css", &links[0]).expect("a link");
    symlink("versions/latest", &links[1]).expect("a link");
    symlink("v1", &links[2]).expect("a link");
    (around, links)
}

#[tokio::test]
async fn a_link_to_a_file_outside_of_the_root_is_watched_with_all_links_on_the_way() {
    for poll in ["--watch-poll=false", "--watch-poll"] {
        let (around, [_, shared, latest]) = linked_site();
        let dir = |name: &str| around.path().join(name);
        let allowed = dir("versions");
        let arguments = ["--allow-dir", allowed.to_str().expect("UTF-8"), poll];
        let server = serve(&dir("site"), &arguments).await;
        let mut page = acting_page(&server, 0).await;

        around.write("versions/v1/a.css", "written in place");
        assert_eq!(next_changes(&mut page).await, ["/a.css"], "{poll}");
        around.write("versions/v1/draft~", "renamed over");
        fs::rename(dir("versions/v1/draft~"), dir("versions/v1/a.css")).expect("a rename");
        assert_eq!(next_changes(&mut page).await, ["/a.css"], "{poll}");
        turn(&latest, "v2");
        assert_eq!(next_changes(&mut page).await, ["/a.css"], "{poll}");
        assert_eq!(server.get("/a.css").await.text(), "v2");
        around.write("versions/v2/a.css", "after the turn");
        assert_eq!(next_changes(&mut page).await, ["/a.css"], "{poll}");
        turn(&shared, "versions/v1");
        assert_eq!(next_changes(&mut page).await, ["/a.css"], "{poll}");
        assert_eq!(server.get("/a.css").await.text(), "renamed over");
        fs::remove_dir_all(dir("versions/v1")).expect("removed");
        assert_eq!(next_changes(&mut page).await, ["/a.css"], "{poll}");
        around.write("versions/v1/a.css", "once more");
        assert_eq!(next_changes(&mut page).await, ["/a.css"], "{poll}");
    }
}

#[tokio::test]
async fn a_link_to_a_folder_outside_of_the_root_is_watched_with_all_links_on_the_way() {
    for poll in ["--watch-poll=false", "--watch-poll"] {
        let (around, [_, shared, latest]) = linked_site();
        let dir = |name: &str| around.path().join(name);
        symlink("../shared", dir("site/lib")).expect("a link");
        let allowed = dir("versions");
        let arguments = ["--allow-dir", allowed.to_str().expect("UTF-8"), poll];
        let server = serve(&dir("site"), &arguments).await;
        let mut page = acting_page(&server, 0).await;
        around.write("versions/v1/first.js", "");
        wait_for(&mut page, "/lib/first.js").await;
        turn(&latest, "v2");
        wait_for(&mut page, "/lib/a.css").await;
        around.write("versions/v2/second.js", "");
        wait_for(&mut page, "/lib/second.js").await;
        turn(&shared, "versions/v1");
        wait_for(&mut page, "/lib/first.js").await;
        around.write("versions/v1/third.js", "");
        wait_for(&mut page, "/lib/third.js").await;
    }
}

/// Writes a volume as Kubernetes does: files are links through `..data`, which is turned.
fn update_volume(volume: &Path, version: &str) {
    let folder = volume.join(format!("..{version}"));
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("app.json"), version).expect("a file");
    let before = fs::read_link(volume.join("..data"));
    turn(&volume.join("..data"), format!("..{version}"));
    match before {
        Ok(before) => fs::remove_dir_all(volume.join(before)).expect("removed"),
        Err(_) => symlink("..data/app.json", volume.join("app.json")).expect("a link"),
    }
}

#[tokio::test]
async fn the_update_of_a_container_volume_is_a_change_of_its_files() {
    for poll in ["--watch-poll=false", "--watch-poll"] {
        let site = Site::page();
        let volume = Site::new([]);
        let (mounted, inside) = (volume.path(), site.path().join("inside"));
        update_volume(mounted, "1");
        update_volume(&inside, "1");
        symlink(mounted, site.path().join("linked")).expect("a link");
        let path = mounted.to_str().expect("UTF-8");
        let mount = format!("/mounted={path}");
        let arguments = ["--watch", "--allow-dir", path, "--mount", &mount, poll];
        let server = TestServer::start_with(&site, &arguments).await;
        for version in ["2", "3"] {
            for (volume, urls) in [
                (mounted, &["/linked/app.json", "/mounted/app.json"][..]),
                (&inside, &["/inside/app.json"]),
            ] {
                let mut page = acting_page(&server, 0).await;
                update_volume(volume, version);
                let mut missing: Vec<_> = urls.iter().map(|url| (*url).to_owned()).collect();
                while !missing.is_empty() {
                    let changed = next_changes(&mut page).await;
                    missing.retain(|url| !changed.contains(url));
                }
                for url in urls {
                    assert_eq!(server.get(url).await.text(), version, "{url} {poll}");
                }
            }
        }
    }
}

#[tokio::test]
async fn an_ignored_file_behind_a_link_is_watched_under_the_name_by_which_it_was_served() {
    let site = Site::page();
    site.write("packages/ours/index.js", "1");
    fs::create_dir_all(site.path().join("node_modules/@my")).expect("a folder");
    symlink(
        "../../packages/ours",
        site.path().join("node_modules/@my/ours"),
    )
    .expect("a link");
    for poll in ["--watch-poll=false", "--watch-poll"] {
        let server = TestServer::start_with(&site, &["--watch", poll]).await;
        let mut page = acting_page(&server, 0).await;
        server.get("/node_modules/@my/ours/index.js").await;
        save(&site, "known.css", "");
        wait_for(&mut page, "/known.css").await;
        save(&site, "packages/ours/index.js", poll);
        wait_for(&mut page, "/node_modules/@my/ours/index.js").await;
        fs::remove_file(site.path().join("known.css")).expect("removed");
    }
}
