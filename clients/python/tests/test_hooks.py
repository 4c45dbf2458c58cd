import asyncio
import signal
import threading
from pathlib import Path

import grpc
import pytest

from pagewire import (
    Change,
    Client,
    Content,
    Context,
    Failure,
    FailureMode,
    Filter,
    Import,
    Imports,
    LiveFilters,
    Plugin,
    Request,
    Response,
    ServePhase,
    Skip,
    Stale,
    Target,
    errors,
)

from .support import Daemon, next_context, running, within


async def test_a_plugin_serves_what_its_filter_matches(daemon: Daemon) -> None:
    plugin = Plugin("p")

    @plugin.serve(
        Filter.prefix("/v/").except_("no").methods(["POST"]),
        max_request_body_bytes=100,
        forward_request_headers=["X-A"],
    )
    async def serve(request: Request) -> Content | None:
        if request.path == "/v/skip":
            return None
        assert request.body_omitted is False
        header = request.header("X-a")
        assert header
        line = f"{request.method} {request.path}?{request.query} {header.decode()} "
        return Content(
            line.encode() + request.body, "txt", status=201, headers={"X-B": "é"}, verbatim=True
        )

    async with running(plugin):
        response = await daemon.get("/v/a%20b?c=d", method="POST", body=b"body", x_a="1")
        assert (response.status, response.body) == (201, "POST /v/a b?c=d 1 body")
        assert response.headers["content-type"].startswith("text/plain")
        assert (await daemon.get("/v/skip", method="POST", body=b"")).status in (404, 405)
        assert (await daemon.get("/v/no", method="POST", body=b"")).status in (404, 405)
        assert (await daemon.get("/page.html")).status == 200


async def test_reading_a_body_that_is_too_large_is_an_error(daemon: Daemon) -> None:
    plugin = Plugin("p")

    @plugin.serve(Filter.path("/p").methods(["POST"]), max_request_body_bytes=4)
    async def serve(request: Request) -> Content:
        if request.query == "catch":
            assert request.body_omitted
            try:
                return Content.text(request.body)
            except errors.BodyTooLargeError as error:
                return Content.text(f"{error.size} > {error.limit}")
        return Content.text(request.body)

    accepts = "but this hook accepts at most 4 bytes (max_request_body_bytes)"
    async with running(plugin):
        assert (await daemon.get("/p", method="POST", body=b"1234")).body == "1234"
        assert (await daemon.get("/p?catch", method="POST", body=b"12345")).body == "5 > 4"
        response = await daemon.get("/p", method="POST", body=b"12345")
        assert response.status == 413
        assert f"the request's body has 5 bytes, {accepts}" in response.body
        response = await daemon.get("/p", method="POST", body=iter([b"12345"]))
        assert response.status == 413
        assert f"the request's body has more than 4 bytes, {accepts}" in response.body


async def test_reading_a_body_that_was_not_requested_is_an_error(daemon: Daemon) -> None:
    plugin = Plugin("p")
    plugin.serve(Filter.path("/p").methods(["POST"]))(lambda call: Content.text(call.body))
    async with running(plugin):
        assert (await daemon.get("/p", method="POST", body=b"")).status == 200
        response = await daemon.get("/p", method="POST", body=b"1")
        assert response.status == 500
        assert "this hook does not request bodies (set max_request_body_bytes)" in response.body


async def test_a_plain_function_runs_in_a_thread_and_may_block(daemon: Daemon) -> None:
    plugin = Plugin("p")
    together = threading.Barrier(2, timeout=10)

    @plugin.serve(Filter.all())
    def serve(request: Request) -> Content:
        together.wait()
        pages = request.context.sync_client.sockets()
        return Content.text(f"{threading.current_thread().name} {len(pages)}")

    async with running(plugin):
        responses = await asyncio.gather(daemon.get("/a"), daemon.get("/b"))
        assert all(response.body.startswith("pagewire") for response in responses)


async def test_shows_errors_of_handlers_with_their_stack(daemon: Daemon) -> None:
    plugin = Plugin("p")

    @plugin.serve(Filter.paths(["/raise", "/fail", "/wrong"]))
    async def serve(request: Request) -> Content:
        if request.path == "/raise":
            raise ValueError("broken")
        if request.path == "/wrong":
            return "text"  # type: ignore[return-value]
        raise Failure("unexpected }", file="/a.vue", line=3, column=7, frame="> }", status=422)

    async with running(plugin):
        response = await daemon.get("/raise")
        assert (response.status, response.headers["pagewire-plugin"]) == (500, "p")
        assert "ValueError: broken" in response.body
        assert "_hook.py" not in response.body, "frames of the library are removed"
        response = await daemon.get("/fail")
        assert response.status == 422
        assert "unexpected }" in response.body
        assert "/a.vue:3:7" in response.body
        wrong = (await daemon.get("/wrong")).body
        assert "the serve handler serve (" in wrong and "test_hooks.py:" in wrong
        assert "returned &#39;text&#39; (a str)" in wrong or "returned 'text' (a str)" in wrong


