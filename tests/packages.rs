//! Files of npm packages as `--node-resolve` serves them. `tests/browser/commonjs.test.js` runs them.

use crate::support::{Site, TestServer};
use std::fmt::Write;

/// Starts a daemon for a site with one package, `p`.
async fn start(files: &[(&str, &str)], page: &str, arguments: &[&str]) -> TestServer {
    let site = Site::new([("main.js", page)]);
    site.write(
        "node_modules/p/package.json",
        r#"{ "name": "p", "version": "1.0.0" }"#,
    );
    for (name, text) in files {
        site.write(&format!("node_modules/p/{name}"), text);
    }
    TestServer::start_with(&site, &[&["--node-resolve"], arguments].concat()).await
}

#[tokio::test]
async fn a_module_of_a_package_is_requested_in_the_form_that_its_importer_needs() {
    let files = [
        (
            "index.js",
            "module.exports = require('./b'); require('./c.json'); require('fs')",
        ),
        ("b.js", "exports.known = 1"),
        ("c.json", "[1]"),
        ("d.mjs", "export const known = 1; export default 2"),
    ];
    let page = "import a, { known, other } from 'p';\nimport { known as k } from 'p/d.mjs'; import 'p/b.js'";
    let server = start(&files, page, &[]).await;
    assert_eq!(
        server.get("/main.js").await.text(),
        "import a, { known, other } from './node_modules/p/index.js?commonjs&names=other';\n\
         import { known as k } from './node_modules/p/d.mjs'; import './node_modules/p/b.js?commonjs'"
    );
    let module = server
        .get("/node_modules/p/index.js?commonjs-require")
        .await;
    assert_eq!(
        module.header("content-type"),
        Some("text/javascript; charset=utf-8")
    );
    let text = module.text();
    assert!(text.contains(r#"from"./b.js?commonjs-require";"#), "{text}");
    assert!(
        text.contains(r#"from"./c.json?commonjs-require";"#),
        "{text}"
    );
    let json = server.get("/node_modules/p/c.json?commonjs-require").await;
    assert_eq!(
        json.header("content-type"),
        Some("text/javascript; charset=utf-8")
    );
    // The file itself stays what it is, for classic scripts and source maps.
    assert_eq!(server.get("/node_modules/p/b.js").await.text(), files[1].1);
    // Each form has its own version, and a file that changes has new ones.
    let tags: Vec<_> = ["", "?commonjs", "?commonjs-require", "?commonjs-run"].into();
    let mut seen = std::collections::HashSet::new();
    for query in tags {
        let response = server.get(&format!("/node_modules/p/b.js{query}")).await;
        assert!(
            seen.insert(response.header("etag").map(str::to_owned)),
            "{query}"
        );
    }
}

#[tokio::test]
async fn without_the_setting_packages_are_served_as_they_are() {
    let site = Site::new([(
        "node_modules/p/index.js",
        "exports.a = process.env.NODE_ENV",
    )]);
    let server = TestServer::start(&site).await;
    for query in ["", "?commonjs", "?commonjs-require"] {
        let response = server
            .get(&format!("/node_modules/p/index.js{query}"))
            .await;
        assert_eq!(response.text(), "exports.a = process.env.NODE_ENV");
    }
}

#[tokio::test]
async fn a_file_of_a_package_beyond_the_limit_is_served_as_it_is() {
    const LIMIT: usize = 16 * 1024 * 1024;
    let code = "exports.a = process.env.NODE_ENV";
    let fits = format!("{}{code}", " ".repeat(LIMIT / 4));
    let large = format!("{}{code}", " ".repeat(LIMIT));
    let files = [("fits.js", fits.as_str()), ("large.js", large.as_str())];
    let page = "import 'p/fits.js'; import 'p/large.js'";
    let server = start(&files, page, &["--debug"]).await;
    assert_eq!(
        server.get("/main.js").await.text(),
        "import './node_modules/p/fits.js?commonjs'; import './node_modules/p/large.js'"
    );
    let response = server.get("/node_modules/p/large.js").await;
    assert_eq!(
        response.header("pagewire-skipped"),
        Some("packages, imports")
    );
    assert!(response.text() == large);
}

#[tokio::test]
async fn names_are_followed_through_16_reexports_and_later_ones_are_looked_for_at_run_time() {
    let mut files = Vec::new();
    for index in 0..20 {
        let text = format!(
            "export * from './m{}.js'; export const n{index} = 1",
            index + 1
        );
        files.push((format!("m{index}.js"), text));
    }
    files.push(("m20.js".to_owned(), String::new()));
    let files: Vec<_> = files
        .iter()
        .map(|(name, text)| (&**name, &**text))
        .collect();
    let page = "import { n0, n15, n16, none } from 'p/m0.js'";
    let server = start(&files, page, &[]).await;
    assert_eq!(
        server.get("/main.js").await.text(),
        "import { n0, n15, n16, none } from './node_modules/p/m0.js?commonjs&names=n16,none'"
    );
}

#[tokio::test]
async fn more_names_than_a_url_may_carry_are_left_to_the_browser() {
    let mut page = "import { ".to_owned();
    for index in 0..900 {
        let _ = write!(page, "n{index:03}, ");
    }
    page.push_str("} from 'p'");
    let files = [("index.js", "!function (e) { e.e = 1 }(exports)")];
    let mut server = start(&files, &page, &[]).await;
    let text = server.get("/main.js").await.text();
    let url = text.split('\'').nth(1).expect("a specifier").to_owned();
    assert!(url.contains("n000,") && url.ends_with("n629"), "{url}");
    server.wait_for_log("\"n630\" is left to the browser").await;
    let module = server.get(&format!("/{url}")).await;
    assert_eq!(module.status, 200);
}

#[tokio::test]
async fn a_package_that_changes_is_analysed_again() {
    let site = Site::new([("main.js", "import { a } from 'p'")]);
    site.write(
        "node_modules/p/package.json",
        r#"{ "name": "p", "version": "1.0.0" }"#,
    );
    site.write("node_modules/p/index.js", "exports.a = 1");
    let server = TestServer::start_with(&site, &["--node-resolve"]).await;
    let specifier = async || server.get("/main.js").await.text();
    assert_eq!(
        specifier().await,
        "import { a } from './node_modules/p/index.js?commonjs'"
    );
    site.write(
        "node_modules/p/package.json",
        r#"{ "name": "p", "version": "1.0.1", "type": "module" }"#,
    );
    site.write("node_modules/p/index.js", "export const a = 1");
    assert_eq!(
        specifier().await,
        "import { a } from './node_modules/p/index.js'"
    );
}
