//! `--console`: what pages print and what fails in them, in the daemon's log.

use crate::hub::{
    DEFAULT_QUEUE_EVENTS, EventBody, EventKind, Hub, OverflowPolicy, ReplyMode, SubscriptionItem,
    SubscriptionOptions,
};
use crate::message::PageValue;
use std::sync::Arc;

/// Logs for as long as it is polled. A flood is logged with a gap, never in silence.
pub(super) async fn log(hub: &Arc<Hub>) {
    let options = SubscriptionOptions {
        kinds: vec![EventKind::Console, EventKind::PageError],
        message_types: Vec::new(),
        sockets: None,
        resume_after: None,
        strict_resume: false,
        max_queue_events: DEFAULT_QUEUE_EVENTS,
        overflow: OverflowPolicy::Gap,
        replies: ReplyMode::None,
    };
    let Ok(mut subscription) = hub.subscribe(options) else {
        return;
    };
    while let Ok(delivered) = subscription.next().await {
        match delivered {
            SubscriptionItem::Event(event) => {
                let url = event.socket.as_ref().map(|socket| plain(&socket.url));
                let url = url.unwrap_or_default();
                match &event.body {
                    EventBody::Console(line) => {
                        let words: Vec<_> = line.args.iter().map(word).collect();
                        let (level, text) = (plain(&line.level), words.join(" "));
                        tracing::info!(target: "pagewire::console", %url, %level, "{text}");
                    }
                    EventBody::PageError(fault) => {
                        let thrown = &fault.exception;
                        let text = plain(&format!("{} {}", thrown.name, thrown.message));
                        let place =
                            plain(&format!("{}:{}:{}", thrown.url, thrown.line, thrown.column));
                        let kind = plain(&fault.kind);
                        tracing::warn!(target: "pagewire::console", %url, %kind, %place, "{}", text.trim());
                    }
                    _ => {}
                }
            }
            SubscriptionItem::Gap(gap) => {
                tracing::warn!(target: "pagewire::console", after = gap.after, before = gap.before, "lines are lost: pages print faster than the log is written");
            }
        }
    }
}

/// A console prints strings without quotes.
fn word(value: &PageValue) -> String {
    let text = match (&value.json, &value.unserializable, &value.description) {
        (Some(json), ..) => {
            serde_json::from_str(json.get()).unwrap_or_else(|_| json.get().to_owned())
        }
        (_, Some(text), _) | (_, _, Some(text)) => text.clone(),
        _ => "undefined".to_owned(),
    };
    plain(&text)
}

/// What a page wrote must not move the terminal's cursor, nor make lines of its own.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
