//! The daemon's configuration, built from the effective settings.

use super::control_address::ControlAddress;
use super::glob::FilePattern;
use super::headers::{self, HeaderRule};
use super::modes::{Inject, WatchMode};
use super::pages::{AppIndex, MimeRule, Mount};
use super::plugins::{PluginConfig, duplicate_name};
use super::proxy::ProxyRule;
use super::setting::SettingError;
use super::settings::Settings;
use super::table::DEFAULT_PORT;
use crate::origins::AllowedHosts;
use crate::paths::{Prefix, Root, RootError, Roots};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Configuration of `pagewire serve`.
#[derive(Debug)]
pub(crate) struct Config {
    /// The served folders.
    pub roots: Roots,
    /// Address of the page port; none = both loopback addresses.
    pub host: Option<IpAddr>,
    pub port: Port,
    /// Addresses of the control service; empty = one free loopback port.
    pub controls: Vec<ControlAddress>,
    /// Accepted host names and origins, in addition to the loopback ones.
    pub allowed: AllowedHosts,
    /// URL path under which everything is served; may be empty.
    pub base_path: Prefix,
    /// The page of a single-page app.
    pub app_index: Option<AppIndex>,
    /// Folders without an index are listed.
    pub listing: bool,
    /// No files are served.
    pub no_files: bool,
    /// MIME types by path; the first match wins.
    pub mime_types: Vec<MimeRule>,
    /// Headers of responses by path; a later rule replaces the headers of an earlier one.
    pub headers: Vec<HeaderRule>,
    /// Rules of the reverse proxy; the longest prefix wins.
    pub proxies: Vec<ProxyRule>,
    /// Pages are served over TLS only, with this certificate.
    pub tls: Option<Certificate>,
    /// Plugins to start, to order and to wait for, in the order in which they are called.
    pub plugins: Vec<PluginConfig>,
    pub inject: Inject,
    /// Pages with the socket client get preload hints for the modules that they will load.
    pub preload_modules: bool,
    /// Modules may import JSON files without an attribute.
    pub import_json: bool,
    /// Modules may import stylesheets without an attribute, to apply them.
    pub import_css: bool,
    /// Modules may import the URLs of images, fonts and other assets.
    pub import_assets: bool,
    /// Modules may import what a query makes of a file.
    pub import_queries: bool,
    /// Packages are loaded as Node and bundlers do.
    pub node_resolve: bool,
    /// The value of `process.env.NODE_ENV` in packages.
    pub node_env: String,
    pub watch: WatchMode,
    /// Files are polled for changes.
    pub watch_poll: bool,
    /// How long a backend has to notice a change before pages reload.
    pub watch_delay: Duration,
    /// Patterns of files that are not watched.
    pub watch_ignore: Vec<FilePattern>,
    /// Patterns of files that are watched although they would be ignored.
    pub watch_include: Vec<FilePattern>,
    /// Console output and errors of pages are logged.
    pub console: bool,
    /// Suspends call deadlines, keepalive and pong timeouts, for work at a breakpoint.
    pub debug: bool,
    /// The daemon stops when standard input closes.
    pub exit_with_stdin: bool,
}

/// Certificate of the page port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Certificate {
    /// One for localhost, created by the daemon.
    Localhost,
    /// PEM files of the user.
    Files {
        /// The whole chain.
        cert: PathBuf,
        /// Its private key, not encrypted.
        key: PathBuf,
    },
}

/// Requested page port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Port {
    /// The first free port from this one on.
    FirstFreeFrom(u16),
    /// Exactly this port; 0 = any free one.
    Exactly(u16),
}

