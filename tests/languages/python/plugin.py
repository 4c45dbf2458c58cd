"""A plugin without Pagewire's library: serves /hello with the client, and greets each page that says hello."""

import json
import os
import pathlib
import queue
import tempfile
import threading

import grpc
from pagewire.v1 import control_pb2, control_pb2_grpc, hooks_pb2, messages_pb2

PAGE = b"""<!doctype html><title>Hello</title><h1>Hello from Python</h1>
<script type="module">
  import { sendMessage, webSocket } from '/__pagewire__/client.js';
  webSocket.addEventListener('message', ({ data }) => { document.title = JSON.parse(data).text; });
  sendMessage({ type: 'hello' });
</script>"""

# The discovery file of the only daemon.
runtime = os.environ.get("XDG_RUNTIME_DIR")
folder = pathlib.Path(runtime, "pagewire") if runtime else pathlib.Path(tempfile.gettempdir(), f"pagewire-{os.getuid()}")
[file] = folder.glob("*.json")
daemon = json.loads(file.read_text())
token = pathlib.Path(daemon["token_file"]).read_text().strip()
metadata = [("authorization", f"Bearer {token}")]
service = control_pb2_grpc.ControlServiceStub(grpc.insecure_channel(daemon["control"]))

# The session: the plugin lives as long as this stream.
events = service.ServerStart(
    control_pb2.ServerStartRequest(plugin_name="contract", hooks=[hooks_pb2.HOOK_SERVE]), metadata=metadata
)
session = next(events).started.session_id


def serve() -> None:
    """Answers the calls of a Serve hook."""
    results: queue.Queue[hooks_pb2.ServeRequest] = queue.Queue()
    filters = [hooks_pb2.RequestFilter(exact_paths=["/hello"])]
    results.put(hooks_pb2.ServeRequest(open=hooks_pb2.ServeOpen(filters=filters)))
    for response in service.Serve(iter(results.get, None), metadata=[*metadata, ("pagewire-session", session)]):
        if response.HasField("call"):
            content = hooks_pb2.ServeContent(content_type="html", inline_body=PAGE)
            results.put(hooks_pb2.ServeRequest(result=hooks_pb2.ServeResult(call_id=response.call.call_id, content=content)))


threading.Thread(target=serve, daemon=True).start()
next(events)  # SessionReady: the hook is open
print("serving", daemon["http"] + "/hello", flush=True)

subscription = messages_pb2.SubscribeMessagesRequest(message_types=["hello"])
for event in service.SubscribeMessages(subscription, metadata=metadata):
    if event.HasField("message"):
        greeting = messages_pb2.SendRequest(json='{"type": "greeting", "text": "Hello page"}')
        greeting.target.ids.socket_ids.append(event.message.socket_id)
        service.Send(greeting, metadata=metadata)
