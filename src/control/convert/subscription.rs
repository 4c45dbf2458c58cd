//! Options of a subscription.

use crate::control::proto::{self, SubscribeMessagesRequest};
use crate::control::status::{invalid, unknown_value};
use crate::hub::{
    self, DEFAULT_QUEUE_EVENTS, EventKind, OverflowPolicy, ReplyMode, SubscriptionOptions,
};
use tonic::Status;

pub(in crate::control) async fn subscription_options(
    request: SubscribeMessagesRequest,
) -> Result<SubscriptionOptions, Status> {
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
            let policy = request.overflow;
            return Err(unknown_value("overflow", policy, "OverflowPolicy"));
        }
    };
    let replies = reply_mode(&request)?;
    Ok(SubscriptionOptions {
        kinds,
        message_types: request.message_types,
        sockets: match request.sockets {
            Some(filter) => Some(super::socket_filter("sockets", filter).await?),
            None => None,
        },
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
    let is_stray = |offered: &&String| !subscribed.is_empty() && !subscribed.contains(offered);
    if request.answer_types.is_empty() {
        let all = request.answers_requests;
        Ok(if all { ReplyMode::All } else { ReplyMode::None })
    } else if request.answers_requests {
        let text = "is set together with answers_requests, which offers to answer all types (set only one)";
        Err(invalid("answer_types", text))
    } else if let Some(stray) = request.answer_types.iter().find(is_stray) {
        let text = format!(
            "{stray:?} is not among message_types, so it would never arrive (add it there)"
        );
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
            Err(unknown_value("kinds", kind, "EventKind"))
        }
    }
}
