//! Shows Markdown as pages: open `/notes.md`.
//!
//! The text stands where `{{content}}` is in `layout.html` of the root. With `pagewire serve --watch`
//! a page reloads when its text or the layout is saved.

use pagewire_client::{Change, Failure, Filter, HandlerResult, Plugin, Response, Result};
use pulldown_cmark::{Options, Parser, html};
use std::io::ErrorKind;

const PLACE: &str = "{{content}}";
/// While there is no layout.
const PLAIN: &str = "<!doctype html>\n<meta charset=\"utf-8\">\n{{content}}";

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
        Err(error) if error.kind() == ErrorKind::NotFound => PLAIN.to_owned(),
        Err(error) => return Err(format!("{} cannot be read: {error}", file.display()).into()),
    };
    if !layout.contains(PLACE) {
        let text = format!("the layout has no {PLACE} (write it where the text is to stand)");
        let file = file.display().to_string();
        return Err(Failure::new(text).at(file, 0, 0).into());
    }
    let page = layout.replacen(PLACE, &content, 1);
    // Also one that is not there yet: the page reloads when it comes.
    Ok(Change::new()
        .body(page)
        .content_type("text/html")
        .depends_on([file]))
}
