//! Finds out which process owns a listener, to distinguish a running daemon from another process that now has
//! its id or its address.

use std::io;
#[cfg(unix)]
use std::path::Path;

/// Whether the process `pid` listens at a TCP port. True if that cannot be determined.
#[cfg(target_os = "linux")]
pub(crate) fn owns_port(pid: u32, port: u16) -> bool {
    use std::fs;
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(fs::read_to_string);
    if tables.iter().all(Result::is_err) {
        return true;
    }
    let local = format!(":{port:04X}");
    let user = rustix::process::getuid().as_raw().to_string();
    let lines = tables.iter().flatten().flat_map(|table| table.lines());
    let sockets = lines.filter_map(|line| {
        let fields: Vec<_> = line.split_ascii_whitespace().collect();
        // 0A: listening. See proc_net_tcp in the kernel's documentation.
        let [_, address, _, "0A", _, _, _, owner, _, inode, ..] = fields[..] else {
            return None;
        };
        (address.ends_with(&local) && owner == user).then(|| format!("socket:[{inode}]"))
    });
    let sockets: Vec<_> = sockets.collect();
    let is_one = |file: fs::DirEntry| {
        let target = fs::read_link(file.path()).unwrap_or_default();
        sockets.iter().any(|socket| target == Path::new(socket))
    };
    match fs::read_dir(format!("/proc/{pid}/fd")) {
        Ok(files) => files.flatten().any(is_one),
        // `/proc/PID/fd` of a program with capabilities is not readable; then any listener of the current user
        // at this port counts as its own.
        Err(error) => error.kind() == io::ErrorKind::PermissionDenied && !sockets.is_empty(),
    }
}

/// Always true: this system does not report the owner of a listener.
#[cfg(not(target_os = "linux"))]
pub(crate) fn owns_port(_: u32, _: u16) -> bool {
    true
}

/// Whether the process `pid` listens at a socket file; true if the owner cannot be determined. Fails when the
/// connection does.
#[cfg(unix)]
pub(crate) fn owns_socket(pid: u32, path: &Path) -> io::Result<bool> {
    let stream = std::os::unix::net::UnixStream::connect(path)?;
    #[cfg(target_os = "linux")]
    {
        let peer = rustix::net::sockopt::socket_peercred(&stream)?;
        Ok(u32::try_from(peer.pid.as_raw_nonzero().get()) == Ok(pid))
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (pid, stream);
        Ok(true)
    }
}

/// This system has no socket files.
#[cfg(not(unix))]
pub(crate) fn owns_socket(_: u32, _: &std::path::Path) -> io::Result<bool> {
    Err(io::ErrorKind::NotFound.into())
}
