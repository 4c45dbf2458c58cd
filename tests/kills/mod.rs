//! `kill -9` of a plugin at any moment affects exactly the requests that it was holding: they get a 502,
//! or the next responder if the plugin may be skipped. Other clients notice nothing, and nothing of the
//! plugin remains.

mod connections;
mod plugin_process;
mod processes;

use crate::support::{HttpResponse, Site, within};
use pagewire_client::{Client, PluginInfo};
use tokio::task::JoinHandle;

/// Paths whose requests each hook of a plugin holds, and the content of their files.
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

async fn response_of(pending: JoinHandle<HttpResponse>) -> HttpResponse {
    within("an answer", pending).await.expect("no panic")
}

fn header<'a>(response: &'a HttpResponse, name: &str) -> &'a str {
    response.header(name).unwrap_or_default()
}

/// Asserts that the request was held by a plugin that has disconnected.
#[track_caller]
fn assert_plugin_gone(response: &HttpResponse, plugin: &str) {
    let blamed = ["pagewire-plugin", "pagewire-reason"].map(|name| header(response, name));
    assert_eq!((response.status, blamed), (502, [plugin, "gone"]));
}

async fn plugins(client: &Client) -> Vec<PluginInfo> {
    client.plugins().await.expect("a list")
}
