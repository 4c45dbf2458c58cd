//! The ready line: how to reach a running daemon.

use serde::Serialize;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// Addresses of a daemon that responds, as `pagewire serve` prints them.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Ready {
    /// The daemon's version.
    pub pagewire: &'static str,
    /// The first URL of the pages.
    pub http: String,
    /// The first control address.
    pub control: String,
    /// All control addresses.
    pub controls: Vec<String>,
    /// The file with the token; none when no control address needs one.
    pub token_file: Option<PathBuf>,
    /// The authority of the daemon's own certificate; none without TLS or with a certificate of the
    /// user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authority_file: Option<PathBuf>,
}

/// Returns a URL that a browser on this machine can open.
pub(super) fn url_of(address: SocketAddr, tls: bool) -> String {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]),
        ip => ip,
    };
    let scheme = if tls { "https" } else { "http" };
    format!("{scheme}://{}", SocketAddr::new(ip, address.port()))
}
