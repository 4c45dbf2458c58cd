import json
import os
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pagewire import discovery, errors
from pagewire._endpoint import Endpoint, find
from pagewire.discovery import Daemon


def daemon(pid: int, *roots: str) -> Daemon:
    return Daemon(pid, roots, "http://127.0.0.1:8000", "127.0.0.1:1", ("127.0.0.1:1",), None)


def chosen(folder: str, *daemons: Daemon) -> list[int]:
    """The process ids of the chosen daemon, or of all candidates."""
    try:
        return [discovery.choose(folder, daemons).pid]
    except errors.NoDaemonError:
        return []
    except errors.SeveralDaemonsError as error:
        assert all(str(each) in str(error) for each in error.daemons)
        return [each.pid for each in error.daemons]


def test_prefers_the_nearest_root_around_the_folder_then_roots_below_then_the_only_daemon() -> None:
    outer, inner = daemon(1, "/no/p"), daemon(2, "/no/p/web")
    other = daemon(3, "/no/q", "/no/r")
    every = (outer, inner, other)
    assert chosen("/no/p/web/src", *every) == [2]
    assert chosen("/no/p/web", *every) == [2]
    assert chosen("/no/p/website", *every) == [1]
    assert chosen("/no/p", *every) == [1], "a root contains itself"
    assert chosen("/no/r/x", *every) == [3], "any of its roots counts"
    assert chosen("/no", *every) == [1, 2, 3], "all roots below are equally near"
    assert chosen("/no", inner) == [2]
    assert chosen("/elsewhere", inner) == [2], "the only daemon"
    assert chosen("/elsewhere", inner, other) == [2, 3]
    assert chosen("/elsewhere") == []
    assert chosen("/no/p/src", daemon(4, "/no/p"), outer) == [1, 4]


def write(listener: socket.socket, **fields: Any) -> Path:
    """Write the discovery file of a daemon with this listener."""
    folder = discovery.runtime_folder()
    folder.mkdir(mode=0o700, exist_ok=True)
    control = f"127.0.0.1:{listener.getsockname()[1]}"
    usual = {
        "pagewire": "9.9.9", "pid": os.getpid(), "root_dirs": ["/no/p"], "http": "http://h",
        "control": control, "controls": [control], "token_file": None, "later": True,
    }  # fmt: skip
    path = folder / f"{os.getpid()}.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps(usual | fields))
    return path


def test_finds_only_daemons_that_run_and_listen() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        path = write(listener)
        assert [each.root_dirs for each in discovery.running()] == [("/no/p",)]
        dead = path.with_name("4000000.json")
        dead.write_text(path.read_text().replace(f'"pid": {os.getpid()}', '"pid": 4000000'))
        dead.chmod(0o600)
        assert [each.pid for each in discovery.running()] == [os.getpid()]
        write(listener, pid=1)
        assert discovery.running() == [], "the pid differs from the file name"
        write(listener)
    assert discovery.running() == [], "nothing listens"


def test_ignores_a_process_that_does_not_listen_itself() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        subprocess.Popen(["sleep", "1000"]) as other,
    ):
        path = write(listener, pid=other.pid)
        path.rename(path.with_name(f"{other.pid}.json"))
        found = discovery.running()
        other.kill()
    assert found == [], "its id was reused, and another program listens at its address"


def test_localhost_becomes_the_address_of_the_daemon(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("mine")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        write(listener, token_file=str(token))
        port = listener.getsockname()[1]
        assert find(f"localhost:{port}") == Endpoint(f"127.0.0.1:{port}", "mine")


def test_ignores_files_and_folders_that_others_can_open(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        path = write(listener)
        path.chmod(0o644)
        assert discovery.running() == []
        path.chmod(0o600)
        path.parent.chmod(0o755)
        with pytest.raises(errors.NoDaemonError, match="only you can open"):
            find()
        path.parent.chmod(0o700)
        path.parent.rename(tmp_path / "real")
        path.parent.symlink_to(tmp_path / "real")
        with pytest.raises(PermissionError, match="only you can open"):
            discovery.running()


def test_ignores_invalid_files() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        path = write(listener, root_dirs=["/" + "x" * 70_000])
        assert discovery.running() == [], "too large"
        for text in ("", "[]", "{", '{"pid": "x"}', "\0"):
            path.write_text(text)
            assert discovery.running() == []


def test_the_runtime_folder_is_that_of_the_daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "relative")
    monkeypatch.setenv("TMPDIR", "/var/tmp")
    assert discovery.runtime_folder() == Path(f"/var/tmp/pagewire-{os.getuid()}")


def test_parses_every_form_of_an_endpoint() -> None:
    for value, address in (
        ("127.0.0.1:8001", "127.0.0.1:8001"),
        ("http://127.0.0.1:8001/", "127.0.0.1:8001"),
        ("[::1]:8001", "[::1]:8001"),
        ("http://[::1]:8001", "[::1]:8001"),
        ("localhost:8001", "localhost:8001"),
        ("unix:/run/p.sock", "unix:/run/p.sock"),
        ("unix:///run/p.sock", "unix:/run/p.sock"),
    ):
        assert Endpoint.parse(value).address == address


@pytest.mark.parametrize(
    "value",
    ["", "8001", "127.0.0.1", "https://127.0.0.1:8001", "unix:", "a:1/b", "::1:x", "h:0",
     "http://", "h:99999", "a b:1"],
)  # fmt: skip
def test_errors_of_invalid_endpoints_contain_the_value_and_a_remedy(value: str) -> None:
    with pytest.raises(errors.EndpointError) as error:
        Endpoint.parse(value)
    assert f"`{value}`" in str(error.value)
    assert "(pass " in str(error.value)


def test_arguments_take_precedence_over_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PAGEWIRE_ENDPOINT", "127.0.0.1:1")
    monkeypatch.setenv("PAGEWIRE_TOKEN", " from-env\n")
    assert find() == Endpoint("127.0.0.1:1", "from-env")
    assert find("127.0.0.1:2") == Endpoint("127.0.0.1:2", None), "the token of another endpoint"
    assert find("127.0.0.1:2", "mine") == Endpoint("127.0.0.1:2", "mine")
    token = tmp_path / "token"
    token.write_text(" in-a-file \n")
    assert find(token_file=token) == Endpoint("127.0.0.1:1", "in-a-file")
    monkeypatch.delenv("PAGEWIRE_ENDPOINT")
    with pytest.raises(errors.NoDaemonError):
        find()


def test_refuses_invalid_tokens_and_never_prints_them(tmp_path: Path) -> None:
    assert "secret" not in repr(Endpoint("127.0.0.1:1", "secret"))
    with pytest.raises(errors.EndpointError, match="not a valid header value"):
        find("127.0.0.1:1", "a\nb")
    with pytest.raises(errors.TokenFileError, match="No such file"):
        find("127.0.0.1:1", token_file=tmp_path / "nowhere")
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(errors.TokenFileError, match="it is empty"):
        find("127.0.0.1:1", token_file=tmp_path / "empty")
