//! Watching: a change below the root reaches pages and programs exactly once, and nothing else is reported.

mod detection;
mod ignored;
mod links;
mod reactions;

use crate::support::{Page, Site, TestServer, within};
use pagewire_client::proto::file_changed::Kind;
use pagewire_client::{SubscribeOptions, Subscription, What};
use serde_json::json;
use std::fs;

/// Connects a page that acts on changes.
async fn acting_page(server: &TestServer, unaware_ms: u64) -> Page {
    let features = json!({"features": ["command.changed"], "unaware_ms": unaware_ms});
    Page::open_as(server.http(), &features).await
}

/// Returns the next changes that the page is notified of.
async fn next_changes(page: &mut Page) -> Vec<String> {
    let frame = page.receive_json().await;
    assert_eq!(
        (&frame["type"], &frame["command"]),
        (&json!("pagewire:command"), &json!("changed"))
    );
    serde_json::from_value(frame["paths"].clone()).expect("paths")
}

/// Returns the next file change: its URL and its kind.
async fn next_change(files: &mut Subscription) -> (String, Kind) {
    let event = within("a file event", files.next()).await;
    match event.expect("an open stream").expect("an event").what {
        What::FileChanged(change) => (change.url_path.clone(), change.kind()),
        other => panic!("expected a change of a file, got {other:?}"),
    }
}

async fn files(server: &TestServer) -> Subscription {
    let client = server.client().await;
    client
        .subscribe(SubscribeOptions::new().files())
        .await
        .expect("a stream")
}

/// Saves a file atomically: it is never seen empty or half written.
fn save(site: &Site, path: &str, content: &str) {
    let draft = site.path().join("draft~");
    fs::write(&draft, content).expect("a file");
    fs::rename(draft, site.path().join(path)).expect("a rename");
}
