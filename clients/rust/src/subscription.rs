//! Subscriptions: one ordered, resumable stream of events.

use crate::{
    Client, Error, Event, Position, Result, SocketFilter,
    proto::{self, EventKind, OverflowPolicy, subscribe_messages_response as wire},
};
use futures_util::Stream;
use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};
use tonic::{Request, Streaming};

/// Kinds of events and start position of a subscription. Default: all messages of all pages, from now on.
#[derive(Clone, Debug, Default)]
pub struct SubscribeOptions(proto::SubscribeMessagesRequest);

impl SubscribeOptions {
    /// The default options.
    pub fn new() -> Self {
        Self::default()
    }

    /// Messages of pages, of any type.
    #[must_use]
    pub fn messages(self) -> Self {
        self.kind(EventKind::Message)
    }

    /// Messages of pages, of these types only.
    #[must_use]
    pub fn message_types<I: IntoIterator<Item: Into<String>>>(self, types: I) -> Self {
        let mut options = self.kind(EventKind::Message);
        options
            .0
            .message_types
            .extend(types.into_iter().map(Into::into));
        options
    }

    /// Sockets that open, change and close.
    #[must_use]
    pub fn sockets(self) -> Self {
        self.kind(EventKind::Socket)
    }

    /// Console output of pages. Pages report it only while there is a subscriber, at a small cost.
    #[must_use]
    pub fn console(self) -> Self {
        self.kind(EventKind::Console)
    }

    /// Errors in pages that their code did not handle.
    #[must_use]
    pub fn page_errors(self) -> Self {
        self.kind(EventKind::PageError)
    }

    /// Changed files. Needs a daemon with `--watch`.
    #[must_use]
    pub fn files(self) -> Self {
        self.kind(EventKind::File)
    }

    /// Only events of ready sockets that match.
    #[must_use]
    pub fn from_sockets(mut self, filter: SocketFilter) -> Self {
        self.0.sockets = Some(filter);
        self
    }

    /// Starts with the events after this position. Events that the daemon no longer holds are reported by a
    /// [`Gap`](crate::What::Gap).
    #[must_use]
    pub fn resume_after(mut self, position: Position) -> Self {
        self.0.resume_after = Some(position);
        self
    }

    /// Fails with `POSITION_EVICTED` or `EPOCH_CHANGED` instead of reporting a gap at the start.
    #[must_use]
    pub fn strict_resume(mut self) -> Self {
        self.0.strict_resume = true;
        self
    }

    /// Drops the oldest events when this subscriber is too slow, and reports a [`Gap`](crate::What::Gap).
    /// Default: the subscription ends with `SUBSCRIBER_SLOW`.
    #[must_use]
    pub fn gaps_when_slow(mut self) -> Self {
        self.0.overflow = OverflowPolicy::Gap.into();
        self
    }

    /// Limit of events that the daemon queues for this subscriber. Default 1024, and at most 8 MiB.
    #[must_use]
    pub fn max_queue(mut self, events: u32) -> Self {
        self.0.max_queue = events;
        self
    }

    /// Omits the content of larger messages. Default 1 MiB.
    #[must_use]
    pub fn max_event_bytes(mut self, bytes: u32) -> Self {
        self.0.max_event_bytes = bytes;
        self
    }

    /// Offers to answer the requests among these messages: the page then waits up to 20 s for
    /// [`Client::reply`]. Without an offer of any subscriber a request fails immediately.
    #[must_use]
    pub fn answers_requests(mut self) -> Self {
        self.0.answers_requests = true;
        self
    }

    /// Offers to answer only requests of these types. Each must be among the
    /// [`message_types`](SubscribeOptions::message_types), if those are set.
    #[must_use]
    pub fn answers<T: Into<String>>(mut self, types: impl IntoIterator<Item = T>) -> Self {
        self.0
            .answer_types
            .extend(types.into_iter().map(Into::into));
        self
    }

    fn kind(mut self, kind: EventKind) -> Self {
        if !self.0.kinds.contains(&kind.into()) {
            self.0.kinds.push(kind.into());
        }
        self
    }
}