async def test_cancels_the_handler_of_a_call_that_timed_out(daemon: Daemon) -> None:
    plugin = Plugin("p")
    cancelled = asyncio.Event()

    @plugin.serve(Filter.path("/hang"), call_timeout=0.1)
    async def serve(request: Request) -> Content:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            assert request.cancelled
            cancelled.set()
        return Content.text("too late")

    async with running(plugin):
        assert (await daemon.get("/hang")).status == 504
        await within("the cancellation", cancelled.wait())


async def test_content_is_cached_until_invalidated(daemon: Daemon, site: Path) -> None:
    plugin = Plugin("p")
    calls = []

    @plugin.serve(Filter.path("/once"), Filter.path("/file"))
    async def serve(request: Request) -> Content | Skip:
        calls.append(request.path)
        if request.path == "/file":
            return Content.file(site / "page.html", "text/plain")
        return Content.text("x", remember=True)

    async with running(plugin), Client.find() as client:
        for _ in range(3):
            assert (await daemon.get("/once")).body == "x"
        assert calls == ["/once"]
        assert await client.invalidate(Stale.path("/once")) == 1
        await daemon.get("/once")
        assert calls == ["/once", "/once"]
        assert (await daemon.get("/file")).body == "<h1>a page</h1>"


async def test_a_transform_changes_body_type_and_headers(daemon: Daemon, site: Path) -> None:
    plugin = Plugin("p")
    (site / "a.css").write_text("a { color: $accent }")
    (site / "b.css").write_text("b {}")

    @plugin.transform(Filter.mime("text/css").except_("^/vendor/"), failure_mode="skip")
    async def transform(response: Response) -> Change | None:
        assert response.content_type.startswith("text/css")
        assert response.header("content-type")
        if "$accent" not in response.text:
            return None
        body = response.text.replace("$accent", "red")
        return Change(body, headers=[("x-a", "1")], depends_on=[site / "colors.json"])

    async with running(plugin):
        response = await daemon.get("/a.css")
        assert (response.body, response.headers["x-a"]) == ("a { color: red }", "1")
        assert (await daemon.get("/b.css")).body == "b {}"


async def test_resolves_all_imports_of_a_module_in_one_call(daemon: Daemon, site: Path) -> None:
    plugin = Plugin("p")
    source = "import 'lit';\nimport 'other';\nimport './a.js';\n"
    (site / "m.js").write_text(source)
    calls: list[list[str]] = []

    @plugin.resolve_import(Filter.all(), specifiers=["^[^./]"], failure_mode=FailureMode.FAIL)
    def resolve(imports: Imports) -> list[str | None]:
        calls.append([each.specifier for each in imports])
        return imports.resolve({"lit": "/vendor/lit.js"}.get)

    async with running(plugin):
        response = await daemon.get("/m.js")
        assert "import '/vendor/lit.js'" in response.body.replace('"', "'")
        assert calls == [["lit", "other"]]


async def test_a_wrong_number_of_specifiers_is_a_failure(daemon: Daemon, site: Path) -> None:
    plugin = Plugin("p")
    (site / "m.js").write_text("import 'lit';")
    plugin.resolve_import(Filter.all())(lambda imports: ["a", "b"])
    async with running(plugin):
        assert "2 specifiers for 1 imports" in (await daemon.get("/m.js")).body


async def test_live_filters_are_active_when_set_returns(daemon: Daemon, site: Path) -> None:
    plugin = Plugin("p")
    live = LiveFilters()
    await live.set([Filter.path("/before")])

    @plugin.serve(live, phase=ServePhase.FIRST)
    async def serve(request: Request) -> Content:
        return Content.text(f"served {request.path}")

    async with running(plugin):
        assert (await daemon.get("/before")).body == "served /before"
        for _ in range(20):
            await live.set([Filter.file(site / "page.html")])
            assert (await daemon.get("/page.html")).body == "served /page.html"
            await live.set([])
            assert "a page" in (await daemon.get("/page.html")).body
    await within("set without a plugin", live.set([]))


