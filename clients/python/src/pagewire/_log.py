"""The log of plugins: the logger `pagewire`."""

import logging

log = logging.getLogger("pagewire")
"""Reports connections, and the errors of handlers."""


def log_to_stderr_by_default() -> None:
    """Write the log to standard error, from INFO on, unless the program has configured logging."""
    if log.level == logging.NOTSET and not log.hasHandlers():
        log.addHandler(logging.StreamHandler())
        log.setLevel(logging.INFO)
