//! `SubscribeMessages`: the event log as a stream.

use super::status::{error, invalid};
use super::{BoxStream, Control, convert, proto, session, status, values};
use crate::hub::{
    self, DEFAULT_QUEUE_EVENTS, EventBody, EventKind, GapReason, OverflowPolicy, ReplyMode,
    ResumeError, Subscription, SubscriptionEnd, SubscriptionItem, SubscriptionOptions,
};
use crate::plugins::Session;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use proto::subscribe_messages_response::Event;
use proto::{SubscribeMessagesRequest, SubscribeMessagesResponse};
use std::sync::Arc;
use std::time::SystemTime;
use tonic::{Code, Status};

/// Largest event with its content unless the subscriber asks for another size. Default 1 MiB.
const DEFAULT_EVENT_BYTES: usize = 1024 * 1024;

pub(super) fn open(
    control: &Arc<Control>,
    session: Option<Arc<Session>>,
    request: SubscribeMessagesRequest,
) -> Result<BoxStream<SubscribeMessagesResponse>, Status> {
    let max_event_bytes = match request.max_event_bytes {
        0 => DEFAULT_EVENT_BYTES,
        bytes => bytes as usize,
    };
    let options = options(request)?;
    if options.kinds.contains(&EventKind::File) && !control.watching {
        let text = "kinds: EVENT_KIND_FILE needs a daemon that watches (start pagewire with --watch, or write watch = true into pagewire.toml)";
        return Err(error(Code::FailedPrecondition, "FEATURE_UNSUPPORTED", text));
    }
    let subscription = control.hub.subscribe(options).map_err(|fault| {
        let text = fault.to_string();
        match fault {
            ResumeError::Evicted { .. } => error(Code::OutOfRange, "POSITION_EVICTED", text),
            ResumeError::EpochChanged { .. } => error(Code::OutOfRange, "EPOCH_CHANGED", text),
            ResumeError::InTheFuture { .. } => invalid("resume_after", text),
        }
    })?;
    if let Some(session) = &session {
        control
            .plugins
            .register_subscription(session)
            .map_err(session::hook_error)?;
    }
    let begin = response(
        control.hub.epoch(),
        subscription.position.sequence,
        SystemTime::now(),
        Event::Subscribed(proto::Subscribed {
            resumed: subscription.resumed,
        }),
    );
    let source = Source {
        control: control.clone(),
        session,
        subscription,
        max_event_bytes,
    };
    // No queue but the subscription's own: what waits there is what `max_queue` bounds.
    let events = stream::unfold(Some(source), |source| async {
        let mut source = source?;
        match source.next().await {
            Ok(event) => Some((Ok(event), Some(source))),
            Err(end) => Some((Err(end), None)),
        }
    });
    Ok(Box::pin(stream::iter([Ok(begin)]).chain(events)))
}

/// Where the events of one stream come from.
struct Source {
    control: Arc<Control>,
    session: Option<Arc<Session>>,
    subscription: Subscription,
    max_event_bytes: usize,
}

impl Source {
    /// The next event, or how the stream ends.
    async fn next(&mut self) -> Result<SubscribeMessagesResponse, Status> {
        let session_ended = async {
            match &self.session {
                Some(session) => session.ended().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.control.force_stop.cancelled() => Err(status::stopping()),
            end = session_ended => Err(session::ended(end)),
            delivered = self.subscription.next() => self.response(delivered),
        }
    }

    fn response(
        &self,
        delivered: Result<SubscriptionItem, SubscriptionEnd>,
    ) -> Result<SubscribeMessagesResponse, Status> {
        let epoch = self.control.hub.epoch();
        match delivered {
            Ok(SubscriptionItem::Event(event)) => {
                let body = body(&event, self.max_event_bytes);
                Ok(response(epoch, event.sequence, event.time, body))
            }
            Ok(SubscriptionItem::Gap(gap)) => {
                let body = Event::Gap(proto_gap(gap));
                Ok(response(epoch, gap.before - 1, SystemTime::now(), body))
            }
            Err(SubscriptionEnd::Slow(sequence)) => {
                let text = format!(
                    "the subscriber read too slowly and its queue is full (resume after sequence {sequence} of epoch {epoch})"
                );
                Err(error(Code::ResourceExhausted, "SUBSCRIBER_SLOW", text))
            }
        }
    }
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
        time: Some(convert::timestamp(time)),
        event: Some(event),
    }
}

