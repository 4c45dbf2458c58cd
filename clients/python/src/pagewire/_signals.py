"""Signals that stop a plugin."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stop_on_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` at the first SIGINT or SIGTERM; a second one ends the program at once.

    At the end the earlier handlers are restored. Without effect outside the main thread, because
    there Python does not allow signal handlers.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(*_: object) -> None:
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        stop()

    earlier = {each: signal.signal(each, handle) for each in _SIGNALS}
    try:
        yield
    finally:
        for each, handler in earlier.items():
            # None = a handler that was not set by Python, and that it therefore cannot restore.
            signal.signal(each, signal.SIG_DFL if handler is None else handler)
