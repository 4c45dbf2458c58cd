//! TLS and HTTP/2 on the page port, used by real TLS clients that trust what a user would trust.

mod certificates;
mod connections;
mod http2;

use crate::support::{Http2, Page, TestServer, TlsConnection, tls, within};
use rcgen::{CertificateParams, KeyPair};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

const DAY: Duration = Duration::from_hours(24);

/// Returns the file that a user would trust.
fn authority(server: &TestServer) -> PathBuf {
    let file = server.ready["authority_file"].as_str();
    PathBuf::from(file.expect("a certificate of its own"))
}

async fn https(server: &TestServer, protocols: &[&str]) -> TlsConnection {
    let connected = tls(server.http(), "localhost", &authority(server), protocols).await;
    connected.expect("a certificate that is trusted")
}

async fn http2(server: &TestServer) -> Http2 {
    Http2::over(https(server, &["h2", "http/1.1"]).await).await
}

/// Upgrades as a page of this origin would, and returns the status if that is refused.
async fn upgrade(server: &TestServer, origin: &str) -> Result<Page<TlsConnection>, u16> {
    let mut request = format!(
        "wss://localhost:{}/__pagewire__/socket",
        server.http().port()
    )
    .into_client_request()
    .expect("a URL");
    let origin = origin.parse().expect("a header");
    request.headers_mut().insert("origin", origin);
    let stream = https(server, &["http/1.1"]).await;
    let connected = Box::pin(tokio_tungstenite::client_async(request, stream));
    match within("an upgrade", connected).await {
        Ok((socket, _)) => Ok(Page::over(socket)),
        Err(Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

/// Returns a certificate for these names and its key, as PEM, valid for this many days.
fn certificate(names: &[&str], days: u32) -> (String, String) {
    let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names");
    params.not_after = (SystemTime::now() + DAY * days).into();
    let key = KeyPair::generate().expect("a key");
    let certificate = params.self_signed(&key).expect("a certificate");
    (certificate.pem(), key.serialize_pem())
}