async def test_refused_live_filters_leave_the_earlier_ones(daemon: Daemon, site: Path) -> None:
    plugin = Plugin("p")
    live = LiveFilters([Filter.path("/kept")])
    plugin.serve(live)(lambda request: Content.text("kept"))

    async with running(plugin) as ran:
        with pytest.raises(errors.RpcError, match="no slash") as caught:
            await live.set([Filter.path("/new"), Filter.path("no slash")])
        assert caught.value.code is grpc.StatusCode.INVALID_ARGUMENT
        assert caught.value.reason == "FIELD_INVALID"
        [violation] = caught.value.violations
        assert violation.field == "filters[1]"
        assert (await daemon.get("/kept")).body == "kept"
        assert (await daemon.get("/new")).status == 404
        await daemon.end()
        async with Daemon.serve(site, *daemon.same_address) as again:
            await next_context(ran)
            assert (await again.get("/kept")).body == "kept"


async def test_live_filters_that_a_lost_daemon_did_not_confirm_apply_later(
    daemon: Daemon, site: Path
) -> None:
    plugin = Plugin("p")
    live = LiveFilters()
    plugin.serve(live)(lambda request: Content.text("new"))

    async with running(plugin) as ran:
        daemon.process.send_signal(signal.SIGSTOP)
        setting = asyncio.create_task(live.set([Filter.path("/new")]))
        await daemon.end(kill=True)
        with pytest.raises(errors.DisconnectedError):
            await within("the error", setting)
        async with Daemon.serve(site, *daemon.same_address) as again:
            await next_context(ran)
            assert (await again.get("/new")).body == "new"


async def test_filters_that_one_hook_refuses_apply_to_none(daemon: Daemon, site: Path) -> None:
    plugin = Plugin("p")
    live = LiveFilters([Filter.path("/page.html")])
    plugin.serve(live)(lambda request: None)
    plugin.transform(live)(lambda response: Change("changed"))
    (site / "b.css").write_text("b {}")

    async with running(plugin):
        with pytest.raises(errors.RpcError, match="FIELD_INVALID"):
            await live.set([Filter.mime("text/css")])  # only transforms have MIME types
        assert (await daemon.get("/b.css")).body == "b {}"
        assert (await daemon.get("/page.html")).body == "changed"


async def test_an_update_of_filters_outlives_its_caller(daemon: Daemon) -> None:
    plugin = Plugin("p")
    live = LiveFilters()
    plugin.serve(live)(lambda request: Content.text("served"))

    async with running(plugin):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await live.set([Filter.path("/a")])
        # Updates take effect in order, so this one is refused after the first.
        with pytest.raises(errors.RpcError, match="FIELD_INVALID"):
            await live.set([Filter.regex("(")])
        assert (await daemon.get("/a")).body == "served"


async def test_a_handler_may_use_the_client_and_a_page(daemon: Daemon) -> None:
    plugin = Plugin("p")

    @plugin.serve(Filter.path("/title"))
    async def serve(request: Request) -> Content:
        module = Import.code("export default () => document.title")
        response = await request.context.client.import_value(Target.all(), module)
        return Content.json([row.json() for row in response.rows])

    async with running(plugin), daemon.page() as page:
        requesting = asyncio.create_task(daemon.get("/title"))
        await page.answer_import(ok=True, value={"json": "a title"})
        assert (await requesting).body == '["a title"]'


async def test_hooks_and_filters_are_checked_when_declared() -> None:
    plugin = Plugin("p")
    with pytest.raises(TypeError, match="needs a filter"):
        plugin.serve()
    with pytest.raises(TypeError, match="a filter must be"):
        plugin.serve("/a")  # type: ignore[arg-type]
    plugin.serve(Filter.all())(lambda request: None)
    with pytest.raises(errors.PluginError, match="serve is declared twice"):
        plugin.serve(Filter.all())(lambda request: None)


async def test_serves_ten_mebibytes(daemon: Daemon) -> None:
    plugin = Plugin("p")
    size = 10 * 1024 * 1024
    plugin.serve(Filter.path("/big"))(lambda request: Content.text(b"x" * size))
    async with running(plugin):
        assert len((await daemon.get("/big")).body) == size


async def test_a_context_describes_the_daemon(daemon: Daemon, site: Path) -> None:
    async with daemon.page() as page, running(Plugin("p", version="1.2")) as ran:
        assert isinstance(ran.context, Context)
        assert [socket.socket_id for socket in ran.context.sockets] == [page.id]
        assert ran.context.root_dirs == (str(site.resolve()),)
        assert Path(ran.context.scratch_dir).is_dir()
        assert not ran.context.config
        [info] = await ran.context.client.plugins()
        assert (info.plugin_name, info.plugin_version, info.state) == ("p", "1.2", "ready")
        assert "secret" not in repr(ran.context) and "_session_id" not in repr(ran.context)


async def test_a_configured_plugin_gets_its_configuration(site: Path) -> None:
    table = '[[plugin]]\nname = "p"\nconfig = { layout = "wide" }\n'
    (site / "pagewire.toml").write_text(table)
    async with Daemon.serve(site), running(Plugin("p")) as ran:
        assert ran.context.config == {"layout": "wide"}
