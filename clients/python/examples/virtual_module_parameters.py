"""Passes arguments to the default export of a virtual module, and prints its return value."""

from pagewire import Client, Content, Filter, Import, Plugin, Request, Socket, Target

MODULE = """
export default (name, times) => {
    const text = `Hello ${name}! `.repeat(times).trim();
    document.body.append(text);
    return text.length;
};
"""

plugin = Plugin("virtual-module-parameters", inject_web_socket=True)


@plugin.serve(Filter.path("/virtual/greet.js"))
async def serve(_: Request) -> Content:
    return Content.js(MODULE)


@plugin.on_socket_ready
async def run_module(socket: Socket, client: Client) -> None:
    greet = Import.path("/virtual/greet.js", "Pagewire", 2)
    report = await client.import_value(Target.socket(socket.socket_id), greet)
    for row in report.rows:
        if row.error:
            print(f"the page failed: {row.error}", flush=True)
        else:
            print(f"the page wrote {row.value} letters", flush=True)


plugin.main()
