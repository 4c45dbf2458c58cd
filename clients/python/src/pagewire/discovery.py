"""Discovery of running daemons through the files that they write.

Most programs use `pagewire.Client.find`, which calls this module. All functions block briefly: they
read small files and try the addresses in them.
"""

import contextlib
import errno
import json
import os
import socket
import stat
import struct
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pagewire._daemon import Daemon
from pagewire.errors import NoDaemonError, SeveralDaemonsError

__all__ = ["Daemon", "choose", "running", "runtime_folder"]

# Files larger than this are ignored.
_MAX_FILE_BYTES = 64 * 1024
# A daemon that does not accept a connection within this time counts as busy, and thus as running.
_ACCEPT_TIMEOUT_SECONDS = 1.0
# Nearness of a root inside the folder, and of an unrelated root. The nearness of a root that
# contains the folder is the number of the root's components.
_BELOW = -1
_UNRELATED = -2


def runtime_folder() -> Path:
    """The folder of the discovery files. The folder may not exist."""
    xdg_folder = os.environ.get("XDG_RUNTIME_DIR", "")
    if os.path.isabs(xdg_folder):
        return Path(xdg_folder, "pagewire")
    if hasattr(os, "getuid"):
        # Not `tempfile.gettempdir()`, which tries folders that the daemon does not use.
        return Path(os.environ.get("TMPDIR") or "/tmp", f"pagewire-{os.getuid()}")
    return Path(tempfile.gettempdir(), "pagewire")


def running() -> list[Daemon]:
    """The running daemons, in no particular order.

    Raises OSError when the folder exists but cannot be read, or is accessible to others.
    """
    folder = runtime_folder()
    try:
        status = folder.lstat()
    except FileNotFoundError:
        return []
    if not (stat.S_ISDIR(status.st_mode) and _is_private(status)):
        raise PermissionError(
            f"{folder} is not a folder that only you can open (remove it, or set XDG_RUNTIME_DIR)"
        )
    found = (_read(path) for path in sorted(folder.glob("*.json")))
    return [daemon for daemon in found if daemon and _is_alive(daemon.pid) and _listens(daemon)]


def choose(folder: str, daemons: Sequence[Daemon]) -> Daemon:
    """Choose the daemon for a folder.

    Chooses the daemon with the innermost root that contains the folder; otherwise one with a root
    inside the folder; otherwise the only one. Raises NoDaemonError, or SeveralDaemonsError when
    several match equally well.
    """
    folder = os.path.realpath(folder)
    nearness = {daemon: _nearness(daemon, folder) for daemon in daemons}
    nearest = max(nearness.values(), default=_UNRELATED)
    candidates = [daemon for daemon in daemons if nearness[daemon] == nearest]
    if not candidates:
        raise NoDaemonError
    if len(candidates) > 1:
        candidates.sort(key=lambda daemon: (daemon.root_dirs, daemon.pid))
        raise SeveralDaemonsError(folder, candidates)
    return candidates[0]


def _nearness(daemon: Daemon, folder: str) -> int:
    """How near a daemon's roots are to a folder: more is nearer."""
    inside = Path(folder)
    nearest = _UNRELATED
    for root in map(Path, daemon.root_dirs):
        if inside.is_relative_to(root):
            nearest = max(nearest, len(root.parts))
        elif root.is_relative_to(inside):
            nearest = max(nearest, _BELOW)
    return nearest


def _read(path: Path) -> Daemon | None:
    """Read a discovery file; None unless it is private and its content is valid."""
    try:
        status = path.lstat()
        regular = stat.S_ISREG(status.st_mode)
        if not regular or not _is_private(status) or status.st_size > _MAX_FILE_BYTES:
            return None
        content = json.loads(path.read_bytes())
        token_file = content.get("token_file")
        daemon = Daemon(
            pid=int(content["pid"]),
            root_dirs=tuple(map(str, content["root_dirs"])),
            http=str(content["http"]),
            control=str(content["control"]),
            controls=tuple(map(str, content["controls"])),
            token_file=None if token_file is None else str(token_file),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return daemon if path.stem == str(daemon.pid) else None


def _is_private(status: os.stat_result) -> bool:
    if not hasattr(os, "getuid"):
        return True  # on Windows the temporary folder belongs to the user
    return status.st_uid == os.getuid() and not status.st_mode & 0o077


def _is_alive(pid: int) -> bool:
    """Whether a process of the current user runs. A zombie counts as dead.

    A killed daemon leaves its file behind, and another daemon may listen at its address by now.
    """
    if not hasattr(os, "getuid"):
        return True  # on Windows os.kill would end the process
    try:
        os.kill(pid, 0)
    except (OSError, OverflowError):
        # EPERM means that the id belongs to a process of another user: the daemon has exited.
        return False
    try:
        status = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return True
    # The state follows the name, which is in parentheses and may contain parentheses.
    return not status.rpartition(")")[2].lstrip().startswith("Z")


def _listens(daemon: Daemon) -> bool:
    controls = dict.fromkeys((daemon.control, *daemon.controls))
    return any(_accepts(daemon.pid, control) for control in controls)


def _accepts(pid: int, control: str) -> bool:
    """Whether a process listens at an address. A timeout counts: the daemon may be busy.

    Once the daemon has exited, its process id and its address may belong to two other programs.
    """
    try:
        if control.startswith("unix:"):
            with socket.socket(socket.AF_UNIX) as unix:
                unix.settimeout(_ACCEPT_TIMEOUT_SECONDS)
                unix.connect(control.removeprefix("unix:"))
                return _is_peer(pid, unix)
        host, _, port = control.rpartition(":")
        address = (host.strip("[]"), int(port))
        if not _owns_port(pid, address[1]):
            return False
        socket.create_connection(address, _ACCEPT_TIMEOUT_SECONDS).close()
    except (ValueError, AttributeError):
        return False
    except OSError as error:
        return error.errno not in (errno.ECONNREFUSED, errno.ENOENT)
    return True


def _owns_port(pid: int, port: int) -> bool:
    """Whether a process listens at a TCP port. True if that is unknown."""
    if not sys.platform.startswith("linux"):
        return True
    tables = []
    for name in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            tables.append(Path(name).read_text())
    if not tables:
        return True
    sockets = set()
    for line in "".join(tables).splitlines():
        # The local address, the state (0A: listening), the owner and the socket: see proc_net_tcp
        # in the kernel's documentation.
        match line.split():
            case [_, address, _, "0A", _, _, _, owner, _, inode, *_] if address.endswith(
                f":{port:04X}"
            ) and owner == str(os.getuid()):
                sockets.add(f"socket:[{inode}]")
    folder = f"/proc/{pid}/fd"
    try:
        files = os.listdir(folder)
    except OSError as error:
        # `/proc/PID/fd` of a program with capabilities is not readable; then any listener of the
        # current user at this port counts as its own.
        return isinstance(error, PermissionError) and bool(sockets)
    for file in files:
        with contextlib.suppress(OSError):
            if os.readlink(f"{folder}/{file}") in sockets:
                return True
    return False


def _is_peer(pid: int, unix: socket.socket) -> bool:
    """Whether a process listens at the socket file. True if that is unknown."""
    if not sys.platform.startswith("linux"):
        return True
    credentials = unix.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return bool(struct.unpack("3i", credentials)[0] == pid)
