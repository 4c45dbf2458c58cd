"""Plugins as the commands describe them."""

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

from pagewire import (
    Change,
    Client,
    Content,
    Context,
    Failure,
    Filter,
    Imports,
    LiveFilters,
    Message,
    Plugin,
    Request,
    Resolved,
    Response,
    Skip,
    Socket,
    SocketClosed,
    Target,
)

from .speech import error_of, say

Rule = dict[str, Any]


class Plugins:
    """The plugins that were started."""

    def __init__(self) -> None:
        self.running: dict[str, tuple[Plugin, asyncio.Task[None]]] = {}
        self.gates: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self.filters: dict[tuple[str, str], LiveFilters] = {}
        # What `connect` named; else each plugin finds the daemon by itself.
        self.where: dict[str, Any] = {}

    async def start(self, command: Rule) -> Any:
        """Start one; returns what it knew when it was started, or fails with what ended it."""
        name = command["name"]
        plugin = Plugin(
            name,
            version=command.get("version", ""),
            required_features=command.get("required_features", ()),
            inject_web_socket=command.get("inject", False),
            replace_existing=command.get("replace_existing", False),
        )
        started: asyncio.Future[Context] = asyncio.get_running_loop().create_future()

        @plugin.server_start
        async def on_start(context: Context) -> None:
            sockets = [socket.socket_id for socket in context.sockets]
            say(event="started", plugin=name, sockets=sockets)
            if not started.done():
                started.set_result(context)

        @plugin.server_stop
        async def on_stop(_: Client) -> None:
            say(event="stopping", plugin=name)

        self._hooks(plugin, command)
        for kind, add in (("on_message", plugin.on_message), ("on_request", plugin.on_request)):
            for message_type, action in command.get(kind, {}).items():
                add(message_type)(self._listener(name, action))
        if command.get("on_socket"):
            self._watch_sockets(plugin, name)
        run = plugin.run_once_async if command.get("once") else plugin.run_async
        task = asyncio.create_task(self._run(name, run(**self.where)))
        self.running[name] = (plugin, task)
        waited: list[asyncio.Future[Any]] = [task, started]
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        if not started.done():
            await task
        context = await started
        return {
            "plugin_name": context.plugin_name,
            "sockets": [socket.socket_id for socket in context.sockets],
        }

    async def _run(self, name: str, running: Awaitable[None]) -> None:
        try:
            await running
        except Exception as error:
            say(event="ended", plugin=name, error=error_of(error))
            raise
        say(event="ended", plugin=name)

    async def stop(self, name: str) -> None:
        """End one in order, and wait for that."""
        plugin, task = self.running[name]
        plugin.stop()
        await asyncio.wait([task])

    async def ended(self) -> None:
        """Wait until all have ended by themselves."""
        for _, task in self.running.values():
            await asyncio.wait([task])

    async def end(self) -> None:
        """End all."""
        for name in self.running:
            await self.stop(name)

    def _watch_sockets(self, plugin: Plugin, name: str) -> None:
        def tell(what: str) -> Callable[[Any, Client], Awaitable[None]]:
            async def handler(socket: Socket | SocketClosed, _: Client) -> None:
                say(event="socket", plugin=name, what=what, socket_id=socket.socket_id)

            return handler

        plugin.on_socket_opened(tell("opened"))
        plugin.on_socket_ready(tell("ready"))
        plugin.on_socket_closed(tell("closed"))

    def _hooks(self, plugin: Plugin, command: Rule) -> None:
        name = command["name"]
        for hook, make, path in (
            ("serve", serve, lambda given: given.path),
            ("transform", transform, lambda given: given.request.path),
            ("resolve_import", resolve_import, lambda given: given.importer.path),
        ):
            rules = command.get(hook)
            if rules is None:
                continue
            live = LiveFilters(filter_of(rule["filter"]) for rule in rules)
            self.filters[name, hook] = live
            options = options_of(command.get("options", {}).get(hook, {}))
            if hook == "serve" and "max_body_bytes" in options:
                options["max_request_body_bytes"] = options.pop("max_body_bytes")
            handler = self._handler(name, hook, rules, make, path)
            getattr(plugin, hook)(live, **options)(handler)

    def _handler(
        self,
        name: str,
        hook: str,
        rules: list[Rule],
        make: Callable[[Rule, Any], Any],
        path_of: Callable[[Any], str],
    ) -> Callable[[Any], Awaitable[Any]]:
        async def handler(given: Any) -> Any:
            path = path_of(given)
            say(event="call", plugin=name, hook=hook, path=path)
            rule = next((rule for rule in rules if fits(rule["filter"], path)), None)
            if rule is None:
                return None
            if "wait_for" in rule:
                await self.gates[rule["wait_for"]].wait()
            if "hang" in rule:
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    say(event="cancelled", plugin=name, path=path)
                    raise
            if "throw" in rule:
                raise RuntimeError(rule["throw"])
            if "fail" in rule:
                raise Failure(**rule["fail"])
            return make(rule, given)

        return handler

    def _listener(self, name: str, action: Rule) -> Callable[[Message, Client], Awaitable[Any]]:
        async def listener(message: Message, client: Client) -> Any:
            say(
                event="message",
                plugin=name,
                socket_id=message.socket_id,
                type=message.type,
                text=message.text,
            )
            if "wait_for" in action:
                await self.gates[action["wait_for"]].wait()
            match action:
                case {"reply_to_sender": value}:
                    await client.send(Target.socket(message.socket_id), value)
                case {"broadcast": value}:
                    await client.send(Target.all().excluding([message.socket_id]), value)
                case {"answer": value}:
                    return value
                case {"answer_text": True}:
                    return message.text
                case {"throw": text}:
                    raise RuntimeError(text)
                case {"hang": True}:
                    await asyncio.Event().wait()
            return None

        return listener


