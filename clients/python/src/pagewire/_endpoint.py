"""The control endpoint of a daemon: its address and token."""

import os
import re
from dataclasses import dataclass, field, replace
from pathlib import Path

from pagewire import discovery
from pagewire._values import StrPath
from pagewire.errors import EndpointError, NoDaemonError, TokenFileError

_ENDPOINT_VARIABLE = "PAGEWIRE_ENDPOINT"
_TOKEN_VARIABLE = "PAGEWIRE_TOKEN"
_EXPECTED = "(pass 127.0.0.1:8001, [::1]:8001 or unix:/path)"
_HOST_AND_PORT = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z.-]+):(?P<port>[0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address, and a token if the address needs one."""

    address: str
    """`HOST:PORT` or `unix:PATH`, both valid gRPC targets."""
    token: str | None = field(default=None, repr=False)
    """A secret, sent with every call."""

    @property
    def is_unix(self) -> bool:
        """Whether it is a unix socket, which needs no token."""
        return self.address.startswith("unix:")

    @classmethod
    def parse(cls, value: str) -> "Endpoint":
        """Parse an address. Does not connect."""

        def invalid(problem: str) -> EndpointError:
            return EndpointError(value, f"{problem} {_EXPECTED}")

        if not isinstance(value, str):
            raise TypeError(f"an endpoint must be a string, not {value!r}")
        if value.startswith("unix:"):
            # gRPC's two spellings: unix:path and unix:///absolute_path.
            path = value.removeprefix("unix:").removeprefix("//")
            if not path:
                raise invalid("is a unix socket without a path")
            return cls(f"unix:{path}")
        if value.startswith("https://"):
            raise invalid("requests TLS, which the control endpoint does not support")
        authority = value.removeprefix("http://").removesuffix("/")
        if re.search("[/?#@]", authority):
            raise invalid("contains more than a host and a port")
        matched = _HOST_AND_PORT.fullmatch(authority)
        if not matched:
            raise invalid("is not a host and a port")
        if not 0 < int(matched["port"]) < 65536:
            raise invalid("has no port")
        return cls(authority)

    def with_token_file(self, path: StrPath) -> "Endpoint":
        """Add the token from a file, without surrounding white space."""
        name = os.fspath(path)
        try:
            token = Path(name).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise TokenFileError(name, str(error)) from None
        if not token:
            raise TokenFileError(name, "it is empty")
        return replace(self, token=token)

    def with_known_token(self) -> "Endpoint":
        """Use the address and the token of the discovered daemon at this address, if there is one.

        The address differs if it was given as `localhost`: another program may listen there too.
        """
        if self.token is not None or self.is_unix:
            return self
        try:
            daemons = discovery.running()
        except OSError:
            daemons = []
        for daemon in daemons:
            address = _numeric(self.address)
            if daemon.token_file and address in map(_numeric, daemon.controls):
                try:
                    return replace(self, address=address).with_token_file(daemon.token_file)
                except TokenFileError:
                    break
        return self  # the daemon's error reports the missing token


def names_token(endpoint: str | None, token: str | None, token_file: StrPath | None) -> bool:
    """Whether the token is named explicitly. A discovered token is discovered again each time."""
    if token is not None or token_file is not None:
        return True
    from_environment = endpoint is None and _variable(_ENDPOINT_VARIABLE) is not None
    return from_environment and _variable(_TOKEN_VARIABLE) is not None


def find(
    endpoint: str | None = None,
    token: str | None = None,
    token_file: StrPath | None = None,
    root_dirs: tuple[str, ...] | None = None,
) -> Endpoint:
    """Find the daemon. Blocks briefly.

    Uses the arguments, else `PAGEWIRE_ENDPOINT` and `PAGEWIRE_TOKEN`, else discovers the daemon for
    the current folder; with `root_dirs`, only one that serves exactly these folders.
    """
    named = endpoint if endpoint is not None else _variable(_ENDPOINT_VARIABLE)
    if named is not None:
        found = Endpoint.parse(named)
        if endpoint is None:
            found = replace(found, token=_variable(_TOKEN_VARIABLE))
    else:
        found = _discover(root_dirs)
    if token is not None:
        found = replace(found, token=token)
    elif token_file is not None:
        found = found.with_token_file(token_file)
    elif named is not None:
        found = found.with_known_token()
    if found.token is not None and not (found.token.isascii() and found.token.isprintable()):
        raise EndpointError(
            found.address,
            "has a token that is not a valid header value (pass the token as the daemon wrote it)",
        )
    return found


def _discover(root_dirs: tuple[str, ...] | None) -> Endpoint:
    try:
        daemons = discovery.running()
    except OSError as error:
        raise NoDaemonError(str(error)) from None
    if root_dirs is not None:
        daemons = [daemon for daemon in daemons if daemon.root_dirs == root_dirs]
    daemon = discovery.choose(".", daemons)
    found = Endpoint.parse(daemon.control)
    if daemon.token_file and not found.is_unix:
        found = found.with_token_file(daemon.token_file)
    return found


def _variable(name: str) -> str | None:
    """The value of an environment variable; None if it is unset or blank."""
    return os.environ.get(name, "").strip() or None


def _numeric(address: str) -> str:
    return address.replace("localhost:", "127.0.0.1:", 1)
