//! One connection of the page port: its protocol, its timeouts and its shutdown.

use super::frontend::Frontend;
use super::progress::{CountedBody, Progress, TimedWrites, stall_error};
use super::request_line;
use super::tls::H2;
use axum::http::StatusCode;
use futures_util::FutureExt;
use hyper::body::{Body, Incoming};
use hyper::rt::Executor;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span};

/// Time from accepting a connection to its first complete request head, TLS handshake included. A
/// slower connection is closed: half-open ones must not use up the limit. Default 10 s.
const FIRST_HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Time to read a later head, and idle time of an HTTP/1.1 connection between requests. Then it is
/// closed. Default 30 s.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Largest request head. A larger one is answered with 431. Default 64 KiB.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// Headers of one request over HTTP/1.1. A request with more is answered with 431. Default 100, which is
/// hyper's: to set it would cost each request an allocation.
#[expect(dead_code, reason = "the HTTP library has the same limit")]
const MAX_HTTP1_HEADERS: usize = 100;

/// Concurrent requests of one HTTP/2 connection. Browsers queue further ones; those of other
/// clients are refused. Default 128.
const MAX_STREAMS: u32 = 128;

/// Bytes of one HTTP/2 response that wait for the client before more of its body is read, besides the
/// piece that is read last: a stream that the client does not read costs no more. Default 64 KiB.
const SEND_BUFFER_BYTES: usize = 64 * 1024;

/// Requests of one HTTP/2 connection that were reset before the daemon has looked at them; a page that
/// navigates away resets all that it has open. Past this bound the connection ends. Default 4,096.
const MAX_RESET_REQUESTS: usize = 4096;

/// Keepalive of HTTP/2 connections: a lost peer is noticed within 40 s. A live connection may stay idle
/// for as long as it answers pings: browsers close idle connections by themselves.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// First byte of a TLS connection (RFC 8446, section 5.1: a handshake record). No HTTP request begins
/// with it.
const TLS_HANDSHAKE: u8 = 22;

/// Handler of the connections of a page port.
#[derive(Clone)]
pub(super) struct ConnectionHandler {
    pub(super) frontend: Arc<Frontend>,
    /// With TLS: its acceptor, and the frontend of connections that speak plain HTTP.
    pub(super) tls: Option<(TlsAcceptor, Arc<Frontend>)>,
    /// Whether clients may stop reading for as long as they like.
    pub(super) debug: bool,
}

impl ConnectionHandler {
    /// Serves a connection until it ends. Once `stop` is cancelled, it ends with its open requests.
    pub(super) async fn serve(self, stream: TcpStream, peer: SocketAddr, stop: CancellationToken) {
        // Sends small responses at once. A failure costs only time.
        let _ = stream.set_nodelay(true);
        let connection = Connection {
            peer,
            stop,
            progress: Arc::new(Progress::new(self.debug)),
            first_head_deadline: Instant::now() + FIRST_HEAD_TIMEOUT,
        };
        if let Err(error) = self.negotiate(stream, connection).await {
            tracing::debug!(target: "pagewire::server", %error, "connection ended");
        }
    }

    async fn negotiate(self, stream: TcpStream, connection: Connection) -> Result<(), Error> {
        let progress = connection.progress.clone();
        let Some((acceptor, plain_frontend)) = self.tls else {
            let stream = TimedWrites::new(stream, progress);
            return connection.http1(stream, self.frontend).await;
        };
        let mut first = [0];
        connection.before_head(stream.peek(&mut first)).await?;
        let stream = TimedWrites::new(stream, progress);
        if first != [TLS_HANDSHAKE] {
            return connection.http1(stream, plain_frontend).await;
        }
        let stream = connection.before_head(acceptor.accept(stream)).await?;
        // Boxed, so that the future of a connection without TLS stays small.
        if stream.get_ref().1.alpn_protocol() == Some(H2) {
            Box::pin(connection.http2(stream, self.frontend)).await
        } else {
            Box::pin(connection.http1(stream, self.frontend)).await
        }
    }
}

