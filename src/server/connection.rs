//! One connection of the page port: which protocol it speaks, what it is asked, its end.

use super::front::Front;
use super::request_line;
use super::tls::H2;
use axum::http::StatusCode;
use futures_util::FutureExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
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

/// How long a new connection may take to its first request's head, the TLS handshake included. Then
/// it is closed: one that is half open must not take room from others. Default 10 s.
const FIRST_HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a later head may take, and how long an HTTP/1.1 connection may be idle between
/// requests. Then it is closed. Default 30 s.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Largest request head. A larger one is answered with 431. Default 64 KiB.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// Requests of one HTTP/2 connection that may be open at once; the browser holds further ones back,
/// those of a client that does not are refused. Default 256. What is reset before it is answered is
/// bounded by the HTTP library (CVE-2023-44487): over its bound the connection ends.
const MAX_STREAMS: u32 = 256;

/// An HTTP/2 connection whose other end is gone is noticed within 40 s. One that is there may be idle
/// for as long as it answers: browsers close theirs.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// How a TLS connection begins (RFC 8446, section 5.1: a handshake record), and no HTTP request.
const HANDSHAKE: u8 = 22;

/// What is served on the page port.
#[derive(Clone)]
pub(super) struct Served {
    /// Answers requests.
    pub(super) front: Arc<Front>,
    /// With TLS: what speaks it, and what plain HTTP gets instead.
    pub(super) tls: Option<(TlsAcceptor, Arc<Front>)>,
}

impl Served {
    /// Serves a connection to its end, or to that of the requests it has when it is told to stop.
    pub(super) async fn serve(self, stream: TcpStream, peer: SocketAddr, stop: CancellationToken) {
        // Small answers go out at once; failing to ask for it costs only time.
        let _ = stream.set_nodelay(true);
        let conversation = Conversation {
            peer,
            stop,
            first_head_by: Instant::now() + FIRST_HEAD_TIMEOUT,
        };
        if let Err(error) = self.speak(stream, conversation).await {
            tracing::debug!(target: "pagewire::server", %peer, %error, "connection ended");
        }
    }

    async fn speak(self, stream: TcpStream, conversation: Conversation) -> Result<(), Error> {
        let Some((acceptor, redirect)) = self.tls else {
            return conversation.http1(stream, self.front).await;
        };
        let mut first = [0];
        conversation.begin(stream.peek(&mut first)).await?;
        if first != [HANDSHAKE] {
            return conversation.http1(stream, redirect).await;
        }
        let stream = conversation.begin(acceptor.accept(stream)).await?;
        // Boxed: connections without TLS need not have the room for it.
        if stream.get_ref().1.alpn_protocol() == Some(H2) {
            Box::pin(conversation.http2(stream, self.front)).await
        } else {
            Box::pin(conversation.http1(stream, self.front)).await
        }
    }
}

type Error = Box<dyn std::error::Error + Send + Sync>;

/// A connection, whatever it speaks.
struct Conversation {
    peer: SocketAddr,
    stop: CancellationToken,
    first_head_by: Instant,
}

impl Conversation {
    /// A step before the first request.
    async fn begin<T>(&self, step: impl Future<Output = io::Result<T>>) -> Result<T, Error> {
        tokio::select! {
            done = timeout_at(self.first_head_by, step) => Ok(done??),
            () = self.stop.cancelled() => Err("the daemon stops".into()),
        }
    }

    async fn http1<S>(self, stream: S, front: Arc<Front>) -> Result<(), Error>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (stream, line) = request_line::watch(stream);
        let answer = move |request: Request, peer| {
            let (front, line) = (front.clone(), line.clone());
            async move {
                let response = front.answer(request, peer, line.has_fragment()).await;
                // Behind an upgrade there are no more requests.
                if response.status() != StatusCode::SWITCHING_PROTOCOLS {
                    line.begins_again();
                }
                response
            }
        };
        let mut http = auto::Builder::new(TokioExecutor::new()).http1_only();
        http.http1()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(MAX_HEAD_BYTES);
        self.run(&http, stream, answer).await
    }

    async fn http2<S>(self, stream: S, front: Arc<Front>) -> Result<(), Error>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let answer = move |request, peer| {
            let front = front.clone();
            async move { front.answer(request, peer, false).await }
        };
        let mut http = auto::Builder::new(TokioExecutor::new()).http2_only();
        http.http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(MAX_STREAMS)
            .max_header_list_size(MAX_HEAD_BYTES as u32)
            .keep_alive_interval(KEEPALIVE_INTERVAL)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT);
        self.run(&http, stream, answer).await
    }

    async fn run<S, F>(
        self,
        http: &auto::Builder<TokioExecutor>,
        stream: S,
        answer: impl Fn(Request, SocketAddr) -> F,
    ) -> Result<(), Error>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        F: Future<Output = axum::response::Response> + Send + 'static,
    {
        let asked = Arc::new(Notify::new());
        let service = service_fn(|request: Request| {
            asked.notify_one();
            // Not in another async block: a future is moved about with all that it has room for.
            answer(request, self.peer).map(Ok::<_, Infallible>)
        });
        let connection = http.serve_connection_with_upgrades(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        let too_late = async {
            if timeout_at(self.first_head_by, asked.notified())
                .await
                .is_ok()
            {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            ended = connection.as_mut() => ended,
            () = too_late => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    }
}

type Request = axum::http::Request<Incoming>;
