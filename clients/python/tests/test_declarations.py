"""Errors of wrong arguments, which say what to pass instead."""

import asyncio
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pagewire import (
    Change,
    Client,
    Content,
    Failure,
    Filter,
    Import,
    Imports,
    LiveFilters,
    Message,
    Plugin,
    Response,
    Stale,
    Target,
    testing,
)
from pagewire.errors import DisconnectedError, RpcError, from_fields

from .support import Daemon, running, within


@pytest.mark.parametrize("body", [5, [60, 61], None, 1.5, {"a": 1}], ids=repr)
def test_a_body_is_a_string_or_bytes(body: Any) -> None:
    makers: list[Callable[[Any], object]] = [
        Content, Content.html, Content.js, Content.css, Content.text, testing.response,
    ]  # fmt: skip
    if body is not None:
        makers.append(Change)  # None leaves the body unchanged
    for make in makers:
        with pytest.raises(TypeError, match=rf"string or bytes, not .*{type(body).__name__}\)"):
            make(body)
    like_bytes: list[Any] = [b"a", bytearray(b"a"), memoryview(b"a")]
    assert all(Content.html(each) == Content.html("a") for each in like_bytes)


async def test_what_is_sent_has_the_type_of_the_method() -> None:
    client, everyone = testing.client(), Target.all()
    with pytest.raises(TypeError, match=r"must be bytes, not 5 \(an int\)"):
        await client.send_binary(everyone, 5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"must be bytes, not 'a' \(a str\)"):
        await client.send_binary(everyone, "a")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="must be a string"):
        await client.send_text(everyone, b"a")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="header `x-a` must be a string or bytes, not 5"):
        Content("", headers={"x-a": 5})  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="message must be a string"):
        Failure(ValueError("x"))  # type: ignore[arg-type]


async def test_an_argument_of_a_wrong_class_names_the_right_one() -> None:
    client: Any = testing.client()
    for call, *arguments in (
        (client.send, 1), (client.send_text, "x"), (client.reload,), (client.close_sockets,),
        (client.console_log, "log", "x"), (client.import_value, Import.path("/a.js")),
    ):  # fmt: skip
        with pytest.raises(TypeError, match=r"pass Target\.socket\('id'\)"):
            await call("id", *arguments)
    with pytest.raises(TypeError, match=r"pass Stale\.file\('site\.json'\)"):
        await client.invalidate("site.json")
    with pytest.raises(TypeError, match=r"pass Import\.path\('/a\.js'\)"):
        await client.send_import(Target.all(), "/a.js")


async def test_an_unknown_word_names_the_valid_ones() -> None:
    plugin = Plugin("p")
    with pytest.raises(ValueError, match="phase must be one of 'first', 'before_files', 'after_f"):
        plugin.serve(Filter.all(), phase="before")
    with pytest.raises(ValueError, match="failure_mode must be one of 'fail', 'skip', not 'ignore"):
        plugin.transform(Filter.all(), failure_mode="ignore")
    with pytest.raises(ValueError, match=r"level must be one of 'log', .* not 'loud'"):
        await testing.client().console_log(Target.all(), "loud", "text")


@pytest.mark.parametrize("name", ["on_message", "on_request", "serve", "transform"])
def test_a_decorator_with_arguments_is_refused_without_them(name: str) -> None:
    def handler(first: object, client: object) -> None: ...

    with pytest.raises(TypeError, match=rf"write @plugin\.{name}\(.*, not @plugin\.{name}"):
        getattr(Plugin("p"), name)(handler)


def test_a_handler_with_the_wrong_parameters_is_refused_with_its_place() -> None:
    plugin = Plugin("p")

    def op(socket: object) -> None: ...

    refused: Any = op
    place = rf"op \(.*{Path(__file__).name}:\d+\) has the parameters \(socket"
    for declare, arguments in (
        (plugin.on_socket_opened, "socket, client"),
        (plugin.on_socket_ready, "socket, client"),
        (plugin.on_socket_closed, "closed, client"),
        (plugin.on_message("m"), "message, client"),
        (plugin.on_request("r"), "message, client"),
    ):
        with pytest.raises(TypeError, match=rf"{place}.*called with \({arguments}\)"):
            declare(refused)
    two: Any = lambda one, two: None  # noqa: E731
    for takes_one in (plugin.serve(Filter.all()), plugin.server_start, plugin.server_stop):
        with pytest.raises(TypeError, match="is called with"):
            takes_one(two)
    with pytest.raises(TypeError, match="decorates a function, not 5"):
        plugin.server_start(5)  # type: ignore[type-var]
    # Accepted: any callable that can be called so, or whose signature is unknown.
    plugin.on_socket_opened(lambda *args: None)
    plugin.on_socket_ready(functools.partial(lambda a, b, c: None, 1))
    plugin.server_start(lambda context, extra=1: None)
    wrapper = functools.wraps(lambda request, database: None)(lambda request: None)
    plugin.serve(Filter.all())(wrapper)
    plugin.server_stop(print)


