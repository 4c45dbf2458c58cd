"""Writes the runner's output: one JSON object per line."""

import json
import re
import sys
from typing import Any

from pagewire import errors


def emit(**fields: Any) -> None:
    """Write a line and flush it."""
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


def error_of(error: BaseException) -> dict[str, Any]:
    """Describe an error: `NoDaemonError` has the kind `no_daemon`."""
    name = type(error).__name__.removesuffix("Error")
    described: dict[str, Any] = {
        "kind": re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower(),
        "message": str(error),
    }
    if isinstance(error, errors.RpcError):
        described |= {"code": error.code.name, "reason": error.reason}
    return described
