//! A GET request, which is all that most tests of a plugin need.

use crate::{Error, Result};
use bytes::Bytes;
use std::{fmt::Display, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// How long a response may take.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);
/// Separates the head of a response from its body.
const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// A response to [`Daemon::get`](super::Daemon::get).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpResponse {
    /// The HTTP status.
    pub status: u16,
    /// The headers in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

impl HttpResponse {
    /// The value of the first header of this name (lower-case).
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The body as text; bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn parse(response: Vec<u8>) -> Option<Self> {
        let mut windows = response.windows(END_OF_HEAD.len());
        let head_end = windows.position(|bytes| bytes == END_OF_HEAD)?;
        let head = String::from_utf8_lossy(&response[..head_end]).into_owned();
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_ascii_lowercase(), value.trim().to_owned()))
        });
        Some(Self {
            status,
            headers: headers.collect::<Option<_>>()?,
            body: Bytes::from(response).slice(head_end + END_OF_HEAD.len()..),
        })
    }
}

pub(super) async fn get(url: &str, path: &str) -> Result<HttpResponse> {
    let failed = |problem: &dyn Display| Error::Daemon {
        problem: format!("GET {url}{path}: {problem}"),
    };
    let host = url.strip_prefix("http://");
    let host = host.ok_or_else(|| failed(&"needs an HTTP client that supports HTTPS"))?;
    let exchange = async {
        let mut stream = TcpStream::connect(host).await?;
        // The body of HTTP/1.0 ends with the connection: there are no chunks to decode.
        let request = format!("GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut response = Vec::new();
        stream.read_to_end(&mut response).await?;
        std::io::Result::Ok(response)
    };
    let response = timeout(RESPONSE_TIMEOUT, exchange).await;
    let response = response.map_err(|error| failed(&error))?;
    let response = response.map_err(|error| failed(&error))?;
    HttpResponse::parse(response).ok_or_else(|| failed(&"the response is not complete"))
}
