import asyncio
import threading

import pytest

from pagewire import Gap, Import, LiveFilters, Message, Position, Stale, Target, errors, sync

from .support import Daemon, within


async def test_the_blocking_client_has_all_calls(daemon: Daemon) -> None:
    async with daemon.page() as page:

        def script() -> None:
            with sync.Client.find() as client:
                assert [socket.socket_id for socket in client.sockets()] == [page.id]
                assert client.send(Target.all(), {"type": "hi"}).reached_all
                assert client.console_log(Target.all(), "log", "hi").reached == 1
                assert client.reload(Target.all()).reached == 1
                module = Import.code("export default 1", timeout=5)
                assert [row.json() for row in client.import_value(Target.all(), module).rows] == [7]
                assert client.invalidate(Stale.all()) == 0
                assert client.info().features
                assert client.options(list_reached=True).reload(
                    Target.all()
                ).reached_socket_ids == (page.id,)
                with pytest.raises(errors.RpcError, match="FIELD_INVALID"):
                    client.send(Target.sockets([]), 1)
                client.wait(LiveFilters().set([]))

        running = asyncio.create_task(asyncio.to_thread(script))
        for _ in range(3):
            await page.receive()
        await page.answer_import(ok=True, value={"json": 7})
        await within("the script", running)


async def test_a_subscription_is_an_iterator(daemon: Daemon) -> None:
    async with daemon.page() as page:
        subscribed = asyncio.Event()
        loop = asyncio.get_running_loop()
        received: list[int] = []

        def script() -> None:
            with (
                sync.Client.connect(daemon.control) as client,
                client.subscribe(message_types=["n"]) as events,
            ):
                with pytest.raises(TimeoutError):
                    events.next(timeout=0.01)
                loop.call_soon_threadsafe(subscribed.set)
                for event in events:
                    assert isinstance(event.what, Message)
                    received.append(event.what.json()["n"])
                    if len(received) == 3:
                        break
                assert events.position == event.position
                again = events.resume()
                assert again.resumed
                again.close()
                gap = client.subscribe(resume_after=Position("other", 1)).next(5)
                assert gap and isinstance(gap.what, Gap)

        running = asyncio.create_task(asyncio.to_thread(script))
        await within("the subscription", subscribed.wait())
        for n in range(3):
            await page.send(type="n", n=n)
        await within("the script", running)
        assert received == [0, 1, 2]


def test_threads_share_a_client(site: object) -> None:
    async def served() -> None:
        async with Daemon.serve(site) as daemon, daemon.page() as page:  # type: ignore[arg-type]
            client = await asyncio.to_thread(sync.Client.find)

            def script(n: int) -> None:
                client.send(Target.all(), {"type": "n", "n": n})

            threads = [threading.Thread(target=script, args=(n,)) for n in range(8)]
            for thread in threads:
                thread.start()
            assert {(await page.receive())["n"] for _ in threads} == set(range(8))
            for thread in threads:
                await asyncio.to_thread(thread.join)
            await asyncio.to_thread(client.close)
            with pytest.raises(errors.DisconnectedError):
                await asyncio.to_thread(client.info)

    asyncio.run(served())


async def test_refuses_to_block_its_own_event_loop(daemon: Daemon) -> None:
    client = await asyncio.to_thread(sync.Client.find)
    inner = sync.Client(client._client, asyncio.get_running_loop())
    with pytest.raises(RuntimeError, match="a blocking call in the event loop"):
        inner.info()
    await asyncio.to_thread(client.close)
