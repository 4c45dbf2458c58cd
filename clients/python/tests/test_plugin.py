import asyncio
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pagewire import (
    Client,
    Content,
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

from .support import Daemon, first, ready, running, within


async def test_a_message_is_answered_to_its_page_alone(daemon: Daemon) -> None:
    plugin = Plugin("p")

    @plugin.on_message("ping")
    async def ping(message: Message, client: Client) -> None:
        await client.send(Target.socket(message.socket_id), {"type": "pong", "text": message.text})

    async with running(plugin), daemon.page() as one, daemon.page() as other:
        await one.socket.send('{"type":"ping" , "n": 1e400}')
        assert await one.hear() == {"type": "pong", "text": '{"type":"ping" , "n": 1e400}'}
        await other.say(type="ping")
        assert (await other.hear())["type"] == "pong"


async def test_plain_handlers_get_the_blocking_client(daemon: Daemon) -> None:
    plugin = Plugin("p")

    @plugin.on_message("ping")
    def ping(message: Message, client: sync.Client) -> None:
        client.send(Target.socket(message.socket_id), {"type": "pong"})

    @plugin.on_request("count")
    def count(message: Message, client: sync.Client) -> int:
        return len(client.sockets())

    async with running(plugin), daemon.page() as page:
        await page.say(type="ping")
        assert await page.hear() == {"type": "pong"}
        assert (await page.ask(type="count", id=1))["response"] == 1


async def test_a_request_gets_its_answer_or_its_error(
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
        answer = await page.ask(type="add", id=1, a=2**60, b=1)
        assert answer["response"] == {"sum": 2**60 + 1}
        answer = await page.ask(type="add", id=2, a="x", b=1)
        assert "can only concatenate str" in answer["error"]
        assert "not JSON serializable" in (await page.ask(type="odd", id=3))["error"]
        assert "no" in (await page.ask(type="other", id=4))["error"]
    assert "the handler of request `add` failed" in caplog.text


async def test_events_of_one_socket_are_in_order_those_of_others_at_once(daemon: Daemon) -> None:
    plugin = Plugin("p")
    gate, heard = asyncio.Event(), list[Any]()

    @plugin.on_socket_opened
    async def opened(socket: Socket, client: Client) -> None:
        heard.append("opened")

    @plugin.on_socket_ready
    async def ready(socket: Socket, client: Client) -> None:
        heard.append("ready")

    @plugin.on_message("n")
    async def number(message: Message, client: Client) -> None:
        n = message.json()["n"]
        if n == 0:
            await gate.wait()
        heard.append(n)
        await client.send(Target.socket(message.socket_id), {"type": "heard"})

    closed = asyncio.Event()

    @plugin.on_socket_closed
    async def on_closed(what: SocketClosed, client: Client) -> None:
        heard.append(what.close_code)
        closed.set()

    async with running(plugin):
        async with daemon.page() as slow:
            for n in range(3):
                await slow.say(type="n", n=n)
            async with daemon.page() as fast:
                await fast.say(type="n", n=100)
                await fast.hear()
                assert 100 in heard and 1 not in heard
                gate.set()
                for _ in range(3):
                    await slow.hear()
            await within("the close", closed.wait())
        order = [what for what in heard if what in (0, 1, 2)]
        assert order == [0, 1, 2]
        assert heard[:2] == ["opened", "ready"]


async def test_messages_and_requests_of_a_socket_come_in_order(daemon: Daemon) -> None:
    plugin = Plugin("p")

    @plugin.on_message("m")
    async def note(message: Message, client: Client) -> None:
        await client.send(Target.socket(message.socket_id), {"type": "noted"})

    plugin.on_request("r")(lambda message, client: message.json()["id"])

    async with running(plugin), daemon.page() as page:
        for n in range(50):
            await page.say(type="m")
            await page.say(type="r", id=n, **{"pagewire:request": True})
        for n in range(50):
            assert (await page.hear())["type"] == "noted"
            assert (await page.hear())["response"] == n


async def test_a_handler_that_fails_ends_nothing(
    daemon: Daemon, caplog: pytest.LogCaptureFixture
) -> None:
    plugin = Plugin("p")

    @plugin.on_message("bad")
    async def bad(message: Message, client: Client) -> None:
        raise RuntimeError("no luck")

    @plugin.on_message("cancelled")
    async def cancelled(message: Message, client: Client) -> None:
        raise asyncio.CancelledError

    @plugin.on_message("good")
    async def good(message: Message, client: Client) -> None:
        await client.send(Target.all(), {"type": "ok"})

    async with running(plugin), daemon.page() as page:
        for kind in ("bad", "cancelled", "good"):
            await page.say(type=kind)
        assert await page.hear() == {"type": "ok"}
    assert "plugin `p`: the handler of message `bad` failed: no luck" in caplog.text


async def test_start_and_stop_handlers_that_fail_end_it(daemon: Daemon) -> None:
    plugin = Plugin("p")

    @plugin.server_start
    async def start(context: Any) -> None:
        raise RuntimeError("no luck")

    with pytest.raises(errors.PluginError, match="server_start failed: no luck"):
        await within("the end", plugin.run_async())

    plugin = Plugin("q")

    @plugin.server_stop
    async def stop(client: Client) -> None:
        raise RuntimeError("no luck")

    with pytest.raises(errors.PluginError, match="server_stop failed: no luck"):
        async with running(plugin) as ran:
            await ran.end()


async def test_the_program_ends_it_in_order(daemon: Daemon) -> None:
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
        asking = asyncio.create_task(daemon.get("/slow"))
        await within("the call", called.wait())
        await ran.end()
        assert (await asking).body == "done"
        assert stopped.is_set()
    async with running(Plugin("p")), Client.find() as client:
        assert len(await client.plugins()) == 1, "the name is free again"


async def test_to_cancel_it_withdraws_it_at_once(daemon: Daemon) -> None:
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
async def test_a_plugin_comes_back_to_a_daemon_that_was_restarted(
    daemon: Daemon, place: Path, kill: bool, caplog: pytest.LogCaptureFixture
) -> None:
    plugin = Plugin("p")
    plugin.serve(Filter.path("/x"))(lambda request: Content.text("x"))
    plugin.on_message("ping")(lambda message, client: client.send(Target.all(), {"type": "pong"}))
    async with running(plugin) as ran:
        before = ran.context
        await daemon.end(kill=kill)
        async with Daemon.serve(place, *daemon.same_place) as again:
            after = await first(ran)
            assert after.position.epoch != before.position.epoch
            assert (await again.get("/x")).body == "x"
            async with again.page() as page:
                await page.say(type="ping")
                assert await page.hear() == {"type": "pong"}
    assert "it comes back when its daemon does" in caplog.text


async def test_it_comes_back_to_another_place_and_for_ever(
    daemon: Daemon, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries, found = asyncio.Queue[None](), _endpoint.find

    def find(*args: Any) -> Any:
        loop.call_soon_threadsafe(tries.put_nowait, None)
        return found(*args)

    loop = asyncio.get_running_loop()
    async with running(Plugin("p")) as ran:
        monkeypatch.setattr(_endpoint, "find", find)
        await daemon.end(kill=True)
        for _ in range(3):  # the first tries find nobody
            await within("a try", tries.get())
        async with Daemon.serve(place) as again:
            context = await first(ran)
            assert (await context.client.info()).base_urls[0].startswith(again.ready["http"])


async def test_what_the_daemon_refuses_ends_it(daemon: Daemon) -> None:
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


async def test_a_plugin_with_no_daemon_says_so() -> None:
    with pytest.raises(errors.NoDaemonError):
        await Plugin("p").run_async()


async def test_a_plugin_runs_once_at_a_time(daemon: Daemon) -> None:
    plugin = Plugin("p")
    async with running(plugin):
        with pytest.raises(errors.PluginError, match="runs already"):
            await plugin.run_async()


SPAWNED = """
from pagewire import Content, Filter, Plugin
plugin = Plugin("spawned")
@plugin.serve(Filter.path("/x"))
def serve(request):
    return Content.text("spawned")
@plugin.server_stop
def stop(client):
    print("stopping", len(client.plugins()), flush=True)
plugin.run()
print("ended", flush=True)
"""


async def test_the_daemon_spawns_it_and_it_leaves_with_the_daemon(place: Path) -> None:
    script = place.parent / "spawned.py"
    script.write_text(SPAWNED)
    command = f"{sys.executable} {script}"
    async with Daemon.serve(place, "--port", "0", "--plugin", command) as daemon:
        async with Client.find() as client:
            info = await ready(client, "spawned")
        assert (await daemon.get("/x")).body == "spawned"
        await daemon.end()
    log = (place.parent / "daemon.log").read_text()
    assert "stopping 1" in log and "ended" in log
    with pytest.raises(ProcessLookupError):
        os.kill(info.pid, 0)


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
async def test_ctrl_c_ends_it_in_order(daemon: Daemon, end: signal.Signals) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SPAWNED, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    async with Client.find() as client:
        await ready(client, "spawned")
    process.send_signal(end)
    out, err = await within("the end", process.communicate())
    assert (process.returncode, out, err) == (0, b"stopping 1\nended\n", b"")


async def test_the_end_of_standard_input_ends_a_spawned_one(daemon: Daemon) -> None:
    environment = dict(os.environ)
    environment["PAGEWIRE_LAUNCH_ID"] = "unknown"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        SPAWNED,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
    )
    async with Client.find() as client:
        await ready(client, "spawned")
    assert process.stdin
    process.stdin.close()
    out, _ = await within("the end", process.communicate())
    assert (process.returncode, out) == (0, b"stopping 1\nended\n")


def test_failures_reach_standard_error_unless_told_otherwise() -> None:
    assert not logging.getLogger("pagewire").handlers
