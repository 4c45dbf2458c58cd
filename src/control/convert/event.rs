//! Events of the log.

use super::value;
use crate::control::proto;
use crate::hub::{self, EventBody, GapReason};
use bytes::Bytes;
use proto::SubscribeMessagesResponse;
use proto::subscribe_messages_response::Event;
use std::time::SystemTime;

/// Converts an event. Content above `max_event_bytes` is omitted.
pub(in crate::control) fn event(
    epoch: &str,
    event: &hub::Event,
    max_event_bytes: usize,
) -> SubscribeMessagesResponse {
    let body = body(event, max_event_bytes);
    response(epoch, event.sequence, event.time, body)
}

/// Converts a gap, whose position is that of the last lost event.
pub(in crate::control) fn gap(epoch: &str, gap: hub::Gap) -> SubscribeMessagesResponse {
    use proto::gap::Reason;
    let reason = match gap.reason {
        GapReason::Evicted => Reason::Evicted,
        GapReason::EpochChanged => Reason::EpochChanged,
        GapReason::SubscriberSlow => Reason::SubscriberSlow,
    };
    let event = Event::Gap(proto::Gap {
        after_sequence: gap.after,
        before_sequence: gap.before,
        reason: reason.into(),
    });
    response(epoch, gap.before - 1, SystemTime::now(), event)
}

/// Returns the first message of a subscription.
pub(in crate::control) fn subscribed(
    epoch: &str,
    subscription: &hub::Subscription,
) -> SubscribeMessagesResponse {
    let event = Event::Subscribed(proto::Subscribed {
        resumed: subscription.resumed,
    });
    let sequence = subscription.position.sequence;
    response(epoch, sequence, SystemTime::now(), event)
}

fn response(
    epoch: &str,
    sequence: u64,
    time: SystemTime,
    event: Event,
) -> SubscribeMessagesResponse {
    SubscribeMessagesResponse {
        position: Some(proto::Position {
            epoch: epoch.to_owned(),
            sequence,
        }),
        time: Some(super::timestamp(time)),
        event: Some(event),
    }
}

fn body(event: &hub::Event, max_event_bytes: usize) -> Event {
    use proto::browser_message::Frame;
    let socket = event.socket.as_deref();
    let socket_id = socket.map_or_else(String::new, |socket| socket.socket_id.clone());
    // The frame is converted only if it fits.
    let message =
        |content: &Bytes, frame: fn(&Bytes) -> Frame, kind: &str, request_id: Option<&String>| {
            let fits = content.len() <= max_event_bytes;
            Event::Message(proto::BrowserMessage {
                socket_id: socket_id.clone(),
                frame: fits.then(|| frame(content)),
                r#type: kind.to_owned(),
                request_id: request_id.cloned().unwrap_or_default(),
                omitted_bytes: if fits { 0 } else { content.len() as u64 },
            })
        };
    match &event.body {
        EventBody::Message {
            text,
            message_type,
            request_id,
        } => {
            let frame = |text: &Bytes| Frame::Text(String::from_utf8_lossy(text).into_owned());
            message(text, frame, message_type, request_id.as_ref())
        }
        EventBody::Binary(data) => message(data, |data| Frame::Binary(data.clone()), "", None),
        EventBody::SocketOpened { previous_socket_id } => {
            Event::SocketOpened(proto::SocketOpened {
                socket: socket.map(super::socket),
                previous_socket_id: previous_socket_id.clone().unwrap_or_default(),
            })
        }
        EventBody::Console(line) => {
            Event::Console(value::console(&socket_id, line, max_event_bytes))
        }
        EventBody::PageError(error) => {
            Event::PageError(value::page_error(&socket_id, error, max_event_bytes))
        }
        EventBody::SocketUpdated => Event::SocketUpdated(proto::SocketUpdated {
            socket: socket.map(super::socket),
        }),
        EventBody::SocketClosed(close) => Event::SocketClosed(proto::SocketClosed {
            socket_id,
            close_code: close.code.into(),
            close_reason: close.reason.clone(),
            cause: close_cause(close.cause).into(),
        }),
        EventBody::File(change) => Event::FileChanged(file_changed(change)),
    }
}

/// Converts a change of a file, whose path is UTF-8: other files have no URL and are not watched.
fn file_changed(change: &hub::FileChange) -> proto::FileChanged {
    use proto::file_changed::Kind;
    proto::FileChanged {
        file_path: change.file_path.to_string_lossy().into_owned(),
        url_path: change.url_path.clone(),
        kind: match change.kind {
            hub::FileChangeKind::Created => Kind::Created,
            hub::FileChangeKind::Modified => Kind::Modified,
            hub::FileChangeKind::Removed => Kind::Removed,
        }
        .into(),
    }
}

fn close_cause(cause: hub::CloseCause) -> proto::socket_closed::Cause {
    use proto::socket_closed::Cause;
    match cause {
        hub::CloseCause::PageUnloaded => Cause::PageUnloaded,
        hub::CloseCause::ConnectionLost => Cause::ConnectionLost,
        hub::CloseCause::NoPong => Cause::NoPong,
        hub::CloseCause::Slow => Cause::Slow,
        hub::CloseCause::ClosedByApi => Cause::ClosedByApi,
        hub::CloseCause::ServerStopping => Cause::ServerStopping,
        hub::CloseCause::ProtocolError => Cause::ProtocolError,
    }
}