type Error = Box<dyn std::error::Error + Send + Sync>;

type Request = axum::http::Request<Incoming>;

/// Executor of the tasks that the HTTP library spawns, one per HTTP/2 request. They inherit the span of
/// their connection.
#[derive(Clone)]
struct SpanExecutor;

impl<F> Executor<F> for SpanExecutor
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, task: F) {
        let span = Span::current();
        if span.is_disabled() {
            tokio::spawn(task);
        } else {
            tokio::spawn(task.instrument(span));
        }
    }
}

/// State of a connection, independent of its protocol.
struct Connection {
    peer: SocketAddr,
    stop: CancellationToken,
    progress: Arc<Progress>,
    first_head_deadline: Instant,
}

impl Connection {
    /// Performs a step that precedes the first request, under its deadline.
    async fn before_head<T>(&self, step: impl Future<Output = io::Result<T>>) -> Result<T, Error> {
        tokio::select! {
            done = timeout_at(self.first_head_deadline, step) => Ok(done??),
            () = self.stop.cancelled() => Err("the daemon is stopping".into()),
        }
    }

    async fn http1<S>(self, stream: S, frontend: Arc<Frontend>) -> Result<(), Error>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (stream, line) = request_line::tap(stream);
        let progress = self.progress.clone();
        let respond = move |request: Request, peer| {
            let (frontend, line, progress) = (frontend.clone(), line.clone(), progress.clone());
            async move {
                let has_fragment = line.take_has_fragment();
                let response = frontend.respond(request, peer, has_fragment).await;
                // No request follows an upgrade.
                if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                    progress.end_limit();
                } else {
                    line.expect_next();
                }
                response
            }
        };
        let mut http = auto::Builder::new(SpanExecutor).http1_only();
        http.http1()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(MAX_HEAD_BYTES);
        let stalled = std::future::pending();
        self.run(&http, stream, respond, stalled).await
    }

    async fn http2<S>(self, stream: S, frontend: Arc<Frontend>) -> Result<(), Error>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let progress = self.progress.clone();
        let respond = move |request, peer| {
            let (frontend, progress) = (frontend.clone(), progress.clone());
            async move {
                let response = frontend.respond(request, peer, false).await;
                response.map(|body| CountedBody::new(body, progress))
            }
        };
        let mut http = auto::Builder::new(SpanExecutor).http2_only();
        http.http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(MAX_STREAMS)
            .max_send_buf_size(SEND_BUFFER_BYTES)
            .max_pending_accept_reset_streams(MAX_RESET_REQUESTS)
            .max_header_list_size(MAX_HEAD_BYTES as u32)
            .keep_alive_interval(KEEPALIVE_INTERVAL)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT);
        let progress = self.progress.clone();
        self.run(&http, stream, respond, progress.stalled()).await
    }

    async fn run<S, F, B>(
        self,
        http: &auto::Builder<SpanExecutor>,
        stream: S,
        respond: impl Fn(Request, SocketAddr) -> F,
        stalled: impl Future<Output = ()>,
    ) -> Result<(), Error>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        F: Future<Output = axum::http::Response<B>> + Send + 'static,
        B: Body<Data: Send, Error: Into<Error>> + Send + 'static,
    {
        let head_received = Arc::new(Notify::new());
        let service = service_fn(|request: Request| {
            head_received.notify_one();
            // Avoids nesting async blocks: that would enlarge a future which is moved.
            respond(request, self.peer).map(Ok::<_, Infallible>)
        });
        let connection = http.serve_connection_with_upgrades(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        let first_head_overdue = async {
            if timeout_at(self.first_head_deadline, head_received.notified())
                .await
                .is_ok()
            {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            ended = connection.as_mut() => ended,
            () = first_head_overdue => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
            () = stalled => Err(stall_error().into()),
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    }
}
