//! The daemon's settings, as meant. The command line turns what was typed, set and written into
//! [`Settings`], and those into a [`Config`]; every default is here.

mod file;
#[cfg(test)]
mod markdown;
mod pages;
mod plugins;
mod settings;
mod table;

use crate::origins::AllowedHosts;
use crate::paths::Prefix;
use crate::paths::Roots;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use tracing::level_filters::LevelFilter;

pub(crate) use file::{Entry, entries};
pub(crate) use pages::{AppIndex, MimeRule, Mount, ProxyRule};
pub(crate) use plugins::{PluginConfig, is_plugin_name, name_given_twice};
pub(crate) use settings::{FILE_NAME, InForce, Kind, Setting, Settings};
pub(crate) use table::SETTINGS;

/// The first port that is tried for pages.
pub(crate) const DEFAULT_PORT: u16 = 8000;

/// Everything that `pagewire serve` can be told.
#[derive(Debug)]
pub(crate) struct Config {
    /// What is served.
    pub roots: Roots,
    /// Where pages are served; none = on both loopback addresses.
    pub host: Option<IpAddr>,
    /// On which port.
    pub port: Port,
    /// Where the control service listens; empty = one free loopback port.
    pub controls: Vec<ControlAddress>,
    /// Host names and origins beside the loopback ones.
    pub allowed: AllowedHosts,
    /// The URL path under which everything is served; empty = all of them.
    pub base_path: Prefix,
    /// The page of a single-page app.
    pub app_index: Option<AppIndex>,
    /// Folders without an index are listed.
    pub listing: bool,
    /// No file is served.
    pub no_files: bool,
    /// Types that extensions do not say; the first that matches counts.
    pub mime_types: Vec<MimeRule>,
    /// Who answers what nobody else does; the longest prefix counts.
    pub proxies: Vec<ProxyRule>,
    /// Pages are served by TLS alone, with this certificate.
    pub tls: Option<Certificate>,
    /// Plugins to start, to order and to wait for; in the order in which they are asked.
    pub plugins: Vec<PluginConfig>,
    /// When the socket client is put into pages.
    pub inject: Inject,
    /// With the client pages are told of the modules that they will load.
    pub preload_modules: bool,
    /// Imports are resolved as Node does.
    pub node_resolve: bool,
    /// What happens when a served file changes.
    pub watch: WatchMode,
    /// Asks the files by the clock whether they changed, not the operating system.
    pub watch_poll: bool,
    /// Logs what pages print and what fails in them.
    pub console: bool,
    /// Suspends deadlines of calls, keepalive and pong closes: somebody sits at a breakpoint.
    pub debug: bool,
    /// Stop when standard input closes.
    pub exit_with_stdin: bool,
}

/// What the page port shows of itself in TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Certificate {
    /// One for localhost, which the daemon makes and keeps.
    Localhost,
    /// The user's own, as PEM.
    Files {
        /// The certificate, and those between it and its authority.
        cert: PathBuf,
        /// Its private key, not encrypted.
        key: PathBuf,
    },
}

/// A port as it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Port {
    /// This one or the next free one.
    FirstFreeFrom(u16),
    /// This one or none; 0 = any free one.
    Exactly(u16),
}

/// When the socket client is put into pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Inject {
    /// While a live plugin asks for it.
    #[default]
    Asked,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Inject {
    /// As they are written.
    const WORDS: &[&str] = &["asked", "always", "never"];
}

impl FromStr for Inject {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "asked" => Ok(Self::Asked),
            "always" => Ok(Self::Always),
            "never" => Ok(Self::Never),
            _ => Err(format!("{text:?} is not asked, always or never")),
        }
    }
}

/// What happens when a served file changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum WatchMode {
    /// Nothing: nobody looks.
    #[default]
    Off,
    /// Pages act on it, and programs can hear of it.
    Pages,
    /// Programs can hear of it; what pages do is theirs to say.
    Events,
}

impl WatchMode {
    /// As it is written beside true and false.
    const WORDS: &[&str] = &["events"];
}

impl FromStr for WatchMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "false" => Ok(Self::Off),
            "true" => Ok(Self::Pages),
            "events" => Ok(Self::Events),
            _ => Err(format!("{text:?} is not true, false or events")),
        }
    }
}

/// How to log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// Lines for people.
    Text,
    /// A JSON object a line.
    Json,
}

impl LogFormat {
    /// As they are written.
    const WORDS: &[&str] = &["text", "json"];
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(format!("{text:?} is not text or json")),
        }
    }
}

/// What to log: a level for everything, or levels by part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogLevels {
    /// Each with the module path it is for; none = everything else.
    pub levels: Vec<(Option<String>, LevelFilter)>,
}

impl FromStr for LogLevels {
    type Err = String;

    /// A level for everything, or `part=level` for our part of that name; a path with `::` is
    /// taken as it is.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let level = |directive: &str| match directive.trim().split_once('=') {
            Some((part, level)) if part.contains("::") => {
                Some((Some(part.to_owned()), level.parse().ok()?))
            }
            Some((part, level)) => Some((Some(format!("pagewire::{part}")), level.parse().ok()?)),
            None => Some((None, directive.trim().parse().ok()?)),
        };
        let levels: Option<_> = text.split(',').map(level).collect();
        let levels = levels.ok_or_else(|| {
            format!(
                "{text:?} is no level (off, error, warn, info, debug, trace) and no list like info,pages=debug"
            )
        })?;
        Ok(Self { levels })
    }
}

/// Where the control service listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ControlAddress {
    /// Loopback TCP, with a token. Port 0 = any free one.
    Tcp(SocketAddr),
    /// A socket file with mode 0600, without a token.
    Unix(PathBuf),
}

/// Why a control address was refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ControlAddressError {
    /// Neither form.
    #[error(
        "control address {0:?} is neither ADDRESS:PORT nor unix:PATH (for example 127.0.0.1:8001)"
    )]
    Malformed(String),
    /// Plain text to the network.
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
    fn control_addresses_are_loopback_or_a_socket_file() {
        for (text, meant) in [
            ("127.0.0.1:8001", "127.0.0.1:8001"),
            ("localhost:0", "127.0.0.1:0"),
            ("[::1]:8001", "[::1]:8001"),
            ("unix:/run/p.sock", "unix:/run/p.sock"),
        ] {
            assert_eq!(text.parse::<ControlAddress>().unwrap().to_string(), meant);
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