async def test_a_wrong_result_of_a_hook_names_its_handler(daemon: Daemon) -> None:
    plugin = Plugin("p")

    @plugin.transform(Filter.path("/page.html"))
    def change(response: Response) -> Change:
        return "text"  # type: ignore[return-value]

    @plugin.resolve_import(Filter.path("/m.js"))
    async def resolve(imports: Imports) -> list[str | None]:
        return 5  # type: ignore[return-value]

    (daemon.root / "m.js").write_text("import 'lit';")
    async with running(plugin):
        page = (await daemon.get("/page.html")).body
        assert f"the transform handler change ({__file__}:" in page
        module = (await daemon.get("/m.js")).body
        assert f"the resolve_import handler resolve ({__file__}:" in module
        assert "returned 5 (an int)" in module


async def test_a_reply_without_a_json_encoding_names_the_handler(daemon: Daemon) -> None:
    plugin = Plugin("p")

    @plugin.on_request("r")
    async def reply(message: Message, client: Client) -> set[int]:
        return {1}

    async with running(plugin), daemon.page() as page:
        error = (await page.request(type="r", id=1))["error"]
    assert f"on_request handler reply ({__file__}:" in error
    assert "returned {1} (a set), which has no JSON encoding" in error


async def test_a_reply_that_comes_too_late_is_logged(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    plugin, replied = Plugin("p"), asyncio.Event()

    @plugin.on_request("r")
    async def slow(message: Message, client: Client) -> int:
        return 1

    async def expired(*_: object) -> None:
        replied.set()
        raise from_fields(9, "REQUEST_EXPIRED", "the page no longer waits")

    monkeypatch.setattr(Client, "_reply_json", expired)
    async with running(plugin), daemon.page() as page:
        await page.send(type="r", id=1, **{"pagewire:request": True})
        await within("the reply", replied.wait())
    [warning] = [each for each in caplog.records if each.levelname == "WARNING"]
    assert warning.getMessage().startswith(
        f'request "r": the result of the handler slow ({__file__}'
    )
    assert "too late" in warning.getMessage()


async def test_a_refused_filter_names_plugin_and_hook(daemon: Daemon) -> None:
    plugin, live = Plugin("p"), LiveFilters(Filter.path("/a"))
    plugin.transform(Filter.regex("("))(lambda response: None)
    with pytest.raises(RpcError, match=r"^plugin `p`, transform: .*FIELD_INVALID"):
        await plugin.run_async()
    plugin = Plugin("p")
    plugin.serve(live)(lambda request: Content.text("live"))
    async with running(plugin):
        with pytest.raises(RpcError, match=r"^plugin `p`, serve: .*no slash"):
            await live.set(Filter.path("no slash"))
        await live.set(Filter.path("/b"))  # a single filter is enough
        assert (await daemon.get("/b")).body == "live"


def test_filters_take_methods_in_any_case_and_relative_files(site: Path) -> None:
    assert Filter.all().methods(["post"]) == Filter.all().methods(["POST"])
    assert Filter.file("site.json") == Filter.file(site / "site.json")
    assert Stale.file(Path("site.json")) == Stale.file(str(site / "site.json"))


async def test_a_blocking_run_in_an_event_loop_says_what_to_await() -> None:
    plugin = Plugin("p")
    for run, instead in (
        (plugin.run, "run_async"), (plugin.main, "run_async"), (plugin.run_once, "run_once_async"),
    ):  # fmt: skip
        with pytest.raises(RuntimeError, match=rf"await plugin\.{instead}\(\)"):
            run()


async def test_a_subscription_of_a_stopped_plugin_or_daemon_ends_with_an_error(
    daemon: Daemon,
) -> None:
    plugin, tasks = Plugin("p"), list[asyncio.Task[None]]()
    plugin.serve(Filter.path("/x"))(lambda request: None)

    async def follow(client: Client) -> None:
        async with client.subscribe(console=True) as events:
            async for _ in events:
                pass

    async with Client.find() as own:
        async with running(plugin) as ran:
            tasks.append(asyncio.create_task(follow(ran.context.client)))
            await ran.context.client.info()
        with pytest.raises(DisconnectedError):
            await within("the end", tasks[0])
        tasks.append(asyncio.create_task(follow(own)))
        await own.info()
        await daemon.end()
        with pytest.raises(RpcError, match="STOPPING"):
            await within("the end", tasks[1])
