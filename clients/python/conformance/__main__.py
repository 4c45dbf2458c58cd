"""Reads commands, each of which makes one call to the library, and writes JSON lines.

See tests/conformance/README.md for the protocol.
"""

import asyncio
import base64
import json
import logging
import sys
import threading
from pathlib import Path
from typing import Any

from pagewire import Client, Import, Report, SocketFilter, Stale, Subscription, Target

from .events import follow
from .output import emit, error_of
from .plugins import Plugins, filter_of

Command = dict[str, Any]


class Runner:
    """Executes commands, and holds the client, plugins and subscriptions that they refer to."""

    def __init__(self) -> None:
        self.opened: Client | None = None
        self.opening = asyncio.Lock()
        self.connected_again = False
        self.plugins = Plugins()
        self.subscriptions: dict[str, Subscription] = {}
        self.following: dict[str, asyncio.Task[None]] = {}

    async def client(self) -> Client:
        async with self.opening:
            if self.opened is None:
                self.opened = await Client.find()
            return self.opened

    async def client_for(self, command: Command) -> Client:
        """The client with the options of a command."""
        milliseconds = command.get("deadline_ms")
        return (await self.client()).options(
            deadline=None if milliseconds is None else milliseconds / 1000,
            confirm_receipt=command.get("confirm"),
            list_reached=command.get("list_reached"),
        )

    async def execute(self, command: Command) -> None:
        """Execute a command and write its result."""
        try:
            do = getattr(self, f"do_{command['do']}", None)
            if do is None:
                raise LookupError(f"unknown command `{command['do']}`")
            ok = await do(command)
        except Exception as error:
            emit(id=command.get("id"), error=error_of(error))
            return
        emit(id=command.get("id"), ok=ok)
        if command["do"] == "subscribe":  # events follow the result
            name = command["name"]
            following = follow(name, self.subscriptions[name])
            self.following[name] = asyncio.create_task(following)

    async def do_connect(self, command: Command) -> Any:
        names = ("endpoint", "token", "token_file")
        arguments: dict[str, Any] = {name: command[name] for name in names if name in command}
        async with self.opening:
            self.opened = await Client.connect(**arguments)
            self.connected_again = True
        if "endpoint" in arguments:
            self.plugins.endpoint = arguments
        return {"server_version": (await self.opened.info()).server_version}

    async def do_info(self, _: Command) -> Any:
        info = await (await self.client()).info()
        return {"server_version": info.server_version, "features": sorted(info.features)}

    async def do_plugins(self, _: Command) -> Any:
        plugins = await (await self.client()).plugins()
        return [{"plugin_name": each.plugin_name} for each in plugins]

    async def do_plugin(self, command: Command) -> Any:
        return await self.plugins.start(command)

    async def do_stop(self, command: Command) -> None:
        await self.plugins.stop(command["plugin"])

    async def do_release(self, command: Command) -> None:
        self.plugins.gates[command["name"]].set()

    async def do_set_filters(self, command: Command) -> None:
        live = self.plugins.filters[command["plugin"], command["hook"]]
        await live.set(map(filter_of, command["filters"]))

    async def do_sockets(self, _: Command) -> Any:
        sockets = await (await self.client()).sockets()
        return [
            {"socket_id": each.socket_id, "url": each.url, "ready": each.ready} for each in sockets
        ]

    async def do_send(self, command: Command) -> Any:
        client, target = await self.client_for(command), target_of(command["target"])
        if "raw" in command:
            report = await client.send_json(target, command["raw"])
        elif "text" in command:
            report = await client.send_text(target, command["text"])
        elif "base64" in command:
            report = await client.send_binary(target, base64.b64decode(command["base64"]))
        else:
            report = await client.send(target, command["json"])
        return report_of(report)

    async def do_send_many(self, command: Command) -> Any:
        client, target = await self.client(), target_of(command["target"])
        numbers = range(command["count"])
        reports = await asyncio.gather(
            *(client.send(target, {"type": "n", "n": number}) for number in numbers)
        )
        parts = [report_of(report) for report in reports]
        return {
            "reached": sum(part["reached"] for part in parts),
            "unreached": [row for part in parts for row in part["unreached"]],
        }

    async def do_send_import(self, command: Command) -> Any:
        client = await self.client_for(command)
        return report_of(await client.send_import(target_of(command["target"]), import_of(command)))

    async def do_import_value(self, command: Command) -> Any:
        client, module = await self.client_for(command), import_of(command)
        report = await client.import_value(target_of(command["target"]), module)
        rows: list[dict[str, Any]] = []
        for row in report.rows:
            result: dict[str, Any] = {"socket_id": row.socket_id}
            if row.error is not None:
                result["error"] = {"kind": row.error.kind, "message": str(row.error)}
            else:
                result["value"] = row.json()
            rows.append(result)
        return {"rows": rows}

    async def do_console_log(self, command: Command) -> Any:
        client, target = await self.client(), target_of(command["target"])
        return report_of(await client.console_log(target, command["level"], command["text"]))

    async def do_reload(self, command: Command) -> Any:
        client = await self.client()
        return report_of(await client.reload(target_of(command["target"])))

    async def do_navigate(self, command: Command) -> Any:
        client = await self.client()
        return report_of(await client.navigate(target_of(command["target"]), command["url"]))

    async def do_swap_stylesheets(self, command: Command) -> Any:
        client, target = await self.client(), target_of(command["target"])
        return report_of(await client.swap_stylesheets(target, command["paths"]))

    async def do_close_sockets(self, command: Command) -> Any:
        client, target = await self.client(), target_of(command["target"])
        code, reason = command.get("code", 1000), command.get("reason", "")
        return report_of(await client.close_sockets(target, code, reason))

    async def do_invalidate(self, command: Command) -> Any:
        stale = Stale.all() if command.get("all") else Stale()
        for make, field in (
            (Stale.path, "paths"),
            (Stale.prefix, "prefixes"),
            (Stale.file, "files"),
        ):
            for value in command.get(field, []):
                stale |= make(value)
        if command.get("refresh_pages"):
            stale = stale.refresh_pages()
        return await (await self.client()).invalidate(stale)

    async def do_subscribe(self, command: Command) -> Any:
        name, client = command["name"], await self.client()
        before = self.subscriptions.get(name) if command.get("resume") else None
        options: dict[str, Any] = dict.fromkeys(command.get("kinds", []), True)
        if "url" in command:
            options["from_sockets"] = SocketFilter(url=command["url"])
        changed = self.connected_again or command.keys() & {"strict", "max_queue"}
        if before is not None and not changed:
            subscription = await before.resume()
        else:
            subscription = await client.subscribe(
                **options,
                message_types=command.get("types", []),
                resume_after=before.position if before else None,
                strict=command.get("strict", False),
                max_queue=command.get("max_queue", 0),
            )
        self.subscriptions[name] = subscription
        return {"resumed": subscription.resumed}

    async def do_unsubscribe(self, command: Command) -> None:
        self.following.pop(command["name"]).cancel()
        await self.subscriptions[command["name"]].close()

    async def end(self) -> None:
        for task in self.following.values():
            task.cancel()
        await self.plugins.end()
        if self.opened is not None:
            await self.opened.close()


