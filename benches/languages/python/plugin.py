"""The benchmark plugin in Python: serves the given file and answers messages from pages."""

import sys
from pathlib import Path

from pagewire import Client, Content, Context, Filter, Message, Plugin, Request, Target

module = Path(sys.argv[1]).read_text()
calls = 0
plugin = Plugin("language")


@plugin.serve(Filter.paths(["/virtual/module.js", "/virtual/calls"]))
async def serve(request: Request) -> Content:
    global calls
    if request.path == "/virtual/calls":
        return Content.text(str(calls))
    calls += 1
    return Content.js(module)


@plugin.on_message("ask")
async def answer(message: Message, client: Client) -> None:
    question = message.json()
    value = {"type": "answer", "page": question["page"], "next": question["number"] + 1}
    await client.send(Target.socket(message.socket_id), value)


@plugin.server_start
async def start(context: Context) -> None:
    print("ready", flush=True)


plugin.run()
