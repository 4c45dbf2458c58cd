import asyncio
import logging
import re
from pathlib import Path
from typing import Any

import pytest

from pagewire import (
    Client,
    Content,
    Context,
    Filter,
    Message,
    Plugin,
    Socket,
    SocketClosed,
    Target,
    _endpoint,
    errors,
    sync,
)

from .support import Daemon, next_context, running, within


async def test_replies_only_to_the_page_that_sent_a_message(daemon: Daemon) -> None:
    plugin = Plugin("p")

    @plugin.on_message("ping")
    async def ping(message: Message, client: Client) -> None:
        await client.send(Target.socket(message.socket_id), {"type": "pong", "text": message.text})

    async with running(plugin), daemon.page() as one, daemon.page() as other:
        await one.socket.send('{"type":"ping" , "n": 1e400}')
        assert await one.receive() == {"type": "pong", "text": '{"type":"ping" , "n": 1e400}'}
        await other.send(type="ping")
        assert (await other.receive())["type"] == "pong"


async def test_plain_handlers_get_the_blocking_client(daemon: Daemon) -> None:
    plugin = Plugin("p")

    @plugin.on_message("ping")
    def ping(message: Message, client: sync.Client) -> None:
        client.send(Target.socket(message.socket_id), {"type": "pong"})

    @plugin.on_request("count")
    def count(message: Message, client: sync.Client) -> int:
        return len(client.sockets())

    async with running(plugin), daemon.page() as page:
        await page.send(type="ping")
        assert await page.receive() == {"type": "pong"}
        assert (await page.request(type="count", id=1))["response"] == 1


async def test_a_request_gets_a_reply_or_an_error(
    daemon: Daemon, caplog: pytest.LogCaptureFixture
) -> None:
    plugin = Plugin("p")

    @plugin.on_request("add")
    async def add(message: Message, client: Client) -> Any:
        numbers = message.json()
        return {"sum": numbers["a"] + numbers["b"]}

    @plugin.on_request("odd")
    async def odd(message: Message, client: Client) -> Any:
        return {1, 2}

    async with running(plugin), daemon.page() as page:
        reply = await page.request(type="add", id=1, a=2**60, b=1)
        assert reply["response"] == {"sum": 2**60 + 1}
        reply = await page.request(type="add", id=2, a="x", b=1)
        assert "can only concatenate str" in reply["error"]
        assert "not JSON serializable" in (await page.request(type="odd", id=3))["error"]
        assert "no" in (await page.request(type="other", id=4))["error"]
    assert 'request "add" failed: can only concatenate str' in caplog.text


async def test_events_of_one_socket_are_sequential_and_of_others_concurrent(daemon: Daemon) -> None:
    plugin = Plugin("p")
    gate, received = asyncio.Event(), list[Any]()

    @plugin.on_socket_opened
    async def opened(socket: Socket, client: Client) -> None:
        received.append("opened")

    @plugin.on_socket_ready
    async def ready(socket: Socket, client: Client) -> None:
        received.append("ready")

    @plugin.on_message("n")
    async def number(message: Message, client: Client) -> None:
        n = message.json()["n"]
        if n == 0:
            await gate.wait()
        received.append(n)
        await client.send(Target.socket(message.socket_id), {"type": "received"})

    closed = asyncio.Event()

    @plugin.on_socket_closed
    async def on_closed(what: SocketClosed, client: Client) -> None:
        received.append(what.close_code)
        closed.set()

    async with running(plugin):
        async with daemon.page() as slow:
            for n in range(3):
                await slow.send(type="n", n=n)
            async with daemon.page() as fast:
                await fast.send(type="n", n=100)
                await fast.receive()
                assert 100 in received and 1 not in received
                gate.set()
                for _ in range(3):
                    await slow.receive()
            await within("the close", closed.wait())
        order = [what for what in received if what in (0, 1, 2)]
        assert order == [0, 1, 2]
        assert received[:2] == ["opened", "ready"]


async def test_messages_and_requests_of_a_socket_are_handled_in_order(daemon: Daemon) -> None:
    plugin = Plugin("p")

    @plugin.on_message("m")
    async def note(message: Message, client: Client) -> None:
        await client.send(Target.socket(message.socket_id), {"type": "noted"})

    plugin.on_request("r")(lambda message, client: message.json()["id"])

    async with running(plugin), daemon.page() as page:
        for n in range(50):
            await page.send(type="m")
            await page.send(type="r", id=n, **{"pagewire:request": True})
        for n in range(50):
            assert (await page.receive())["type"] == "noted"
            assert (await page.receive())["response"] == n


async def test_a_failing_handler_does_not_end_the_plugin(
    daemon: Daemon, caplog: pytest.LogCaptureFixture
) -> None:
    plugin = Plugin("p")

    @plugin.on_message("bad")
    async def bad(message: Message, client: Client) -> None:
        raise RuntimeError("broken")

    @plugin.on_message("cancelled")
    async def cancelled(message: Message, client: Client) -> None:
        raise asyncio.CancelledError

    @plugin.on_message("good")
    async def good(message: Message, client: Client) -> None:
        await client.send(Target.all(), {"type": "ok"})

    async with running(plugin), daemon.page() as page:
        for kind in ("bad", "cancelled", "good"):
            await page.send(type=kind)
        assert await page.receive() == {"type": "ok"}
    assert 'message "bad" failed: broken' in caplog.text
    assert 'message "cancelled" failed: CancelledError' in caplog.text


