"""Tests of `markdown_pages.py`: the handler as a function, and the plugin with a daemon."""

from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from markdown_pages import page, plugin

from pagewire import Failure, testing


def test_the_text_replaces_the_placeholder_of_the_layout(tmp_path: Path) -> None:
    layout = tmp_path / "layout.html"
    layout.write_text("<main>{{content}}</main>")
    context = testing.context(root_dirs=[tmp_path])

    change = page(testing.response("# Notes", path="/notes.md", context=context))

    assert change.body == b"<main><h1>Notes</h1>\n</main>"
    assert change.content_type == "text/html"
    assert change.depends_on == (str(layout),)


def test_a_layout_without_a_placeholder_is_a_failure_in_the_layout(tmp_path: Path) -> None:
    layout = tmp_path / "layout.html"
    layout.write_text("<main></main>")
    context = testing.context(root_dirs=[tmp_path])

    with pytest.raises(Failure, match=r"no \{\{content\}\}") as caught:
        page(testing.response("# Notes", context=context))

    assert caught.value.location
    assert caught.value.location.file == str(layout)


def test_a_page_is_rendered_and_its_error_is_shown(pagewire_daemon: testing.Daemon) -> None:
    root, url = pagewire_daemon.root, f"{pagewire_daemon.url}/notes.md"
    (root / "notes.md").write_text("~~done~~")

    with pagewire_daemon.running(plugin):
        with urlopen(url) as response:
            assert response.headers.get_content_type() == "text/html"
            assert "<s>done</s>" in response.read().decode()
        (root / "layout.html").write_text("<main></main>")
        with pytest.raises(HTTPError, match="500") as caught:
            urlopen(url)
    with caught.value as response:
        assert "the layout has no {{content}}" in response.read().decode()
