"""Serves a module that is not a file, and makes pages import it when they become ready."""

from pagewire import Client, Content, Filter, Import, Plugin, Request, Socket, Target

MODULE = "export default () => { document.body.append('Hello from a virtual module'); };"

plugin = Plugin("virtual-module", inject_web_socket=True)


@plugin.serve(Filter.path("/virtual/hello.js"))
async def serve(_: Request) -> Content:
    return Content.js(MODULE)


@plugin.on_socket_ready
async def run_module(socket: Socket, client: Client) -> None:
    page = Target.socket(socket.socket_id)
    await client.send_import(page, Import.path("/virtual/hello.js"))


plugin.main()
