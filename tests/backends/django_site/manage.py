"""A small Django project for the proxy tests, with the development server that its developers use: notes that a
form saves into a database beside the sources. Prints its port once it listens."""

import os
import socket
import sys
from pathlib import Path

import django
from django.core.management import call_command
from django.core.management.commands.runserver import Command

PORT = "DJANGO_SITE_PORT"


class AnnouncingCommand(Command):
    """The command `runserver`, which says when it listens."""

    def on_bind(self, server_port):
        # Later starts of the process print it again, which does no harm.
        print(server_port, flush=True)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


# The development server starts this file once more with the same arguments, and the port stays the same.
os.environ.setdefault(PORT, sys.argv[1] if sys.argv[1] != "0" else str(free_port()))
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
sys.path.insert(0, str(Path(__file__).parent))
django.setup()
call_command("migrate", run_syncdb=True, verbosity=0)
call_command(AnnouncingCommand(), f"127.0.0.1:{os.environ[PORT]}", skip_checks=True)
