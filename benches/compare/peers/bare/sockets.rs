//! The lower bound for sockets: hyper's upgrade and tungstenite's protocol as Pagewire uses them, without Pagewire.
//! A message to all pages is encoded once and written to each with one system call: no queue, no wake-up of a
//! task. A page's question calls the plugin in another process.

use super::plugin::Plugin;
use crate::frames;
use crate::peers::messages::{BurstOrder, Question};
use crate::peers::peer::Peer;
use anyhow::{Context as _, ensure};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderValue};
use axum::http::{Response, StatusCode};
use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

/// Large enough to read a message with one system call. (Pagewire achieves that with a smaller buffer on top
/// of `browser::read_ahead`.)
const READ_BUFFER_BYTES: usize = 4096;
const WRITE_BUFFER_BYTES: usize = 64 * 1024;

/// All open sockets, and the plugin that answers them.
#[derive(Clone)]
pub(super) struct Sockets {
    open: Arc<Mutex<Vec<Arc<TcpStream>>>>,
    plugin: Plugin,
}

pub(super) async fn upgrade(
    State(sockets): State<Sockets>,
    mut request: Request,
) -> Response<Body> {
    let key = request.headers().get(header::SEC_WEBSOCKET_KEY);
    let accept = key.map(|key| derive_accept_key(key.as_bytes()));
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        if let Err(error) = sockets.serve(upgraded).await {
            eprintln!("{error:#}");
        }
    });
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    if let Some(accept) = accept.and_then(|accept| accept.parse().ok()) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    response
}

impl Sockets {
    pub(super) fn new(plugin: Plugin) -> Self {
        let open = Arc::default();
        Self { open, plugin }
    }

    async fn serve(&self, upgraded: OnUpgrade) -> anyhow::Result<()> {
        let parts = upgraded.await?.downcast::<TokioIo<TcpStream>>();
        let parts = parts.ok().context("not a TCP connection")?;
        ensure!(
            parts.read_buf.is_empty(),
            "the page sent data before the upgrade was complete"
        );
        let stream = Arc::new(parts.io.into_inner());
        self.with(|all| all.push(stream.clone()));
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(WRITE_BUFFER_BYTES);
        let shared = SharedStream(stream.clone());
        let mut socket = WebSocketStream::from_raw_socket(shared, Role::Server, Some(config)).await;
        // Pages close without a closing handshake.
        while let Some(Ok(message)) = socket.next().await {
            let Message::Text(text) = message else {
                continue;
            };
            if serde_json::from_str::<Question>(&text).is_ok() {
                let answer = self.plugin.call(Peer::BareStack.socket_path(), text.into());
                let answer = Utf8Bytes::try_from(answer.await?)?;
                socket.send(Message::Text(answer)).await?;
            } else {
                self.broadcast(&serde_json::from_str(&text)?)?;
            }
        }
        self.with(|all| all.retain(|known| !Arc::ptr_eq(known, &stream)));
        Ok(())
    }

    fn broadcast(&self, burst: &BurstOrder) -> anyhow::Result<()> {
        let frame = frames::server_text(&burst.text);
        let all = self.with(|all| all.clone());
        for _ in 0..burst.count {
            for stream in &all {
                let written = stream.try_write(&frame)?;
                ensure!(written == frame.len(), "a page does not read fast enough");
            }
        }
        Ok(())
    }

    fn with<T>(&self, act: impl FnOnce(&mut Vec<Arc<TcpStream>>) -> T) -> T {
        act(&mut self.open.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A stream to which other tasks may write between two frames.
struct SharedStream(Arc<TcpStream>);

impl AsyncRead for SharedStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.0.poll_read_ready(cx))?;
            match self.0.try_read(buffer.initialize_unfilled()) {
                Ok(read) => {
                    buffer.advance(read);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for SharedStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.poll_write_ready(cx))?;
            match self.0.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // It closes when its last owner is dropped.
        Poll::Ready(Ok(()))
    }
}
