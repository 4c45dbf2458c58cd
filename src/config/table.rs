//! Everything that can be said: one table. A setting that is added here is a flag of `serve`, a
//! variable, a key of the file and a line of `pagewire config`.

use super::pages::{AppIndex, MimeRule, Mount, ProxyRule};
use super::settings::{Kind, Setting};
use super::{ControlAddress, Inject, LogFormat, LogLevels, PluginConfig, WatchMode};
use crate::paths::Prefix;
use std::fmt::Display;
use std::net::IpAddr;
use std::str::FromStr;

/// Every setting, in the order in which they are explained.
pub(crate) const SETTINGS: &[Setting] = &[
    Setting {
        key: "port",
        kind: Kind::Number,
        value_name: "PORT",
        help: "Exactly this port for pages; 0 = any free one",
        default: &[],
        otherwise: "the first free one from 8000",
        check: port,
    },
    Setting {
        key: "host",
        kind: Kind::Text,
        value_name: "ADDRESS",
        help: "Serve pages on this address instead of the loopback ones; 0.0.0.0 = to your network",
        default: &[],
        otherwise: "both loopback addresses",
        check: address,
    },
    Setting {
        key: "tls",
        kind: Kind::Switch,
        value_name: "BOOL",
        help: "Serve pages by https (HTTP/2 and HTTP/1.1), with a certificate for localhost that is made and kept unless one is given",
        default: &[],
        otherwise: "false, true with tls_cert",
        check: switch,
    },
    Setting {
        key: "tls_cert",
        kind: Kind::File,
        value_name: "FILE",
        help: "Serve pages by https with this certificate (PEM, the whole chain)",
        default: &[],
        otherwise: "one for localhost",
        check: parses::<String>,
    },
    Setting {
        key: "tls_key",
        kind: Kind::File,
        value_name: "FILE",
        help: "The private key of the certificate (PEM, not encrypted)",
        default: &[],
        otherwise: "the one that was made",
        check: parses::<String>,
    },
    Setting {
        key: "control",
        kind: Kind::Addresses,
        value_name: "ADDRESS",
        help: "Where plugins connect: ADDRESS:PORT (loopback) or unix:PATH; may be repeated",
        default: &[],
        otherwise: "the next free port",
        check: parses::<ControlAddress>,
    },
    Setting {
        key: "base_path",
        kind: Kind::Text,
        value_name: "PATH",
        help: "The URL path under which everything is served: /app",
        default: &["/"],
        otherwise: "",
        check: parses::<Prefix>,
    },
    Setting {
        key: "app_index",
        kind: Kind::Text,
        value_name: "FILE",
        help: "The page of a single-page app: answers what asks for a page in its folder and is nothing else",
        default: &[],
        otherwise: "none",
        check: parses::<AppIndex>,
    },
    Setting {
        key: "mount",
        kind: Kind::FolderPairs,
        value_name: "PATH=DIR",
        help: "Serve this folder under this URL path (/lib=../shared); may be repeated",
        default: &[],
        otherwise: "",
        check: parses::<Mount>,
    },
    Setting {
        key: "listing",
        kind: Kind::Switch,
        value_name: "BOOL",
        help: "List the files of a folder that has no index.html",
        default: &["false"],
        otherwise: "",
        check: switch,
    },
    Setting {
        key: "no_files",
        kind: Kind::Switch,
        value_name: "BOOL",
        help: "Serve no files: plugins and the proxy answer everything",
        default: &["false"],
        otherwise: "",
        check: switch,
    },
    Setting {
        key: "mime_types",
        kind: Kind::Pairs,
        value_name: "GLOB=TYPE",
        help: "The MIME type of files whose path matches (*.glb=model/gltf-binary); may be repeated",
        default: &[],
        otherwise: "",
        check: parses::<MimeRule>,
    },
    Setting {
        key: "proxy",
        kind: Kind::Pairs,
        value_name: "[PATH=]URL",
        help: "Ask this server for what neither plugins nor files answer, or for all below a URL path (/api=http://localhost:3000); may be repeated",
        default: &[],
        otherwise: "",
        check: parses::<ProxyRule>,
    },
    Setting {
        key: "plugin",
        kind: Kind::Plugins,
        value_name: "CMD",
        help: "Start this plugin, and again when it ends; it is asked before those that come by themselves; may be repeated",
        default: &[],
        otherwise: "",
        check: parses::<PluginConfig>,
    },
    Setting {
        key: "inject",
        kind: Kind::Word(Inject::WORDS),
        value_name: "WHEN",
        help: "When the socket client is put into pages: while a live plugin asks for it, always, never",
        default: &["asked"],
        otherwise: "",
        check: parses::<Inject>,
    },
    Setting {
        key: "preload_modules",
        kind: Kind::Switch,
        value_name: "BOOL",
        help: "Tell pages that get the socket client which modules they will load, so that a chain of imports is one round trip",
        default: &["true"],
        otherwise: "",
        check: switch,
    },
    Setting {
        key: "node_resolve",
        kind: Kind::Switch,
        value_name: "BOOL",
        help: "Find what modules import by bare names as Node and bundlers do: node_modules, exports, tsconfig paths",
        default: &["false"],
        otherwise: "",
        check: switch,
    },
    Setting {
        key: "watch",
        kind: Kind::SwitchOr(WatchMode::WORDS),
        value_name: "HOW",
        help: "Have pages swap or reload what changes in the root; events = only tell plugins; either way --inject is always unless it is said",
        default: &["false"],
        otherwise: "",
        check: parses::<WatchMode>,
    },
    Setting {
        key: "watch_poll",
        kind: Kind::Switch,
        value_name: "BOOL",
        help: "Watch by looking at every file again and again: for network and container file systems",
        default: &["false"],
        otherwise: "",
        check: switch,
    },
    Setting {
        key: "allow_host",
        kind: Kind::Texts,
        value_name: "NAME",
        help: "Answer to this host name too; .example.com = all below it; may be repeated",
        default: &[],
        otherwise: "",
        check: parses::<String>,
    },
    Setting {
        key: "allow_origin",
        kind: Kind::Texts,
        value_name: "ORIGIN",
        help: "Let pages of this origin (`https://example.com`) load the socket client and connect too; may be repeated",
        default: &[],
        otherwise: "",
        check: origin,
    },
    Setting {
        key: "allow_dir",
        kind: Kind::Folders,
        value_name: "DIR",
        help: "Links in the root may lead into this folder too; may be repeated",
        default: &[],
        otherwise: "",
        check: parses::<String>,
    },
    Setting {
        key: "allow_file",
        kind: Kind::Texts,
        value_name: "NAME",
        help: "Serve files and folders of this name although they look like secrets; may be repeated",
        default: &[],
        otherwise: "",
        check: parses::<String>,
    },
    Setting {
        key: "console",
        kind: Kind::Switch,
        value_name: "BOOL",
        help: "Log what pages print and what fails in them",
        default: &["false"],
        otherwise: "",
        check: switch,
    },
    Setting {
        key: "debug",
        kind: Kind::Switch,
        value_name: "BOOL",
        help: "Suspend deadlines and keepalive: somebody sits at a breakpoint",
        default: &["false"],
        otherwise: "",
        check: switch,
    },
    Setting {
        key: "log",
        kind: Kind::Text,
        value_name: "FILTER",
        help: "What to log to standard error: a level, or levels by part (info,pages=debug)",
        default: &["info"],
        otherwise: "",
        check: parses::<LogLevels>,
    },
    Setting {
        key: "log_format",
        kind: Kind::Word(LogFormat::WORDS),
        value_name: "FORMAT",
        help: "How to log: lines for people, or a JSON object a line",
        default: &["text"],
        otherwise: "",
        check: parses::<LogFormat>,
    },
];

fn parses<T: FromStr<Err: Display>>(text: &str) -> Result<(), String> {
    text.parse::<T>()
        .map(drop)
        .map_err(|error| error.to_string())
}

fn port(text: &str) -> Result<(), String> {
    parses::<u16>(text).map_err(|_| format!("{text:?} is not a port (a number from 0 to 65535)"))
}

fn address(text: &str) -> Result<(), String> {
    parses::<IpAddr>(text)
        .map_err(|_| format!("{text:?} is not an IP address (for example 0.0.0.0 or ::1)"))
}

fn switch(text: &str) -> Result<(), String> {
    parses::<bool>(text).map_err(|_| format!("{text:?} is not true or false"))
}

/// As browsers write it: whatever else is listed would never be met.
fn origin(text: &str) -> Result<(), String> {
    let host = text.split_once("://").map(|(_, host)| host);
    if host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '?', '#', '@', ' '])) {
        return Ok(());
    }
    Err(format!(
        "{text:?} is not an origin (scheme, host and port without a path: http://localhost:3000)"
    ))
}
