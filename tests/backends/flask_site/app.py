"""A small site in Flask with its debug server, for the proxy tests. Prints its port once it listens."""

import os
import socket
import sys

from flask import Flask, render_template

GREETING = "first version of the view"

app = Flask(__name__)


@app.get("/")
def page():
    return render_template("page.html", greeting=GREETING)


if __name__ == "__main__":
    # The debug server starts this file once more, which inherits the socket.
    if "WERKZEUG_SERVER_FD" in os.environ:
        print(socket.socket(fileno=os.dup(int(os.environ["WERKZEUG_SERVER_FD"]))).getsockname()[1], flush=True)
    app.run("127.0.0.1", int(sys.argv[1]), debug=True)
