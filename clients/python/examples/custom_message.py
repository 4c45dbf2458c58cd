"""Sends the number of pages to every page, in a custom message, whenever a page connects."""

from pagewire import Client, Plugin, Socket, Target

plugin = Plugin("custom-message", inject_web_socket=True)


@plugin.on_socket_ready
async def count(_: Socket, client: Client) -> None:
    pages = len(await client.sockets())
    await client.send(Target.all(), {"type": "custom-message", "data": {"pages": pages}})


plugin.main()
