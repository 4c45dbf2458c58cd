//! Syntax errors of served scripts are in the log, with file, line and column, once for each version.

use crate::support::{Serve, Session, Site, TestServer};
use pagewire_client::proto::{self, serve_content::Body, serve_result};

const MODULE: &str =
    "Sec-Fetch-Dest: script\r\nSec-Fetch-Mode: cors\r\nReferer: http://localhost/a.js\r\n";
const CLASSIC: &str = "Sec-Fetch-Dest: script\r\nSec-Fetch-Mode: no-cors\r\n";
const PROGRAM: &str = "";

/// Requests the paths, and then a script whose error is the last one that is logged: checks run in order. Returns the
/// lines with the other errors, which begin with the file.
async fn logged(site: &Site, requests: &[(&str, &str)]) -> Vec<String> {
    site.write("last.js", "let last = ;");
    let mut server = TestServer::start(site).await;
    for (path, headers) in requests {
        assert_eq!(server.get_with(path, headers).await.status, 200, "{path}");
    }
    server.get("/last.js").await;
    server.wait_for_log("last.js:1:12: ").await;
    let folder = site.path().canonicalize().expect("a folder");
    let folder = format!("{}/", folder.display());
    let lines = server.logged().iter();
    let places = lines.filter_map(|line| {
        let (_, found) = line.split_once(&folder)?;
        let (place, _) = found.split_once(": ")?;
        (!place.starts_with("last.js")).then(|| place.to_owned())
    });
    places.collect()
}

#[tokio::test]
async fn a_script_with_a_syntax_error_is_logged_once_for_each_version() {
    let site = Site::new([("a.js", "let a;\nlet b = ;\n")]);
    for headers in [PROGRAM, CLASSIC, MODULE] {
        let requests = [("/a.js", headers); 3];
        assert_eq!(logged(&site, &requests).await, ["a.js:2:9"], "{headers}");
    }
    let requests = [("/a.js", PROGRAM), ("/a.js", CLASSIC), ("/a.js?x", MODULE)];
    assert_eq!(logged(&site, &requests).await, ["a.js:2:9"]);
    let mut server = TestServer::start(&site).await;
    server.get("/a.js").await;
    server.wait_for_log("a.js:2:9: ").await;
    site.write("a.js", "let a;\n\nlet b = ;\n");
    server.get("/a.js").await;
    server.wait_for_log("a.js:3:9: ").await;
}

#[tokio::test]
async fn scripts_are_parsed_as_what_the_request_says_they_are() {
    let site = Site::new([
        ("sloppy.js", "let await = 1;\n"),
        ("sloppy.mjs", "let await = 1;\n"),
        ("module.js", "let a;\nexport { a };\n"),
        ("text.txt", "let = ;\n"),
        ("data.json", "{\n"),
    ]);
    for (path, headers, expected) in [
        ("/sloppy.js", MODULE, Some("sloppy.js:1:5")),
        ("/sloppy.js", CLASSIC, None),
        ("/sloppy.js", PROGRAM, None),
        ("/sloppy.mjs", PROGRAM, Some("sloppy.mjs:1:5")),
        ("/module.js", MODULE, None),
        ("/module.js", CLASSIC, Some("module.js:2:1")),
        ("/module.js", PROGRAM, None),
        ("/text.txt", CLASSIC, None),
        ("/data.json", PROGRAM, None),
    ] {
        let found = logged(&site, &[(path, headers)]).await;
        assert_eq!(found, Vec::from_iter(expected), "{path} {headers}");
    }
}

#[tokio::test]
async fn large_scripts_are_checked_up_to_the_limit_of_imports() {
    let comment = |bytes: usize| format!("/*{}*/let a = ;", " ".repeat(bytes));
    let site = Site::new([]);
    site.write("large.js", comment(2 * 1024 * 1024));
    site.write("too-large.js", comment(16 * 1024 * 1024));
    let requests = [("/large.js", PROGRAM), ("/too-large.js", PROGRAM)];
    assert_eq!(logged(&site, &requests).await, ["large.js:1:2097165"]);
}

#[tokio::test]
async fn what_a_plugin_makes_of_a_script_is_checked_instead_of_the_file() {
    let site = Site::new([("a.js", "let a = ;\n")]);
    let mut server = TestServer::start(&site).await;
    let open = proto::ServeOpen {
        filters: vec![proto::RequestFilter {
            match_all: true,
            ..Default::default()
        }],
        ..Default::default()
    };
    let (_session, hook) = Session::with_hook::<Serve>(&server, "p", open).await;
    hook.answering(|call| {
        let path = &call.request.as_ref().expect("a request").path;
        let body = if path == "/b.js" {
            "\nlet b = ;"
        } else {
            "let a;"
        };
        serve_result::Outcome::Content(proto::ServeContent {
            body: Some(Body::InlineBody(body.into())),
            ..Default::default()
        })
    });
    server.get("/a.js").await;
    server.get("/b.js").await;
    let line = server.wait_for_log(".js:").await;
    assert!(line.contains("/b.js:2:9: "), "{line}");
}
