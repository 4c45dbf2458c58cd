//! Renders Markdown as pages: open `/notes.md`.
//!
//! The text replaces `{{content}}` in the root's `layout.html`. With `pagewire serve --watch` a page reloads
//! when its text or the layout is saved.

use pagewire_client::{Change, Failure, Filter, HandlerResult, Plugin, Response, Result};
use pulldown_cmark::{Options, Parser, html};
use std::io::ErrorKind;

const PLACEHOLDER: &str = "{{content}}";
/// Used while there is no `layout.html`.
const DEFAULT_LAYOUT: &str = "<!doctype html>\n<meta charset=\"utf-8\">\n{{content}}";

#[tokio::main]
async fn main() -> Result<()> {
    Plugin::new("markdown")
        .transform(Filter::regex(r"\.md$"), page)
        .run()
        .await
}

async fn page(response: Response) -> HandlerResult<Change> {
    let mut content = String::new();
    let extensions = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    html::push_html(&mut content, Parser::new_ext(response.text()?, extensions));

    let mut roots = response.request().context().root_dirs();
    let file = roots
        .next()
        .ok_or("no folder is served")?
        .join("layout.html");
    let layout = match tokio::fs::read_to_string(&file).await {
        Ok(layout) => layout,
        Err(error) if error.kind() == ErrorKind::NotFound => DEFAULT_LAYOUT.to_owned(),
        Err(error) => return Err(format!("cannot read {}: {error}", file.display()).into()),
    };
    if !layout.contains(PLACEHOLDER) {
        let text = format!("the layout has no {PLACEHOLDER} (put it where the text belongs)");
        let file = file.display().to_string();
        return Err(Failure::new(text).at(file, 0, 0).into());
    }
    let page = layout.replacen(PLACEHOLDER, &content, 1);
    // A layout that does not exist yet counts too: the page reloads once it is created.
    Ok(Change::new()
        .body(page)
        .content_type("text/html")
        .depends_on([file]))
}