/// An active subscription: a stream of events in the order of the daemon's log.
///
/// Read it as a [`Stream`] or with [`next`](Subscription::next). If the subscription fails, the error is its
/// last item; otherwise it ends when the daemon ends it gracefully. Dropping it unsubscribes. It does not
/// reconnect by itself: [`resume`](Subscription::resume) continues after the last event. To continue in a later
/// run of the program, store the [`position`](Subscription::position) and subscribe with
/// [`resume_after`](SubscribeOptions::resume_after).
#[derive(Debug)]
pub struct Subscription {
    client: Client,
    options: SubscribeOptions,
    events: Streaming<proto::SubscribeMessagesResponse>,
    position: Position,
    resumed: bool,
    ended: bool,
}

impl Client {
    /// Subscribes, and returns once the subscription is active: no later event is missed.
    pub async fn subscribe(&self, options: SubscribeOptions) -> Result<Subscription> {
        let request = Request::new(options.0.clone());
        self.subscribe_with(options, request).await
    }

    /// Like [`subscribe`](Client::subscribe), for a declared hook of a plugin's session.
    pub(crate) async fn subscribe_in_session(
        &self,
        options: SubscribeOptions,
        session: &crate::plugin::SessionId,
    ) -> Result<Subscription> {
        let request = session.attach(Request::new(options.0.clone()));
        self.subscribe_with(options, request).await
    }

    async fn subscribe_with(
        &self,
        options: SubscribeOptions,
        request: Request<proto::SubscribeMessagesRequest>,
    ) -> Result<Subscription> {
        let mut events = self.raw().subscribe_messages(request).await?.into_inner();
        let first = events.message().await?;
        let first = first.ok_or(Error::Unexpected("the subscription ended immediately"))?;
        let Some(wire::Event::Subscribed(subscribed)) = first.event else {
            return Err(Error::Unexpected(
                "the first event of the subscription is not `subscribed`",
            ));
        };
        Ok(Subscription {
            client: self.clone(),
            options,
            events,
            position: first.position.unwrap_or_default(),
            resumed: subscribed.resumed,
            ended: false,
        })
    }
}

impl Subscription {
    /// The next event, or `None` when the daemon ended the subscription. Waits for an event. Cancel-safe: no
    /// event is lost.
    ///
    /// # Errors
    /// [`Error::Rpc`] with `SUBSCRIBER_SLOW` when events were read too slowly, [`Error::Disconnected`] when the
    /// connection was lost. No further events follow.
    pub async fn next(&mut self) -> Result<Option<Event>> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context))
            .await
            .transpose()
    }

    /// Subscribes again after the last delivered event, on the same client, which reconnects if necessary.
    /// Events that the daemon no longer holds, also because it was restarted, are reported by a
    /// [`Gap`](crate::What::Gap), or are an error with [`strict_resume`](SubscribeOptions::strict_resume).
    ///
    /// # Errors
    /// Those of [`Client::subscribe`], including [`Error::Rpc`] with `POSITION_EVICTED` or `EPOCH_CHANGED`. The
    /// subscription is then unchanged and can be resumed later.
    pub async fn resume(&mut self) -> Result<()> {
        let options = self.options.clone().resume_after(self.position.clone());
        *self = self.client.subscribe(options).await?;
        Ok(())
    }

    /// Position of the last delivered event; initially that of the subscription itself.
    pub fn position(&self) -> &Position {
        &self.position
    }

    /// Whether all events after the requested position will be delivered. False when no position was requested,
    /// or a gap follows.
    pub fn resumed(&self) -> bool {
        self.resumed
    }
}

impl Stream for Subscription {
    type Item = Result<Event>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        while !self.ended {
            match ready!(Pin::new(&mut self.events).poll_next(context)) {
                Some(Ok(event)) => {
                    if let Some(position) = &event.position {
                        self.position.clone_from(position);
                    }
                    // Skips kinds of events that this version does not know.
                    if let Some(event) = Event::from_proto(event) {
                        return Poll::Ready(Some(Ok(event)));
                    }
                }
                Some(Err(status)) => {
                    self.ended = true;
                    return Poll::Ready(Some(Err(status.into())));
                }
                None => self.ended = true,
            }
        }
        Poll::Ready(None)
    }
}
