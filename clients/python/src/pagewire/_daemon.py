"""The description of a running daemon, which both `errors` and `discovery` need."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Daemon:
    """A running daemon as described by its discovery file."""

    pid: int
    """The daemon's process id."""
    root_dirs: tuple[str, ...]
    """The served folders: absolute paths without symbolic links."""
    http: str
    """The first URL of its pages."""
    control: str
    """The daemon's first control address."""
    controls: tuple[str, ...]
    """All control addresses of the daemon."""
    token_file: str | None
    """The file with its token; None when no control address needs one."""

    def __str__(self) -> str:
        """One line of a list of candidates."""
        roots = ", ".join(self.root_dirs)
        return f"{roots}  {self.http}  control {self.control}  pid {self.pid}"
