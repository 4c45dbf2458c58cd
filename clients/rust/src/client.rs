//! The client: a connection to a daemon.

use crate::{
    Endpoint, Error, PluginInfo, Position, RawClient, Result, ServerInfo, Socket, SocketFilter,
    Stale, channel, proto, send_stream::SendStream,
};
use std::{sync::Arc, time::Duration};
use tonic::Request;

/// Time limit for connecting, including the first RPC. Exceeding it is [`Error::Connect`].
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Default deadline of an RPC that is not a stream. Exceeding it is `DEADLINE`.
const DEFAULT_DEADLINE: Duration = Duration::from_secs(30);
/// Longest deadline of an RPC. A longer one is lowered to it: gRPC cannot express every duration.
const MAX_DEADLINE: Duration = Duration::from_hours(365 * 24);
/// Page size of the list RPCs.
const LIST_PAGE_SIZE: i32 = 1000;

/// A connection to a daemon. Cheap to clone: clones share the connection.
///
/// All methods may be called concurrently, from any task, and from inside a plugin's handlers. None blocks
/// a thread. An RPC that is not a stream has a deadline of 30 s unless [set](Client::with_deadline); no RPC
/// is retried. Dropping a future cancels its RPC, whose effect is then unknown.
///
/// Messages reach a page in the order of the calls, each at most once. They are not stored for pages that
/// connect later.
///
/// A lost connection is re-established on the next call. A client therefore survives a restart of its
/// daemon on the same endpoint if its token stays valid, that is, over a unix socket.
#[derive(Clone, Debug)]
pub struct Client {
    /// Shared, because cloning it costs as much as a send.
    raw: Arc<RawClient>,
    /// Confirmation and reporting of sends.
    pub(crate) delivery: Option<proto::DeliveryOptions>,
    /// Deadline of every RPC that is not a stream.
    deadline: Option<Duration>,
    /// Carries the sends that do not wait for pages.
    pub(crate) send_stream: SendStream,
    /// The daemon's limit; a larger message would end the stream and all other sends on it.
    pub(crate) max_message_bytes: usize,
}

/// A snapshot of the connected sockets.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SocketList {
    /// The sockets, in no particular order.
    pub sockets: Vec<Socket>,
    /// The position of the snapshot: subscribe with
    /// [`resume_after`](crate::SubscribeOptions::resume_after) to miss no later event.
    pub position: Position,
}

impl Client {
    /// Connects and calls the daemon once, so that a wrong address or token is noticed here. An endpoint
    /// without a token gets the token of your own daemon at that address, if there is one
    /// ([`with_known_token`](Endpoint::with_known_token), without the variable).
    ///
    /// # Errors
    /// [`Error::Connect`] without a response within 5 s, or when the server is not a daemon;
    /// [`Error::Rpc`] when it refuses the token (`TOKEN_MISSING`, `TOKEN_INVALID`) or is
    /// `STARTING` or `STOPPING`.
    pub async fn connect(endpoint: Endpoint) -> Result<Self> {
        let endpoint = discover_token(endpoint).await?;
        let connected = Self::connect_with_token(&endpoint).await;
        match &connected {
            // A starting daemon answers once its discovery file exists, which may be after the first look.
            Err(error) if error.reason() == Some("TOKEN_MISSING") => {
                let endpoint = discover_token(endpoint).await?;
                if endpoint.token.is_none() {
                    return connected;
                }
                Self::connect_with_token(&endpoint).await
            }
            _ => connected,
        }
    }

    async fn connect_with_token(endpoint: &Endpoint) -> Result<Self> {
        let cannot_connect = |problem: String| Error::Connect {
            endpoint: endpoint.to_string(),
            problem,
        };
        let connecting = async {
            let mut client = Self {
                raw: Arc::new(channel::dial(endpoint).await?),
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
            // An error without a reason comes from an HTTP server that is not a daemon.
            Ok(Err(Error::Rpc {
                reason, message, ..
            })) if reason.is_empty() => Err(cannot_connect(message)),
            Ok(connected) => connected,
            Err(_) => Err(cannot_connect("no response within 5 s".to_owned())),
        }
    }

    /// A client without a daemon, whose calls fail.
    #[cfg(feature = "testing")]
    pub(crate) fn unconnected() -> Self {
        Self {
            raw: Arc::new(channel::unconnected()),
            delivery: None,
            deadline: None,
            send_stream: SendStream::default(),
            max_message_bytes: usize::MAX,
        }
    }

    /// Connects to the daemon that `PAGEWIRE_ENDPOINT` names, else to the one for the current folder; see
    /// [`Endpoint::find`].
    pub async fn find() -> Result<Self> {
        Self::connect(Endpoint::find()?).await
    }

    /// The generated client on the same connection, for RPCs that the library does not cover.
    pub fn raw(&self) -> RawClient {
        RawClient::clone(&self.raw)
    }

    /// A client whose sends count a socket as reached only when its browser confirmed the frame. Default: when
    /// the frame is in the socket's queue. Such a send waits for the slowest page, so set a suitable
    /// [deadline](Client::with_deadline). It is not ordered relative to other sends.
    #[must_use]
    pub fn confirming_receipt(mut self) -> Self {
        self.delivery.get_or_insert_default().ack_level = proto::AckLevel::Received.into();
        self
    }

    /// A client whose reports list the reached sockets instead of only counting them.
    #[must_use]
    pub fn listing_reached(mut self) -> Self {
        self.delivery.get_or_insert_default().list_reached = true;
        self
    }

    /// A client whose RPCs, except streams, have this deadline. Sockets reached by then are reported, the
    /// others are rows with [`TimedOut`](crate::DeliveryStatus::TimedOut); without anything to report the
    /// result is [`Error::Rpc`] with `DEADLINE`. Default 30 s; for an awaited import its
    /// [timeout](crate::Import::timeout) plus 5 s.
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

    /// All connected sockets, ready or not.
    pub async fn sockets(&self) -> Result<Vec<Socket>> {
        Ok(self.list_sockets(None).await?.sockets)
    }

    /// The ready sockets that match the filter, or all sockets without one, with the position of this
    /// snapshot.
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

    /// Configured plugins and live sessions, in the order in which their hooks are called.
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

    /// Invalidates cached results of hooks; returns their number. Results of calls that started before it
    /// returns are not cached.
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

    /// A request with the client's deadline, or with `deadline` if the client has none.
    pub(crate) fn request_within<T>(&self, message: T, deadline: Duration) -> Request<T> {
        let mut request = Request::new(message);
        request.set_timeout(self.deadline.unwrap_or(deadline).min(MAX_DEADLINE));
        request
    }
}

/// Adds the token of the user's own daemon at this address to an endpoint without one.
async fn discover_token(endpoint: Endpoint) -> Result<Endpoint> {
    tokio::task::spawn_blocking(|| endpoint.with_discovered_token())
        .await
        .map_err(|_| Error::Unexpected("the runtime is shutting down"))
}
