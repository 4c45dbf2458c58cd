//! Where a daemon listens for programs, and the token it wants.

use crate::{Error, Result};
use std::{
    env, fmt, fs,
    path::{Path, PathBuf},
    str::FromStr,
};
use tonic::transport::Uri;

/// Names the control endpoint, for processes that the daemon spawned and for people.
const ENDPOINT_VARIABLE: &str = "PAGEWIRE_ENDPOINT";
/// Holds the control token.
const TOKEN_VARIABLE: &str = "PAGEWIRE_TOKEN";

/// The control endpoint of a daemon: an address, and a token unless it needs none.
///
/// Parsed from `127.0.0.1:8001`, `http://127.0.0.1:8001`, `[::1]:8001`, `localhost:8001` or
/// `unix:/path/to/socket`. Parsing connects to nothing.
///
/// The token is a secret: neither `Debug` nor `Display` shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub(crate) address: Address,
    pub(crate) token: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// Host and port, as an HTTP authority.
    Tcp(String),
    /// The path of a unix socket.
    Unix(PathBuf),
}

impl Endpoint {
    /// Reads `PAGEWIRE_ENDPOINT` and `PAGEWIRE_TOKEN`, which the daemon sets for the plugins that it
    /// spawns. An empty or absent token is none.
    ///
    /// # Errors
    /// [`Error::Endpoint`] when `PAGEWIRE_ENDPOINT` is not set or does not parse.
    pub fn from_env() -> Result<Self> {
        let address = env::var(ENDPOINT_VARIABLE).map_err(|_| Error::Endpoint {
            value: ENDPOINT_VARIABLE.to_owned(),
            problem: "is not set (set it to the control endpoint that the daemon's ready line names, or have the daemon start this program)".to_owned(),
        })?;
        let endpoint: Self = address.parse()?;
        Ok(match env::var(TOKEN_VARIABLE) {
            Ok(token) if !token.trim().is_empty() => endpoint.with_token(token.trim()),
            _ => endpoint,
        })
    }

    /// The endpoint with this token, sent with every RPC. A unix socket that only its owner may
    /// open needs none.
    #[must_use]
    pub fn with_token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// The endpoint with the token that is this file's content, without surrounding white space.
    /// Reads the file at once, blocking.
    ///
    /// # Errors
    /// [`Error::TokenFile`] when the file cannot be read or is empty.
    pub fn with_token_file(self, path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let token_file = |problem: String| Error::TokenFile {
            path: path.to_owned(),
            problem,
        };
        let content = fs::read_to_string(path).map_err(|error| token_file(error.to_string()))?;
        match content.trim() {
            "" => Err(token_file("it is empty".to_owned())),
            token => Ok(self.with_token(token)),
        }
    }
}

impl FromStr for Endpoint {
    type Err = Error;

    fn from_str(value: &str) -> Result<Self> {
        let invalid = |problem: &str| Error::Endpoint {
            value: value.to_owned(),
            problem: format!("{problem} (pass 127.0.0.1:8001, [::1]:8001 or unix:/path)"),
        };
        if let Some(path) = value.strip_prefix("unix:") {
            // gRPC's two spellings: unix:path and unix:///absolute_path.
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() {
                return Err(invalid("is a unix socket without a path"));
            }
            return Ok(Self {
                address: Address::Unix(path.into()),
                token: None,
            });
        }
        if value.starts_with("https://") {
            return Err(invalid(
                "asks for TLS, which the control endpoint does not speak",
            ));
        }
        let authority = value.strip_prefix("http://").unwrap_or(value);
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        if authority.contains(['/', '?', '#', '@']) {
            return Err(invalid("is more than a host and a port"));
        }
        let uri: Uri = format!("http://{authority}")
            .parse()
            .map_err(|_| invalid("is not a host and a port"))?;
        if uri.host().is_none_or(str::is_empty) {
            return Err(invalid("has no host"));
        }
        if uri.port_u16().is_none_or(|port| port == 0) {
            return Err(invalid("has no port"));
        }
        Ok(Self {
            address: Address::Tcp(authority.to_owned()),
            token: None,
        })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.address {
            Address::Tcp(authority) => out.write_str(authority),
            Address::Unix(path) => write!(out, "unix:{}", path.display()),
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let token = if self.token.is_some() {
            "with a token"
        } else {
            "without a token"
        };
        write!(out, "Endpoint({self}, {token})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(value: &str) -> String {
        value.parse::<Endpoint>().unwrap().to_string()
    }

    #[test]
    fn every_spelling_of_an_address_is_understood() {
        assert_eq!(address("127.0.0.1:8001"), "127.0.0.1:8001");
        assert_eq!(address("http://127.0.0.1:8001"), "127.0.0.1:8001");
        assert_eq!(address("http://127.0.0.1:8001/"), "127.0.0.1:8001");
        assert_eq!(address("[::1]:8001"), "[::1]:8001");
        assert_eq!(address("localhost:8001"), "localhost:8001");
        assert_eq!(address("unix:/run/p.sock"), "unix:/run/p.sock");
        assert_eq!(address("unix:///run/p.sock"), "unix:/run/p.sock");
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_value_and_a_remedy() {
        for value in [
            "",
            "8001",
            "127.0.0.1",
            "https://127.0.0.1:8001",
            "unix:",
            "a:1/b",
            "::1:x",
            "h:0",
            "http://",
        ] {
            let error = value.parse::<Endpoint>().unwrap_err().to_string();
            assert!(error.contains(value) && error.contains("(pass "), "{error}");
        }
    }

    #[test]
    fn the_token_is_never_shown() {
        let endpoint: Endpoint = "127.0.0.1:8001".parse().unwrap();
        let endpoint = endpoint.with_token("secret");
        assert!(!format!("{endpoint} {endpoint:?}").contains("secret"));
    }
}
