//! Pages without a browser.

use super::within;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::net::SocketAddr;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// Page without a browser: a raw socket that speaks the page protocol.
pub struct Page<S = MaybeTlsStream<TcpStream>> {
    pub socket: WebSocketStream<S>,
    /// Socket id from the daemon's reply to the hello.
    pub id: String,
}

impl Page {
    /// Connects without a hello.
    pub async fn connect(address: SocketAddr, path: &str) -> Self {
        let url = format!("ws://{address}{path}");
        let (socket, _) = within("an upgrade", tokio_tungstenite::connect_async(url))
            .await
            .expect("an upgrade");
        Self::over(socket)
    }

    pub async fn open(address: SocketAddr) -> Self {
        Self::open_as(address, &json!({"url": "http://localhost/"})).await
    }

    /// Connects and sends a hello with these fields in addition to the defaults.
    pub async fn open_as(address: SocketAddr, fields: &Value) -> Self {
        let mut page = Self::connect(address, "/__pagewire__/socket").await;
        page.hello(fields).await;
        page
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Page<S> {
    /// Returns a page on an upgraded socket.
    pub fn over(socket: WebSocketStream<S>) -> Self {
        Self {
            socket,
            id: String::new(),
        }
    }

    /// Sends a hello with these fields in addition to the defaults, and receives the reply.
    pub async fn hello(&mut self, fields: &Value) {
        let mut hello = json!({
            "type": "pagewire:hello", "page_id": "p", "tab_id": "t", "url": "", "title": "",
            "visibility": "visible", "document_state": "complete", "top_level": true,
            "features": ["import.await", "log", "command.reload", "command.navigate", "command.styles"],
        });
        for (key, value) in fields.as_object().expect("fields") {
            hello[key] = value.clone();
        }
        self.send_json(&hello).await;
        let response = self.receive_json().await;
        assert_eq!(response["type"], "pagewire:hello");
        self.id = response["socket_id"]
            .as_str()
            .expect("a socket id")
            .to_owned();
    }

    pub async fn send_json(&mut self, message: &Value) {
        self.send(Message::text(message.to_string())).await;
    }

    pub async fn send(&mut self, message: Message) {
        within("the page to send", self.socket.send(message))
            .await
            .expect("an open socket");
    }

    /// Receives the next message that is neither a ping nor a pong.
    pub async fn receive(&mut self) -> Result<Message, Error> {
        loop {
            match within("a frame", self.socket.next())
                .await
                .expect("an open socket")
            {
                Ok(Message::Ping(_) | Message::Pong(_)) => {}
                received => return received,
            }
        }
    }

    /// Receives the next text frame and parses it.
    pub async fn receive_json(&mut self) -> Value {
        serde_json::from_str(&self.receive_text().await).expect("JSON")
    }

    /// Receives the next text frame unchanged.
    pub async fn receive_text(&mut self) -> String {
        match self.receive().await.expect("a frame") {
            Message::Text(text) => text.to_string(),
            other => panic!("expected a text frame, got {other:?}"),
        }
    }

    /// Receives the close frame, which must come next: code and reason.
    pub async fn receive_close(&mut self) -> (u16, String) {
        match self.receive().await.expect("a close frame") {
            Message::Close(Some(frame)) => (frame.code.into(), frame.reason.to_string()),
            other => panic!("expected a close frame, got {other:?}"),
        }
    }
}
