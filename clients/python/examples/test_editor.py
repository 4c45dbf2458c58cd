"""Tests of `editor.py`: pages show what is in the buffers."""

from urllib.request import urlopen

import editor

from pagewire import testing


def test_pages_show_unsaved_text_until_it_is_saved(pagewire_daemon: testing.Daemon) -> None:
    file = pagewire_daemon.root / "index.html"
    file.write_text("saved")

    def shown() -> tuple[str, str]:
        with urlopen(pagewire_daemon.url) as response:
            return response.headers.get_content_type(), response.read().decode()

    with pagewire_daemon.running(editor.plugin) as context:

        def edit(text: str | None) -> None:
            context.sync_client.wait(editor.change(context.client, file, text))

        edit("unsaved")
        assert shown() == ("text/html", "unsaved")
        edit("again")
        assert shown() == ("text/html", "again")
        edit(None)
        assert shown() == ("text/html", "saved")
