"""JupyterLab in the current folder, for the proxy tests. Prints its port once it listens."""

import os
import socket
import sys
from pathlib import Path

PACKAGES = Path(os.environ["PYTHONPATH"])
# Nothing of the person at this machine, and nothing in the folder that is watched.
OWN = Path(os.environ["XDG_RUNTIME_DIR"]) / "jupyterlab"
os.environ["JUPYTER_PATH"] = str(PACKAGES / "share/jupyter")
for variable in ["JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"]:
    os.environ[variable] = str(OWN / variable.lower())

from jupyterlab.labapp import LabApp  # noqa: E402


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


port = int(sys.argv[1]) or free_port()
options = [
    f"--port={port}",
    "--ServerApp.port_retries=0",
    "--ip=127.0.0.1",
    "--no-browser",
    "--allow-root",
    "--IdentityProvider.token=",
    f"--app-dir={PACKAGES / 'share/jupyter/lab'}",
    "--LabApp.news_url=",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
]
server = LabApp.initialize_server(argv=options)
print(port, flush=True)
server.start()
