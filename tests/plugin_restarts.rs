//! Plugins that the daemon restarts because their files changed: real processes, and pages that are refreshed.

use crate::support::{Page, Site, TestServer, listed, within};
use pagewire_client::proto::plugin::State;
use pagewire_client::{Change, Content, Filter, Plugin, PluginInfo, ServeOptions};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::fs;
use tokio::process::Command;

/// Set in a process that acts as a plugin, to the text that it serves.
const TEXT: &str = "TEST_RESTARTED_TEXT";

/// The plugin that scripts start in these tests: this test binary, restricted to this test.
#[tokio::test]
async fn acts_as_a_plugin() {
    let Ok(text) = std::env::var(TEXT) else {
        return;
    };
    let (made, added) = (text.clone(), text);
    let options = ServeOptions::from(Filter::paths(["/made", "/held"]));
    let plugin = Plugin::new("made")
        .serve(options, move |request| {
            let text = made.clone();
            async move {
                if request.path() == "/held" && text == "holds" {
                    eprintln!("called");
                    std::future::pending::<()>().await;
                }
                Ok(Content::text(text).remember())
            }
        })
        .transform(Filter::paths(["/page.html"]), move |response| {
            let text = format!("{}{added}", response.text().unwrap_or_default());
            async move { Ok(Change::new().body(text)) }
        });
    plugin.run().await.expect("the plugin runs");
}

/// Returns a script that runs the plugin with this text.
fn script(text: &str) -> String {
    let binary = std::env::current_exe().expect("this binary");
    let binary = binary.display();
    format!(
        "export {TEXT}='{text}'\nexec '{binary}' --exact plugin_restarts::acts_as_a_plugin --nocapture\n"
    )
}

/// Returns a `[[plugin]]` table.
fn plugin(name: &str, command: &str, more: &str) -> String {
    format!("[[plugin]]\nname = '{name}'\ncommand = '{command}'\n{more}\n")
}

/// Saves a file atomically: it is never seen empty or half written.
fn save(site: &Site, path: &str, content: impl AsRef<[u8]>) {
    site.write("draft~", content);
    let path = site.path().join(path);
    fs::create_dir_all(path.parent().expect("a file has a folder")).expect("folders");
    fs::rename(site.path().join("draft~"), path).expect("a rename");
}

/// A watching daemon with the plugin `made`, which is `plugin.sh` in the root and serves the text `one`.
async fn start() -> (Site, TestServer) {
    let site = Site::page();
    site.write("page.html", "page ");
    site.write("plugin.sh", script("one"));
    let config = plugin("made", "sh plugin.sh", "required = true");
    site.write("pagewire.toml", config);
    let server = TestServer::start_with(&site, &["--watch"]).await;
    assert_eq!(server.get("/made").await.text(), "one");
    (site, server)
}

async fn info(server: &TestServer, name: &str) -> PluginInfo {
    let list = server.client().await.plugins().await.expect("a list");
    let mut found = list.into_iter().filter(|plugin| plugin.plugin_name == name);
    found.next().expect("the plugin")
}

async fn acting_page(server: &TestServer) -> Page {
    let fields = json!({"features": ["command.changed"]});
    Page::open_as(server.http(), &fields).await
}

/// Returns the paths of the next notification that is not about the script.
async fn refreshed(page: &mut Page) -> Vec<Value> {
    loop {
        let frame = page.receive_json().await;
        assert_eq!(frame["command"], "changed", "{frame}");
        let paths = frame["paths"].as_array().expect("paths").clone();
        if paths != ["/plugin.sh"] {
            return paths;
        }
    }
}

/// Stops the daemon and returns its log.
async fn stop(server: TestServer) -> String {
    server.signal(Signal::TERM);
    server.wait_for_exit().await.1
}

fn restarts(log: &str) -> Vec<&str> {
    let lines = log.lines().filter(|line| line.ends_with("; restarting"));
    lines
        .map(|line| line.split("plugin \"").nth(1).expect(line))
        .collect()
}

#[tokio::test]
async fn saving_a_plugin_restarts_it_and_refreshes_what_it_had_served_or_transformed() {
    let (site, mut server) = start().await;
    assert_eq!(server.get("/page.html").await.text(), "page one");
    assert_eq!(server.get("/").await.status, 200);
    let mut page = acting_page(&server).await;
    let before = info(&server, "made").await.pid;
    save(&site, "plugin.sh", script("two"));
    assert_eq!(refreshed(&mut page).await, ["/made", "/page.html"]);
    assert_eq!(server.get("/made").await.text(), "two");
    assert_eq!(server.get("/page.html").await.text(), "page two");
    server
        .wait_for_log("plugin \"made\": plugin.sh changed; restarting")
        .await;
    let after = listed(&server, "made", "ready", |info| {
        info.state() == State::Ready
    })
    .await;
    assert_ne!(after.pid, before);
    // Only what the new process has answered is refreshed the next time.
    let mut page = acting_page(&server).await;
    save(&site, "plugin.sh", script("three"));
    assert_eq!(refreshed(&mut page).await, ["/made", "/page.html"]);
    assert_eq!(server.get("/made").await.text(), "three");
    save(&site, "plugin.sh", script("four"));
    assert_eq!(refreshed(&mut page).await, ["/made"]);
}

