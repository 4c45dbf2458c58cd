//! The connection of a program to its daemon.

use crate::{
    Endpoint, Error, PluginInfo, Position, RawClient, Result, ServerInfo, Socket, SocketFilter,
    Stale, channel, proto, send_stream::SendStream,
};
use std::{sync::Arc, time::Duration};
use tonic::Request;

/// How long connecting may take: to dial, and to hear who the daemon is. Beyond: [`Error::Connect`].
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an RPC that is no stream may take unless it is said. Beyond: `DEADLINE`.
const DEFAULT_DEADLINE: Duration = Duration::from_secs(30);
/// Sockets or plugins asked for at a time.
const LIST_PAGE_SIZE: i32 = 1000;

/// A connection to a daemon. Cheap to clone: clones share the connection.
///
/// All methods may be called at the same time, from any task, and from inside a plugin's handlers.
/// Nothing blocks a thread. An RPC that is no stream may take 30 s unless [set](Client::with_deadline);
/// none is tried again. Dropping a future abandons its RPC, whose effect is then unknown.
///
/// Messages reach a page in the order of their calls, each at most once. Nothing is kept for pages that
/// connect later.
///
/// The connection is dialled again when it was lost, so a client outlives a restart of its daemon
/// on the same endpoint, as long as its token holds: over a unix socket.
#[derive(Clone, Debug)]
pub struct Client {
    /// Shared: to copy it costs as much as a send does.
    raw: Arc<RawClient>,
    /// How sends are confirmed and reported.
    pub(crate) delivery: Option<proto::DeliveryOptions>,
    /// Told to the daemon with every RPC that is not a stream.
    deadline: Option<Duration>,
    /// Under the sends that wait for no page.
    pub(crate) send_stream: SendStream,
    /// What the daemon takes; a larger message would end the stream with all others in it.
    pub(crate) max_message_bytes: usize,
}

/// The sockets of one instant.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SocketList {
    /// The sockets, in no particular order.
    pub sockets: Vec<Socket>,
    /// The instant: subscribe with
    /// [`resume_after`](crate::SubscribeOptions::resume_after) to miss nothing later.
    pub position: Position,
}