def target_of(fields: Command) -> Target:
    match fields:
        case {"sockets": ids}:
            target = Target.sockets(ids)
        case {"tabs": ids}:
            target = Target.tabs(ids)
        case {"pages": ids}:
            target = Target.pages(ids)
        case {"url": regex}:
            target = Target.url(regex)
        case _:
            target = Target.all()
    return target.excluding(fields.get("excluding", []))


def import_of(command: Command) -> Import:
    args, options = command.get("args", []), {}
    if "timeout_ms" in command:
        options["timeout"] = command["timeout_ms"] / 1000
    if "path" in command:
        return Import.path(command["path"], *args, fresh=command.get("fresh", False), **options)
    return Import.code(command["code"], *args, **options)


def report_of(report: Report) -> dict[str, Any]:
    rows = [{"socket_id": row.socket_id, "status": row.status} for row in report.unreached]
    reached_ids = list(report.reached_socket_ids)
    return {"reached": report.reached, "unreached": rows, "reached_socket_ids": reached_ids}


async def main(file: str | None) -> None:
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[bytes] = asyncio.Queue()

    def read() -> None:
        with Path(file).open("rb") if file else sys.stdin.buffer as commands:
            for line in commands:
                loop.call_soon_threadsafe(lines.put_nowait, line)
            loop.call_soon_threadsafe(lines.put_nowait, b"")

    threading.Thread(target=read, daemon=True).start()
    runner, running = Runner(), set[asyncio.Task[None]]()
    while line := await lines.get():
        if not line.strip():
            continue
        command = json.loads(line)
        task = asyncio.create_task(runner.execute(command))
        running.add(task)
        task.add_done_callback(running.discard)
        if command.get("wait"):
            await task
    if file:  # the daemon spawned this process, so its plugins end by themselves
        while running:
            await asyncio.wait(running)
        await runner.plugins.ended()
    await runner.end()


logging.basicConfig(level=logging.INFO)
asyncio.run(main(sys.argv[1] if sys.argv[1:] else None))
