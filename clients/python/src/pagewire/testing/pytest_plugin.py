"""The fixture `pagewire_daemon` of pytest, which loads this module by itself (`pytest11`)."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pagewire.testing._daemon import Daemon


@pytest.fixture
def pagewire_daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon that serves `tmp_path`. The report of a failed test contains its log."""
    with Daemon(tmp_path) as daemon:
        yield daemon
    sys.stderr.write(daemon.log)
