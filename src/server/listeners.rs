//! Listeners of the page port and the control service.

use super::tls::TlsError;
use crate::config::{ControlAddress, Port};
use crate::ids;
use crate::paths::OwnedPath;
use std::fmt::Display;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::task::{Context, Poll};
use tokio::net::{TcpListener, TcpSocket, UnixListener, UnixStream};

/// Consecutive ports to try. Default 100.
const PORTS_TRIED: u16 = 100;

/// Attempts to find a port that is free on both loopback addresses when any port will do. Default 20.
const PAIR_TRIES: usize = 20;

/// Connections that wait to be accepted. A client beyond the backlog retries after a second or more, and
/// the standard library's 128 are fewer than the tabs that reconnect after a restart. Default 1,024,
/// or the system's limit.
const BACKLOG: u32 = 1024;

/// Why the daemon cannot listen.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BindError {
    #[error(
        "port {0} is in use (choose another with --port, or leave it out for the next free one)"
    )]
    PortInUse(u16),
    #[error(
        "control address {0} is in use (choose another with --control, or leave it out for the next free port)"
    )]
    ControlInUse(SocketAddr),
    #[error("no free port from {first} to {last} (choose one with --port)")]
    NoFreePort { first: u16, last: u16 },
    #[error("cannot listen on {address}")]
    Refused { address: String, source: io::Error },
    #[error("control socket {} is in use by another process (choose another path)", .0.display())]
    SocketInUse(PathBuf),
    #[error("{} exists and is not a socket (choose another path, or remove it)", .0.display())]
    NotASocket(PathBuf),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(
        "cannot write the token file (make room for it, or set XDG_RUNTIME_DIR to another folder)"
    )]
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

/// Binds a port on all addresses; none when it is in use on one of them.
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
            // The system chose a port that is in use on the other address: let it choose again.
            Ok(None) if port == 0 => {}
            Ok(None) => return Ok(None),
            Err(error) => {
                tracing::debug!(target: "pagewire::server", %error, "cannot listen on the IPv6 loopback address; serving IPv4 only");
                return Ok(Some(vec![v4]));
            }
        }
    }
    Ok(None)
}

/// Binds an address; none when it is in use.
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

/// Bound listener of the control service.
pub(super) enum ControlListener {
    Tcp(ControlAddress, TcpListener),
    Unix(ControlAddress, UnixSocket),
}

impl ControlListener {
    pub(super) fn address(&self) -> &ControlAddress {
        match self {
            Self::Tcp(address, _) | Self::Unix(address, ..) => address,
        }
    }
}

/// Listener on a socket file.
pub(super) struct UnixSocket {
    /// Removed before the listener ends: a file without a listener would be taken for a stale one, and
    /// replaced, while the daemon stops.
    _file: OwnedPath,
    listener: UnixListener,
}

impl UnixSocket {
    pub(super) fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<UnixStream>> {
        self.listener
            .poll_accept(cx)
            .map_ok(|(stream, _address)| stream)
    }
}

/// Binds the configured control addresses, or else the first free loopback port from `next_port` on.
pub(super) async fn controls(
    configured: &[ControlAddress],
    next_port: u16,
) -> Result<Vec<ControlListener>, BindError> {
    let mut listeners = Vec::new();
    for address in configured {
        listeners.push(match address {
            ControlAddress::Tcp(address) => {
                let listener = bind(*address)?.ok_or(BindError::ControlInUse(*address))?;
                tcp(listener)?
            }
            ControlAddress::Unix(path) => unix(path).await?,
        });
    }
    if configured.is_empty() {
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

/// Binds a socket file that only its owner can ever open: it is created in a private folder, gets its
/// mode there, and is then moved to its path.
async fn unix(path: &Path) -> Result<ControlListener, BindError> {
    remove_stale(path).await?;
    let refuse = |source| refused(format!("unix:{}", path.display()))(source);
    let name = format!(".pagewire-{}", &ids::random()[..8]);
    let folder = path.parent().unwrap_or(Path::new("")).join(name);
    let bind = || {
        let folder = OwnedPath::private_folder(folder)?;
        let temporary = folder.path().join("s");
        let listener = UnixListener::bind(&temporary)?;
        std::fs::set_permissions(&temporary, std::fs::Permissions::from_mode(0o600))?;
        let mut file = OwnedPath::created(temporary)?;
        file.rename(path)?;
        Ok(UnixSocket {
            _file: file,
            listener,
        })
    };
    let address = ControlAddress::Unix(path.to_owned());
    Ok(ControlListener::Unix(address, bind().map_err(refuse)?))
}

/// Removes a socket file on which no process listens.
async fn remove_stale(path: &Path) -> Result<(), BindError> {
    let Ok(metadata) = path.symlink_metadata() else {
        return Ok(());
    };
    if !metadata.file_type().is_socket() {
        return Err(BindError::NotASocket(path.to_owned()));
    }
    match UnixStream::connect(path).await {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(refused(format!("unix:{}", path.display())))
        }
        _ => Err(BindError::SocketInUse(path.to_owned())),
    }
}
