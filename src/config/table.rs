//! The table of settings. One row makes a flag of `serve`, an environment variable, a key of
//! `pagewire.toml`, a line of `pagewire config` and a row of `docs/configuration.md`.

use super::control_address::ControlAddress;
use super::glob::FilePattern;
use super::headers::ConfiguredHeader;
use super::log::{LogFormat, LogLevels};
use super::modes::{Inject, WatchMode};
use super::pages::{AppIndex, MimeRule, Mount};
use super::plugins::PluginConfig;
use super::proxy::ProxyRule;
use super::setting::{Setting, SettingType};
use crate::paths::Prefix;
use std::fmt::Display;
use std::net::IpAddr;
use std::str::FromStr;

/// First port to try for pages when `port` is not set.
pub(super) const DEFAULT_PORT: u16 = 8000;

/// Longest `node_env`, in bytes. A longer one is refused. Default 64.
const MAX_NODE_ENV_BYTES: usize = 64;

/// Every setting, in the order of help texts and documentation.
pub(crate) const SETTINGS: &[Setting] = &[
    Setting {
        key: "port",
        value_type: SettingType::Number,
        value_name: "PORT",
        help: "Serve pages on exactly this port; 0 picks any free one",
        default: &[],
        default_text: "the first free port from 8000",
        check: port,
    },
    Setting {
        key: "host",
        value_type: SettingType::Text,
        value_name: "ADDRESS",
        help: "Serve pages on this address instead of the loopback addresses; 0.0.0.0 exposes them to your network",
        default: &[],
        default_text: "both loopback addresses",
        check: address,
    },
    Setting {
        key: "tls",
        value_type: SettingType::Switch,
        value_name: "BOOL",
        help: "Serve pages over HTTPS (HTTP/2 and HTTP/1.1); without tls_cert, a certificate for localhost is created and reused",
        default: &[],
        default_text: "false, or true if tls_cert is set",
        check: switch,
    },
    Setting {
        key: "tls_cert",
        value_type: SettingType::File,
        value_name: "FILE",
        help: "Serve pages over HTTPS with this certificate (PEM, the whole chain)",
        default: &[],
        default_text: "a certificate for localhost",
        check: parses::<String>,
    },
    Setting {
        key: "tls_key",
        value_type: SettingType::File,
        value_name: "FILE",
        help: "Private key of the certificate (PEM, not encrypted)",
        default: &[],
        default_text: "the key of the localhost certificate",
        check: parses::<String>,
    },
    Setting {
        key: "control",
        value_type: SettingType::Addresses,
        value_name: "ADDRESS",
        help: "Address that plugins connect to: ADDRESS:PORT (loopback) or unix:PATH; may be repeated",
        default: &[],
        default_text: "the next free port",
        check: parses::<ControlAddress>,
    },
    Setting {
        key: "base_path",
        value_type: SettingType::Text,
        value_name: "PATH",
        help: "URL path under which everything is served, for example /app",
        default: &["/"],
        default_text: "",
        check: parses::<Prefix>,
    },
    Setting {
        key: "app_index",
        value_type: SettingType::Text,
        value_name: "FILE",
        help: "Page of a single-page app: served for page requests in its folder that nothing else answers",
        default: &[],
        default_text: "none",
        check: parses::<AppIndex>,
    },
    Setting {
        key: "mount",
        value_type: SettingType::FolderPairs,
        value_name: "PATH=DIR",
        help: "Serve a folder under a URL path (/lib=../shared); may be repeated",
        default: &[],
        default_text: "",
        check: parses::<Mount>,
    },
    Setting {
        key: "listing",
        value_type: SettingType::Switch,
        value_name: "BOOL",
        help: "List the files of folders that have no index.html",
        default: &["false"],
        default_text: "",
        check: switch,
    },
    Setting {
        key: "no_files",
        value_type: SettingType::Switch,
        value_name: "BOOL",
        help: "Serve no files: plugins and the proxy answer every request",
        default: &["false"],
        default_text: "",
        check: switch,
    },
    Setting {
        key: "mime_types",
        value_type: SettingType::Pairs,
        value_name: "GLOB=TYPE",
        help: "MIME type of files whose path matches a glob (*.glb=model/gltf-binary); may be repeated",
        default: &[],
        default_text: "",
        check: parses::<MimeRule>,
    },
    Setting {
        key: "headers",
        value_type: SettingType::Headers,
        value_name: "[GLOB=]NAME: VALUE",
        help: "Set a header of all responses (X-Frame-Options: DENY), or of those whose path matches a glob (*.wasm=Cache-Control: no-store), whatever plugins and backends set; may be repeated",
        default: &[],
        default_text: "",
        check: parses::<ConfiguredHeader>,
    },
    Setting {
        key: "cross_origin_isolated",
        value_type: SettingType::Switch,
        value_name: "BOOL",
        help: "Isolate pages from other origins, so that they can use SharedArrayBuffer and threads: sets Cross-Origin-Opener-Policy and Cross-Origin-Embedder-Policy",
        default: &["false"],
        default_text: "",
        check: switch,
    },
    Setting {
        key: "proxy",
        value_type: SettingType::Backends,
        value_name: "[PATH=]URL",
        help: "Forward requests to this server: those that neither plugins nor files answer, or all below a URL path (/api=http://localhost:3000); also https://HOST:PORT and unix:FILE; may be repeated",
        default: &[],
        default_text: "",
        check: parses::<ProxyRule>,
    },
    Setting {
        key: "plugin",
        value_type: SettingType::Plugins,
        value_name: "CMD",
        help: "Start this plugin and restart it when it exits, with --watch also when its files change; it is called before plugins that connect on their own; may be repeated",
        default: &[],
        default_text: "",
        check: parses::<PluginConfig>,
    },
    Setting {
        key: "inject",
        value_type: SettingType::Word(Inject::WORDS),
        value_name: "WHEN",
        help: "When to inject the socket client into pages: while a connected plugin requests it (asked), always or never",
        default: &["asked"],
        default_text: "",
        check: parses::<Inject>,
    },
    Setting {
        key: "preload_modules",
        value_type: SettingType::Switch,
        value_name: "BOOL",
        help: "Announce a page's modules in its HTML, so that a chain of imports takes one round trip; applies to pages with the socket client",
        default: &["true"],
        default_text: "",
        check: switch,
    },
    Setting {
        key: "import_json",
        value_type: SettingType::Switch,
        value_name: "BOOL",
        help: "Let modules import JSON files without an attribute: the value is the default export, its top-level keys are named exports",
        default: &["true"],
        default_text: "",
        check: switch,
    },
    Setting {
        key: "import_css",
        value_type: SettingType::Switch,
        value_name: "BOOL",
        help: "Let modules import stylesheets without an attribute: they are applied to the page",
        default: &["true"],
        default_text: "",
        check: switch,
    },
    Setting {
        key: "import_assets",
        value_type: SettingType::Switch,
        value_name: "BOOL",
        help: "Let modules import images, media, fonts and other assets: the default export is the URL",
        default: &["true"],
        default_text: "",
        check: switch,
    },
    Setting {
        key: "import_queries",
        value_type: SettingType::Switch,
        value_name: "BOOL",
        help: "Let modules import the text of a file with ?raw, its URL with ?url, and a constructor of workers with ?worker or ?sharedworker",
        default: &["true"],
        default_text: "",
        check: switch,
    },
    Setting {
        key: "node_resolve",
        value_type: SettingType::Switch,
        value_name: "BOOL",
        help: "Load packages as Node and bundlers do: resolve bare import specifiers (node_modules, exports, tsconfig paths), convert CommonJS",
        default: &["false"],
        default_text: "",
        check: switch,
    },
    Setting {
        key: "node_env",
        value_type: SettingType::Text,
        value_name: "NAME",
        help: "With node_resolve: the value of process.env.NODE_ENV in packages, for example production; exports of packages have this condition, too",
        default: &["development"],
        default_text: "",
        check: node_env,
    },
    Setting {
        key: "watch",
        value_type: SettingType::SwitchOr(WatchMode::WORDS),
        value_name: "HOW",
        help: "Update or reload pages when files in the root change; events only notifies plugins; both imply inject = always unless inject is set",
        default: &["false"],
        default_text: "",
        check: parses::<WatchMode>,
    },
    Setting {
        key: "watch_poll",
        value_type: SettingType::Switch,
        value_name: "BOOL",
        help: "Watch by polling every file: for network and container file systems",
        default: &["false"],
        default_text: "",
        check: switch,
    },
    Setting {
        key: "watch_delay",
        value_type: SettingType::Number,
        value_name: "MS",
        help: "With no_files: how many milliseconds a backend has to notice a change; pages reload when its answer changes, or then",
        default: &["1000"],
        default_text: "",
        check: delay,
    },
    Setting {
        key: "watch_ignore",
        value_type: SettingType::Texts,
        value_name: "PATTERN",
        help: "Do not watch files and folders that match this pattern (*.log, tmp/), written as in a .gitignore; may be repeated",
        default: &[],
        default_text: "",
        check: parses::<FilePattern>,
    },
    Setting {
        key: "watch_include",
        value_type: SettingType::Texts,
        value_name: "PATTERN",
        help: "Watch files and folders that match this pattern (dist/) although a .gitignore names them; may be repeated",
        default: &[],
        default_text: "",
        check: parses::<FilePattern>,
    },
    Setting {
        key: "allow_host",
        value_type: SettingType::Texts,
        value_name: "NAME",
        help: "Accept requests for this host name too; .example.com accepts all names below it; may be repeated",
        default: &[],
        default_text: "",
        check: parses::<String>,
    },
    Setting {
        key: "allow_origin",
        value_type: SettingType::Texts,
        value_name: "ORIGIN",
        help: "Let pages of this origin (`https://example.com`) load the socket client and connect; may be repeated",
        default: &[],
        default_text: "",
        check: origin,
    },
    Setting {
        key: "allow_embedding",
        value_type: SettingType::Switch,
        value_name: "BOOL",
        help: "Let documents of other origins embed files: sandboxed frames, and pages of other sites",
        default: &["false"],
        default_text: "",
        check: switch,
    },
    Setting {
        key: "allow_dir",
        value_type: SettingType::Folders,
        value_name: "DIR",
        help: "Follow links from the root into this folder; may be repeated",
        default: &[],
        default_text: "",
        check: parses::<String>,
    },
    Setting {
        key: "allow_file",
        value_type: SettingType::Texts,
        value_name: "NAME",
        help: "Serve files and folders with this name even though it looks like a secret; may be repeated",
        default: &[],
        default_text: "",
        check: parses::<String>,
    },
    Setting {
        key: "console",
        value_type: SettingType::Switch,
        value_name: "BOOL",
        help: "Log console output and errors of pages",
        default: &["false"],
        default_text: "",
        check: switch,
    },
    Setting {
        key: "debug",
        value_type: SettingType::Switch,
        value_name: "BOOL",
        help: "Suspend deadlines and keepalive, for work at a breakpoint",
        default: &["false"],
        default_text: "",
        check: switch,
    },
    Setting {
        key: "log",
        value_type: SettingType::Text,
        value_name: "FILTER",
        help: "What to log to standard error: a level, or levels by part (info,pages=debug)",
        default: &["info"],
        default_text: "",
        check: parses::<LogLevels>,
    },
    Setting {
        key: "log_format",
        value_type: SettingType::Word(LogFormat::WORDS),
        value_name: "FORMAT",
        help: "Format of the log: text for people, or one JSON object per line",
        default: &["text"],
        default_text: "",
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

fn delay(text: &str) -> Result<(), String> {
    parses::<u16>(text)
        .map_err(|_| format!("{text:?} is not a number of milliseconds (from 0 to 65535)"))
}

fn address(text: &str) -> Result<(), String> {
    parses::<IpAddr>(text)
        .map_err(|_| format!("{text:?} is not an IP address (for example 0.0.0.0 or ::1)"))
}

/// Checks a value that is put into the code of packages.
fn node_env(text: &str) -> Result<(), String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if text.is_empty() || text.len() > MAX_NODE_ENV_BYTES || !text.chars().all(is_name) {
        return Err(format!(
            "{text:?} is not a name (1 to {MAX_NODE_ENV_BYTES} letters, digits, - _ and .), such as development or production"
        ));
    }
    Ok(())
}

fn switch(text: &str) -> Result<(), String> {
    parses::<bool>(text).map_err(|_| format!("{text:?} is not true or false"))
}

/// Checks the form in which browsers send an origin: a value with a path would never match.
fn origin(text: &str) -> Result<(), String> {
    let host = text.split_once("://").map(|(_, host)| host);
    if host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '?', '#', '@', ' '])) {
        return Ok(());
    }
    Err(format!(
        "{text:?} is not an origin (scheme, host and port without a path: http://localhost:3000)"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_and_word_is_valid() {
        for setting in SETTINGS {
            for value in setting.default {
                assert_eq!(setting.check(value), Ok(()), "{}", setting.key);
            }
            if let SettingType::Word(words) | SettingType::SwitchOr(words) = setting.value_type {
                for word in words {
                    assert_eq!(setting.check(word), Ok(()), "{}", setting.key);
                }
            }
        }
        assert!(
            SETTINGS[0]
                .default_text
                .ends_with(&DEFAULT_PORT.to_string())
        );
    }

    #[test]
    fn every_setting_has_a_default_or_describes_one() {
        for setting in SETTINGS {
            assert!(
                setting.default.len() == 1
                    || !setting.default_text.is_empty()
                    || setting.value_type.is_list(),
                "{}",
                setting.key
            );
        }
    }
}