#[tokio::test]
async fn files_saved_together_are_one_restart() {
    let (site, server) = start().await;
    for number in 10..30 {
        save(&site, &format!("lib/{number}.sh"), "");
    }
    save(&site, "plugin.sh", script("two"));
    let two = async { while server.get("/made").await.text() != "two" {} };
    within("the restart", two).await;
    save(&site, "plugin.sh", script("three"));
    let three = async { while server.get("/made").await.text() != "three" {} };
    within("the second restart", three).await;
    let log = stop(server).await;
    let expected = [
        "made\": lib/10.sh and 20 other files changed; restarting",
        "made\": plugin.sh changed; restarting",
    ];
    assert_eq!(restarts(&log), expected, "{log}");
}

#[tokio::test]
async fn a_plugin_that_failed_starts_again_when_it_is_fixed_and_its_pages_are_refreshed_then() {
    let (site, mut server) = start().await;
    let mut page = acting_page(&server).await;
    let broken = "echo 'SyntaxError: line 7' >&2\nexit 3\n";
    save(&site, "plugin.sh", broken);
    server.wait_for_log("made: SyntaxError: line 7").await;
    let failed = |info: &PluginInfo| info.state() == State::Failed;
    assert_eq!(listed(&server, "made", "failed", failed).await.restarts, 4);
    server
        .wait_for_log("is not restarted (it starts again when its files change)")
        .await;
    let response = server.get("/made").await;
    assert_eq!(response.status, 503, "{}", response.text());
    save(&site, "plugin.sh", script("fixed"));
    // It was not refreshed before, since this is the first notification.
    assert_eq!(refreshed(&mut page).await, ["/made"]);
    assert_eq!(server.get("/made").await.text(), "fixed");
    let info = info(&server, "made").await;
    assert_eq!((info.state(), info.restarts), (State::Ready, 4));
}

#[tokio::test]
async fn restarts_because_of_changes_leave_the_restart_budget_untouched() {
    let (site, server) = start().await;
    for number in 0..7 {
        let text = format!("text {number}");
        save(&site, "plugin.sh", script(&text));
        let served = async { while server.get("/made").await.text() != text {} };
        within(&text, served).await;
    }
    let info = info(&server, "made").await;
    assert_eq!((info.state(), info.restarts), (State::Ready, 0));
}

#[tokio::test]
async fn no_request_fails_while_a_plugin_is_restarted() {
    let site = Site::page();
    site.write("plugin.sh", script("holds"));
    // Not required: requests wait nevertheless.
    site.write("pagewire.toml", plugin("made", "sh plugin.sh", ""));
    let mut server = TestServer::start_with(&site, &["--watch"]).await;
    listed(&server, "made", "ready", |info| {
        info.state() == State::Ready
    })
    .await;
    // This call is never answered, and repeated once the old process was killed.
    let held = tokio::spawn(server.get_detached("/held"));
    server.wait_for_log("made: called").await;
    save(&site, "plugin.sh", script("new"));
    let asked = async {
        loop {
            let response = server.get("/made").await;
            let text = response.text();
            assert_eq!(response.status, 200, "{text}");
            if text == "new" {
                return;
            }
            assert_eq!(text, "holds");
        }
    };
    within("the new text", asked).await;
    let held = within("the held request", held).await.expect("a response");
    assert_eq!((held.status, held.text().as_str()), (200, "new"));
}

#[tokio::test]
async fn only_files_of_the_plugin_restart_it() {
    let (site, mut server) = start().await;
    site.write("loaded.sh", "1");
    assert_eq!(server.get("/loaded.sh").await.status, 200);
    site.write(".gitignore", "build/\n");
    for path in [
        "index.html",
        "style.css",
        "loaded.sh",
        "pagewire.toml",
        "build/a.sh",
        "node_modules/a.sh",
        "__pycache__/a.sh",
        "target/a.sh",
        ".venv/a.sh",
        "a.log",
    ] {
        save(&site, path, "2");
    }
    save(&site, "lib/deep/helper.sh", "2");
    let line = server.wait_for_log("; restarting").await;
    let expected = "plugin \"made\": lib/deep/helper.sh changed; restarting";
    assert!(line.ends_with(expected), "{line}");
}

#[tokio::test]
async fn in_a_folder_that_is_not_served_every_file_is_the_plugins() {
    let outside = Site::new([]);
    outside.write("plugin/plugin.sh", script("one"));
    outside.write("site/index.html", "1");
    let command = format!("sh {}/plugin/plugin.sh", outside.path().display());
    let site = Site::page();
    site.write("pagewire.toml", plugin("made", &command, ""));
    let mut server = TestServer::start_with(&site, &["--watch"]).await;
    listed(&server, "made", "ready", |info| {
        info.state() == State::Ready
    })
    .await;
    save(&outside, "other/unrelated.sh", "");
    save(&outside, "plugin/page.tmpl", "");
    let line = server.wait_for_log("; restarting").await;
    assert!(
        line.ends_with("/plugin/page.tmpl changed; restarting"),
        "{line}"
    );
}

