import asyncio
from pathlib import Path

import grpc
import pytest

from pagewire import (
    Client,
    DeliveryStatus,
    Gap,
    Import,
    ImportErrorKind,
    JsKind,
    Message,
    Position,
    SocketClosed,
    SocketFilter,
    SocketOpened,
    Stale,
    Target,
    errors,
)

from .support import Daemon, within


async def test_a_client_finds_the_daemon_of_the_folder(daemon: Daemon) -> None:
    async with Client.find() as client:
        info = await client.info()
        assert info.server_version == daemon.ready["pagewire"]
        assert info.base_urls[0].startswith(daemon.ready["http"])
        assert await client.plugins() == ()


async def test_an_endpoint_without_a_token_gets_the_daemons_token(daemon: Daemon) -> None:
    for endpoint in (daemon.control, f"http://{daemon.control}"):
        async with Client.connect(endpoint) as client:
            assert await client.sockets() == ()


async def test_a_wrong_token_is_noticed_while_connecting(daemon: Daemon) -> None:
    with pytest.raises(errors.RpcError) as error:
        await Client.connect(daemon.control, token="wrong")
    assert error.value.code is grpc.StatusCode.UNAUTHENTICATED
    assert error.value.reason == "TOKEN_INVALID"


async def test_a_connect_error_contains_the_cause() -> None:
    with pytest.raises(errors.ConnectError, match=r"127\.0\.0\.1:9.*refused"):
        await Client.connect("127.0.0.1:9", token="x")


async def test_refuses_a_web_server_that_is_not_a_daemon(daemon: Daemon) -> None:
    with pytest.raises(errors.ConnectError):
        await Client.connect(daemon.ready["http"])


async def test_a_unix_socket_needs_no_token(site: Path, tmp_path: Path) -> None:
    control = f"unix:{tmp_path}/s"
    async with Daemon.serve(site, "--port", "0", "--control", control):
        async with Client.connect(control) as client:
            assert await client.sockets() == ()
        async with Client.find() as client:
            assert (await client.info()).features


async def test_sends_reach_only_their_target(daemon: Daemon) -> None:
    async with Client.find() as client, daemon.page() as one, daemon.page(tab_id="u") as other:
        report = await client.send(Target.socket(one.id), {"type": "hi"})
        assert (report.reached, report.unreached) == (1, ())
        assert await one.receive() == {"type": "hi"}
        assert (await client.send(Target.tab("u"), {"type": "tab"})).reached_all
        assert await other.receive() == {"type": "tab"}
        listing = client.options(list_reached=True)
        report = await listing.send(Target.all().excluding([one.id]), {"type": "rest"})
        assert report.reached_socket_ids == (other.id,)
        report = await client.options(confirm_receipt=True).send_text(Target.url("local"), "{}")
        assert report.selected == 2


async def test_an_unknown_socket_is_a_row(daemon: Daemon) -> None:
    async with Client.find() as client:
        report = await client.send(Target.socket("nobody"), {"type": "hi"})
        assert [(row.socket_id, row.status) for row in report.unreached] == [
            ("nobody", DeliveryStatus.NOT_FOUND)
        ]
        assert report.unreached[0].status.text == "no such socket"


async def test_a_refused_send_does_not_end_the_stream(daemon: Daemon) -> None:
    async with Client.find() as client, daemon.page() as page:
        with pytest.raises(errors.RpcError) as error:
            await client.send(Target.sockets([]), {"type": "hi"})
        assert error.value.reason == "FIELD_INVALID"
        with pytest.raises(errors.RpcError, match="FIELD_INVALID"):
            await client.send_json(Target.all(), "{")
        await client.send(Target.all(), {"type": "hi"})
        assert await page.receive() == {"type": "hi"}


async def test_concurrent_sends_keep_their_order(daemon: Daemon) -> None:
    async with Client.find() as client, daemon.page() as page:
        numbers = range(2000)
        sends = (client.send(Target.all(), {"type": "n", "n": number}) for number in numbers)
        await within("the reports", asyncio.gather(*sends))
        assert [(await page.receive())["n"] for _ in numbers] == list(numbers)


async def test_json_text_is_never_re_encoded(daemon: Daemon) -> None:
    text = '{"type" : "x",  "n": 12345678901234567890, "n": 1.0}'
    async with Client.find() as client, daemon.page() as page:
        await client.send_json(Target.all(), text)
        assert await page.receive_text() == text
        await client.send(Target.all(), {"type": "x", "n": 2**64, "lone": "\ud800", "é": "😀"})
        assert await page.receive() == {"type": "x", "n": 2**64, "lone": "\ud800", "é": "😀"}


