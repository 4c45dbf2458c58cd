//! `SubscribeMessages`: the event log as a stream.

use super::limits::DEFAULT_EVENT_BYTES;
use super::status::error;
use super::{BoxStream, Control, convert, proto, status};
use crate::hub::{EventKind, Subscription, SubscriptionEnd, SubscriptionItem};
use crate::plugins::Session;
use futures_util::{StreamExt, stream};
use proto::{SubscribeMessagesRequest, SubscribeMessagesResponse};
use std::sync::Arc;
use tonic::{Code, Status};

pub(super) async fn open(
    control: &Arc<Control>,
    session: Option<Arc<Session>>,
    request: SubscribeMessagesRequest,
) -> Result<BoxStream<SubscribeMessagesResponse>, Status> {
    let max_event_bytes = match request.max_event_bytes {
        0 => DEFAULT_EVENT_BYTES,
        bytes => bytes as usize,
    };
    let options = convert::subscription_options(request).await?;
    if options.kinds.contains(&EventKind::File) && !control.watching {
        let text = "kinds: EVENT_KIND_FILE needs a daemon that watches files (start pagewire with --watch, or set watch = true in pagewire.toml)";
        return Err(error(Code::FailedPrecondition, "FEATURE_UNSUPPORTED", text));
    }
    let subscription = control.hub.subscribe(options);
    let subscription = subscription.map_err(|error| status::resume_error(&error))?;
    if let Some(session) = &session {
        control
            .plugins
            .register_subscription(session)
            .map_err(status::hook_error)?;
    }
    let subscribed = convert::event::subscribed(control.hub.epoch(), &subscription);
    let source = Source {
        control: control.clone(),
        session,
        subscription,
        max_event_bytes,
    };
    // The transport polls the subscription's own queue, so `max_queue` bounds all that waits.
    let events = stream::unfold(Some(source), |source| async {
        let mut source = source?;
        match source.next().await {
            Ok(event) => Some((Ok(event), Some(source))),
            Err(end) => Some((Err(end), None)),
        }
    });
    Ok(Box::pin(stream::iter([Ok(subscribed)]).chain(events)))
}

/// Source of the events of one stream.
struct Source {
    control: Arc<Control>,
    session: Option<Arc<Session>>,
    subscription: Subscription,
    max_event_bytes: usize,
}

impl Source {
    /// Waits for the next event, or for the error that ends the stream.
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
            end = session_ended => Err(status::session_ended(end)),
            item = self.subscription.next() => self.response(item),
        }
    }

    fn response(
        &self,
        item: Result<SubscriptionItem, SubscriptionEnd>,
    ) -> Result<SubscribeMessagesResponse, Status> {
        let epoch = self.control.hub.epoch();
        match item {
            Ok(SubscriptionItem::Event(event)) => {
                Ok(convert::event::event(epoch, &event, self.max_event_bytes))
            }
            Ok(SubscriptionItem::Gap(gap)) => Ok(convert::event::gap(epoch, gap)),
            Err(SubscriptionEnd::Slow(sequence)) => {
                let text = format!(
                    "the subscriber read too slowly and its queue overflowed (resume after sequence {sequence} of epoch {epoch})"
                );
                Err(error(Code::ResourceExhausted, "SUBSCRIBER_SLOW", text))
            }
        }
    }
}
