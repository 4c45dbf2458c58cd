"""Plugins that are programs of their own."""

import asyncio
import logging
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pagewire import Client

from .support import Daemon, ready, within

PLUGIN = """
from pagewire import Content, Filter, Plugin
plugin = Plugin("p")
@plugin.serve(Filter.path("/x"))
def serve(request):
    return Content.text("x")
@plugin.server_start
def start(context):
    print("started", flush=True)
@plugin.server_stop
def stop(client):
    print("stopping", len(client.plugins()), flush=True)
"""
RUN = PLUGIN + 'plugin.run()\nprint("ended", flush=True)'


@asynccontextmanager
async def program(
    source: str, *, stdin: int = subprocess.DEVNULL, **environment: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a program until the end of the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        source,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **environment},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def started(process: asyncio.subprocess.Process) -> None:
    """Wait until a program prints that its plugin has started."""
    assert process.stdout
    assert await within("the start", process.stdout.readline()) == b"started\n"


async def end(process: asyncio.subprocess.Process) -> tuple[int | None, str, str]:
    """Wait for a program's end; returns its exit code and its output."""
    out, err = await within("the program's end", process.communicate())
    return process.returncode, out.decode(), err.decode()


async def test_a_spawned_plugin_exits_with_the_daemon(site: Path) -> None:
    script = site.parent / "p.py"
    script.write_text(RUN)
    command = f"{sys.executable} {script}"
    async with Daemon.serve(site, "--port", "0", "--plugin", command) as daemon:
        async with Client.find() as client:
            info = await ready(client, "p")
        assert (await daemon.get("/x")).body == "x"
        await daemon.end()
    log = (site.parent / "daemon.log").read_text()
    assert "stopping 1" in log and "ended" in log
    with pytest.raises(ProcessLookupError):
        os.kill(info.pid, 0)


async def test_a_spawned_plugin_exits_at_the_end_of_standard_input(daemon: Daemon) -> None:
    async with program(RUN, stdin=subprocess.PIPE, PAGEWIRE_LAUNCH_ID="unknown") as process:
        await started(process)
        assert process.stdin
        process.stdin.close()
        assert (await end(process))[:2] == (0, "stopping 1\nended\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
async def test_a_signal_stops_the_plugin_gracefully(daemon: Daemon, number: signal.Signals) -> None:
    async with program(RUN) as process:
        await started(process)
        process.send_signal(number)
        url = daemon.ready["http"]
        expected = (0, "stopping 1\nended\n", f'connected to {url} as "p"\n')
        assert await end(process) == expected


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
async def test_a_second_signal_ends_the_program_at_once(
    daemon: Daemon, number: signal.Signals
) -> None:
    hangs = RUN.replace("plugin.run()", "import threading\nplugin.run()").replace(
        "len(client.plugins()), flush=True)", "flush=True)\n    threading.Event().wait()"
    )
    async with program(hangs) as process:
        await started(process)
        process.send_signal(number)
        assert process.stdout
        assert await within("the stop", process.stdout.readline()) == b"stopping\n"
        process.send_signal(number)
        assert (await end(process))[:2] == (-number, "")


async def test_signals_are_left_to_the_program_after_run_and_by_run_async(daemon: Daemon) -> None:
    source = f"""
import asyncio, signal
def handled(*_):
    print("handled", flush=True)
before = [signal.getsignal(signal.SIGINT), signal.signal(signal.SIGTERM, handled)]
{PLUGIN}
async def main():
    running = asyncio.create_task(plugin.run_async())
    await asyncio.to_thread(input)
    plugin.stop()
    await running
asyncio.run(main())
plugin.run()
print(signal.getsignal(signal.SIGINT) is before[0], signal.getsignal(signal.SIGTERM) is handled)
"""
    async with program(source, stdin=subprocess.PIPE) as process:
        await started(process)
        process.send_signal(signal.SIGTERM)
        assert process.stdout and process.stdin
        assert await within("the handler", process.stdout.readline()) == b"handled\n"
        process.stdin.write(b"\n")
        assert await within("the stop", process.stdout.readline()) == b"stopping 1\n"
        await started(process)
        process.send_signal(signal.SIGTERM)
        assert (await end(process))[:2] == (0, "stopping 1\nTrue True\n")


MAIN = PLUGIN + 'plugin.main()\nprint("ended", flush=True)'


async def test_main_exits_with_4_and_a_sentence_if_there_is_no_daemon() -> None:
    async with program(MAIN) as process:
        code, out, err = await end(process)
    assert (code, out) == (4, "")
    assert err.startswith("error: no daemon is running (start one") and err.count("\n") == 1
    async with program(MAIN, PAGEWIRE_ENDPOINT="unix:/nowhere") as process:
        code, _, err = await end(process)
    assert code == 4 and err.startswith("error: cannot connect to the daemon at unix:/nowhere")


async def test_main_exits_with_1_and_a_sentence_if_the_daemon_refuses(daemon: Daemon) -> None:
    async with program(MAIN.replace('"p"', '"Bad Name"')) as process:
        code, out, err = await end(process)
    assert (code, out) == (1, "")
    assert "FIELD_INVALID" in err and err.count("\n") == 1


async def test_main_prints_the_traceback_of_a_start_handler(daemon: Daemon) -> None:
    async with program(MAIN.replace('print("started", flush=True)', "int('x')")) as process:
        code, out, err = await end(process)
    assert (code, out) == (1, "")
    assert "in start" in err and "pagewire/_session.py" not in err
    last = "error: plugin `p`: server_start failed: invalid literal for int() with base 10: 'x'\n"
    assert err.endswith(last)


async def test_main_returns_when_the_plugin_is_stopped(daemon: Daemon) -> None:
    async with program(MAIN) as process:
        await started(process)
        process.send_signal(signal.SIGTERM)
        assert (await end(process))[:2] == (0, "stopping 1\nended\n")


@pytest.mark.parametrize(
    ("configuration", "expected"),
    [
        ("logging.getLogger('pagewire').setLevel('ERROR')", ""),
        ("logging.basicConfig(format='mine: %(message)s')", ""),
        (
            "logging.basicConfig(level='INFO', format='mine: %(message)s')",
            'mine: connected to {url} as "p"\n',
        ),
    ],
)
async def test_run_leaves_a_configured_log_alone(
    daemon: Daemon, configuration: str, expected: str
) -> None:
    async with program(f"import logging\n{configuration}\n{RUN}") as process:
        await started(process)
        process.send_signal(signal.SIGTERM)
        assert (await end(process))[2] == expected.format(url=daemon.ready["http"])


def test_the_library_does_not_configure_logging_when_it_is_imported() -> None:
    log = logging.getLogger("pagewire")
    assert not log.handlers and log.level == logging.NOTSET
