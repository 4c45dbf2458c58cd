//! Command lines that start servers and the processes that run their plugins.

use super::peer::{Peer, StartOptions};
use super::plugins::PluginSet;
use crate::site;
use anyhow::bail;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

/// Returns the command that serves `site` at `address`. Configuration files and sockets are created in `folder`.
pub(crate) fn server_command(
    peer: Peer,
    options: &StartOptions<'_>,
    site: &Path,
    folder: &Path,
    address: SocketAddr,
) -> anyhow::Result<Command> {
    let command = match peer {
        Peer::Pagewire | Peer::PagewireUnix | Peer::Without | Peer::Language(_) => {
            let mut command = Command::new(options.pagewire);
            command
                .arg("serve")
                .arg(site)
                .env("XDG_RUNTIME_DIR", folder);
            let control = match peer {
                Peer::PagewireUnix => format!("unix:{}", folder.join("control").display()),
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
        Peer::WebDevServer => {
            let mut command = Command::new("node");
            command
                .arg(options.peers.join("web-dev-server.js"))
                .arg(site);
            command.arg("--port").arg(address.port().to_string());
            command
        }
        Peer::Ws => {
            let mut command = Command::new("node");
            command.arg(options.peers.join("ws-server.js"));
            command
        }
        Peer::Vite => {
            let mut command = Command::new("node");
            command.arg(options.peers.join("node_modules/vite/bin/vite.js"));
            command
                .arg(site)
                .args(["--host", "127.0.0.1", "--strictPort"]);
            command.arg("--port").arg(address.port().to_string());
            command
        }
        Peer::BareStack => {
            let mut command = Command::new(std::env::current_exe()?);
            command.arg("--bare").arg(site);
            command
        }
    };
    Ok(command)
}

/// Returns the command that runs the plugins of a Pagewire server or of the bare server in a process of their own.
/// The process takes the server's address from `PAGEWIRE_ENDPOINT` and prints a line once all hooks are open.
pub(super) fn plugin_command(
    peer: Peer,
    plugins: PluginSet,
    site: &Path,
) -> anyhow::Result<Command> {
    let command = match peer {
        Peer::Pagewire | Peer::PagewireUnix | Peer::Without => {
            let mut command = Command::new(std::env::current_exe()?);
            command.args(["--plugins", &plugins.name()]);
            command
        }
        Peer::Language(language) => {
            language.command(&site.join(site::MODULE.trim_start_matches('/')))?
        }
        Peer::BareStack => {
            let mut command = Command::new(std::env::current_exe()?);
            command.arg("--bare-plugin");
            command
        }
        _ => bail!("{peer:?} has no plugins in another process"),
    };
    Ok(command)
}

/// Configures nginx as an efficient static server: sendfile, no access log, persistent connections. Like all other
/// peers it checks the file system on each request (no `open_file_cache`): a dev server must see every change.
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
