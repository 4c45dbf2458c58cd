import asyncio
import os
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from pagewire import (
    Change,
    Client,
    Content,
    Context,
    Failure,
    Filter,
    Message,
    Plugin,
    Request,
    Resolved,
    Skip,
    Target,
    errors,
    sync,
    testing,
)

from .support import BINARY, TIMEOUT_SECONDS


@pytest.fixture(autouse=True)
def binary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGEWIRE_BIN", BINARY)


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as response:
        text: str = response.read().decode()
        return text


def test_a_request_has_what_the_test_names_and_defaults() -> None:
    request = testing.request(
        "/a b", method="POST", query="c=d", headers={"X-A": "1"}, body="é", file_path=Path("/a")
    )
    assert (request.method, request.path, request.raw_target) == ("POST", "/a b", "/a%20b?c=d")
    assert (request.header("x-a"), request.body, request.file_path) == (b"1", "é".encode(), "/a")
    plain = testing.request()
    assert (plain.method, plain.path, plain.body) == ("GET", "/", b"")
    assert plain.file_path is None and plain.time_remaining is None
    assert not plain.body_omitted and not plain.cancelled


def test_a_response_has_the_header_of_its_type() -> None:
    response = testing.response("a {}", "text/css", path="/a.css")
    assert (response.text, response.request.path) == ("a {}", "/a.css")
    assert response.headers == (("content-type", b"text/css"),)
    request = testing.request("/b", query="x")
    assert testing.response(request=request).request is request
    named = testing.response(headers={"Content-Type": "text/html"})
    assert named.header("content-type") == b"text/html"


def test_imports_are_on_lines_of_their_own() -> None:
    imports = testing.imports("lit", "./a.js", path="/m.js")
    assert imports.importer.path == "/m.js"
    assert [(each.specifier, each.line) for each in imports] == [("lit", 1), ("./a.js", 2)]
    assert imports.resolve({"lit": "/lit.js"}.get) == ["/lit.js", None]


def test_a_message_is_json_or_binary() -> None:
    message = testing.message({"type": "say", "n": 1}, socket_id="s", request_id="r")
    assert (message.type, message.socket_id, message.request_id) == ("say", "s", "r")
    assert (message.json(), message.text) == ({"type": "say", "n": 1}, '{"type":"say","n":1}')
    binary = testing.message(binary=b"x")
    assert (binary.type, binary.text, binary.binary) == ("", None, b"x")
    with pytest.raises(TypeError, match="either a value or binary"):
        testing.message()


def test_a_socket_is_ready_by_default() -> None:
    made = testing.socket("s", url="http://localhost/a")
    assert (made.socket_id, made.url, made.ready) == ("s", "http://localhost/a", True)
    assert testing.socket(ready=False).document_state == "loading"


def test_a_context_without_a_client_says_how_to_get_one() -> None:
    context = testing.context(root_dirs=[Path("/srv")], config={"a": 1})
    assert (context.root_dirs, context.config) == (("/srv",), {"a": 1})
    assert testing.request(context=context).context is context
    with pytest.raises(RuntimeError, match="client of this test has no daemon"):
        context.sync_client.sockets()


async def test_the_calls_of_a_client_without_a_daemon_fail() -> None:
    client, sync_client, everyone = testing.client(), testing.sync_client(), Target.all()
    for call in (
        lambda: client.send(everyone, 1),
        lambda: client.options(confirm_receipt=True).send(everyone, 1),
        lambda: client.reload(everyone),
        client.subscribe,
        lambda: asyncio.to_thread(sync_client.send, everyone, 1),
        lambda: asyncio.to_thread(sync_client.subscribe),
    ):
        with pytest.raises(RuntimeError, match="no daemon"):
            await call()
    with pytest.raises(TypeError, match="Target"):
        await client.send("socket", 1)  # type: ignore[arg-type]
    await client.close()


def test_results_can_be_read_back_and_compared() -> None:
    headers = {"X-A": "1"}
    content = Content("é", "txt", status=201, headers=headers, depends_on=[Path("/a")])
    assert (content.body, content.content_type, content.status) == ("é".encode(), "txt", 201)
    assert (content.headers, content.header("x-A")) == ((("x-a", b"1"),), b"1")
    assert (content.depends_on, content.file_path) == (("/a",), None)
    assert not content.remember and not content.verbatim
    assert Content.file("/a", remember=True).file_path == "/a"
    assert Content.html("x") == Content("x", "text/html") != Content("x")
    assert len({Content.html("x"), Content.html("x"), Content("x")}) == 2

    change = Change("x", content_type="css", headers=headers, remove_headers=["X-B"])
    assert (change.body, change.content_type, change.no_cache) == (b"x", "css", False)
    assert (change.header("x-a"), change.remove_headers) == (b"1", ("x-b",))
    assert Change().body is None and Change("").body == b""
    assert repr(Change("x", no_cache=True)) == "<Change of body, no_cache>"

    resolved = Resolved(["/a", None], no_cache=True, depends_on=["/b"])
    assert (resolved.specifiers, resolved.no_cache) == (("/a", None), True)
    assert resolved.depends_on == ("/b",)
    assert repr(resolved) == "Resolved(['/a', None])"
    assert Skip(remember=True).remember and Skip() != Skip(remember=True)

    failure = Failure("broken", status=422, depends_on=["/a"]).at("/a.vue", 3)
    assert (failure.status, str(failure.location)) == (422, "/a.vue:3")
    assert failure.depends_on == ("/a",)
    assert Failure("broken").location is None
    assert errors.BodyTooLargeError(5, 4).status == 413


