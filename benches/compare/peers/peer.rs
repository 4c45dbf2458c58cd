//! The peers by name, and what a case requires of them.

use super::language::Language;
use super::plugins::PluginSet;
use std::path::Path;

/// A server to measure. Pagewire comes first; the others are compared with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// Its plugins are in a process of their own, connected over TCP.
    Pagewire,
    /// The same with its plugins on a unix socket.
    PagewireUnix,
    /// Pagewire without the feature that a case is about: see [`PluginSet::without`] and
    /// [`Setup::preload_hints`].
    Without,
    /// Runs with one worker process.
    Nginx,
    /// @web/dev-server-core with its plugin in process; @web/dev-server where files are watched.
    WebDevServer,
    Vite,
    /// A WebSocket server in Node, built on the package `ws`, which @web/dev-server uses too. It serves no
    /// files.
    Ws,
    /// Pagewire with the plugin in this language.
    Language(Language),
    /// The lower bound: axum, hyper, tungstenite, tonic and tokio as Pagewire uses them, with the files in
    /// memory. Its plugin is a process of its own, connected over TCP.
    BareStack,
}

impl Peer {
    /// The column heading in the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pagewire => "pagewire",
            Self::PagewireUnix => "by unix socket",
            Self::Without => "without",
            Self::Nginx => "nginx",
            Self::WebDevServer => "dev-server",
            Self::Vite => "vite",
            Self::Ws => "ws",
            Self::Language(language) => language.name(),
            Self::BareStack => "bare stack",
        }
    }

    /// The path of the socket client in its pages; `None` when it injects none.
    pub(crate) fn client_path(self) -> Option<&'static str> {
        match self {
            Self::Pagewire
            | Self::PagewireUnix
            | Self::Without
            | Self::Language(_)
            | Self::BareStack => Some("/__pagewire__/client.js"),
            Self::WebDevServer => Some("/__web-dev-server__web-socket.js"),
            Self::Vite => Some("/@vite/client"),
            Self::Nginx | Self::Ws => None,
        }
    }

    /// The path where pages open their sockets.
    pub(crate) fn socket_path(self) -> &'static str {
        match self {
            Self::WebDevServer | Self::Ws => "/wds",
            _ => "/__pagewire__/socket",
        }
    }

    pub(crate) fn is_pagewire(self) -> bool {
        matches!(
            self,
            Self::Pagewire | Self::PagewireUnix | Self::Without | Self::Language(_)
        )
    }

    /// Whether it can be started here. `benches/run` installs all peers but the languages.
    pub(crate) fn is_installed(self) -> bool {
        match self {
            Self::Language(language) => language.is_built(),
            _ => true,
        }
    }

    /// The plugins that this peer runs in a case that requests `requested`.
    pub(super) fn plugins(self, requested: PluginSet) -> PluginSet {
        match self {
            Self::Pagewire
            | Self::PagewireUnix
            | Self::Language(_)
            | Self::WebDevServer
            | Self::Ws => requested,
            Self::Without => requested.without(),
            // It caches nothing: the lower bound for a cached result is a file.
            Self::BareStack => match requested {
                PluginSet::Serve | PluginSet::Transform | PluginSet::Messages => requested,
                _ => PluginSet::None,
            },
            Self::Nginx | Self::Vite => PluginSet::None,
        }
    }
}

/// What a case requires of its servers.
#[derive(Clone, Copy, Default)]
pub(crate) struct Setup {
    /// Watch the files.
    pub(crate) watch: bool,
    /// Plugins of the peers that can have any.
    pub(crate) plugins: PluginSet,
    /// The case is about module preload hints: [`Peer::Without`] gives none.
    pub(crate) preload_hints: bool,
    /// The site also has [`ManyModules`](crate::site::ManyModules).
    pub(crate) many_modules: bool,
}

/// Where things are, and whether servers are pinned to a core.
pub(crate) struct StartOptions<'a> {
    pub(crate) site: &'a Path,
    pub(crate) pagewire: &'a Path,
    pub(crate) peers: &'a Path,
    pub(crate) pinned: bool,
}