#[tokio::test]
async fn only_the_script_is_watched_in_a_large_folder() {
    let outside = Site::new([("large/0.txt", "1"), ("plugin.sh", "cat")]);
    for number in 1..10_000 {
        fs::write(outside.path().join(format!("large/{number}.txt")), "").expect("a file");
    }
    let command = format!("sh {}/plugin.sh", outside.path().display());
    let site = Site::page();
    site.write("pagewire.toml", plugin("large", &command, ""));
    let mut server = TestServer::start_with(&site, &["--watch"]).await;
    let line = server.wait_for_log("more than 10000 files").await;
    let folder = outside.path().display().to_string();
    assert!(
        line.contains(&folder) && line.contains("with watch"),
        "{line}"
    );
    save(&outside, "large/0.txt", "2");
    save(&outside, "plugin.sh", "cat; ");
    let line = server.wait_for_log("; restarting").await;
    assert!(line.ends_with("/plugin.sh changed; restarting"), "{line}");
}

#[tokio::test]
async fn plugins_are_restarted_with_watch_or_if_they_say_what_to_watch() {
    for (arguments, off, on) in [
        (&["--watch"][..], "watch = []", ""),
        (&["--watch"], "watch = false", "watch = true"),
        (&[], "", "watch = ['plugin.sh']"),
        (&[], "", "watch = true"),
        (&["--watch=events"], "watch = false", ""),
    ] {
        let site = Site::page();
        site.write("plugin.sh", "echo $1 starts\ncat\n");
        let config = [
            plugin("off", "sh plugin.sh first", off),
            plugin("on", "sh plugin.sh first", on),
        ];
        site.write("pagewire.toml", config.concat());
        let mut server = TestServer::start_with(&site, arguments).await;
        server.wait_for_log("on: first starts").await;
        server.wait_for_log("off: first starts").await;
        save(&site, "plugin.sh", "echo second starts\ncat\n");
        server.wait_for_log("on: second starts").await;
        let log = stop(server).await;
        let expected = ["on\": plugin.sh changed; restarting"];
        assert_eq!(restarts(&log), expected, "{arguments:?} {off:?} {on:?}");
        assert!(!log.contains("off: second"), "{log}");
    }
}

#[tokio::test]
async fn the_files_to_watch_can_be_named_wherever_they_are() {
    let outside = Site::new([("lib/a.txt", "1")]);
    let site = Site::page();
    site.write("data/x.json", "1");
    let outside_lib = outside.path().join("lib");
    let watch = format!(
        "watch = ['data', '.env', 'later/new [1].txt', '{}']",
        outside_lib.display()
    );
    site.write("pagewire.toml", plugin("named", "cat", &watch));
    let mut server = TestServer::start(&site).await;
    server.wait_for_log("later/new [1].txt").await;
    save(&site, "index.html", "");
    save(&site, "later/new 1.txt", "");
    for path in ["data/x.json", ".env", "later/new [1].txt"] {
        save(&site, path, "2");
        let expected = format!("plugin \"named\": {path} changed; restarting");
        server.wait_for_log(&expected).await;
    }
    save(&outside, "lib/b.txt", "2");
    server.wait_for_log("lib/b.txt changed; restarting").await;
    let log = stop(server).await;
    assert_eq!(restarts(&log).len(), 4, "{log}");
}

#[tokio::test]
async fn a_program_is_restarted_when_it_was_built_again() {
    let site = Site::page();
    let copy = async |from: &str, to: &str| {
        let mut command = Command::new("sh");
        let script = format!("cp \"$(command -v {from})\" '{to}~' && mv '{to}~' '{to}'");
        command.args(["-c", &script]).current_dir(site.path());
        let status = within("the copy", command.status()).await.expect("a shell");
        assert!(status.success());
    };
    copy("cat", "plugin").await;
    site.write("pagewire.toml", plugin("built", "./plugin", ""));
    let mut server = TestServer::start_with(&site, &["--watch"]).await;
    let before = listed(&server, "built", "running", |info| info.pid > 0)
        .await
        .pid;
    save(&site, "plugin.d", "");
    fs::remove_file(site.path().join("plugin")).expect("a file");
    copy("tac", "plugin").await;
    server
        .wait_for_log("plugin \"built\": plugin changed; restarting")
        .await;
    let is_new = |info: &PluginInfo| info.pid > 0 && info.pid != before;
    listed(&server, "built", "restarted", is_new).await;
    let log = stop(server).await;
    assert_eq!(restarts(&log).len(), 1, "{log}");
}

#[tokio::test]
async fn a_command_that_names_no_file_is_reported() {
    let site = Site::page();
    site.write("pagewire.toml", plugin("unnamed", "sh -c cat", ""));
    let mut server = TestServer::start_with(&site, &["--watch"]).await;
    let line = server.wait_for_log("names no file").await;
    assert!(
        line.contains("unnamed") && line.contains("with watch"),
        "{line}"
    );
}
