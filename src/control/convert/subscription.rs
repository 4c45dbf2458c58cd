//! Options of a subscription.

use super::check_list;
use crate::control::limits::{MAX_MESSAGE_TYPE_BYTES, MAX_MESSAGE_TYPES};
use crate::control::proto::{self, SubscribeMessagesRequest};
use crate::control::status::{invalid, unknown_value};
use crate::hub::{
    self, DEFAULT_QUEUE_EVENTS, EventKind, OverflowPolicy, ReplyMode, SubscriptionOptions,
};
use std::collections::HashSet;
use tonic::Status;

pub(in crate::control) async fn subscription_options(
    request: SubscribeMessagesRequest,
) -> Result<SubscriptionOptions, Status> {
    let mut kinds = Vec::new();
    for kind in &request.kinds {
        let kind = event_kind(*kind)?;
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
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
    let remedy = "leave it empty to get messages of all types";
    let message_types = types("message_types", request.message_types, remedy)?;
    let remedy = "set answers_requests to offer to answer all types";
    let answer_types = types("answer_types", request.answer_types, remedy)?;
    let replies = reply_mode(&message_types, answer_types, request.answers_requests)?;
    Ok(SubscriptionOptions {
        kinds,
        message_types,
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

fn types(field: &str, types: Vec<String>, remedy: &str) -> Result<HashSet<String>, Status> {
    if types.len() > MAX_MESSAGE_TYPES {
        let text = format!(
            "{} types are too many (the limit is {MAX_MESSAGE_TYPES}; {remedy})",
            types.len()
        );
        return Err(invalid(field, text));
    }
    check_list(field, &types, MAX_MESSAGE_TYPES, MAX_MESSAGE_TYPE_BYTES)?;
    Ok(types.into_iter().collect())
}

fn reply_mode(
    subscribed: &HashSet<String>,
    offered: HashSet<String>,
    all: bool,
) -> Result<ReplyMode, Status> {
    let is_stray = |offered: &&String| !subscribed.is_empty() && !subscribed.contains(*offered);
    if offered.is_empty() {
        Ok(if all { ReplyMode::All } else { ReplyMode::None })
    } else if all {
        let text = "is set together with answers_requests, which offers to answer all types (set only one)";
        Err(invalid("answer_types", text))
    } else if let Some(stray) = offered.iter().find(is_stray) {
        let text = format!(
            "{stray:?} is not among message_types, so it would never arrive (add it there)"
        );
        Err(invalid("answer_types", text))
    } else {
        Ok(ReplyMode::Types(offered))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_subscription_with_too_many_types_is_refused_with_the_limit() {
        let names = |count| (0..count).map(|number: usize| number.to_string()).collect();
        for (subscribed, offered, refused) in [
            (MAX_MESSAGE_TYPES, MAX_MESSAGE_TYPES, false),
            (MAX_MESSAGE_TYPES + 1, 0, true),
            (0, MAX_MESSAGE_TYPES + 1, true),
        ] {
            let options = subscription_options(SubscribeMessagesRequest {
                message_types: names(subscribed),
                answer_types: names(offered),
                ..SubscribeMessagesRequest::default()
            });
            let error = options.await.err().map(|error| error.message().to_owned());
            let names_limit = error
                .as_ref()
                .map(|text| text.contains("the limit is 10000"));
            assert_eq!(names_limit, refused.then_some(true), "{error:?}");
        }
    }
}
