//! The servers: how each is started, with the plugins that a case wants.

use crate::child::Child;
use crate::languages::Language;
use crate::plugins::Plugins;
use crate::process;
use crate::site;
use anyhow::{Context, bail};
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Who is measured. What is ours comes first, the others are compared with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// Its plugins are a process of their own, connected by TCP.
    Pagewire,
    /// The same with its plugins on a unix socket.
    Unix,
    /// Pagewire again without what a case is about: see [`Plugins::without`] and [`Setup::hints`].
    Without,
    /// With one worker.
    Nginx,
    /// @web/dev-server-core, its plugin in process; @web/dev-server where files are watched.
    Ancestor,
    Vite,
    /// The sockets alone, in Node, by the package `ws`, which the ancestor uses too.
    Ws,
    /// Pagewire with the plugin in this language.
    Language(Language),
    /// The floor: axum, hyper, tungstenite, tonic and tokio as Pagewire uses them, with the files in
    /// memory. Its plugin is a process of its own, connected by TCP.
    Bare,
}

impl Peer {
    /// What it is called in the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pagewire => "pagewire",
            Self::Unix => "by unix socket",
            Self::Without => "without",
            Self::Nginx => "nginx",
            Self::Ancestor => "dev-server",
            Self::Vite => "vite",
            Self::Ws => "ws",
            Self::Language(language) => language.name(),
            Self::Bare => "bare stack",
        }
    }

    /// What its socket client in a page is known by; none when it has no such thing.
    pub(crate) fn client(self) -> Option<&'static str> {
        match self {
            Self::Pagewire | Self::Unix | Self::Without | Self::Language(_) | Self::Bare => {
                Some("/__pagewire__/client.js")
            }
            Self::Ancestor => Some("/__web-dev-server__web-socket.js"),
            Self::Vite => Some("/@vite/client"),
            Self::Nginx | Self::Ws => None,
        }
    }

    /// Where pages open their sockets.
    pub(crate) fn socket_path(self) -> &'static str {
        match self {
            Self::Ancestor | Self::Ws => "/wds",
            _ => "/__pagewire__/socket",
        }
    }

    pub(crate) fn is_pagewire(self) -> bool {
        matches!(
            self,
            Self::Pagewire | Self::Unix | Self::Without | Self::Language(_)
        )
    }

    /// Whether it can be started here. All but languages are installed by `benches/run`.
    pub(crate) fn is_installed(self) -> bool {
        match self {
            Self::Language(language) => language.is_built(),
            _ => true,
        }
    }

    /// What it has of the plugins that a case wants.
    fn plugins(self, wanted: Plugins) -> Plugins {
        match self {
            Self::Pagewire | Self::Unix | Self::Language(_) | Self::Ancestor | Self::Ws => wanted,
            Self::Without => wanted.without(),
            // It keeps no answers: the floor of kept ones is a file.
            Self::Bare => match wanted {
                Plugins::Serve | Plugins::Transform | Plugins::Talk => wanted,
                _ => Plugins::None,
            },
            Self::Nginx | Self::Vite => Plugins::None,
        }
    }
}

/// What a case wants of its servers.
#[derive(Clone, Copy, Default)]
pub(crate) struct Setup {
    /// They watch the files.
    pub(crate) watch: bool,
    /// Those that can have any have these.
    pub(crate) plugins: Plugins,
    /// It is about hints of modules to come: Pagewire [without](Peer::Without) gives none.
    pub(crate) hints: bool,
    /// The site has [`ManyModules`](crate::site::ManyModules) too.
    pub(crate) many_modules: bool,
}

/// What it takes to start one.
pub(crate) struct Start<'a> {
    pub(crate) site: &'a Path,
    pub(crate) pagewire: &'a Path,
    pub(crate) peers: &'a Path,
    pub(crate) pinned: bool,
}

