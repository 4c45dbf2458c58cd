"""What the runner says: a JSON object a line."""

import json
import re
import sys
from typing import Any

from pagewire import errors


def say(**fields: Any) -> None:
    """Say one thing, at once."""
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


def error_of(error: BaseException) -> dict[str, Any]:
    """Say an error: `NoDaemonError` is of the kind `no_daemon`."""
    name = type(error).__name__.removesuffix("Error")
    said: dict[str, Any] = {
        "kind": re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower(),
        "message": str(error),
    }
    if isinstance(error, errors.RpcError):
        said |= {"code": error.code.name, "reason": error.reason}
    return said
