import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from pagewire import Client

from .support import Daemon, ready, within

LIBRARY = Path(__file__).parents[1]
EXAMPLES = LIBRARY / "examples"
# `check` uses an environment with the built wheel.
PYTHON = os.environ.get("PAGEWIRE_PYTHON", sys.executable)

# What a page receives from each example.
RECEIVED = {
    "targeted_reply": "{'type': 'pong', 'n': 7}",
    "console_log": "'Hello from Pagewire'",
    "virtual_module": "'/virtual/hello.js'",
    "virtual_module_parameters": "['Pagewire', 2]",
    "reload_page": "'data:text/javascript,window.location.reload()'",
    "custom_message": "{'type': 'custom-message', 'data': {'pages': 1}}",
}


async def test_the_first_plugin_of_the_readme_serves_and_controls_a_page(site: Path) -> None:
    block = re.search(r"```python\n(.*?)```", (LIBRARY / "README.md").read_text(), re.DOTALL)
    assert block
    async with Daemon.serve(site, "--port", "0") as daemon, Client.find() as client:
        plugin = await asyncio.create_subprocess_exec(PYTHON, "-P", "-c", block[1])
        try:
            await ready(client, "hello")
            served = (await daemon.get("/", accept="text/html")).body
            assert "<h1>Hello from a plugin</h1>" in served
            assert "/__pagewire__/" in served, "the page gets the socket client"
            async with daemon.page() as page:
                greeting = (await page.receive())["data"]
                module = (await daemon.get(greeting["importPath"])).body
                assert "document.body.style.background" in module
                assert greeting["args"] == ["gold"]
        finally:
            plugin.terminate()
            assert await within("the end", plugin.wait()) == 0


async def test_the_examples_work(daemon: Daemon) -> None:
    running: dict[str, asyncio.subprocess.Process] = {}
    try:
        async with Client.find() as client:
            for name in RECEIVED:
                running[name] = await asyncio.create_subprocess_exec(
                    PYTHON, "-P", EXAMPLES / f"{name}.py", stdout=subprocess.PIPE
                )
                await ready(client, name.replace("_", "-"))
        async with daemon.page() as page:
            await page.send(type="ping", n=7)
            missing = dict(RECEIVED)
            while missing:
                message: dict[str, Any] = await page.receive()
                for name, effect in RECEIVED.items():
                    if effect in str(message):
                        missing.pop(name, None)
                if RECEIVED["virtual_module_parameters"] in str(message):
                    call = message["data"]["callId"]
                    value = {"json": 30}
                    await page.send(type="pagewire:result", callId=call, ok=True, value=value)
        out = running["virtual_module_parameters"].stdout
        assert out
        line = await within("the output", out.readline())
        assert line == b"the page wrote 30 letters\n"
        assert "Hello from a virtual module" in (await daemon.get("/virtual/hello.js")).body
        greet = (await daemon.get("/virtual/greet.js")).body
        assert "export default (name, times)" in greet
    finally:
        for process in running.values():
            process.terminate()
            await process.communicate()


async def test_the_editor_shows_its_input_until_the_end(daemon: Daemon, site: Path) -> None:
    editor = await asyncio.create_subprocess_exec(
        PYTHON, "-P", EXAMPLES / "editor.py", stdin=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert editor.stdin and editor.stderr
    edits: list[Any] = [{"file": "page.html"}, {"file": "page.html", "text": "unsaved"}]
    editor.stdin.writelines(json.dumps(edit).encode() + b"\n" for edit in edits)

    async def shows(text: str) -> None:
        while text not in (await daemon.get("/page.html")).body:
            pass

    await within("the unsaved text", shows("unsaved"))
    editor.stdin.close()
    log = await within("the end of the log", editor.stderr.read())
    assert await within("the end", editor.wait()) == 0
    assert b"invalid line: KeyError('text')" in log
    assert "a page" in (await daemon.get("/page.html")).body
