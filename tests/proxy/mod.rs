//! The daemon as a reverse proxy: what it forwards, what it rewrites, and how it reports an unreachable
//! backend. The backends here send exactly the bytes that the tests give them.

mod addresses;
mod bodies;
mod certificates;
mod failures;
mod headers;
mod routing;
mod transports;
mod upgrades;

use crate::support::{Backend, Site, TestServer};
use async_compression::tokio::bufread::GzipEncoder;
use tokio::io::AsyncReadExt;

async fn gzip(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = GzipEncoder::new(text.as_bytes());
    encoder.read_to_end(&mut bytes).await.expect("gzip");
    bytes
}

fn get_request(target: &str, headers: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: localhost:8000\r\n{headers}Connection: close\r\n\r\n")
}

/// Returns a response that ends its connection.
fn response_bytes(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

/// Starts a daemon with these rules, where PORT is the backend's.
async fn proxying<const N: usize>(
    site: &Site,
    rules: [&str; N],
    arguments: &[&str],
) -> (Backend, TestServer) {
    let backend = Backend::start().await;
    let port = backend.address.port().to_string();
    let rules: Vec<String> = rules
        .iter()
        .map(|rule| rule.replace("PORT", &port))
        .collect();
    let mut all = arguments.to_vec();
    for rule in &rules {
        all.extend(["--proxy", rule]);
    }
    let server = TestServer::start_with(site, &all).await;
    (backend, server)
}

async fn proxying_everything(arguments: &[&str]) -> (Backend, TestServer) {
    proxying(&Site::new([]), ["http://localhost:PORT"], arguments).await
}

/// Returns an upgrade request to an unknown protocol: tunnels do not depend on the protocol.
fn upgrade(path: &str, headers: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost:8000\r\nConnection: keep-alive, Upgrade\r\nUpgrade: echo\r\n{headers}\r\n"
    )
}