/// A server that listens, and its plugins. All end with this value: the plugins last, for the daemon
/// tells them to.
pub(crate) struct Server {
    peer: Peer,
    plugins: Plugins,
    daemon: Child,
    host: Option<Child>,
    /// How long the host took until its plugins were in force.
    host_start: Duration,
    address: SocketAddr,
    site: PathBuf,
    /// Its configuration and what it writes.
    _folder: TempDir,
}

/// Where a server that is ready listens.
struct Ready {
    address: SocketAddr,
    /// For plugins.
    control: Option<String>,
}

impl Server {
    pub(crate) fn start(peer: Peer, setup: Setup, start: &Start<'_>) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let address = free_address()?;
        let site = if setup.watch {
            // Of its own: what one server's case writes must not wake the others.
            let site = folder.path().join("site");
            fs::create_dir(&site)?;
            site
        } else {
            start.site.to_owned()
        };
        let plugins = peer.plugins(setup.plugins);
        let mut command = command(peer, start, &site, folder.path(), address)?;
        if setup.watch && peer != Peer::Vite {
            command.arg("--watch");
        }
        if matches!(peer, Peer::Ancestor | Peer::Bare) && plugins != Plugins::None {
            command.args(["--plugins", &plugins.name()]);
        }
        if setup.hints && peer == Peer::Without {
            command.arg("--preload-modules=false");
        }
        let core = start.pinned.then_some(process::SERVER_CORE);
        let mut daemon = Child::start(command, "server", folder.path(), core)?;
        // Most say where they listen, the others are tried.
        let ready = daemon.until(|line| match (peer, line) {
            (Peer::Nginx | Peer::Vite, _) => Ok(TcpStream::connect(address).ok().map(|_| Ready {
                address,
                control: None,
            })),
            (_, line) => line.map(ready).transpose(),
        })?;
        let begin = Instant::now();
        let host = match ready.control {
            Some(control) if plugins != Plugins::None => {
                let mut command = host(peer, plugins, &site)?;
                command
                    .env("PAGEWIRE_ENDPOINT", control)
                    .env("XDG_RUNTIME_DIR", folder.path());
                let mut host = Child::start(command, "plugins", folder.path(), core)?;
                host.until(|line| Ok(line.map(drop)))
                    .context("its plugins do not connect")?;
                Some(host)
            }
            _ => None,
        };
        Ok(Self {
            peer,
            plugins,
            daemon,
            host,
            host_start: begin.elapsed(),
            address: ready.address,
            site,
            _folder: folder,
        })
    }

    pub(crate) fn peer(&self) -> Peer {
        self.peer
    }

    /// Those that it really has.
    pub(crate) fn plugins(&self) -> Plugins {
        self.plugins
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How long the process with its plugins took, from being spawned until they were in force.
    pub(crate) fn host_start(&self) -> Duration {
        self.host_start
    }

    /// The folder that it serves.
    pub(crate) fn site(&self) -> &Path {
        &self.site
    }

    /// What the file at this URL path holds.
    pub(crate) fn file(&self, path: &str) -> std::io::Result<Vec<u8>> {
        fs::read(self.site.join(path.trim_start_matches('/')))
    }

    /// Its processes without those of its plugins, now.
    pub(crate) fn daemon(&self) -> Vec<u32> {
        self.daemon.processes()
    }

    /// Its processes and those of its plugins, now.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let children = [Some(&self.daemon), self.host.as_ref()];
        children
            .into_iter()
            .flatten()
            .flat_map(Child::processes)
            .collect()
    }
}

/// The program that is these plugins of a Pagewire or of a bare server, and says a line when they are in
/// force. The server is in `PAGEWIRE_ENDPOINT`.
fn host(peer: Peer, plugins: Plugins, site: &Path) -> anyhow::Result<Command> {
    let command = match peer {
        Peer::Pagewire | Peer::Unix | Peer::Without => {
            let mut command = Command::new(std::env::current_exe()?);
            command.args(["--plugins", &plugins.name()]);
            command
        }
        Peer::Language(language) => {
            language.command(&site.join(site::MODULE.trim_start_matches('/')))?
        }
        Peer::Bare => {
            let mut command = Command::new(std::env::current_exe()?);
            command.arg("--bare-plugin");
            command
        }
        _ => bail!("{peer:?} has no plugins beside it"),
    };
    Ok(command)
}

