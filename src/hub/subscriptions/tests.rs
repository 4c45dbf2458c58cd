//! Subscribers that resume: they read the log while they catch up with it.

use super::{OverflowPolicy, ReplyMode, SubscriptionEnd, SubscriptionItem, SubscriptionOptions};
use crate::hub::{EventBody, EventKind, Gap, GapReason, Hub, LOG_BYTES, Position, SocketGuard};
use crate::message::Envelope;
use bytes::Bytes;
use futures_util::FutureExt;
use std::collections::HashSet;
use std::sync::Arc;

const MIB: usize = 1024 * 1024;

fn options(hub: &Hub, overflow: OverflowPolicy) -> SubscriptionOptions {
    SubscriptionOptions {
        kinds: vec![EventKind::Message],
        message_types: HashSet::new(),
        sockets: None,
        resume_after: Some(Position {
            epoch: hub.epoch().to_owned(),
            sequence: 0,
        }),
        strict_resume: false,
        max_queue_events: 16,
        overflow,
        replies: ReplyMode::None,
    }
}

/// Records binary messages of a page.
fn record(page: &SocketGuard, number: usize, bytes: usize) {
    for _ in 0..number {
        let body = EventBody::Binary(Bytes::from(vec![0; bytes]));
        page.hub().receive_report(page.socket().id(), body);
    }
}

fn page(hub: &Arc<Hub>) -> SocketGuard {
    hub.open_socket(String::new(), String::new(), None)
}

#[tokio::test]
async fn a_resumed_subscriber_gets_old_and_new_events_once_and_in_order() {
    let hub = Hub::new();
    let page = page(&hub);
    record(&page, 5000, 10);
    let options = options(&hub, OverflowPolicy::Disconnect);
    let mut subscription = hub.subscribe(options).unwrap();
    assert!(subscription.resumed);
    // The page's `opened` is event 1.
    for sequence in 2..=9001 {
        // More than the queue holds, while the subscriber catches up.
        if sequence % 1000 == 0 && sequence <= 4000 {
            record(&page, 1000, 10);
        }
        let item = subscription.next().await.unwrap();
        let SubscriptionItem::Event(event) = item else {
            panic!("{item:?}")
        };
        assert_eq!(event.sequence, sequence);
    }
    record(&page, 1, 10);
    let item = subscription.next().await.unwrap();
    assert!(matches!(item, SubscriptionItem::Event(event) if event.sequence == 9002));
}

#[tokio::test]
async fn resumed_subscribers_that_do_not_read_hold_little_of_the_log() {
    const SUBSCRIBERS: usize = 20;
    let hub = Hub::new();
    let mut held = Vec::new();
    let info = allocation_counter::measure(|| {
        let page = page(&hub);
        record(&page, 60, MIB - 1024);
        for _ in 0..SUBSCRIBERS {
            let options = options(&hub, OverflowPolicy::Disconnect);
            let mut subscription = hub.subscribe(options).unwrap();
            let first = subscription.next().now_or_never();
            // The first poll reads a batch and yields, the second returns its first event.
            let first = first.or_else(|| subscription.next().now_or_never());
            assert!(matches!(first, Some(Ok(SubscriptionItem::Event(_)))));
            held.push(subscription);
        }
        record(&page, 200, MIB - 1024);
    });
    let taken = usize::try_from(info.bytes_current).unwrap();
    // Unread batches of all subscribers are the same events.
    assert!(taken <= LOG_BYTES + 4 * MIB, "{taken} bytes");
}

#[tokio::test]
async fn what_the_log_evicts_before_a_resumed_subscriber_reads_it_is_a_gap_or_the_end() {
    let hub = Hub::new();
    let page = page(&hub);
    record(&page, 10, 100);
    let mut with_gap = hub.subscribe(options(&hub, OverflowPolicy::Gap)).unwrap();
    let ending = options(&hub, OverflowPolicy::Disconnect);
    let mut ending = hub.subscribe(ending).unwrap();
    for subscription in [&mut with_gap, &mut ending] {
        let item = subscription.next().await.unwrap();
        assert!(matches!(item, SubscriptionItem::Event(event) if event.sequence == 2));
    }
    record(&page, 70, MIB);
    let evicted = hub.lock().log.evicted();
    assert!(evicted > 11);
    // What had been read from the log is delivered.
    for subscription in [&mut with_gap, &mut ending] {
        for sequence in 3..=11 {
            let item = subscription.next().await.unwrap();
            assert!(matches!(item, SubscriptionItem::Event(event) if event.sequence == sequence));
        }
    }
    let item = with_gap.next().await.unwrap();
    let SubscriptionItem::Gap(gap) = item else {
        panic!("{item:?}")
    };
    let expected = Gap {
        after: 11,
        before: evicted + 1,
        reason: GapReason::SubscriberSlow,
    };
    assert_eq!(gap, expected);
    let item = with_gap.next().await.unwrap();
    assert!(matches!(item, SubscriptionItem::Event(event) if event.sequence == evicted + 1));
    assert_eq!(ending.next().await.unwrap_err(), SubscriptionEnd::Slow(11));
}

#[tokio::test]
async fn a_log_without_selected_events_is_read_to_its_end() {
    let hub = Hub::new();
    let page = page(&hub);
    record(&page, 5000, 10);
    let mut options = options(&hub, OverflowPolicy::Disconnect);
    options.message_types.insert("wanted".to_owned());
    let mut subscription = hub.subscribe(options).unwrap();
    let frame = r#"{"type":"wanted"}"#;
    let envelope = Envelope::parse(frame).unwrap();
    hub.receive_message(page.socket().id(), envelope, frame.into());
    let item = subscription.next().await.unwrap();
    assert!(matches!(item, SubscriptionItem::Event(event) if event.sequence == 5002));
}
