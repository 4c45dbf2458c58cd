//! The setting `control`: where the control service listens.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

/// Address of the control service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ControlAddress {
    /// Loopback TCP, with a token. Port 0 picks any free one.
    Tcp(SocketAddr),
    /// A socket file of mode 0600, without a token.
    Unix(PathBuf),
}

/// Why a control address was refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ControlAddressError {
    #[error(
        "control address {0:?} is neither ADDRESS:PORT nor unix:PATH (for example 127.0.0.1:8001)"
    )]
    Malformed(String),
    #[error(
        "control address {0} is not a loopback address: the control service is not encrypted (use 127.0.0.1:PORT or unix:PATH, and a tunnel from elsewhere)"
    )]
    NotLoopback(SocketAddr),
}

impl FromStr for ControlAddress {
    type Err = ControlAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || ControlAddressError::Malformed(text.to_owned());
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.is_empty() {
                Err(malformed())
            } else {
                Ok(Self::Unix(path.into()))
            };
        }
        let address: SocketAddr = match text.strip_prefix("localhost:") {
            Some(port) => (Ipv4Addr::LOCALHOST, port.parse().map_err(|_| malformed())?).into(),
            None => text.parse().map_err(|_| malformed())?,
        };
        if address.ip().is_loopback() {
            Ok(Self::Tcp(address))
        } else {
            Err(ControlAddressError::NotLoopback(address))
        }
    }
}

impl fmt::Display for ControlAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_loopback_addresses_and_socket_files_only() {
        for (text, expected) in [
            ("127.0.0.1:8001", "127.0.0.1:8001"),
            ("localhost:0", "127.0.0.1:0"),
            ("[::1]:8001", "[::1]:8001"),
            ("unix:/run/p.sock", "unix:/run/p.sock"),
        ] {
            let address = text.parse::<ControlAddress>().unwrap();
            assert_eq!(address.to_string(), expected);
        }
        for text in [
            "",
            "8001",
            "unix:",
            "example.com:8001",
            "127.0.0.1",
            "127.0.0.1:99999",
        ] {
            let error = text.parse::<ControlAddress>().unwrap_err();
            assert_eq!(error, ControlAddressError::Malformed(text.to_owned()));
        }
        for text in ["0.0.0.0:8001", "192.168.1.2:8001", "[::]:1"] {
            let error = text.parse::<ControlAddress>().unwrap_err();
            assert!(
                matches!(error, ControlAddressError::NotLoopback(_)),
                "{text}"
            );
        }
    }
}
