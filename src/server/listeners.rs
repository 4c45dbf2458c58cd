//! Binds what the daemon listens on.

use crate::config::{ControlAddress, Port};
use crate::ids;
use crate::server::tls::TlsError;
use std::fmt::Display;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tokio::net::{TcpListener, TcpSocket, UnixListener};

/// Ports that are tried from the first on.
const PORTS_TRIED: u16 = 100;

/// Tries to find a port that is free on both loopback addresses when any will do.
const PAIR_TRIES: usize = 20;

/// Connections that may wait to be accepted. The operating system lets one more wait for a second and
/// longer before it tries again: the 128 of the standard library are fewer than a browser's tabs
/// after a restart. Default 1,024, or what the system allows.
const BACKLOG: u32 = 1024;

/// Why the daemon cannot listen.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BindError {
    /// Somebody else has it.
    #[error(
        "port {0} is in use (choose another with --port, or leave it out for the next free one)"
    )]
    PortInUse(u16),
    /// The same of a control address.
    #[error(
        "control address {0} is in use (choose another with --control, or leave it out for the next free port)"
    )]
    ControlInUse(SocketAddr),
    /// So many were tried.
    #[error("no free port from {first} to {last} (choose one with --port)")]
    NoFreePort {
        /// The first that was tried.
        first: u16,
        /// The last.
        last: u16,
    },
    /// The operating system refused.
    #[error("cannot listen on {address}")]
    Refused {
        /// Where.
        address: String,
        /// What it said.
        source: io::Error,
    },
    /// A live process has the socket file.
    #[error("control socket {} is in use by another process (choose another path)", .0.display())]
    SocketInUse(PathBuf),
    /// Something else is in the way.
    #[error("{} exists and is no socket (choose another path, or remove it)", .0.display())]
    NotASocket(PathBuf),
    /// Pages cannot be served by TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The token could not be written.
    #[error("the token file cannot be written")]
    Token(#[from] io::Error),
}

fn refused(address: impl Display) -> impl FnOnce(io::Error) -> BindError {
    let address = address.to_string();
    move |source| BindError::Refused { address, source }
}

/// Binds the page port: the given address, or both loopback addresses with the same port.
pub(super) fn pages(host: Option<IpAddr>, port: Port) -> Result<Vec<TcpListener>, BindError> {
    match port {
        Port::Exactly(port) => bind_all(host, port)?.ok_or(BindError::PortInUse(port)),
        Port::FirstFreeFrom(first) => {
            let last = first.saturating_add(PORTS_TRIED - 1);
            for port in first..=last {
                if let Some(listeners) = bind_all(host, port)? {
                    return Ok(listeners);
                }
            }
            Err(BindError::NoFreePort { first, last })
        }
    }
}

/// None when the port is in use on any of the addresses.
fn bind_all(host: Option<IpAddr>, port: u16) -> Result<Option<Vec<TcpListener>>, BindError> {
    if let Some(host) = host {
        return Ok(bind(SocketAddr::new(host, port))?.map(|listener| vec![listener]));
    }
    for _ in 0..PAIR_TRIES {
        let Some(v4) = bind((Ipv4Addr::LOCALHOST, port).into())? else {
            return Ok(None);
        };
        let actual = v4.local_addr().map_err(refused("127.0.0.1"))?.port();
        match bind((Ipv6Addr::LOCALHOST, actual).into()) {
            Ok(Some(v6)) => return Ok(Some(vec![v4, v6])),
            // The system chose a port that is taken on the other address: let it choose again.
            Ok(None) if port == 0 => {}
            Ok(None) => return Ok(None),
            Err(error) => {
                tracing::debug!(target: "pagewire::server", %error, "no IPv6 here, IPv4 alone is served");
                return Ok(Some(vec![v4]));
            }
        }
    }
    Ok(None)
}

/// None when the address is in use.
fn bind(address: SocketAddr) -> Result<Option<TcpListener>, BindError> {
    let listen = || {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    match listen() {
        Ok(listener) => Ok(Some(listener)),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(None),
        Err(error) => Err(refused(address)(error)),
    }
}

pub(super) fn addresses(listeners: &[TcpListener]) -> io::Result<Vec<SocketAddr>> {
    listeners.iter().map(TcpListener::local_addr).collect()
}

/// A bound control address.
pub(super) enum ControlListener {
    Tcp(ControlAddress, TcpListener),
    Unix(SocketFile, UnixListener),
}

impl ControlListener {
    pub(super) fn address(&self) -> &ControlAddress {
        match self {
            Self::Tcp(address, _) => address,
            Self::Unix(file, _) => &file.address,
        }
    }
}

/// A socket file, removed with this value.
pub(super) struct SocketFile {
    address: ControlAddress,
    path: PathBuf,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Binds the control addresses; without any, the first free loopback port from `next_port` on.
pub(super) async fn controls(
    asked: &[ControlAddress],
    next_port: u16,
) -> Result<Vec<ControlListener>, BindError> {
    let mut listeners = Vec::new();
    for address in asked {
        listeners.push(match address {
            ControlAddress::Tcp(address) => {
                let listener = bind(*address)?.ok_or(BindError::ControlInUse(*address))?;
                tcp(listener)?
            }
            ControlAddress::Unix(path) => unix(path).await?,
        });
    }
    if asked.is_empty() {
        let last = next_port.saturating_add(PORTS_TRIED - 1);
        for port in next_port..=last {
            if let Some(listener) = bind((Ipv4Addr::LOCALHOST, port).into())? {
                return Ok(vec![tcp(listener)?]);
            }
        }
        return Err(BindError::NoFreePort {
            first: next_port,
            last,
        });
    }
    Ok(listeners)
}

fn tcp(listener: TcpListener) -> Result<ControlListener, BindError> {
    let address = listener
        .local_addr()
        .map_err(refused("the control address"))?;
    Ok(ControlListener::Tcp(ControlAddress::Tcp(address), listener))
}

/// Binds a socket file that only its owner can ever open: it is made in a private folder,
/// given its mode there, and then moved to its place.
async fn unix(path: &Path) -> Result<ControlListener, BindError> {
    remove_stale(path).await?;
    let fail = |source| refused(format!("unix:{}", path.display()))(source);
    let name = format!(".pagewire-{}", &ids::random()[..8]);
    let folder = path.parent().unwrap_or(Path::new("")).join(name);
    std::fs::DirBuilder::new()
        .mode(0o700)
        .create(&folder)
        .map_err(fail)?;
    let made = folder.join("s");
    let bound = UnixListener::bind(&made).and_then(|listener| {
        std::fs::set_permissions(&made, std::fs::Permissions::from_mode(0o600))?;
        std::fs::rename(&made, path)?;
        Ok(listener)
    });
    let _ = std::fs::remove_file(&made);
    let _ = std::fs::remove_dir(&folder);
    let listener = bound.map_err(|source| refused(format!("unix:{}", path.display()))(source))?;
    let file = SocketFile {
        address: ControlAddress::Unix(path.to_owned()),
        path: path.to_owned(),
    };
    Ok(ControlListener::Unix(file, listener))
}

/// Removes a socket file that nobody listens on any more.
async fn remove_stale(path: &Path) -> Result<(), BindError> {
    let Ok(metadata) = path.symlink_metadata() else {
        return Ok(());
    };
    if !metadata.file_type().is_socket() {
        return Err(BindError::NotASocket(path.to_owned()));
    }
    match tokio::net::UnixStream::connect(path).await {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(refused(format!("unix:{}", path.display())))
        }
        _ => Err(BindError::SocketInUse(path.to_owned())),
    }
}
