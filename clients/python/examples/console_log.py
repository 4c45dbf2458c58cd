"""Prints to the console of every page, 1 s after the page or the plugin is ready."""

import asyncio

from pagewire import Client, Context, Plugin, Socket, Target

plugin = Plugin("console-log", inject_web_socket=True)


@plugin.server_start
async def start(context: Context) -> None:
    await asyncio.sleep(1)
    ready = [socket.socket_id for socket in context.sockets if socket.ready]
    if ready:
        await context.client.console_log(Target.sockets(ready), "log", "Hello from Pagewire")


# Greets pages that connect after the plugin.
@plugin.on_socket_ready
async def greet(socket: Socket, client: Client) -> None:
    await asyncio.sleep(1)
    await client.console_log(Target.socket(socket.socket_id), "log", "Hello from Pagewire")


plugin.main()
