//! Renders Markdown as pages: open `/notes.md`. Its tests are at the end.
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
    plugin().run().await
}

fn plugin() -> Plugin {
    Plugin::new("markdown").transform(Filter::regex(r"\.md$"), page)
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

// Run with `PAGEWIRE_BIN=target/debug/pagewire cargo test --example markdown`.
#[cfg(test)]
mod tests {
    use super::*;
    use pagewire_client::testing::{Daemon, context, failure, request, response};
    use std::{fs, path::Path};

    /// The response that is to become a page, in a folder that is served.
    fn notes(folder: &Path, markdown: &str) -> Response {
        let context = context().root_dirs([folder]);
        response(request("/notes.md").context(context), markdown.to_owned()).build()
    }

    #[tokio::test]
    async fn markdown_becomes_a_page() -> HandlerResult {
        let folder = tempfile::tempdir()?;
        let change = page(notes(folder.path(), "# Notes")).await?.into_parts();
        assert!(change.text().ends_with("<h1>Notes</h1>\n"), "{change:?}");
        assert_eq!(change.content_type, "text/html");
        assert_eq!(change.depends_on, [folder.path().join("layout.html")]);
        Ok(())
    }

    #[tokio::test]
    async fn a_layout_without_the_placeholder_is_a_failure_at_the_layout() -> HandlerResult {
        let folder = tempfile::tempdir()?;
        let layout = folder.path().join("layout.html");
        fs::write(&layout, "<main></main>")?;
        let page = page(notes(folder.path(), "# Notes")).await;
        let failure = failure(page.expect_err("the layout has no placeholder"));
        let location = failure.location.expect("a location");
        assert_eq!(Path::new(&location.file), layout);
        Ok(())
    }

    #[tokio::test]
    async fn a_browser_gets_the_page_in_the_layout() -> HandlerResult {
        let site = tempfile::tempdir()?;
        fs::write(site.path().join("notes.md"), "*new*")?;
        let layout = site.path().join("layout.html");
        fs::write(&layout, "<main>{{content}}</main>")?;
        let daemon = Daemon::start(site.path()).await?;
        let markdown = daemon.run(plugin()).await?;

        let page = daemon.get("/notes.md").await?;
        assert_eq!(page.text(), "<main><p><em>new</em></p>\n</main>");

        fs::write(&layout, "<main></main>")?;
        let page = daemon.get("/notes.md").await?;
        assert_eq!(page.status, 500);
        assert!(page.text().contains("the layout has no {{content}}"));

        markdown.stop().await?;
        daemon.stop().await?;
        Ok(())
    }
}
