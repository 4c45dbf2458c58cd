//! Connections to backends.
//!
//! A name may have several addresses while its server listens on one of them only, as `localhost` does
//! most of the time. All are tried, without waiting for those that do not answer (RFC 8305).

use super::stream::BackendStream;
use super::tls::{HandshakeError, TlsClient, TrustError};
use crate::config::{BackendAddress, Trust};
use axum::http::Uri;
use futures_util::StreamExt;
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::FuturesUnordered;
use hyper_util::rt::TokioIo;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, timeout_at};

/// Limit for connecting to a backend, TLS included; the response is 504 beyond it. There is no limit for its response,
/// which may be a long poll. Default 5 s.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Time after which the next address is tried while the ones before have not answered (RFC 8305,
/// section 8). Default 250 ms.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Why there is no connection to a backend.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error("the name has no address: {0}")]
    Unresolved(io::Error),
    #[error("{0}")]
    Refused(Attempts),
    #[error("{0}")]
    TimedOut(Attempts),
    #[error("{0}")]
    Socket(io::Error),
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    #[error("it accepted the connection, but did not answer the TLS handshake")]
    HandshakeTimedOut,
}

/// The addresses that were tried, in this order.
#[derive(Debug, Default)]
pub(super) struct Attempts(Vec<(SocketAddr, Option<io::Error>)>);

impl fmt::Display for Attempts {
    /// Writes each address and why it did not work, such as `127.0.0.1:3000: connection refused`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("the name was not resolved");
        }
        for (number, (address, error)) in self.0.iter().enumerate() {
            let comma = if number == 0 { "" } else { ", " };
            write!(f, "{comma}{address}: ")?;
            match error {
                None => f.write_str("no answer")?,
                Some(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                    write!(f, "{}", error.kind())?;
                }
                Some(error) => write!(f, "{error}")?,
            }
        }
        Ok(())
    }
}

/// Connector of the HTTP clients of one backend.
#[derive(Clone)]
pub(super) struct Connector(Arc<Target>);

enum Target {
    Tcp {
        host: String,
        port: u16,
        tls: Option<TlsClient>,
    },
    Unix(PathBuf),
}

impl Connector {
    pub(super) fn new(address: &BackendAddress, trust: &Trust) -> Result<Self, TrustError> {
        let (host, port) = (address.host(), address.port());
        let tcp = |tls| Target::Tcp {
            host: host.to_owned(),
            port,
            tls,
        };
        Ok(Self(Arc::new(match address {
            BackendAddress::Http(_) => tcp(None),
            BackendAddress::Https(_) => tcp(Some(TlsClient::new(host, trust)?)),
            BackendAddress::Unix(path) => Target::Unix(path.clone()),
        })))
    }
}

impl tower::Service<Uri> for Connector {
    type Response = TokioIo<BackendStream>;
    type Error = ConnectError;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    /// Connects to the backend. The URL of the request names it for the pool only.
    fn call(&mut self, _: Uri) -> Self::Future {
        let target = self.0.clone();
        async move { Ok(TokioIo::new(target.connect().await?)) }.boxed()
    }
}

impl Target {
    async fn connect(&self) -> Result<BackendStream, ConnectError> {
        let deadline = Instant::now() + CONNECT_TIMEOUT;
        match self {
            Self::Unix(path) => {
                let stream = UnixStream::connect(path).await;
                Ok(BackendStream::plain(stream.map_err(ConnectError::Socket)?))
            }
            Self::Tcp { host, port, tls } => {
                let stream = connect_tcp(host, *port, deadline).await?;
                let Some(tls) = tls else {
                    return Ok(BackendStream::plain(stream));
                };
                let handshake = timeout_at(deadline, tls.connect(stream)).await;
                let stream = handshake.map_err(|_| ConnectError::HandshakeTimedOut)??;
                Ok(BackendStream::encrypted(stream))
            }
        }
    }
}

/// Connects to the first address of a host that accepts.
async fn connect_tcp(host: &str, port: u16, deadline: Instant) -> Result<TcpStream, ConnectError> {
    let mut attempts = Attempts::default();
    let stream = match timeout_at(deadline, dial(host, port, &mut attempts)).await {
        Err(_) => return Err(ConnectError::TimedOut(attempts)),
        Ok(Err(error)) => return Err(ConnectError::Unresolved(error)),
        Ok(Ok(None)) => return Err(ConnectError::Refused(attempts)),
        Ok(Ok(Some(stream))) => stream,
    };
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(target: "pagewire::pages", %error, "cannot disable Nagle's algorithm");
    }
    Ok(stream)
}

/// Tries the addresses of a host one after the other: the next one once an attempt has failed or
/// [`ATTEMPT_DELAY`] has elapsed. `None` = all have failed.
async fn dial(host: &str, port: u16, attempts: &mut Attempts) -> io::Result<Option<TcpStream>> {
    let mut untried = addresses(host, port).await?.into_iter();
    let mut pending = FuturesUnordered::new();
    loop {
        if let Some(address) = untried.next() {
            let number = attempts.0.len();
            attempts.0.push((address, None));
            pending.push(TcpStream::connect(address).map(move |connected| (number, connected)));
        }
        tokio::select! {
            Some((number, connected)) = pending.next() => match connected {
                Ok(stream) => return Ok(Some(stream)),
                Err(error) => attempts.0[number].1 = Some(error),
            },
            () = tokio::time::sleep(ATTEMPT_DELAY), if untried.len() > 0 => {}
            else => return Ok(None),
        }
    }
}

/// Returns the addresses of a host. `localhost` and the names below it always have both loopback
/// addresses, as in browsers (RFC 6761, section 6.3): systems often know one of them, or not the names below.
async fn addresses(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![(address, port).into()]);
    }
    let found = tokio::net::lookup_host((host, port)).await;
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    if name != "localhost" && !name.ends_with(".localhost") {
        return found.map(Iterator::collect);
    }
    let mut addresses: Vec<_> = found.map(Iterator::collect).unwrap_or_default();
    for loopback in [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()] {
        let address = SocketAddr::new(loopback, port);
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    Ok(addresses)
}
