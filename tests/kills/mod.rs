//! `kill -9` of a plugin at any moment costs exactly the requests that it was holding: 502, or the next
//! responder if it may be skipped. Other clients notice nothing, and nothing of the plugin remains.

mod connections;
mod plugin_process;
mod processes;

use crate::support::{Answer, Site, within};
use pagewire_client::{Client, PluginInfo};
use tokio::task::JoinHandle;

/// What each hook of a plugin is asked to hold, and what the file system has there.
const HELD_PATHS: [(&str, &str); 3] = [
    ("serve/held", ""),
    ("transform/held.txt", "untouched"),
    ("resolve/held.js", "import 'x';"),
];

fn site() -> Site {
    let site = Site::new([("plain.txt", "plain")]);
    for name in ["victim", "witness"] {
        for (path, text) in HELD_PATHS.iter().filter(|(_, text)| !text.is_empty()) {
            site.write(&format!("{name}/{path}"), text);
        }
    }
    site
}

async fn answer(asking: JoinHandle<Answer>) -> Answer {
    within("an answer", asking).await.expect("no panic")
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.header(name).unwrap_or_default()
}

/// It was held by a plugin that is gone.
#[track_caller]
fn is_gone(answer: &Answer, plugin: &str) {
    let blamed = ["pagewire-plugin", "pagewire-reason"].map(|name| header(answer, name));
    assert_eq!((answer.status, blamed), (502, [plugin, "gone"]));
}

async fn plugins(client: &Client) -> Vec<PluginInfo> {
    client.plugins().await.expect("a list")
}
