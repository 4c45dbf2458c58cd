//! A running server with its plugins.

use super::child::Child;
use super::command::{plugin_command, server_command};
use super::peer::{Peer, Setup, StartOptions};
use super::plugins::PluginSet;
use crate::process;
use anyhow::Context;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A listening server and the process with its plugins. Both are terminated when this is dropped: the
/// daemon first, since it asks its plugins to stop.
pub(crate) struct Server {
    peer: Peer,
    plugins: PluginSet,
    daemon: Child,
    plugin_host: Option<Child>,
    plugin_start: Duration,
    address: SocketAddr,
    site: PathBuf,
    /// The server's configuration and output.
    _folder: TempDir,
}

/// The addresses of a server that is ready.
struct Ready {
    address: SocketAddr,
    /// Address for plugins in another process.
    control: Option<String>,
}

impl Server {
    /// Starts a server and waits until it listens and its plugins are connected.
    pub(crate) fn start(
        peer: Peer,
        setup: Setup,
        options: &StartOptions<'_>,
    ) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let address = free_address()?;
        let site = if setup.watch {
            // A site of its own: files written for one server must not wake the others.
            let site = folder.path().join("site");
            fs::create_dir(&site)?;
            site
        } else {
            options.site.to_owned()
        };
        let plugins = peer.plugins(setup.plugins);
        let mut command = server_command(peer, options, &site, folder.path(), address)?;
        if setup.watch && peer != Peer::Vite {
            command.arg("--watch");
        }
        if matches!(peer, Peer::WebDevServer | Peer::BareStack) && plugins != PluginSet::None {
            command.args(["--plugins", &plugins.name()]);
        }
        if setup.preload_hints && peer == Peer::Without {
            command.arg("--preload-modules=false");
        }
        let core = options.pinned.then_some(process::SERVER_CORE);
        let mut daemon = Child::start(command, "server", folder.path(), core)?;
        // Most print where they listen; the others are polled.
        let ready = daemon.wait_until(|line| match (peer, line) {
            (Peer::Nginx | Peer::Vite, _) => Ok(TcpStream::connect(address).ok().map(|_| Ready {
                address,
                control: None,
            })),
            (_, line) => line.map(parse_ready_line).transpose(),
        })?;
        let plugin_spawn = Instant::now();
        let plugin_host = match ready.control {
            Some(control) if plugins != PluginSet::None => {
                let mut command = plugin_command(peer, plugins, &site)?;
                command
                    .env("PAGEWIRE_ENDPOINT", control)
                    .env("XDG_RUNTIME_DIR", folder.path());
                let mut host = Child::start(command, "plugins", folder.path(), core)?;
                host.wait_until(|line| Ok(line.map(drop)))
                    .context("the plugins do not connect")?;
                Some(host)
            }
            _ => None,
        };
        Ok(Self {
            peer,
            plugins,
            daemon,
            plugin_host,
            plugin_start: plugin_spawn.elapsed(),
            address: ready.address,
            site,
            _folder: folder,
        })
    }

    pub(crate) fn peer(&self) -> Peer {
        self.peer
    }

    /// The plugins that this server has, which may be fewer than the case wants.
    pub(crate) fn plugins(&self) -> PluginSet {
        self.plugins
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The time from spawning the process with the plugins until all hooks were open.
    pub(crate) fn plugin_start(&self) -> Duration {
        self.plugin_start
    }

    /// The folder that it serves.
    pub(crate) fn site(&self) -> &Path {
        &self.site
    }

    /// The content of the file at this URL path.
    pub(crate) fn file(&self, path: &str) -> std::io::Result<Vec<u8>> {
        fs::read(self.site.join(path.trim_start_matches('/')))
    }

    /// Returns the current processes of the server, without the processes of its plugins.
    pub(crate) fn daemon_processes(&self) -> Vec<u32> {
        self.daemon.processes()
    }

    /// Returns the current processes of the server and of its plugins.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let children = [Some(&self.daemon), self.plugin_host.as_ref()];
        children
            .into_iter()
            .flatten()
            .flat_map(Child::processes)
            .collect()
    }
}

/// Parses a ready line: Pagewire's JSON, or a bare port.
fn parse_ready_line(line: &str) -> anyhow::Result<Ready> {
    if let Ok(port) = line.trim().parse::<u16>() {
        return Ok(Ready {
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            control: None,
        });
    }
    let ready: serde_json::Value = serde_json::from_str(line)
        .with_context(|| format!("the ready line is not JSON: {line}"))?;
    let http = ready["http"]
        .as_str()
        .context("the ready line has no http address")?;
    Ok(Ready {
        address: http.trim_start_matches("http://").parse()?,
        control: ready["control"].as_str().map(str::to_owned),
    })
}

/// A loopback address on which nothing listens at the moment.
pub(crate) fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}
