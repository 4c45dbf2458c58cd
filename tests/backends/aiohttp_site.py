"""A small site in aiohttp for the proxy tests: a page, a form, a login, a web socket and a large download.
It behaves as express_site.js does. Prints its port once it listens."""

import asyncio
import html
import sys

from aiohttp import WSMsgType, web

PIECE = bytes(range(251)) * 4096
PIECES = 102

PAGE = """<!doctype html>
<html><head><title>aiohttp</title></head>
<body><p>aiohttp welcomes {user}</p>
<form method="post" action="/form"><input name="text"><button id="send">send</button></form>
<form method="post" action="/login"><input name="user"><button id="login">log in</button></form>
<a id="download" href="/download">all of it</a>
</body></html>
"""


async def page(request):
    user = html.escape(request.cookies.get("user", "guest"))
    return web.Response(text=PAGE.format(user=user), content_type="text/html")


async def form(request):
    text = html.escape((await request.post())["text"])
    page = f"<!doctype html><body>aiohttp got {text}</body>"
    return web.Response(text=page, content_type="text/html")


async def login(request):
    user = (await request.post())["user"]
    # An absolute URL, as from a site that knows its own address.
    port = request.transport.get_extra_info("sockname")[1]
    response = web.Response(status=303, headers={"Location": f"http://127.0.0.1:{port}/"})
    response.set_cookie("user", user, domain="127.0.0.1", httponly=True, samesite="Lax")
    return response


async def socket(request):
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        if message.type == WSMsgType.TEXT:
            await socket.send_str(f"aiohttp received {message.data}")
        elif message.type == WSMsgType.BINARY:
            await socket.send_bytes(message.data[::-1])
    return socket


async def download(request):
    headers = {"Content-Disposition": "attachment; filename=all.bin"}
    response = web.StreamResponse(headers=headers)
    response.content_length = len(PIECE) * PIECES
    await response.prepare(request)
    for _ in range(PIECES):
        await response.write(PIECE)
    return response


async def main(port):
    site = web.Application()
    site.add_routes(
        [
            web.get("/", page),
            web.post("/form", form),
            web.post("/login", login),
            web.get("/socket", socket),
            web.get("/download", download),
        ]
    )
    runner = web.AppRunner(site)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


asyncio.run(main(int(sys.argv[1])))