async def test_sends_ten_mebibytes(daemon: Daemon) -> None:
    async with Client.find() as client, daemon.page() as page:
        await client.send(Target.all(), {"type": "big", "text": "x" * 10 * 1024 * 1024})
        assert len((await page.receive())["text"]) == 10 * 1024 * 1024
        await client.send_binary(Target.all(), b"\0\1")
        assert await page.socket.recv() == b"\0\1"


async def test_reopens_a_lost_send_stream(daemon: Daemon) -> None:
    async with Client.find() as client, daemon.page() as page:
        await client.send(Target.all(), {"type": "one"})
        assert client._sender._stream
        client._sender._stream._call.cancel()
        await asyncio.wait([client._sender._stream._reading])
        await client.send(Target.all(), {"type": "two"})
        assert [(await page.receive())["type"] for _ in range(2)] == ["one", "two"]


async def test_a_late_or_cancelled_send_does_not_affect_others(daemon: Daemon) -> None:
    async with Client.find() as client:
        with pytest.raises(errors.RpcError) as error:
            await client.options(deadline=1e-9).send(Target.all(), {"type": "hi"})
        assert error.value.reason == "DEADLINE"
        sending = asyncio.create_task(client.send(Target.all(), {"type": "hi"}))
        other = asyncio.create_task(client.send(Target.all(), {"type": "hi"}))
        await asyncio.sleep(0)
        sending.cancel()
        assert (await other).selected == 0
        assert sending.cancelled()


async def test_imports_have_a_row_for_each_page(daemon: Daemon) -> None:
    async with Client.find() as client, daemon.page() as page:
        module = Import.code("export default (a, b) => a + b", 1, {"b": None})
        importing = asyncio.create_task(client.import_value(Target.all(), module))
        data = await page.answer_import(ok=True, value={"json": {"n": 1}})
        assert data["args"] == [1, {"b": None}]
        [row] = (await importing).rows
        assert (row.socket_id, row.json()) == (page.id, {"n": 1})

        importing = asyncio.create_task(client.import_value(Target.all(), module))
        await page.answer_import(ok=True, value={"unserializable": "NaN"})
        [row] = (await importing).rows
        assert row.value and (row.value.kind, str(row.value)) == (JsKind.UNSERIALIZABLE, "NaN")
        with pytest.raises(errors.NotJsonError):
            row.json()


@pytest.mark.parametrize(("phase", "kind"), [("load", "load"), ("call", "thrown")])
async def test_distinguishes_load_errors_from_thrown_errors(
    daemon: Daemon, phase: str, kind: str
) -> None:
    async with Client.find() as client, daemon.page() as page:
        importing = asyncio.create_task(client.import_value(Target.all(), Import.path("/x.js")))
        thrown = {"phase": phase, "name": "TypeError", "message": "no", "stack": "s"}
        await page.answer_import(ok=False, exception=thrown)
        [row] = (await importing).rows
        assert row.error and row.error.kind == kind
        assert "TypeError: no" in str(row.error)
        with pytest.raises(errors.PagewireError):
            row.json()


async def test_a_page_that_times_out_or_closes_is_a_row(daemon: Daemon) -> None:
    async with Client.find() as client, daemon.page() as page:
        slow = Import.code("export default 1", timeout=0.05)
        [row] = (await client.import_value(Target.all(), slow)).rows
        assert row.error and row.error.kind is ImportErrorKind.TIMEOUT
        await page.receive()
        importing = asyncio.create_task(client.import_value(Target.all(), Import.path("/x.js")))
        await page.receive()
        await page.socket.close()
        [row] = (await importing).rows
        assert row.error and row.error.kind is ImportErrorKind.PAGE_GONE


async def test_a_subscription_offers_to_answer_only_some_types(daemon: Daemon) -> None:
    async with (
        Client.find() as client,
        client.subscribe(message_types=["ask", "tell"], answers=["ask"]) as events,
        daemon.page() as page,
    ):
        reply = await page.request(type="tell", id=1)
        assert "no plugin answers" in reply["error"]
        importing = asyncio.create_task(page.request(type="ask", id=2))
        async for event in events:
            if isinstance(event.what, Message) and event.what.type == "ask":
                await client.reply(event.what, 3)
                break
        assert (await importing)["response"] == 3
        with pytest.raises(errors.RpcError, match="FIELD_INVALID"):
            await client.subscribe(message_types=["ask"], answers=["aks"])