/// Why the settings do not make a configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error(transparent)]
    Setting(#[from] SettingError),
    #[error(transparent)]
    Root(#[from] RootError),
}

impl Config {
    /// Builds the configuration for a root. Opens the served folders.
    ///
    /// # Errors
    /// When a folder cannot be opened, or settings contradict each other.
    pub(crate) fn new(
        root: &Path,
        settings: &Settings,
        exit_with_stdin: bool,
    ) -> Result<Self, ConfigError> {
        let tls = certificate(settings)?;
        let watch = settings.required("watch");
        let mut plugins: Vec<PluginConfig> = settings.list("plugin");
        for plugin in &mut plugins {
            plugin.watch.resolve(watch);
        }
        if let Some(name) = duplicate_name(&plugins) {
            let problem = format!("duplicate plugin name {name:?} (choose a unique one)");
            return Err(settings.get("plugin").error(problem).into());
        }
        let hosts: Vec<String> = settings.list("allow_host");
        Ok(Self {
            roots: roots(root, settings)?,
            base_path: settings.required("base_path"),
            app_index: settings.optional("app_index"),
            listing: settings.required("listing"),
            no_files: settings.required("no_files"),
            mime_types: settings.list("mime_types"),
            headers: header_rules(settings)?,
            proxies: settings.list("proxy"),
            host: settings.optional("host"),
            port: settings
                .optional("port")
                .map_or(Port::FirstFreeFrom(DEFAULT_PORT), Port::Exactly),
            controls: settings.list("control"),
            allowed: AllowedHosts {
                hosts: hosts.iter().map(|host| host.to_ascii_lowercase()).collect(),
                origins: settings.list("allow_origin"),
                embedding: settings.required("allow_embedding"),
                https: tls.is_some(),
            },
            tls,
            plugins,
            inject: settings.required("inject"),
            preload_modules: settings.required("preload_modules"),
            import_json: settings.required("import_json"),
            import_css: settings.required("import_css"),
            import_assets: settings.required("import_assets"),
            import_queries: settings.required("import_queries"),
            node_resolve: settings.required("node_resolve"),
            node_env: settings.required("node_env"),
            watch,
            watch_poll: settings.required("watch_poll"),
            watch_delay: Duration::from_millis(settings.required::<u16>("watch_delay").into()),
            watch_ignore: settings.list("watch_ignore"),
            watch_include: settings.list("watch_include"),
            console: settings.required("console"),
            debug: settings.required("debug"),
            exit_with_stdin,
        })
    }
}

/// Returns the headers of responses.
fn header_rules(settings: &Settings) -> Result<Vec<HeaderRule>, SettingError> {
    let isolated = settings.required("cross_origin_isolated");
    let rules = headers::rules(isolated, settings.list("headers"));
    rules.map_err(|problem| settings.get("headers").error(problem))
}

/// Opens the root and the mounted folders.
fn roots(root: &Path, settings: &Settings) -> Result<Roots, ConfigError> {
    let allowed_dirs: Vec<PathBuf> = settings.list("allow_dir");
    if let Some(missing) = allowed_dirs.iter().find(|dir| !dir.is_dir()) {
        let problem = format!(
            "allow_dir is not a directory: {} (pass an existing folder)",
            missing.display()
        );
        return Err(settings.get("allow_dir").error(problem).into());
    }
    let allowed_names: Vec<String> = settings.list("allow_file");
    let open = |dir: &Path| Root::open(dir, &allowed_dirs, &allowed_names);
    let mounts: Vec<Mount> = settings.list("mount");
    let mounts = mounts.into_iter().map(|Mount { prefix, dir }| {
        let root = open(&dir).map_err(|error| {
            let problem = format!("{}: {error}", prefix.as_str());
            settings.get("mount").error(problem)
        })?;
        Ok((prefix, root))
    });
    let mounts = mounts.collect::<Result<_, SettingError>>()?;
    Ok(Roots::new(open(root)?, mounts))
}

/// Returns the certificate of the page port; none without TLS. Files imply TLS unless it is off.
fn certificate(settings: &Settings) -> Result<Option<Certificate>, SettingError> {
    let tls: Option<bool> = settings.optional("tls");
    let incomplete = |given, missing| {
        let given = settings.get(given);
        given.error(format!(
            "{} is {} but {missing} is not set (set both, or neither for the localhost certificate)",
            given.setting.key,
            given.values.concat()
        ))
    };
    let cert: Option<PathBuf> = settings.optional("tls_cert");
    let key: Option<PathBuf> = settings.optional("tls_key");
    match (cert, key) {
        _ if tls == Some(false) => Ok(None),
        (None, None) => Ok(tls.map(|_| Certificate::Localhost)),
        (Some(_), None) => Err(incomplete("tls_cert", "tls_key")),
        (None, Some(_)) => Err(incomplete("tls_key", "tls_cert")),
        (Some(cert), Some(key)) => Ok(Some(Certificate::Files { cert, key })),
    }
}
