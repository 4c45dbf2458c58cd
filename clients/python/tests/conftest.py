import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from .support import Daemon


@pytest.fixture(autouse=True)
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A runtime folder and a site for each test; the site is the current folder."""
    runtime, folder = tmp_path / "runtime", tmp_path / "site"
    runtime.mkdir(mode=0o700)
    folder.mkdir()
    (folder / "page.html").write_text("<h1>a page</h1>")
    for variable in list(os.environ):
        if variable.startswith("PAGEWIRE_") and variable != "PAGEWIRE_BIN":
            monkeypatch.delenv(variable)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
async def daemon(site: Path) -> AsyncIterator[Daemon]:
    """A daemon that serves the site."""
    async with Daemon.serve(site) as daemon:
        yield daemon