def test_a_plain_test_runs_a_daemon_and_a_plugin(tmp_path: Path) -> None:
    plugin = Plugin("p")
    started = []
    plugin.server_start(lambda context: started.append(context.plugin_name))

    @plugin.serve(Filter.path("/pages"))
    async def serve(request: Request) -> Content:
        return Content.text(str(len(await request.context.client.sockets())))

    with testing.Daemon(tmp_path, "--inject", "always") as daemon:
        with daemon.running(plugin) as context:
            assert started == ["p"]
            assert fetch(f"{daemon.url}/pages") == "0"
            assert [each.plugin_name for each in context.sync_client.plugins()] == ["p"]
        assert daemon.sync_client.plugins() == ()
        assert daemon.sync_client.info().injects_client
        assert 'plugin connected plugin="p"' in daemon.log
        with daemon.running(plugin):  # a plugin can run again
            assert started == ["p", "p"]
    assert "stopping" in daemon.log
    with pytest.raises(RuntimeError, match="not running"):
        daemon.sync_client.info()


async def test_an_asynchronous_test_shares_its_event_loop(tmp_path: Path) -> None:
    plugin = Plugin("p")
    loops = []

    @plugin.serve(Filter.path("/a"))
    async def serve(request: Request) -> Content:
        loops.append(asyncio.get_running_loop())
        return Content.text("a")

    async with testing.Daemon(tmp_path) as daemon, daemon.running(plugin) as context:
        assert isinstance(context, Context)
        assert await asyncio.to_thread(fetch, f"{daemon.url}/a") == "a"
        assert [each.plugin_name for each in await daemon.client.plugins()] == ["p"]
        assert await asyncio.to_thread(daemon.sync_client.sockets) == ()
    assert loops == [asyncio.get_running_loop()]


async def test_a_handler_is_a_function_that_a_test_can_call(
    pagewire_daemon: testing.Daemon,
) -> None:
    plugin = Plugin("p")

    @plugin.on_request("count")
    async def count(message: Message, client: Client) -> int:
        report = await client.send(Target.all(), message.json())
        return report.reached

    with pytest.raises(RuntimeError, match="async with"):
        _ = pagewire_daemon.client
    async with pagewire_daemon.running(plugin) as context:
        assert await count(testing.message({"type": "count"}), context.client) == 0


def test_a_daemon_is_not_discovered_and_has_no_settings_but_the_test_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAGEWIRE_INJECT", "always")
    monkeypatch.chdir(tmp_path)
    with testing.Daemon(tmp_path) as daemon:
        assert not daemon.sync_client.info().injects_client
        with pytest.raises(errors.NoDaemonError):
            sync.Client.find()
        assert Path(daemon.token_file).exists()
    assert not Path(daemon.token_file).exists()


@pytest.mark.parametrize("kind", ["flag", "binary"])
def test_a_daemon_that_does_not_start_fails_the_test_with_its_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    if kind == "binary":
        monkeypatch.setenv("PAGEWIRE_BIN", "/no/such/program")
    flags, text = {
        "flag": (["--no-such-flag"], r"exit code 2\):\s.*--no-such-flag"),
        "binary": ([], "cannot start the daemon /no/such/program: No such file.*PAGEWIRE_BIN"),
    }[kind]
    with pytest.raises(RuntimeError, match=text), testing.Daemon(tmp_path, *flags):
        pass


def test_the_error_that_ends_a_plugin_reaches_the_test(tmp_path: Path) -> None:
    refused = Plugin("p")
    refused.serve(Filter.regex("("))(lambda request: None)
    failing = Plugin("q")

    @failing.server_stop
    def stop(client: Any) -> None:
        raise ValueError("no stop")

    with testing.Daemon(tmp_path) as daemon:
        with pytest.raises(errors.RpcError, match="FIELD_INVALID"), daemon.running(refused):
            pass
        with pytest.raises(errors.PluginError, match="no stop"), daemon.running(failing):
            pass


def test_a_daemon_ends_with_a_test_program_that_is_killed(tmp_path: Path) -> None:
    script = (
        "import sys; from pagewire import testing\n"
        f"with testing.Daemon({str(tmp_path)!r}) as daemon:\n"
        "    print(daemon.url, flush=True); sys.stdin.read()\n"
    )
    program = subprocess.Popen(
        [sys.executable, "-c", script],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert program.stdout
    url = urlsplit(program.stdout.readline().strip())
    address = (str(url.hostname), url.port or 0)
    with socket.create_connection(address, TIMEOUT_SECONDS) as connection:
        program.kill()
        program.communicate()
        assert connection.recv(1) == b"", "the daemon closes the connection when it ends"
