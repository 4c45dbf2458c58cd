"""Plays an editor: pages show unsaved text.

Each line of standard input is a state of a buffer. `{"file": "style.css", "text": "h1 {}"}` is its
unsaved text, and a `text` of `null` means that the buffer is saved or undone. The end of the input
closes the editor and drops all unsaved text.
"""

import asyncio
import json
import logging
import sys
from pathlib import Path

from pagewire import Client, Content, Context, Filter, LiveFilters, Plugin, Request, Stale

# Longest line of standard input.
MAX_LINE_BYTES = 16 * 1024 * 1024

plugin = Plugin("editor")
filters = LiveFilters()
buffers: dict[Path, str] = {}
opened = asyncio.Event()


@plugin.serve(filters, phase="first")
async def serve(request: Request) -> Content | None:
    file = Path(request.file_path or "")
    text = buffers.get(file)
    # The extension of the file, because the request may name its folder (`/` for `index.html`).
    return None if text is None else Content(text, file.suffix.removeprefix("."))


@plugin.server_start
async def start(_: Context) -> None:
    opened.set()


async def change(client: Client, file: Path, text: str | None) -> None:
    """Set the unsaved text of a file; None shows the file on disk again."""
    file = file.resolve()  # as the daemon knows it
    if text is None:
        buffers.pop(file, None)
    else:
        buffers[file] = text
    await filters.set(map(Filter.file, buffers))
    await client.invalidate(Stale.file(file).refresh_pages())


async def edit() -> None:
    """Read standard input to its end."""
    lines = asyncio.StreamReader(limit=MAX_LINE_BYTES)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    await opened.wait()  # edits before the hook is open would reach no page
    async with Client.find() as client:
        async for line in lines:
            try:
                edited = json.loads(line)
                file, text = Path(edited["file"]), edited["text"]
            except (ValueError, TypeError, KeyError) as error:
                logging.warning("invalid line: %r", error)
            else:
                await change(client, file, text)
        for file in list(buffers):
            await change(client, file, None)


async def main() -> None:
    editing = asyncio.create_task(edit())
    running = asyncio.create_task(plugin.run_async(handle_signals=True))
    await asyncio.wait([editing, running], return_when=asyncio.FIRST_COMPLETED)
    plugin.stop()
    await running
    if editing.done():
        editing.result()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    asyncio.run(main())
