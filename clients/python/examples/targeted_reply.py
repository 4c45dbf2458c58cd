"""Replies to the page that sent a message, and to no other.

In a page: `import { sendMessage } from '/__pagewire__/client.js'`, then
`sendMessage({ type: 'ping', n: 1 })`.
"""

from pagewire import Client, Message, Plugin, Target

plugin = Plugin("targeted-reply", inject_web_socket=True)


@plugin.on_message("ping")
async def ping(message: Message, client: Client) -> None:
    pong = {"type": "pong", "n": message.json()["n"]}
    await client.send(Target.socket(message.socket_id), pong)


plugin.main()