def serve(rule: Rule, request: Request) -> Content | Skip | None:
    names = {"status", "headers", "remember", "verbatim", "depends_on"}
    options = {name: rule[name] for name in names & rule.keys()}
    if "echo" in rule:
        said = {
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "headers": {key: value.decode() for key, value in request.headers},
            "body": request.body.decode(),
        }
        return Content(json.dumps(said), rule.get("type", "application/json"), **options)
    if "file" in rule:
        return Content.file(rule["file"], rule.get("type", ""), **options)
    if "body" in rule:
        return Content(rule["body"], rule.get("type", ""), **options)
    return Skip(remember=True) if rule.get("remember") else None


def transform(rule: Rule, response: Response) -> Change | None:
    if "skip" in rule:
        return None
    body = None
    if "append" in rule:
        body = response.text + rule["append"]
    if "replace" in rule:
        body = (response.text if body is None else body).replace(*rule["replace"])
    return Change(
        body,
        content_type=rule.get("type", ""),
        headers=rule.get("set_headers", {}),
        remove_headers=rule.get("remove_headers", []),
        no_cache=rule.get("no_cache", False),
        depends_on=rule.get("depends_on", []),
    )


def resolve_import(rule: Rule, imports: Imports) -> Resolved:
    return Resolved(
        imports.resolve(rule.get("map", {}).get),
        no_cache=rule.get("no_cache", False),
        depends_on=rule.get("depends_on", []),
    )


def filter_of(given: Rule) -> Filter:
    match given:
        case {"path": value}:
            made = Filter.path(value)
        case {"paths": value}:
            made = Filter.paths(value)
        case {"prefix": value}:
            made = Filter.prefix(value)
        case {"regex": value}:
            made = Filter.regex(value)
        case {"file": value}:
            made = Filter.file(value)
        case {"mime": value}:
            made = Filter.mime(value)
        case _:
            made = Filter.all()
    if "except" in given:
        made = made.except_(given["except"])
    if "methods" in given:
        made = made.methods(given["methods"])
    if "mime_types" in given:
        made = made.mime_types(given["mime_types"])
    return made


def fits(given: Rule, path: str) -> bool:
    match given:
        case {"path": value}:
            return path == str(value)
        case {"paths": values}:
            return path in values
        case {"prefix": value}:
            return path.startswith(value)
        case {"regex": value}:
            return re.search(value, path) is not None
    return True


def options_of(given: Rule) -> Rule:
    options = dict(given)
    if "call_timeout_ms" in options:
        options["call_timeout"] = options.pop("call_timeout_ms") / 1000
    return options
