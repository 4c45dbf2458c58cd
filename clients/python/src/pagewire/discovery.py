"""How programs find a daemon that nobody named: the files that daemons leave.

Most programs want `pagewire.Client.find`, which looks here by itself. Everything here blocks
shortly: it reads small files, and tries whether who wrote them still listens.
"""

import errno
import json
import os
import socket
import stat
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pagewire.errors import NoDaemonError, SeveralDaemonsError

__all__ = ["Daemon", "choose", "running", "runtime_folder"]

# Largest file that is read; a larger one is none of ours. Default 64 KiB.
_MAX_FILE_BYTES = 64 * 1024
# How long a daemon may take to accept a connection before it counts as busy. Default 1 s.
_ACCEPT_TIMEOUT_SECONDS = 1.0
# Where a folder lies to a root that is below it; around it counts from 0.
_BELOW = -1
_ELSEWHERE = -2


@dataclass(frozen=True, slots=True)
class Daemon:
    """A daemon that runs, as it describes itself."""

    pid: int
    """Its process."""
    root_dirs: tuple[str, ...]
    """What it serves: absolute paths, without links."""
    http: str
    """The first URL of its pages."""
    control: str
    """Its first control address."""
    controls: tuple[str, ...]
    """All its control addresses."""
    token_file: str | None
    """The file that holds its token; none when no control address needs one."""

    def __str__(self) -> str:
        """One line of a list to choose from."""
        roots = ", ".join(self.root_dirs)
        return f"{roots}  {self.http}  control {self.control}  pid {self.pid}"


def runtime_folder() -> Path:
    """Say where daemons leave their files. The folder may not exist."""
    given = os.environ.get("XDG_RUNTIME_DIR", "")
    if os.path.isabs(given):
        return Path(given, "pagewire")
    if hasattr(os, "getuid"):
        # Not `tempfile.gettempdir()`, which also looks where the daemon does not.
        return Path(os.environ.get("TMPDIR") or "/tmp", f"pagewire-{os.getuid()}")
    return Path(tempfile.gettempdir(), "pagewire")


def running() -> list[Daemon]:
    """List the daemons that run, in no particular order.

    Raises OSError when the folder exists and cannot be read, or others can open it.
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
    """Say which is meant in a folder.

    The one whose root is nearest around the folder, else one whose root is below it, else the
    only one. Raises NoDaemonError, or SeveralDaemonsError when two are equally near.
    """
    folder = os.path.realpath(folder)
    nearness = {daemon: _nearness(daemon, folder) for daemon in daemons}
    nearest = max(nearness.values(), default=_ELSEWHERE)
    meant = [daemon for daemon in daemons if nearness[daemon] == nearest]
    if not meant:
        raise NoDaemonError
    if len(meant) > 1:
        meant.sort(key=lambda daemon: (daemon.root_dirs, daemon.pid))
        raise SeveralDaemonsError(folder, meant)
    return meant[0]


def _nearness(daemon: Daemon, folder: str) -> int:
    """How near a daemon's roots are to a folder: more is nearer."""
    inside = Path(folder)
    nearest = _ELSEWHERE
    for root in map(Path, daemon.root_dirs):
        if inside.is_relative_to(root):
            nearest = max(nearest, len(root.parts))
        elif root.is_relative_to(inside):
            nearest = max(nearest, _BELOW)
    return nearest


def _read(path: Path) -> Daemon | None:
    """Read a file; none unless it is one of ours that nobody else could write, and makes sense."""
    try:
        status = path.lstat()
        regular = stat.S_ISREG(status.st_mode)
        if not regular or not _is_private(status) or status.st_size > _MAX_FILE_BYTES:
            return None
        said = json.loads(path.read_bytes())
        token_file = said.get("token_file")
        daemon = Daemon(
            pid=int(said["pid"]),
            root_dirs=tuple(map(str, said["root_dirs"])),
            http=str(said["http"]),
            control=str(said["control"]),
            controls=tuple(map(str, said["controls"])),
            token_file=None if token_file is None else str(token_file),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return daemon if path.stem == str(daemon.pid) else None


def _is_private(status: os.stat_result) -> bool:
    if not hasattr(os, "getuid"):
        return True  # the temporary folder is the user's own there
    return status.st_uid == os.getuid() and not status.st_mode & 0o077


def _is_alive(pid: int) -> bool:
    """Whether a process runs.

    One that was killed leaves its file, and another may listen at its address with another token.
    """
    if not hasattr(os, "getuid"):
        return True  # asking would end the process there
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    try:
        said = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return True
    # The state stands behind the name, which is in parentheses and may hold some.
    return not said.rpartition(")")[2].lstrip().startswith("Z")


def _listens(daemon: Daemon) -> bool:
    return any(_accepts(control) for control in dict.fromkeys((daemon.control, *daemon.controls)))


def _accepts(control: str) -> bool:
    """Whether anything listens at an address. A daemon too busy to accept does."""
    try:
        if control.startswith("unix:"):
            with socket.socket(socket.AF_UNIX) as unix:
                unix.settimeout(_ACCEPT_TIMEOUT_SECONDS)
                unix.connect(control.removeprefix("unix:"))
        else:
            host, _, port = control.rpartition(":")
            address = (host.strip("[]"), int(port))
            socket.create_connection(address, _ACCEPT_TIMEOUT_SECONDS).close()
    except (ValueError, AttributeError):
        return False
    except OSError as error:
        return error.errno not in (errno.ECONNREFUSED, errno.ENOENT)
    return True