async def test_failing_start_and_stop_handlers_end_the_plugin(daemon: Daemon) -> None:
    plugin = Plugin("p")

    @plugin.server_start
    async def start(context: Any) -> None:
        raise RuntimeError("broken")

    with pytest.raises(errors.PluginError, match="server_start failed: broken"):
        await within("the end", plugin.run_async())

    plugin = Plugin("q")

    @plugin.server_stop
    async def stop(client: Client) -> None:
        raise RuntimeError("broken")

    with pytest.raises(errors.PluginError, match="server_stop failed: broken"):
        async with running(plugin) as ran:
            await ran.end()


async def test_stop_is_graceful(daemon: Daemon) -> None:
    plugin = Plugin("p")
    called, gate, stopped = asyncio.Event(), asyncio.Event(), asyncio.Event()

    @plugin.serve(Filter.path("/slow"))
    async def serve(request: object) -> Content:
        called.set()
        await gate.wait()
        return Content.text("done")

    @plugin.server_stop
    async def stop(client: Client) -> None:
        assert await client.plugins()
        stopped.set()
        gate.set()

    async with running(plugin) as ran:
        requesting = asyncio.create_task(daemon.get("/slow"))
        await within("the call", called.wait())
        await ran.end()
        assert (await requesting).body == "done"
        assert stopped.is_set()
    async with running(Plugin("p")), Client.find() as client:
        assert len(await client.plugins()) == 1, "the name is free again"


async def test_cancelling_run_disconnects_immediately(daemon: Daemon) -> None:
    plugin = Plugin("p")
    plugin.serve(Filter.path("/x"))(lambda request: Content.text("x"))
    async with running(plugin) as ran, Client.find() as client:
        ran.task.cancel()
        await asyncio.wait([ran.task])
        assert ran.task.cancelled()
        assert (await daemon.get("/x")).status == 404
        assert await client.plugins() == ()


async def test_a_daemon_that_stops_ends_run_once_without_an_error(daemon: Daemon) -> None:
    plugin = Plugin("p")
    stopped = asyncio.Event()

    @plugin.server_stop
    async def stop(client: Client) -> None:
        await client.info()
        stopped.set()

    plugin.serve(Filter.path("/x"))(lambda request: None)
    plugin.on_message("x")(lambda message, client: None)
    async with running(plugin, once=True) as ran:
        await daemon.end()
        await within("the end", ran.task)
    assert stopped.is_set()


async def test_a_lost_daemon_ends_run_once_with_an_error(daemon: Daemon) -> None:
    async with running(Plugin("p"), once=True) as ran:
        await daemon.end(kill=True)
        with pytest.raises(errors.DisconnectedError):
            await within("the end", ran.task)


@pytest.mark.parametrize("kill", [True, False], ids=["killed", "stopped"])
async def test_reconnects_to_a_restarted_daemon(
    daemon: Daemon, site: Path, kill: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "pagewire")
    plugin = Plugin("p")
    plugin.serve(Filter.path("/x"))(lambda request: Content.text("x"))
    plugin.on_message("ping")(lambda message, client: client.send(Target.all(), {"type": "pong"}))
    async with running(plugin) as ran:
        before = ran.context
        assert isinstance(before, Context)
        await daemon.end(kill=kill)
        async with Daemon.serve(site, *daemon.same_address) as again:
            after = await next_context(ran)
            assert after.position.epoch != before.position.epoch
            assert (await again.get("/x")).body == "x"
            async with again.page() as page:
                await page.send(type="ping")
                assert await page.receive() == {"type": "pong"}
    url = before.server_info.base_urls[0].removesuffix("/")
    messages = [record.getMessage() for record in caplog.records]
    assert messages[0] == f'connected to {url} as "p"'
    assert re.fullmatch(r"lost the daemon: .+; connecting again in 0\.2 s", messages[1])
    assert messages[2] == f'connected to {url} again as "p"'


async def test_keeps_trying_to_reconnect_and_finds_a_new_address(
    daemon: Daemon, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts, found = asyncio.Queue[None](), _endpoint.find

    def find(*args: Any) -> Any:
        loop.call_soon_threadsafe(attempts.put_nowait, None)
        return found(*args)

    loop = asyncio.get_running_loop()
    async with running(Plugin("p")) as ran:
        monkeypatch.setattr(_endpoint, "find", find)
        await daemon.end(kill=True)
        for _ in range(3):  # the first attempts find no daemon
            await within("an attempt", attempts.get())
        async with Daemon.serve(site) as again:
            context = await next_context(ran)
            assert (await context.client.info()).base_urls[0].startswith(again.ready["http"])


async def test_a_permanent_refusal_ends_the_plugin(daemon: Daemon) -> None:
    for plugin, reason in (
        (Plugin("Bad Name"), "FIELD_INVALID"),
        (Plugin("p", required_features=["time.travel"]), "FEATURE_UNSUPPORTED"),
    ):
        with pytest.raises(errors.RpcError) as error:
            await within("the refusal", plugin.run_async())
        assert error.value.reason == reason
    with pytest.raises(errors.RpcError, match="TOKEN_INVALID"):
        await Plugin("p").run_async(daemon.control, token="wrong")
    async with running(Plugin("p")) as ran:
        with pytest.raises(errors.RpcError, match="PLUGIN_NAME_TAKEN"):
            await within("the refusal", Plugin("p").run_async())
        async with running(Plugin("p", replace_existing=True)):
            with pytest.raises(errors.RpcError, match="REPLACED"):
                await within("the end", ran.task)


async def test_run_without_a_daemon_raises_no_daemon_error() -> None:
    with pytest.raises(errors.NoDaemonError):
        await Plugin("p").run_async()


async def test_refuses_concurrent_runs_of_a_plugin(daemon: Daemon) -> None:
    plugin = Plugin("p")
    async with running(plugin):
        with pytest.raises(errors.PluginError, match="already running"):
            await plugin.run_async()
