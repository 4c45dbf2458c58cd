"""Reloads every page once, by importing a module from a data URL."""

from pagewire import Client, Import, Plugin, Socket, Target

RELOAD = Import.path("data:text/javascript,window.location.reload()")

plugin = Plugin("reload-page", inject_web_socket=True)
# A tab keeps its id when it reloads.
reloaded: set[str] = set()


@plugin.on_socket_ready
async def reload(socket: Socket, client: Client) -> None:
    if socket.tab_id not in reloaded:
        reloaded.add(socket.tab_id)
        await client.send_import(Target.socket(socket.socket_id), RELOAD)


plugin.main()
