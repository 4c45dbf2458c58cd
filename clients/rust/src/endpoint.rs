//! The control endpoint of a daemon: its address and token.

use crate::{Error, Result, discovery};
use std::{
    env, fmt, fs,
    path::{Path, PathBuf},
    str::FromStr,
};
use tonic::transport::Uri;

/// Environment variable for the control endpoint; set by the daemon for the plugins it spawns, or by hand.
const ENDPOINT_VARIABLE: &str = "PAGEWIRE_ENDPOINT";
/// Environment variable for the control token.
const TOKEN_VARIABLE: &str = "PAGEWIRE_TOKEN";

/// The control endpoint of a daemon: an address, and a token if the address needs one.
///
/// Parsed from `127.0.0.1:8001`, `http://127.0.0.1:8001`, `[::1]:8001`, `localhost:8001` or
/// `unix:/path/to/socket`. Parsing does not connect.
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
    /// Finds a daemon without being given one: the one that `PAGEWIRE_ENDPOINT` names (see
    /// [`from_env`](Endpoint::from_env)), else the one for the current folder (see
    /// [`discover`](Endpoint::discover)). [`Client::find`](crate::Client::find) and
    /// [`Plugin::run`](crate::Plugin::run) use this. Blocks briefly.
    ///
    /// # Errors
    /// Those of `from_env` and `discover`.
    pub fn find() -> Result<Self> {
        match variable(ENDPOINT_VARIABLE) {
            Some(_) => Self::from_env(),
            None => Self::discover("."),
        }
    }

    /// Like [`find`](Endpoint::find), but discovers only a daemon that serves these folders: while a plugin's
    /// daemon restarts, the only running daemon may belong to another project.
    pub(crate) fn find_again(root_dirs: &[PathBuf]) -> Result<Self> {
        match variable(ENDPOINT_VARIABLE) {
            Some(_) => Self::from_env(),
            None => discovery::find_serving(root_dirs)?.endpoint(),
        }
    }

    /// Discovers the daemon for this folder: the one with the innermost root that contains the folder;
    /// otherwise one with a root inside the folder; otherwise the only running one. Its token is read from its
    /// file; `PAGEWIRE_TOKEN` is ignored, as it belongs to a named endpoint. Blocks briefly: reads small files
    /// and tries their addresses.
    ///
    /// # Errors
    /// [`Error::NoDaemon`] without a running daemon; [`Error::SeveralDaemons`] when several match equally well.
    pub fn discover(folder: impl AsRef<Path>) -> Result<Self> {
        discovery::find(folder.as_ref())?.endpoint()
    }

    /// The endpoint that `PAGEWIRE_ENDPOINT` names, [with its token](Endpoint::with_known_token).
    /// The daemon sets both variables for the plugins that it spawns. An empty variable counts as unset.
    ///
    /// # Errors
    /// [`Error::Endpoint`] when `PAGEWIRE_ENDPOINT` is not set or does not parse.
    pub fn from_env() -> Result<Self> {
        let address = variable(ENDPOINT_VARIABLE).ok_or_else(|| Error::Endpoint {
            value: ENDPOINT_VARIABLE.to_owned(),
            problem: "is not set (set it to the control endpoint that the daemon prints when it is ready, or let the daemon start this program)".to_owned(),
        })?;
        Ok(address.parse::<Self>()?.with_known_token())
    }

    /// The endpoint with the token in `PAGEWIRE_TOKEN`; else, if it is the control address of your own running
    /// daemon, with the token in that daemon's file; else unchanged. Blocks briefly, as
    /// [`discover`](Endpoint::discover) does.
    #[must_use]
    pub fn with_known_token(self) -> Self {
        if let Some(token) = variable(TOKEN_VARIABLE) {
            return self.with_token(token);
        }
        self.with_discovered_token()
    }

    /// The endpoint with the token in the file of the running daemon at this address; unchanged if it has a
    /// token, or there is no such daemon. `localhost` becomes the daemon's address: it may also stand for
    /// another one, at which another program listens. Blocks briefly.
    pub(crate) fn with_discovered_token(self) -> Self {
        if self.token.is_some() || self.is_unix() {
            return self;
        }
        let daemon = discovery::at(&self).ok().flatten();
        let file = daemon.and_then(|daemon| daemon.token_file);
        // Without a token the daemon refuses the call: its error reports the missing token.
        match file.map(|file| self.clone().with_token_file(file)) {
            Some(Ok(endpoint)) => Self {
                address: endpoint.address.numeric(),
                ..endpoint
            },
            Some(Err(_)) | None => self,
        }
    }

    /// The endpoint with this token, sent with every RPC. A unix socket that only its owner can open needs
    /// none.
    #[must_use]
    pub fn with_token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// The endpoint with the content of this file as its token, without surrounding white space. Blocks: reads
    /// the file.
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

    pub(crate) fn is_unix(&self) -> bool {
        matches!(self.address, Address::Unix(_))
    }

    /// Whether both name the same address.
    pub(crate) fn is_at(&self, other: &Self) -> bool {
        self.address.numeric() == other.address.numeric()
    }
}

impl Address {
    /// The address with a number instead of `localhost`.
    fn numeric(&self) -> Self {
        match self {
            Self::Tcp(text) => Self::Tcp(text.replacen("localhost:", "127.0.0.1:", 1)),
            Self::Unix(_) => self.clone(),
        }
    }
}

/// Whether the environment names a daemon and its token; otherwise the token is discovered.
pub(crate) fn names_token() -> bool {
    variable(ENDPOINT_VARIABLE).is_some() && variable(TOKEN_VARIABLE).is_some()
}

/// The value of a variable that is set and not empty.
fn variable(name: &str) -> Option<String> {
    let value = env::var(name).ok()?;
    Some(value.trim().to_owned()).filter(|value| !value.is_empty())
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
                "uses TLS, which the control endpoint does not support",
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
    fn parses_every_spelling_of_an_address() {
        assert_eq!(address("127.0.0.1:8001"), "127.0.0.1:8001");
        assert_eq!(address("http://127.0.0.1:8001"), "127.0.0.1:8001");
        assert_eq!(address("http://127.0.0.1:8001/"), "127.0.0.1:8001");
        assert_eq!(address("[::1]:8001"), "[::1]:8001");
        assert_eq!(address("localhost:8001"), "localhost:8001");
        assert_eq!(address("unix:/run/p.sock"), "unix:/run/p.sock");
        assert_eq!(address("unix:///run/p.sock"), "unix:/run/p.sock");
    }

    #[test]
    fn refuses_an_invalid_address_with_the_value_and_a_remedy() {
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
    fn never_shows_the_token() {
        let endpoint: Endpoint = "127.0.0.1:8001".parse().unwrap();
        let endpoint = endpoint.with_token("secret");
        assert!(!format!("{endpoint} {endpoint:?}").contains("secret"));
    }
}
