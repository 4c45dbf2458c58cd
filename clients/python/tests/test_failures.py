import asyncio
import re
from pathlib import Path

import pytest

from pagewire import (
    Change,
    Client,
    Content,
    Failure,
    Filter,
    Imports,
    Message,
    Plugin,
    Request,
    Response,
    Socket,
    SocketClosed,
)

from .support import Daemon, running, within


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> "Logged":
    return Logged(caplog)


class Logged:
    """The errors that were logged."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog

    def texts(self) -> list[str]:
        return [record.getMessage() for record in self._caplog.records]

    def trace(self, start: str) -> str | None:
        """The stack trace of the error whose text begins so."""
        [record] = [each for each in self._caplog.records if each.getMessage().startswith(start)]
        return record.exc_text


async def test_the_error_of_a_hook_is_logged_with_the_stack_of_the_handler(
    daemon: Daemon, logged: Logged
) -> None:
    plugin = Plugin("p")

    @plugin.serve(Filter.prefix("/serve"))
    async def serve(request: Request) -> Content:
        raise ValueError("broken")

    @plugin.transform(Filter.path("/page.html"))
    async def transform(response: Response) -> Change:
        raise ValueError("broken")

    @plugin.resolve_import(Filter.all())
    def resolve(imports: Imports) -> list[str | None]:
        raise ValueError("broken")

    async with running(plugin):
        (daemon.root / "m.js").write_text("import 'lit';")
        for path in ("/serve/%C3%BC", "/page.html", "/m.js"):
            assert (await daemon.get(path)).status == 500
    assert logged.texts() == [
        "serve of /serve/ü failed: broken",
        "transform of /page.html failed: broken",
        "import resolution of /m.js failed: broken",
    ]
    trace = logged.trace("serve")
    assert trace
    assert "ValueError: broken" in trace and "_hook.py" not in trace


@pytest.mark.parametrize(
    ("failure", "text"),
    [
        (Failure("unexpected }"), "unexpected }"),
        (Failure("unexpected }", file="a.vue"), "unexpected } (a.vue)"),
        (Failure("unexpected }", file="a.vue", line=3, column=7), "unexpected } (a.vue:3:7)"),
    ],
)
async def test_a_failure_is_logged_with_its_location_instead_of_a_stack(
    daemon: Daemon, logged: Logged, failure: Failure, text: str
) -> None:
    plugin = Plugin("p")

    @plugin.serve(Filter.path("/fail"))
    async def serve(request: Request) -> Content:
        raise failure

    async with running(plugin):
        await daemon.get("/fail")
    assert logged.texts() == [f"serve of /fail failed: {text}"]
    assert logged.trace("serve") is None


async def test_errors_of_event_handlers_are_logged(daemon: Daemon, logged: Logged) -> None:
    plugin, ended = Plugin("p"), asyncio.Event()

    @plugin.on_socket_opened
    async def opened(socket: Socket, client: Client) -> None:
        raise ValueError("no socket")

    @plugin.on_socket_ready
    async def ready(socket: Socket, client: Client) -> None:
        raise ValueError("no page")

    @plugin.on_message("m")
    def message(message: Message, client: object) -> None:
        raise Failure("no message", file="a.vue", line=3)

    @plugin.on_request("r")
    async def request(message: Message, client: Client) -> None:
        raise KeyError("id")

    @plugin.on_socket_closed
    async def closed(socket: SocketClosed, client: Client) -> None:
        ended.set()
        raise ValueError("no close")

    async with running(plugin):
        async with daemon.page() as page:
            await page.send(type="m")
            assert (await page.request(type="r", id=1))["error"] == "KeyError: 'id'"
        await within("the close", ended.wait())
    assert logged.texts() == [
        "socket opened failed: no socket",
        "socket ready failed: no page",
        'message "m" failed: no message (a.vue:3)',
        "request \"r\" failed: KeyError: 'id'",
        "socket closed failed: no close",
    ]
    assert re.search(r'raise KeyError\("id"\)', logged.trace("request") or "")


async def test_a_page_retries_when_a_file_that_a_failure_depends_on_changes(site: Path) -> None:
    plugin, part = Plugin("p"), site / "part.scss"
    part.write_text("{;")

    @plugin.serve(Filter.path("/style.css"))
    async def serve(request: Request) -> Content:
        raise Failure("expected an expression", depends_on=[part])

    async with (
        Daemon.serve(site, "--port", "0", "--watch") as daemon,
        running(plugin),
        daemon.page(features=["command.changed"]) as page,
    ):
        assert (await daemon.get("/style.css")).status == 500
        part.write_text("a { b: c }")
        assert (await page.receive())["paths"] == ["/part.scss", "/style.css"]


async def test_text_that_is_not_valid_unicode_is_replaced_in_results(daemon: Daemon) -> None:
    plugin = Plugin("p")

    @plugin.serve(Filter.paths(["/raise", "/fail", "/body"]))
    async def serve(request: Request) -> Content:
        if request.path == "/raise":
            raise ValueError("half \ud83d of a character")
        if request.path == "/fail":
            raise Failure("half \ud83d of a character")
        return Content.text("half \ud83d of a character")

    @plugin.on_request("r")
    async def reply(message: Message, client: Client) -> None:
        raise ValueError("half \ud83d of a character")

    async with running(plugin), daemon.page() as page:
        for path in ("/raise", "/fail", "/body"):
            assert "half \ufffd of a character" in (await daemon.get(path)).body
        assert (await page.request(type="r", id=1))["error"] == "half \ufffd of a character"
