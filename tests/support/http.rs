//! HTTP requests and responses as raw bytes.

use super::within;
use std::net::SocketAddr;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// HTTP response as received.
#[derive(Debug)]
pub struct HttpResponse {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl HttpResponse {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Sends bytes on a new connection and reads the response until the connection ends. A connection that
/// is closed without a response has status 0.
pub async fn raw_request(address: SocketAddr, request: &[u8]) -> HttpResponse {
    let stream = within("a connection", TcpStream::connect(address))
        .await
        .expect("a listener");
    answer_on(stream, request).await
}

/// Like [`raw_request`], on an open connection.
pub async fn answer_on(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    request: &[u8],
) -> HttpResponse {
    // A daemon that refuses the request may close before it has read everything.
    let _ = stream.write_all(request).await;
    let mut response = Vec::new();
    let _ = within("the response", stream.read_to_end(&mut response)).await;
    parse(&response)
}

/// Reads one response of the announced length and leaves the connection open.
pub async fn read_response(stream: &mut TcpStream) -> HttpResponse {
    let mut received = Vec::new();
    let end = loop {
        if let Some(at) = received.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        let read = within("a response", stream.read_buf(&mut received)).await;
        assert!(read.expect("a response") > 0, "closed without a response");
    };
    let body = received.split_off(end + 4);
    let mut response = parse(&received);
    response.body = body;
    if response.status == 304 {
        return response;
    }
    let length = response.header("content-length").unwrap_or("0").parse();
    let length: usize = length.expect("a length");
    while response.body.len() < length {
        let read = within("the body", stream.read_buf(&mut response.body)).await;
        assert!(read.expect("the body") > 0, "closed within the body");
    }
    response
}

/// Returns a WebSocket upgrade request with these further header lines, each with its line end.
pub fn upgrade_request(path: &str, headers: &[u8]) -> Vec<u8> {
    let mut request = format!(
        "GET {path} HTTP/1.1\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    )
    .into_bytes();
    request.extend_from_slice(headers);
    request.extend_from_slice(b"\r\n");
    request
}

fn parse(response: &[u8]) -> HttpResponse {
    let end = response.windows(4).position(|window| window == b"\r\n\r\n");
    let Some(end) = end else {
        return HttpResponse {
            status: 0,
            headers: Vec::new(),
            body: response.to_vec(),
        };
    };
    let head = String::from_utf8_lossy(&response[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .and_then(|code| code.parse().ok());
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    HttpResponse {
        status: status.unwrap_or(0),
        headers,
        body: response[end + 4..].to_vec(),
    }
}
