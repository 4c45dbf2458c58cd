//! TLS and HTTP/2 clients.

use super::{HttpResponse, within};
use axum::http::Request;
use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub type TlsConnection = TlsStream<TcpStream>;

/// Connects with TLS to a server of this name, trusting the certificates in this file as a browser
/// would, and offers these protocols.
pub async fn tls(
    address: SocketAddr,
    name: &'static str,
    trusted: &Path,
    protocols: &[&str],
) -> std::io::Result<TlsConnection> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(trusted).expect("a PEM file") {
        roots.add(certificate.expect("PEM")).expect("a certificate");
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions of TLS")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    let stream = within("a connection", TcpStream::connect(address)).await?;
    let name = ServerName::try_from(name).expect("a name");
    let connector = TlsConnector::from(Arc::new(config));
    within("a handshake", connector.connect(name, stream)).await
}

/// HTTP/2 connection of a browser.
pub struct Http2(SendRequest<Bytes>);

impl Http2 {
    pub async fn over(stream: TlsConnection) -> Self {
        let (sender, connection) = within("HTTP/2", h2::client::handshake(stream))
            .await
            .expect("HTTP/2");
        // Ends with its sender, or when the daemon closes the connection.
        tokio::spawn(connection);
        Self(sender)
    }

    /// Begins a GET request; none if the daemon has ended the connection.
    pub async fn begin(&mut self, url: &str, headers: &[(&str, &str)]) -> Option<Stream> {
        let mut request = Request::get(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).expect("a request");
        std::future::poll_fn(|cx| self.0.poll_ready(cx))
            .await
            .ok()?;
        let (response, sender) = self.0.send_request(request, true).ok()?;
        Some(Stream { response, sender })
    }

    /// Returns how many requests the daemon allows at a time, as of its last settings.
    pub fn max_streams(&self) -> usize {
        self.0.current_max_send_streams()
    }

    pub async fn get(&mut self, url: &str, headers: &[(&str, &str)]) -> HttpResponse {
        let stream = within("capacity for a stream", self.begin(url, headers)).await;
        let response = stream.expect("an open connection").response;
        let response = within("a response", response).await.expect("a response");
        let (head, mut stream) = response.into_parts();
        let mut body = Vec::new();
        while let Some(piece) = within("the body", stream.data()).await {
            let piece = piece.expect("the body");
            let _ = stream.flow_control().release_capacity(piece.len());
            body.extend_from_slice(&piece);
        }
        let text = |value: &axum::http::HeaderValue| value.to_str().expect("text").to_owned();
        let headers = head.headers.iter();
        HttpResponse {
            status: head.status.as_u16(),
            headers: headers
                .map(|(name, value)| (name.to_string(), text(value)))
                .collect(),
            body,
        }
    }
}

/// Request on an HTTP/2 connection.
pub struct Stream {
    pub response: ResponseFuture,
    sender: h2::SendStream<Bytes>,
}

impl Stream {
    /// Resets the stream: the response is not awaited any more.
    pub fn reset(mut self) {
        self.sender.send_reset(h2::Reason::CANCEL);
    }
}
