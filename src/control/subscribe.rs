//! `SubscribeMessages`: the event log as a stream.

use super::status::{error, invalid};
use super::{Control, Stream_, convert, proto, session, status, values};
use crate::hub::{
    self, Answers, DEFAULT_QUEUE_EVENTS, Delivered, EventBody, EventKind, GapReason, Overflow,
    ResumeError, Subscription, SubscriptionEnd, SubscriptionOptions,
};
use crate::plugins::Session;
use bytes::Bytes;
use proto::subscribe_messages_response::Event;
use proto::{SubscribeMessagesRequest, SubscribeMessagesResponse};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};

/// Largest event with its content unless the subscriber asks for another size. Default 1 MiB.
const DEFAULT_EVENT_BYTES: usize = 1024 * 1024;

/// Events that are encoded ahead of the transport. The queue proper is the subscription's.
const STREAM_QUEUE: usize = 16;

pub(super) fn open(
    control: &Arc<Control>,
    session: Option<Arc<Session>>,
    request: SubscribeMessagesRequest,
) -> Result<Stream_<SubscribeMessagesResponse>, Status> {
    let max_event_bytes = match request.max_event_bytes {
        0 => DEFAULT_EVENT_BYTES,
        bytes => bytes as usize,
    };
    let options = options(request)?;
    if options.kinds.contains(&EventKind::File) && !control.watches {
        let text = "kinds: EVENT_KIND_FILE needs a daemon that watches (start pagewire with --watch, or write watch = true into pagewire.toml)";
        return Err(error(Code::FailedPrecondition, "FEATURE_UNSUPPORTED", text));
    }
    let mut subscription = control.hub.subscribe(options).map_err(|fault| {
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
            .opened_subscription(session)
            .map_err(session::hook_error)?;
    }
    let (sender, stream) = mpsc::channel(STREAM_QUEUE);
    let control = control.clone();
    tokio::spawn(async move {
        let session_ended = async {
            match &session {
                Some(session) => session.ended().await,
                None => std::future::pending().await,
            }
        };
        let end = tokio::select! {
            () = control.cut.cancelled() => Some(status::stopping()),
            () = sender.closed() => None,
            end = session_ended => Some(session::ended(end)),
            end = forward(&control, &mut subscription, &sender, max_event_bytes) => end,
        };
        if let Some(end) = end {
            let _ = sender.send(Err(end)).await;
        }
    });
    Ok(Box::pin(ReceiverStream::new(stream)))
}

/// Sends events until the subscription ends, and says how; nothing when the reader has gone.
async fn forward(
    control: &Control,
    subscription: &mut Subscription,
    sender: &mpsc::Sender<Result<SubscribeMessagesResponse, Status>>,
    max_event_bytes: usize,
) -> Option<Status> {
    let first = SubscribeMessagesResponse {
        position: Some(convert::position(subscription.position.clone())),
        time: Some(convert::timestamp(std::time::SystemTime::now())),
        event: Some(Event::Subscribed(proto::Subscribed {
            resumed: subscription.resumed,
        })),
    };
    sender.send(Ok(first)).await.ok()?;
    loop {
        let response = match subscription.next().await {
            Ok(Delivered::Event(event)) => SubscribeMessagesResponse {
                position: Some(convert::position(control.hub.at(event.sequence))),
                time: Some(convert::timestamp(event.time)),
                event: Some(body(&event, max_event_bytes)),
            },
            Ok(Delivered::Gap(gap)) => SubscribeMessagesResponse {
                position: Some(convert::position(control.hub.at(gap.before - 1))),
                time: Some(convert::timestamp(std::time::SystemTime::now())),
                event: Some(Event::Gap(proto_gap(gap))),
            },
            Err(SubscriptionEnd::Slow(sequence)) => {
                let text = format!(
                    "the subscriber read too slowly and its queue is full (resume after sequence {sequence} of epoch {})",
                    control.hub.epoch()
                );
                return Some(error(Code::ResourceExhausted, "SUBSCRIBER_SLOW", text));
            }
        };
        sender.send(Ok(response)).await.ok()?;
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
            Overflow::Disconnect
        }
        Ok(proto::OverflowPolicy::Gap) => Overflow::Gap,
        Err(_) => {
            return Err(invalid(
                "overflow",
                format!("{} is no OverflowPolicy", request.overflow),
            ));
        }
    };
    let answers = answers(&request)?;
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
        answers,
    })
}

fn answers(request: &SubscribeMessagesRequest) -> Result<Answers, Status> {
    let subscribed = &request.message_types;
    let stray = |asked: &&String| !subscribed.is_empty() && !subscribed.contains(asked);
    if request.answer_types.is_empty() {
        Ok(match request.answers_requests {
            true => Answers::All,
            false => Answers::None,
        })
    } else if request.answers_requests {
        let text = "set together with answers_requests, which offers to answer all types (set one of them)";
        Err(invalid("answer_types", text))
    } else if let Some(stray) = request.answer_types.iter().find(stray) {
        let text = format!("{stray:?} is not among message_types, so it would never arrive");
        Err(invalid("answer_types", text))
    } else {
        Ok(Answers::Types(request.answer_types.clone()))
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
            kind,
            request_id,
        } => {
            let frame = |text: &Bytes| Frame::Text(String::from_utf8_lossy(text).into_owned());
            message(text, frame, kind, request_id.as_ref())
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