fn options(request: SubscribeMessagesRequest) -> Result<SubscriptionOptions, Status> {
    let mut kinds = request
        .kinds
        .iter()
        .map(|kind| event_kind(*kind))
        .collect::<Result<Vec<_>, _>>()?;
    if kinds.is_empty() {
        kinds.push(EventKind::Message);
    }
    let overflow = match proto::OverflowPolicy::try_from(request.overflow) {
        Ok(proto::OverflowPolicy::Unspecified | proto::OverflowPolicy::Disconnect) => {
            OverflowPolicy::Disconnect
        }
        Ok(proto::OverflowPolicy::Gap) => OverflowPolicy::Gap,
        Err(_) => {
            return Err(invalid(
                "overflow",
                format!("{} is no OverflowPolicy", request.overflow),
            ));
        }
    };
    let replies = reply_mode(&request)?;
    Ok(SubscriptionOptions {
        kinds,
        message_types: request.message_types,
        sockets: request
            .sockets
            .map(|filter| convert::socket_filter("sockets", filter))
            .transpose()?,
        resume_after: request.resume_after.map(|position| hub::Position {
            epoch: position.epoch,
            sequence: position.sequence,
        }),
        strict_resume: request.strict_resume,
        max_queue_events: match request.max_queue {
            0 => DEFAULT_QUEUE_EVENTS,
            events => events as usize,
        },
        overflow,
        replies,
    })
}

fn reply_mode(request: &SubscribeMessagesRequest) -> Result<ReplyMode, Status> {
    let subscribed = &request.message_types;
    let stray = |asked: &&String| !subscribed.is_empty() && !subscribed.contains(asked);
    if request.answer_types.is_empty() {
        let all = request.answers_requests;
        Ok(if all { ReplyMode::All } else { ReplyMode::None })
    } else if request.answers_requests {
        let text = "set together with answers_requests, which offers to answer all types (set one of them)";
        Err(invalid("answer_types", text))
    } else if let Some(stray) = request.answer_types.iter().find(stray) {
        let text = format!("{stray:?} is not among message_types, so it would never arrive");
        Err(invalid("answer_types", text))
    } else {
        Ok(ReplyMode::Types(request.answer_types.clone()))
    }
}

fn event_kind(kind: i32) -> Result<EventKind, Status> {
    match proto::EventKind::try_from(kind) {
        Ok(proto::EventKind::Message) => Ok(EventKind::Message),
        Ok(proto::EventKind::Socket) => Ok(EventKind::Socket),
        Ok(proto::EventKind::Console) => Ok(EventKind::Console),
        Ok(proto::EventKind::PageError) => Ok(EventKind::PageError),
        Ok(proto::EventKind::File) => Ok(EventKind::File),
        Ok(proto::EventKind::Unspecified) | Err(_) => {
            Err(invalid("kinds", format!("{kind} is no EventKind")))
        }
    }
}

fn body(event: &hub::Event, max_event_bytes: usize) -> Event {
    use proto::browser_message::Frame;
    let socket = event.socket.as_deref();
    let socket_id = socket.map_or_else(String::new, |socket| socket.socket_id.clone());
    // The frame is made only where it fits.
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
                socket: socket.map(convert::socket),
                previous_socket_id: previous_socket_id.clone().unwrap_or_default(),
            })
        }
        EventBody::Console(line) => {
            Event::Console(values::console(&socket_id, line, max_event_bytes))
        }
        EventBody::PageError(fault) => {
            Event::PageError(values::fault(&socket_id, fault, max_event_bytes))
        }
        EventBody::SocketUpdated => Event::SocketUpdated(proto::SocketUpdated {
            socket: socket.map(convert::socket),
        }),
        EventBody::SocketClosed(close) => Event::SocketClosed(proto::SocketClosed {
            socket_id,
            close_code: close.code.into(),
            close_reason: close.reason.clone(),
            cause: convert::close_cause(close.cause).into(),
        }),
        EventBody::File(change) => Event::FileChanged(convert::file_changed(change)),
    }
}

fn proto_gap(gap: hub::Gap) -> proto::Gap {
    use proto::gap::Reason;
    let reason = match gap.reason {
        GapReason::Evicted => Reason::Evicted,
        GapReason::EpochChanged => Reason::EpochChanged,
        GapReason::SubscriberSlow => Reason::SubscriberSlow,
    };
    proto::Gap {
        after_sequence: gap.after,
        before_sequence: gap.before,
        reason: reason.into(),
    }
}
