//! `--console`: console output and errors of pages in the daemon's log.

use crate::hub::{
    DEFAULT_QUEUE_EVENTS, EventBody, EventKind, Hub, OverflowPolicy, ReplyMode, SubscriptionItem,
    SubscriptionOptions,
};
use crate::message::PageValue;
use std::collections::HashSet;
use std::sync::Arc;

/// Logs for as long as it is polled. When pages print faster than the log is written, the gap is logged.
pub(super) async fn log(hub: &Arc<Hub>) {
    let options = SubscriptionOptions {
        kinds: vec![EventKind::Console, EventKind::PageError],
        message_types: HashSet::new(),
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
    while let Ok(item) = subscription.next().await {
        match item {
            SubscriptionItem::Event(event) => {
                let url = event.socket.as_ref().map(|socket| plain(&socket.url));
                let url = url.unwrap_or_default();
                match &event.body {
                    EventBody::Console(entry) => {
                        let args: Vec<_> = entry.args.iter().map(console_text).collect();
                        let (level, text) = (entry.level.name(), args.join(" "));
                        tracing::info!(target: "pagewire::console", %url, %level, "{text}");
                    }
                    EventBody::PageError(error) => {
                        let exception = &error.exception;
                        let text = plain(&format!("{} {}", exception.name, exception.message));
                        let place = plain(&format!(
                            "{}:{}:{}",
                            exception.url, exception.line, exception.column
                        ));
                        let kind = error.kind.name();
                        let cause = error.failed_resource.as_deref();
                        let cause = cause.map(|cause| plain(&cause.to_string()));
                        tracing::warn!(target: "pagewire::console", %url, %kind, %place, cause, "{}", text.trim());
                    }
                    _ => {}
                }
            }
            SubscriptionItem::Gap(gap) => {
                tracing::warn!(target: "pagewire::console", after = gap.after, before = gap.before, "dropped console output: pages print faster than the log is written");
            }
        }
    }
}

/// Returns a value as a console prints it: strings have no quotes.
fn console_text(value: &PageValue) -> String {
    let text = match (&value.json, &value.unserializable, &value.description) {
        (Some(json), ..) => {
            serde_json::from_str(json.get()).unwrap_or_else(|_| json.get().to_owned())
        }
        (_, Some(text), _) | (_, _, Some(text)) => text.clone(),
        _ => "undefined".to_owned(),
    };
    plain(&text)
}

/// Replaces control characters, so that text of a page can neither move the terminal's cursor nor begin a
/// new line.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
