"""Plugins that follow the rules of a `plugin` command."""

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

from .output import emit, error_of

Rule = dict[str, Any]


class Plugins:
    """The plugins that were started, and their gates and filters."""

    def __init__(self) -> None:
        self.running: dict[str, tuple[Plugin, asyncio.Task[None]]] = {}
        self.gates: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self.filters: dict[tuple[str, str], LiveFilters] = {}
        # The arguments of `connect`. Without an endpoint each plugin finds the daemon itself.
        self.endpoint: dict[str, Any] = {}

    async def start(self, command: Rule) -> Any:
        """Start a plugin; returns its name and sockets, or raises the error that ended it."""
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
            if gate := command.get("server_start", {}).get("wait_for"):
                emit(event="starting", plugin=name)
                await self.gates[gate].wait()
            sockets = [socket.socket_id for socket in context.sockets]
            emit(event="started", plugin=name, sockets=sockets)
            if not started.done():
                started.set_result(context)

        @plugin.server_stop
        async def on_stop(_: Client) -> None:
            emit(event="stopping", plugin=name)

        self._hooks(plugin, command)
        for kind, add in (("on_message", plugin.on_message), ("on_request", plugin.on_request)):
            for message_type, action in command.get(kind, {}).items():
                add(message_type)(self._listener(name, action))
        if command.get("on_socket"):
            self._watch_sockets(plugin, name)
        run = plugin.run_once_async if command.get("once") else plugin.run_async
        running = run(**self.endpoint, handle_signals=command.get("signals", False))
        task = asyncio.create_task(self._run(name, running))
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
            emit(event="ended", plugin=name, error=error_of(error))
            raise
        emit(event="ended", plugin=name)

    async def stop(self, name: str) -> None:
        """Stop a plugin gracefully, and wait for its end."""
        plugin, task = self.running[name]
        plugin.stop()
        await asyncio.wait([task])

    async def ended(self) -> None:
        """Wait until all plugins have ended by themselves."""
        for _, task in self.running.values():
            await asyncio.wait([task])

    async def end(self) -> None:
        """Stop all plugins."""
        for name in self.running:
            await self.stop(name)

    def _watch_sockets(self, plugin: Plugin, name: str) -> None:
        def emitter(what: str) -> Callable[[Any, Client], Awaitable[None]]:
            async def handler(socket: Socket | SocketClosed, _: Client) -> None:
                emit(event="socket", plugin=name, what=what, socket_id=socket.socket_id)

            return handler

        plugin.on_socket_opened(emitter("opened"))
        plugin.on_socket_ready(emitter("ready"))
        plugin.on_socket_closed(emitter("closed"))

    def _hooks(self, plugin: Plugin, command: Rule) -> None:
        name = command["name"]
        for hook, apply, path_of in (
            ("serve", serve, lambda argument: argument.path),
            ("transform", transform, lambda argument: argument.request.path),
            ("resolve_import", resolve_import, lambda argument: argument.importer.path),
        ):
            rules = command.get(hook)
            if rules is None:
                continue
            live = LiveFilters(filter_of(rule["filter"]) for rule in rules)
            self.filters[name, hook] = live
            options = options_of(command.get("options", {}).get(hook, {}))
            if hook == "serve" and "max_body_bytes" in options:
                options["max_request_body_bytes"] = options.pop("max_body_bytes")
            handler = self._handler(name, hook, rules, apply, path_of)
            getattr(plugin, hook)(live, **options)(handler)

    def _handler(
        self,
        name: str,
        hook: str,
        rules: list[Rule],
        apply: Callable[[Rule, Any], Any],
        path_of: Callable[[Any], str],
    ) -> Callable[[Any], Awaitable[Any]]:
        async def handler(argument: Any) -> Any:
            path = path_of(argument)
            emit(event="call", plugin=name, hook=hook, path=path)
            rule = next((rule for rule in rules if matches(rule["filter"], path)), None)
            if rule is None:
                return None
            if "wait_for" in rule:
                await self.gates[rule["wait_for"]].wait()
            if "hang" in rule:
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    emit(event="cancelled", plugin=name, path=path)
                    raise
            if "throw" in rule:
                raise RuntimeError(rule["throw"])
            if "fail" in rule:
                raise Failure(**rule["fail"])
            return apply(rule, argument)

        return handler

    def _listener(self, name: str, action: Rule) -> Callable[[Message, Client], Awaitable[Any]]:
        async def listener(message: Message, client: Client) -> Any:
            emit(
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
        echo = {
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "headers": {key: value.decode() for key, value in request.headers},
            "body": request.body.decode(),
        }
        return Content(json.dumps(echo), rule.get("type", "application/json"), **options)
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


def filter_of(fields: Rule) -> Filter:
    match fields:
        case {"path": value}:
            built = Filter.path(value)
        case {"paths": value}:
            built = Filter.paths(value)
        case {"prefix": value}:
            built = Filter.prefix(value)
        case {"regex": value}:
            built = Filter.regex(value)
        case {"file": value}:
            built = Filter.file(value)
        case {"mime": value}:
            built = Filter.mime(value)
        case _:
            built = Filter.all()
    if "except" in fields:
        built = built.except_(fields["except"])
    if "methods" in fields:
        built = built.methods(fields["methods"])
    if "mime_types" in fields:
        built = built.mime_types(fields["mime_types"])
    return built


def matches(fields: Rule, path: str) -> bool:
    match fields:
        case {"path": value}:
            return path == str(value)
        case {"paths": values}:
            return path in values
        case {"prefix": value}:
            return path.startswith(value)
        case {"regex": value}:
            return re.search(value, path) is not None
    return True


def options_of(fields: Rule) -> Rule:
    options = dict(fields)
    if "call_timeout_ms" in options:
        options["call_timeout"] = options.pop("call_timeout_ms") / 1000
    return options