/// The peer as it serves this folder at that address.
pub(crate) fn command(
    peer: Peer,
    start: &Start<'_>,
    site: &Path,
    folder: &Path,
    address: SocketAddr,
) -> anyhow::Result<Command> {
    let command = match peer {
        Peer::Pagewire | Peer::Unix | Peer::Without | Peer::Language(_) => {
            let mut command = Command::new(start.pagewire);
            command
                .arg("serve")
                .arg(site)
                .env("XDG_RUNTIME_DIR", folder);
            let control = match peer {
                Peer::Unix => format!("unix:{}", folder.join("control").display()),
                _ => "127.0.0.1:0".to_owned(),
            };
            command.arg("--port").arg(address.port().to_string());
            command.args(["--control", &control]);
            command.args(["--inject", "always", "--exit-with-stdin"]);
            command
        }
        Peer::Nginx => {
            let file = folder.join("nginx.conf");
            fs::write(&file, nginx_configuration(site, folder, address))?;
            let mut command = Command::new("nginx");
            command
                .arg("-e")
                .arg(folder.join("error.log"))
                .arg("-c")
                .arg(file);
            command
        }
        Peer::Ancestor => {
            let mut command = Command::new("node");
            command.arg(start.peers.join("ancestor.js")).arg(site);
            command.arg("--port").arg(address.port().to_string());
            command
        }
        Peer::Ws => {
            let mut command = Command::new("node");
            command.arg(start.peers.join("sockets.js"));
            command
        }
        Peer::Vite => {
            let mut command = Command::new("node");
            command.arg(start.peers.join("node_modules/vite/bin/vite.js"));
            command
                .arg(site)
                .args(["--host", "127.0.0.1", "--strictPort"]);
            command.arg("--port").arg(address.port().to_string());
            command
        }
        Peer::Bare => {
            let mut command = Command::new(std::env::current_exe()?);
            command.arg("--bare").arg(site);
            command
        }
    };
    Ok(command)
}

/// nginx as a good static server: sendfile, no log, connections kept. Like all the others it asks the
/// file system for each request (no `open_file_cache`), for a dev server must see every change.
fn nginx_configuration(site: &Path, folder: &Path, address: SocketAddr) -> String {
    format!(
        "user root;\ndaemon off;\nworker_processes 1;\npid {folder}/nginx.pid;\n\
         events {{ worker_connections 4096; }}\n\
         http {{\n\
           types {{ text/html html; text/javascript js; }}\n\
           default_type application/octet-stream;\n\
           charset utf-8;\n\
           access_log off;\n\
           sendfile on;\n  tcp_nopush on;\n\
           keepalive_requests 1000000000;\n\
           client_body_temp_path {folder}/body;\n  proxy_temp_path {folder}/proxy;\n\
           fastcgi_temp_path {folder}/fastcgi;\n  uwsgi_temp_path {folder}/uwsgi;\n  scgi_temp_path {folder}/scgi;\n\
           server {{ listen {address}; root {site}; add_header Cache-Control no-cache; }}\n\
         }}\n",
        folder = folder.display(),
        site = site.display(),
    )
}

/// Of a ready line that is JSON, or of one that is a port.
fn ready(line: &str) -> anyhow::Result<Ready> {
    if let Ok(port) = line.trim().parse::<u16>() {
        return Ok(Ready {
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            control: None,
        });
    }
    let ready: serde_json::Value = serde_json::from_str(line).context("no ready line")?;
    let http = ready["http"].as_str().context("no address in it")?;
    Ok(Ready {
        address: http.trim_start_matches("http://").parse()?,
        control: ready["control"].as_str().map(str::to_owned),
    })
}

/// A loopback address that nobody listens on right now.
pub(crate) fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}
