"""Tests of plugins: what handlers get, made by hand, and a daemon that runs during a test.

```python
from pagewire import testing

content = serve(testing.request("/hello"))
assert content.status == 200

with testing.Daemon(folder) as daemon, daemon.running(plugin):
    ...  # request something from daemon.url
```

A handler is an ordinary function: a test calls it with a `request`, a `response`, `imports`, a
`message` or a `socket`, and reads what it returned. A `client` without a daemon fails. pytest has
the fixture `pagewire_daemon`, a daemon that serves `tmp_path`.
"""

from pagewire.testing._arguments import (
    client,
    context,
    imports,
    message,
    request,
    response,
    socket,
    sync_client,
)
from pagewire.testing._daemon import Daemon

__all__ = [
    "Daemon",
    "client",
    "context",
    "imports",
    "message",
    "request",
    "response",
    "socket",
    "sync_client",
]
