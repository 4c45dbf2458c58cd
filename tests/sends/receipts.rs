//! Receipts confirm what the transport delivered; nothing is replayed.

use crate::support::{Page, Site, TestServer, within};
use pagewire_client::{DeliveryStatus, Target};
use serde_json::json;

#[tokio::test]
async fn a_receipt_is_confirmed_by_the_transport() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await.confirming_receipt().listing_reached();
    let (mut reads, closing) = (server.page().await, server.page().await);
    let (reads_id, closing_id) = (reads.id.clone(), closing.id.clone());
    let target = Target::sockets([&reads_id, &closing_id]);
    let message = json!({"type": "x"});
    let pages = async {
        assert_eq!(reads.receive_json().await["type"], "x");
        // The pong follows the frame and is sent with the page's next read or write.
        reads.send_json(&json!({"no": "type"})).await;
        assert_eq!(reads.receive_json().await["type"], "pagewire:fault");
        // This page disconnects without having read.
        drop(closing);
    };
    let (report, ()) = tokio::join!(client.send(&target, &message), pages);
    let report = report.expect("a report");
    assert_eq!(report.reached_socket_ids, [reads_id]);
    let unreached: Vec<_> = report
        .unreached
        .iter()
        .map(|row| (row.socket_id.clone(), row.status))
        .collect();
    assert_eq!(unreached, [(closing_id, DeliveryStatus::Gone)]);
}

#[tokio::test]
async fn a_page_that_does_not_confirm_in_time_is_reported() {
    let server = TestServer::start(&Site::page()).await;
    let client = server
        .client()
        .await
        .confirming_receipt()
        .with_deadline(std::time::Duration::from_millis(300));
    let page = server.page().await;
    let report = client
        .send(&Target::all(), &json!({"type": "x"}))
        .await
        .expect("a report, not an error");
    assert_eq!(report.unreached[0].status, DeliveryStatus::TimedOut);
    assert_eq!(report.unreached[0].socket_id, page.id);
}

#[tokio::test]
async fn nothing_is_replayed_to_a_reconnecting_page() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    let page = server.page().await;
    let id = page.id.clone();
    let mut events = client
        .subscribe(pagewire_client::SubscribeOptions::new().sockets())
        .await
        .expect("a stream");
    drop(page);
    within("its end", events.next())
        .await
        .expect("open")
        .expect("an event");
    let report = client
        .send(&Target::socket(&id), &json!({"type": "missed"}))
        .await
        .expect("a report");
    assert_eq!(report.unreached[0].status, DeliveryStatus::NotFound);
    client
        .send(&Target::page("p"), &json!({"type": "missed"}))
        .await
        .expect("a report");

    let path = format!("/__pagewire__/socket?previous={id}");
    let mut back = Page::connect(server.http(), &path).await;
    client
        .send(&Target::all(), &json!({"type": "new"}))
        .await
        .expect("a report");
    assert_eq!(back.receive_json().await["type"], "new");
}
