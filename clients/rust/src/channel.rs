//! The gRPC channel to an endpoint: one HTTP/2 connection that detects a lost peer within 15 s.

use crate::{
    Endpoint, Error, Result, endpoint::Address, proto::control_service_client::ControlServiceClient,
};
use std::{error, time::Duration};
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{self, Channel},
};

/// The generated client on a connection that adds the token to every RPC.
pub type RawClient = ControlServiceClient<InterceptedService<Channel, Credentials>>;

/// Time limit for opening a connection, the first or a later one. A reconnect that exceeds it fails with
/// [`Error::Disconnected`].
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// An HTTP/2 ping is sent after this time without a frame.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
/// The connection is closed when a ping is not answered within this time.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(5);
/// Flow-control window of one stream: unread bytes after which the daemon waits.
const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
/// Flow-control window of the connection: many times that of a stream, so that one unread stream does not
/// starve the others.
const CONNECTION_WINDOW_BYTES: u32 = 64 * 1024 * 1024;
/// Largest accepted message; a larger one fails its RPC. The daemon sends at most 3 MiB unless the caller
/// requested more.
const MAX_RECEIVED_MESSAGE_BYTES: usize = 64 * 1024 * 1024;

pub(crate) async fn dial(endpoint: &Endpoint) -> Result<RawClient> {
    let credentials = Credentials::new(endpoint)?;
    // Over a unix socket the authority is `localhost`, because the path of the socket would be refused.
    let authority = match &endpoint.address {
        Address::Tcp(authority) => authority,
        Address::Unix(_) => "localhost",
    };
    let transport = transport::Endpoint::from_shared(format!("http://{authority}"))
        .map_err(|error| cannot_connect(endpoint, &error))?
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        // The daemon may still respond to calls that were just cancelled. By default the library ends the
        // connection after 1,024 such frames.
        .http2_max_local_error_reset_streams(None);
    let channel = match &endpoint.address {
        Address::Tcp(_) => transport.connect().await,
        Address::Unix(path) => connect_unix(&transport, path.clone()).await,
    }
    .map_err(|error| cannot_connect(endpoint, &error))?;
    Ok(ControlServiceClient::with_interceptor(channel, credentials)
        .max_decoding_message_size(MAX_RECEIVED_MESSAGE_BYTES))
}

/// A client without a daemon, whose calls fail. Needs no runtime.
#[cfg(feature = "testing")]
pub(crate) fn unconnected() -> RawClient {
    use std::sync::LazyLock;
    use tokio::runtime::{Builder, Runtime};

    // The channel is a task. It belongs to a runtime that never runs, because no call gets that far.
    static SHARED: LazyLock<(RawClient, Runtime)> = LazyLock::new(|| {
        let runtime = Builder::new_current_thread().build();
        let runtime = runtime.expect("a runtime without a reactor needs nothing of the system");
        let in_runtime = runtime.enter();
        let channel = transport::Endpoint::from_static("http://localhost").connect_lazy();
        let credentials = Credentials {
            authorization: None,
            has_daemon: false,
        };
        let client = ControlServiceClient::with_interceptor(channel, credentials);
        drop(in_runtime);
        (client, runtime)
    });
    SHARED.0.clone()
}

#[cfg(unix)]
async fn connect_unix(
    transport: &transport::Endpoint,
    path: std::path::PathBuf,
) -> std::result::Result<Channel, transport::Error> {
    let connector = tower::service_fn(move |_| {
        let path = path.clone();
        async move {
            tokio::net::UnixStream::connect(path)
                .await
                .map(hyper_util::rt::TokioIo::new)
        }
    });
    transport.connect_with_connector(connector).await
}

#[cfg(not(unix))]
async fn connect_unix(
    transport: &transport::Endpoint,
    _path: std::path::PathBuf,
) -> std::result::Result<Channel, transport::Error> {
    let connector = tower::service_fn(|_| async {
        Err::<hyper_util::rt::TokioIo<tokio::net::TcpStream>, _>(std::io::Error::from(
            std::io::ErrorKind::Unsupported,
        ))
    });
    transport.connect_with_connector(connector).await
}

fn cannot_connect(endpoint: &Endpoint, error: &(dyn error::Error + 'static)) -> Error {
    // The innermost cause is the useful one: "connection refused".
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    Error::Connect {
        endpoint: endpoint.to_string(),
        problem: cause.to_string(),
    }
}

/// Adds `authorization: Bearer <token>` to every RPC, if there is a token.
#[derive(Clone)]
pub struct Credentials {
    authorization: Option<MetadataValue<Ascii>>,
    /// False for the client of a test that has none.
    has_daemon: bool,
}

impl Credentials {
    fn new(endpoint: &Endpoint) -> Result<Self> {
        let Some(token) = &endpoint.token else {
            return Ok(Self {
                authorization: None,
                has_daemon: true,
            });
        };
        let mut authorization: MetadataValue<Ascii> =
            format!("Bearer {token}")
                .parse()
                .map_err(|_| {
                    Error::Endpoint {
                value: endpoint.to_string(),
                problem:
                    "has a token that cannot be a header (pass the token as the daemon wrote it)"
                        .to_owned(),
            }
                })?;
        authorization.set_sensitive(true);
        Ok(Self {
            authorization: Some(authorization),
            has_daemon: true,
        })
    }
}

impl Interceptor for Credentials {
    fn call(&mut self, mut request: Request<()>) -> std::result::Result<Request<()>, Status> {
        if !self.has_daemon {
            return Err(Status::unavailable(
                "this client was made for a test and has no daemon (use that of a `testing::Daemon`)",
            ));
        }
        if let Some(authorization) = &self.authorization {
            request
                .metadata_mut()
                .insert("authorization", authorization.clone());
        }
        Ok(request)
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Credentials").finish_non_exhaustive()
    }
}