impl Client {
    /// Connects, and asks the daemon who it is: a wrong address or token is noticed here. An endpoint
    /// without a token gets that of the daemon of yours that runs there, if it does
    /// ([`with_known_token`](Endpoint::with_known_token), without the variable).
    ///
    /// # Errors
    /// [`Error::Connect`] when nobody answers within 5 s or what answers is no daemon;
    /// [`Error::Rpc`] when it refuses the token (`TOKEN_MISSING`, `TOKEN_INVALID`) or is
    /// `STARTING` or `STOPPING`.
    pub async fn connect(endpoint: Endpoint) -> Result<Self> {
        let endpoint = tokio::task::spawn_blocking(|| endpoint.with_discovered_token())
            .await
            .map_err(|_| Error::Unexpected("a runtime that stops"))?;
        let cannot_connect = |problem: String| Error::Connect {
            endpoint: endpoint.to_string(),
            problem,
        };
        let connecting = async {
            let mut client = Self {
                raw: Arc::new(channel::dial(&endpoint).await?),
                delivery: None,
                deadline: None,
                send_stream: SendStream::default(),
                max_message_bytes: 0,
            };
            let limits = client.info().await?.limits.unwrap_or_default();
            client.max_message_bytes = limits.max_message_bytes as usize;
            Ok(client)
        };
        match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
            Ok(Err(Error::Disconnected { problem })) => Err(cannot_connect(problem)),
            // An HTTP server that is no daemon of ours answers without a reason.
            Ok(Err(Error::Rpc {
                reason, message, ..
            })) if reason.is_empty() => Err(cannot_connect(message)),
            Ok(connected) => connected,
            Err(_) => Err(cannot_connect("no answer within 5 s".to_owned())),
        }
    }

    /// Connects to the daemon that `PAGEWIRE_ENDPOINT` names, or else to the one that is meant in
    /// the current folder; see [`Endpoint::find`].
    pub async fn find() -> Result<Self> {
        Self::connect(Endpoint::find()?).await
    }

    /// The generated client on the same connection, for what the library does not cover.
    pub fn raw(&self) -> RawClient {
        RawClient::clone(&self.raw)
    }

    /// A client whose sends count a socket as reached only when its browser confirmed the frame.
    /// Default: when it is in the socket's queue. Such a send waits for the slowest page, so it wants a
    /// [deadline](Client::with_deadline) that fits; it is apart from the order of the others.
    #[must_use]
    pub fn confirming_receipt(mut self) -> Self {
        self.delivery.get_or_insert_default().ack_level = proto::AckLevel::Received.into();
        self
    }

    /// A client whose reports name the sockets that were reached, not only their number.
    #[must_use]
    pub fn listing_reached(mut self) -> Self {
        self.delivery.get_or_insert_default().list_reached = true;
        self
    }

    /// A client whose RPCs, streams excepted, may take so long. What is reached by then is
    /// reported, the rest are rows with [`TimedOut`](crate::DeliveryStatus::TimedOut); with nothing
    /// to report it is [`Error::Rpc`] with `DEADLINE`. Default 30 s; for an awaited import its
    /// [timeout](crate::Import::timeout) and 5 s.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Version, features and limits of the daemon.
    pub async fn info(&self) -> Result<ServerInfo> {
        Ok(self
            .raw()
            .get_server_info(self.request(proto::GetServerInfoRequest {}))
            .await?
            .into_inner())
    }

    /// All sockets that are connected, ready or not.
    pub async fn sockets(&self) -> Result<Vec<Socket>> {
        Ok(self.list_sockets(None).await?.sockets)
    }

    /// The ready sockets that match, or without a filter all sockets; and the instant they were
    /// listed.
    pub async fn list_sockets(&self, filter: Option<SocketFilter>) -> Result<SocketList> {
        let mut request = proto::ListSocketsRequest {
            filter,
            page_size: LIST_PAGE_SIZE,
            page_token: String::new(),
        };
        let mut sockets = Vec::new();
        loop {
            let page = self
                .raw()
                .list_sockets(self.request(request.clone()))
                .await?
                .into_inner();
            sockets.extend(page.sockets);
            if page.next_page_token.is_empty() {
                return Ok(SocketList {
                    sockets,
                    position: page.position.unwrap_or_default(),
                });
            }
            request.page_token = page.next_page_token;
        }
    }

    /// Configured plugins and live sessions, in the order in which their hooks are asked.
    pub async fn plugins(&self) -> Result<Vec<PluginInfo>> {
        let mut request = proto::ListPluginsRequest {
            page_size: LIST_PAGE_SIZE,
            page_token: String::new(),
        };
        let mut plugins = Vec::new();
        loop {
            let page = self
                .raw()
                .list_plugins(self.request(request.clone()))
                .await?
                .into_inner();
            plugins.extend(page.plugins);
            if page.next_page_token.is_empty() {
                return Ok(plugins);
            }
            request.page_token = page.next_page_token;
        }
    }

    /// Has the daemon forget remembered and cached results of hooks; returns how many there were.
    /// Results of calls that began before it returns are never remembered.
    ///
    /// # Errors
    /// [`Error::Rpc`] with `FIELD_INVALID` when a path does not begin with `/`.
    pub async fn invalidate(&self, what: Stale) -> Result<u32> {
        Ok(self
            .raw()
            .invalidate(self.request(what.0))
            .await?
            .into_inner()
            .entries_forgotten)
    }

    pub(crate) fn deadline(&self) -> Duration {
        self.deadline.unwrap_or(DEFAULT_DEADLINE)
    }

    pub(crate) fn request<T>(&self, message: T) -> Request<T> {
        self.request_within(message, DEFAULT_DEADLINE)
    }

    /// A request with the client's deadline, or else this one.
    pub(crate) fn request_within<T>(&self, message: T, deadline: Duration) -> Request<T> {
        let mut request = Request::new(message);
        request.set_timeout(self.deadline.unwrap_or(deadline));
        request
    }
}
