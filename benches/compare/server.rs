//! The servers: how each is started, and that it ends.

use crate::process;
use anyhow::{Context, ensure};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a server may take to listen.
const START_GUARD: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Who is measured. What is ours comes first, the others are compared with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    Pagewire,
    /// With one worker.
    Nginx,
    /// @web/dev-server-core, its plugin in process; @web/dev-server where files are watched.
    Ancestor,
    Vite,
    /// The floor: axum, hyper and tokio as Pagewire uses them, with the answers in memory.
    Bare,
}

impl Peer {
    /// What it is called in the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pagewire => "pagewire",
            Self::Nginx => "nginx",
            Self::Ancestor => "dev-server",
            Self::Vite => "vite",
            Self::Bare => "bare stack",
        }
    }

    /// What its socket client in a page is known by; none when it has no such thing.
    pub(crate) fn client(self) -> Option<&'static str> {
        match self {
            Self::Pagewire | Self::Bare => Some("/__pagewire__/client.js"),
            Self::Ancestor => Some("/__web-dev-server__web-socket.js"),
            Self::Vite => Some("/@vite/client"),
            Self::Nginx => None,
        }
    }
}

/// What it takes to start one.
pub(crate) struct Start<'a> {
    pub(crate) site: &'a Path,
    pub(crate) pagewire: &'a Path,
    pub(crate) peers: &'a Path,
    pub(crate) pinned: bool,
}

/// A server that listens. It ends with this value.
pub(crate) struct Server {
    peer: Peer,
    child: Child,
    address: SocketAddr,
    site: PathBuf,
    /// Its configuration and what it writes.
    _folder: TempDir,
}

impl Server {
    pub(crate) fn start(peer: Peer, watch: bool, start: &Start<'_>) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let address = free_address()?;
        let site = if watch {
            // Of its own: what one server's case writes must not wake the others.
            let site = folder.path().join("site");
            fs::create_dir(&site)?;
            site
        } else {
            start.site.to_owned()
        };
        let mut command = command(peer, start, &site, folder.path(), address)?;
        if watch && peer != Peer::Vite {
            command.arg("--watch");
        }
        // A pipe would fill, or break once nobody reads it.
        let (said, log) = (folder.path().join("said"), folder.path().join("log"));
        command.stdin(Stdio::piped());
        command
            .stdout(File::create(&said)?)
            .stderr(File::create(&log)?);
        let child = if start.pinned {
            process::on_core(process::SERVER_CORE, || command.spawn())?
        } else {
            command.spawn()
        }
        .with_context(|| format!("{} cannot be run", command.get_program().display()))?;
        let mut server = Self {
            peer,
            child,
            address,
            site,
            _folder: folder,
        };
        server
            .listens(&said)
            .with_context(|| fs::read_to_string(&log).unwrap_or_default())?;
        Ok(server)
    }

    /// Waits until it accepts connections: most say so and where, the others are tried.
    fn listens(&mut self, said: &Path) -> anyhow::Result<()> {
        let begin = Instant::now();
        loop {
            if matches!(self.peer, Peer::Nginx | Peer::Vite) {
                if TcpStream::connect(self.address).is_ok() {
                    return Ok(());
                }
            } else if let Some((line, _)) = fs::read_to_string(said)?.split_once('\n') {
                self.address = address_in(line)?;
                return Ok(());
            }
            let ended = self.child.try_wait()?;
            ensure!(ended.is_none(), "it ended: {ended:?}");
            ensure!(begin.elapsed() < START_GUARD, "it does not listen");
            std::thread::sleep(LOOK_EVERY);
        }
    }

    pub(crate) fn peer(&self) -> Peer {
        self.peer
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The folder that it serves.
    pub(crate) fn site(&self) -> &Path {
        &self.site
    }

    /// What the file at this URL path holds.
    pub(crate) fn file(&self, path: &str) -> std::io::Result<Vec<u8>> {
        fs::read(self.site.join(path.trim_start_matches('/')))
    }

    /// Its processes, now.
    pub(crate) fn processes(&self) -> Vec<u32> {
        process::tree(self.child.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Not SIGKILL: nginx ends its workers.
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            let _ = kill_process(pid, Signal::TERM);
        }
        let _ = self.child.wait();
    }
}

fn command(
    peer: Peer,
    start: &Start<'_>,
    site: &Path,
    folder: &Path,
    address: SocketAddr,
) -> anyhow::Result<Command> {
    let command = match peer {
        Peer::Pagewire => {
            let mut command = Command::new(start.pagewire);
            command
                .arg("serve")
                .arg(site)
                .env("XDG_RUNTIME_DIR", folder);
            command.args(["--port", "0", "--control", "127.0.0.1:0"]);
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
fn address_in(line: &str) -> anyhow::Result<SocketAddr> {
    if let Ok(port) = line.trim().parse::<u16>() {
        return Ok(SocketAddr::from(([127, 0, 0, 1], port)));
    }
    let ready: serde_json::Value = serde_json::from_str(line).context("no ready line")?;
    let http = ready["http"].as_str().context("no address in it")?;
    Ok(http.trim_start_matches("http://").parse()?)
}

/// A loopback address that nobody listens on right now.
fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}