async def test_pages_receive_commands(daemon: Daemon) -> None:
    async with Client.find() as client, daemon.page() as page:
        await client.console_log(Target.all(), "warn", "100 %", source="me")
        entry = await page.receive()
        assert (entry["level"], entry["source"], entry["text"]) == ("warn", "me", "100 %")
        await client.reload(Target.all())
        assert (await page.receive())["command"] == "reload"
        await client.send_import(Target.all(), Import.path("/x.js", 1, fresh=True))
        assert (await page.receive())["data"]["args"] == [1]
        await client.navigate(Target.all(), "/elsewhere")
        assert (await page.receive())["url"] == "/elsewhere"
        await client.swap_stylesheets(Target.all(), ["/a.css"])
        assert (await page.receive())["paths"] == ["/a.css"]
        await client.close_sockets(Target.all(), 4500, "enough")
        await within("the close", page.socket.wait_closed())
        assert page.socket.close_code == 4500


async def test_invalidate_returns_a_count_and_refuses_invalid_paths(daemon: Daemon) -> None:
    async with Client.find() as client:
        assert await client.invalidate(Stale.all() | Stale.file("/a").refresh_pages()) == 0
        with pytest.raises(errors.RpcError, match="FIELD_INVALID"):
            await client.invalidate(Stale.path("no-slash"))


async def test_a_subscription_delivers_events_in_order_and_resumes(daemon: Daemon) -> None:
    async with Client.find() as client:
        listed = await client.list_sockets()
        async with daemon.page() as page:
            await page.send(type="one")
            events = await client.subscribe(
                messages=True, sockets=True, resume_after=listed.position
            )
            assert events.resumed
            opened = await within("an event", anext(events))
            assert isinstance(opened.what, SocketOpened)
            while not isinstance((event := await within("one", anext(events))).what, Message):
                pass
            assert event.what.json() == {"type": "one"}
            assert event.position == events.position
            await events.close()
            await page.send(type="two")
            await page.send(type="three")
        events = await events.resume()
        two, three, closed = [(await within("an event", anext(events))).what for _ in range(3)]
        assert isinstance(two, Message)
        assert isinstance(three, Message)
        assert (two.type, three.type) == ("two", "three")
        assert isinstance(closed, SocketClosed)
        await events.close()


async def test_a_cancelled_wait_loses_no_event(daemon: Daemon) -> None:
    async with (
        Client.find() as client,
        daemon.page() as page,
        client.subscribe(message_types=["x"]) as events,
    ):
        for _ in range(3):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02):
                    await anext(events)
        await page.send(type="x", n=1)
        event = await within("the message", anext(events))
        assert isinstance(event.what, Message)
        assert event.what.text == '{"type": "x", "n": 1}'


async def test_resuming_in_another_epoch_is_a_gap_or_an_error(daemon: Daemon) -> None:
    async with Client.find() as client:
        old = Position("another", 3)
        async with client.subscribe(resume_after=old) as events:
            assert not events.resumed
            assert isinstance((await within("the gap", anext(events))).what, Gap)
        with pytest.raises(errors.RpcError) as error:
            await client.subscribe(resume_after=old, strict=True)
        assert error.value.reason == "EPOCH_CHANGED"


async def test_a_killed_daemon_ends_a_subscription_with_an_error(daemon: Daemon) -> None:
    async with Client.find() as client, client.subscribe(sockets=True) as events:
        await daemon.end(kill=True)
        with pytest.raises(errors.DisconnectedError):
            await within("the error", anext(events))
        with pytest.raises(StopAsyncIteration):
            await anext(events)
        with pytest.raises(errors.DisconnectedError):
            await client.send(Target.all(), {"type": "hi"})


async def test_a_closed_client_raises_disconnected_error(daemon: Daemon) -> None:
    client = await Client.find()
    events = await client.subscribe()
    waiting = asyncio.create_task(anext(events))
    await asyncio.sleep(0)
    await client.close()
    with pytest.raises(errors.DisconnectedError):
        await waiting
    with pytest.raises(errors.DisconnectedError):
        await client.info()


async def test_filters_select_sockets(daemon: Daemon) -> None:
    async with (
        Client.find() as client,
        daemon.page(url="http://x/a"),
        daemon.page(url="http://x/b", top_level=False),
    ):
        assert [s.url for s in await client.sockets(SocketFilter(url="/a$"))] == ["http://x/a"]
        assert len(await client.sockets(SocketFilter(top_level=True))) == 1
        with pytest.raises(errors.RpcError, match="FIELD_INVALID"):
            await client.sockets(SocketFilter(url="("))
