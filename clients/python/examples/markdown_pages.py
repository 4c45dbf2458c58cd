"""Renders Markdown as pages: open `/notes.md`. Needs `pip install markdown-it-py`.

The text replaces `{{content}}` in the root's `layout.html`. With `pagewire serve --watch` a page
reloads when its text or the layout is saved.
"""

from pathlib import Path

from markdown_it import MarkdownIt

from pagewire import Change, Failure, Filter, Plugin, Response

PLACEHOLDER = "{{content}}"
# Used while there is no `layout.html`.
DEFAULT_LAYOUT = f'<!doctype html>\n<meta charset="utf-8">\n{PLACEHOLDER}'

plugin = Plugin("markdown")
markdown = MarkdownIt().enable(["table", "strikethrough"])


# A plain function, because it reads a file: it runs in a thread.
@plugin.transform(Filter.regex(r"\.md$"))
def page(response: Response) -> Change:
    file = Path(response.request.context.root_dirs[0], "layout.html")
    layout = file.read_text() if file.exists() else DEFAULT_LAYOUT
    if PLACEHOLDER not in layout:
        text = f"the layout has no {PLACEHOLDER} (put it where the text belongs)"
        raise Failure(text).at(file)
    body = layout.replace(PLACEHOLDER, markdown.render(response.text), 1)
    # A layout that does not exist yet counts too: the page reloads once it is created.
    return Change(body, content_type="text/html", depends_on=[file])


if __name__ == "__main__":  # not when a test imports this file
    plugin.main()
