import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from pagewire import Client, Content, Context, Filter, Message, Plugin, Request

from .support import Daemon, within


@dataclass
class Starting:
    """A plugin whose `server_start` waits for `gate`."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)
    called: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def starting(plugin: Plugin) -> AsyncIterator[Starting]:
    """Run a plugin, from the call of its `server_start` until the end of the block."""
    state = Starting()

    @plugin.server_start
    async def start(context: Context) -> None:
        state.called.set()
        await state.gate.wait()

    task = asyncio.create_task(plugin.run_async())
    try:
        await within("the call of server_start", state.called.wait())
        yield state
    finally:
        state.gate.set()
        plugin.stop()
        await within("the plugin's end", task)


async def called() -> None:
    """Wait until the daemon has called the plugin."""
    async with Client.find() as client:
        while not (await client.plugins())[0].calls:
            pass


async def test_calls_and_events_wait_for_server_start(daemon: Daemon) -> None:
    plugin = Plugin("p")

    @plugin.serve(Filter.path("/p"))
    async def serve(request: Request) -> Content:
        return Content.text(f"started: {state.gate.is_set()}")

    @plugin.on_request("ask")
    async def answer(message: Message, client: Client) -> bool:
        return state.gate.is_set()

    async with starting(plugin) as state, daemon.page() as page:
        requesting = asyncio.create_task(daemon.get("/p"))
        asking = asyncio.create_task(page.request(type="ask", id=1))
        await within("the call", called())
        state.gate.set()
        assert (await requesting).body == "started: True"
        assert (await asking)["response"] is True


async def test_a_call_whose_deadline_is_near_fails_instead_of_waiting(daemon: Daemon) -> None:
    plugin = Plugin("p")
    plugin.serve(Filter.path("/p"), call_timeout=0.75)(lambda request: Content.text("p"))
    async with starting(plugin) as state:
        response = await daemon.get("/p")
        assert response.status == 503
        assert 'plugin "p" is still starting: server_start has not returned' in response.body
        state.gate.set()
        assert (await daemon.get("/p")).body == "p"
