//! What modules may import besides scripts: JSON, stylesheets, assets, and what a query makes of a file.

use crate::support::{
    Backend, HttpResponse, NAVIGATION, Serve, Session, Site, TestServer, Transform, within,
};
use async_compression::tokio::bufread::GzipEncoder;
use pagewire_client::proto::{self, serve_content::Body, serve_result, transform_result};
use tokio::io::AsyncReadExt;

const IMPORT: &str = "Sec-Fetch-Dest: script\r\nSec-Fetch-Mode: cors\r\n";
const WORKER_IMPORT: &str = "Sec-Fetch-Dest: worker\r\nSec-Fetch-Mode: cors\r\n";

const STYLE_LINK: &str = "Sec-Fetch-Dest: style\r\nSec-Fetch-Mode: no-cors\r\n";
const FETCH: &str = "Sec-Fetch-Dest: empty\r\nSec-Fetch-Mode: cors\r\n";

/// Requests that are no imports without an attribute.
const OTHERS: [&str; 8] = [
    "",
    NAVIGATION,
    "Sec-Fetch-Dest: script\r\nSec-Fetch-Mode: no-cors\r\n",
    "Sec-Fetch-Dest: worker\r\nSec-Fetch-Mode: same-origin\r\n",
    "Sec-Fetch-Dest: json\r\nSec-Fetch-Mode: cors\r\n",
    STYLE_LINK,
    "Sec-Fetch-Dest: image\r\nSec-Fetch-Mode: no-cors\r\n",
    FETCH,
];

const SCRIPT_TYPE: Option<&str> = Some("text/javascript; charset=utf-8");

fn match_all() -> Vec<proto::RequestFilter> {
    vec![proto::RequestFilter {
        match_all: true,
        ..Default::default()
    }]
}

fn varies(response: &HttpResponse) -> bool {
    let mut headers = response.headers.iter();
    headers
        .any(|(name, value)| name == "vary" && value.starts_with("Sec-Fetch-Dest, Sec-Fetch-Mode"))
}

#[tokio::test]
async fn only_an_import_gets_the_module_of_a_file() {
    let files = [
        ("a.json", "{ \"a\": 1 }"),
        ("a.css", "h1 { color: red }"),
        ("a.svg", "<svg/>"),
        ("a.txt", "text"),
    ];
    let server = TestServer::start(&Site::new(files)).await;
    for (file, content) in files {
        let path = format!("/{file}");
        let module = server.get_with(&path, IMPORT).await;
        assert_eq!(module.header("content-type"), SCRIPT_TYPE, "{path}");
        assert_ne!(module.text(), content);
        assert!(varies(&module), "{path} {:?}", module.headers);
        assert_eq!(module.header("last-modified"), None);
        let in_worker = server.get_with(&path, WORKER_IMPORT).await;
        assert_eq!(in_worker.text(), module.text());
        let tag = module.header("etag").expect("a tag");
        let known = format!("If-None-Match: {tag}\r\n");
        let again = server.get_with(&path, &format!("{IMPORT}{known}")).await;
        assert_eq!((again.status, varies(&again)), (304, true), "{path}");
        for headers in OTHERS {
            let same = server.get_with(&path, &format!("{headers}{known}")).await;
            assert_eq!(same.status, 200, "the tag of the module: {path} {headers}");
            assert_eq!(same.text(), content, "{path} {headers}");
            assert_ne!(same.header("content-type"), SCRIPT_TYPE);
            let names = same.header("vary");
            assert_eq!(
                names,
                Some("Sec-Fetch-Dest, Sec-Fetch-Mode, Accept-Encoding")
            );
        }
        let head =
            format!("HEAD {path} HTTP/1.1\r\nHost: localhost\r\n{IMPORT}Connection: close\r\n\r\n");
        let head = server.raw(head.as_bytes()).await;
        assert_eq!(head.header("etag"), Some(tag), "{path}");
        let length = module.body.len().to_string();
        assert_eq!(head.header("content-length"), Some(&*length));
    }
}

#[tokio::test]
async fn other_files_have_no_module_and_no_further_header() {
    let files = [
        ("a.js", "export default 1;"),
        ("a.html", "<p>page</p>"),
        ("a.wasm", "wasm"),
        ("a.md", "# text"),
    ];
    let server = TestServer::start(&Site::new(files)).await;
    for (file, content) in files {
        for query in ["", "?v=1", "?raw=1", "?rawest"] {
            let response = server.get_with(&format!("/{file}{query}"), IMPORT).await;
            assert_eq!(response.text(), content);
            assert!(!varies(&response), "{file} {:?}", response.headers);
        }
    }
    let missing = server.get_with("/missing.json", IMPORT).await;
    assert_eq!(missing.status, 404);
}

#[tokio::test]
async fn json_exports_its_value_and_its_keys() {
    let site = Site::new([("a.json", "{ \"name\": \"é\", \"b-c\": 1 }")]);
    let server = TestServer::start(&site).await;
    let module = server.get_with("/a.json", IMPORT).await;
    assert_eq!(
        module.text(),
        "const json = JSON.parse(\"{ \\\"name\\\": \\\"é\\\", \\\"b-c\\\": 1 }\");\n\
         export default json;\n\
         const {\"name\": v0} = json;\n\
         export {v0 as \"name\"};\n"
    );
    site.write("a.json", "{ \"name\": \"new\" }");
    let changed = server.get_with("/a.json", IMPORT).await;
    assert!(changed.text().contains("new"));
    assert_ne!(changed.header("etag"), module.header("etag"));
}

#[tokio::test]
async fn invalid_json_is_logged_with_its_place_once_and_thrown_in_the_page() {
    let site = Site::new([
        ("d/a.json", "{\n  \"a\": 1,\n}\n"),
        ("d/b.json", "{\n  \"a\": 1,\n}\n"),
        ("d/c.json", ""),
    ]);
    let mut server = TestServer::start(&site).await;
    for path in ["/d/a.json", "/d/a.json?v=1", "/d/b.json"] {
        let module = server.get_with(path, IMPORT).await;
        assert_eq!(module.status, 200);
        let thrown = format!(
            "throw new SyntaxError(\"{}:3:1: invalid JSON: ",
            path.trim_end_matches("?v=1")
        );
        assert!(module.text().contains(&thrown), "{}", module.text());
    }
    server.get_with("/d/c.json", IMPORT).await;
    server.wait_for_log("d/c.json:1:1: invalid JSON: ").await;
    let folder = site.path().canonicalize().expect("a folder");
    for file in ["d/a.json", "d/b.json"] {
        let place = format!("{}:3:1: invalid JSON: ", folder.join(file).display());
        let lines = server.logged().iter();
        let found = lines.filter(|line| line.contains(&place));
        assert_eq!(found.count(), 1, "{place} {:?}", server.logged());
    }
}

#[tokio::test]
async fn a_query_asks_for_the_text_of_a_file_or_its_url() {
    let files = [
        ("a.js", "import './b.js';\n\"\u{2028}</script>"),
        ("a.css", "h1 { color: red }"),
        ("a.svg", "<svg/>"),
        ("a.html", "<script type=module>import 'x'</script>"),
        ("a.bin", "text"),
    ];
    let server = TestServer::start_with(&Site::new(files), &["--inject", "always"]).await;
    let url = server.get_with("/a.js?url", IMPORT).await;
    let worker = server.get_with("/a.js?worker", IMPORT).await;
    assert_ne!(url.text(), worker.text());
    for (file, content) in files {
        let raw = server.get_with(&format!("/{file}?raw"), IMPORT).await;
        let quoted = serde_json::Value::from(content);
        assert_eq!(raw.text(), format!("export default {quoted};\n"));
        for (query, expected) in [("url", &url), ("v=1&url", &url), ("worker", &worker)] {
            let path = format!("/{file}?{query}");
            let module = server.get_with(&path, IMPORT).await;
            assert_eq!(module.text(), expected.text(), "{path}");
            assert_eq!(module.header("content-type"), SCRIPT_TYPE, "{path}");
            let fetched = server.get_with(&path, FETCH).await;
            assert_eq!(fetched.text(), content, "{path}");
            assert_ne!(fetched.header("etag"), module.header("etag"), "{path}");
            assert!(varies(&module) && varies(&fetched), "{path}");
        }
    }
}

#[tokio::test]
async fn a_file_with_a_denied_name_is_not_read_for_an_import() {
    let site = Site::new([(".env", "secret"), ("d/key.pem", "secret")]);
    let server = TestServer::start(&site).await;
    for path in ["/.env?raw", "/.env?url", "/d/key.pem?raw", "/.env?raw&url"] {
        let response = server.get_with(path, IMPORT).await;
        assert_eq!(response.status, 403, "{path}");
        assert!(!response.text().contains("secret"), "{path}");
    }
}

#[tokio::test]
async fn what_only_bundlers_make_throws_an_error_and_is_logged_with_file_and_remedy() {
    let site = Site::new([
        ("a.module.css", "h1 {}"),
        ("a.scss", "$a: 1;"),
        ("a.css", "h1 {}"),
        ("a.js", "1"),
        ("a.wasm", "wasm"),
    ]);
    let mut server = TestServer::start(&site).await;
    for (path, words) in [
        ("/a.module.css", "without .module"),
        ("/a.scss", "a plugin that compiles it"),
        ("/a.css?inline", "?raw gives the text"),
        ("/a.js?worker&url", "new Worker(new URL("),
        ("/a.wasm?init", "instantiateStreaming"),
    ] {
        let module = server.get_with(path, IMPORT).await;
        let text = module.text();
        let expected = format!(
            "export default undefined;\nthrow new TypeError(\"cannot import {path}: it is "
        );
        assert!(text.starts_with(&expected), "{text}");
        assert!(text.contains(words), "{text}");
        assert_eq!(module.header("content-type"), SCRIPT_TYPE);
        let line = server.wait_for_log(words).await;
        let (file, _) = path.split_once('?').unwrap_or((path, ""));
        assert!(
            line.contains(&format!("{file}: cannot be imported")),
            "{line}"
        );
    }
    let linked = server.get_with("/a.module.css", STYLE_LINK).await;
    assert_eq!(linked.text(), "h1 {}");
    let script = server.get_with("/a.js?inline", IMPORT).await;
    assert_eq!(script.text(), "1");
}

#[tokio::test]
async fn content_beyond_the_limit_throws_an_error() {
    const LIMIT: usize = 16 * 1024 * 1024;
    let site = Site::new([]);
    site.write("fits.json", format!("1{}", " ".repeat(LIMIT - 1)));
    site.write("large.json", format!("1{}", " ".repeat(LIMIT)));
    site.write("large.css", " ".repeat(LIMIT + 1));
    let mut server = TestServer::start(&site).await;
    let fits = server.get_with("/fits.json", IMPORT).await;
    assert!(fits.text().starts_with("const json = JSON.parse(\"1 "));
    for path in ["/large.json", "/large.css?raw"] {
        let module = server.get_with(path, IMPORT).await;
        let text = module.text();
        assert!(
            text.contains("larger than 16777216 bytes"),
            "{path} {text:.100}"
        );
        server.wait_for_log("larger than 16777216 bytes").await;
    }
    // The module does not contain it.
    let style = server.get_with("/large.css", IMPORT).await;
    assert!(style.text().contains("stylesheet"));
}

#[tokio::test]
async fn each_setting_turns_its_forms_off() {
    let site = Site::new([
        ("a.json", "1"),
        ("a.css", "h1 {}"),
        ("a.svg", "<svg/>"),
        ("a.js", "1"),
    ]);
    let paths = ["/a.json", "/a.css", "/a.svg", "/a.js?raw"];
    for (index, flag) in [
        "--import-json=false",
        "--import-css=false",
        "--import-assets=false",
        "--import-queries=false",
    ]
    .into_iter()
    .enumerate()
    {
        let server = TestServer::start_with(&site, &[flag]).await;
        for (other, path) in paths.into_iter().enumerate() {
            let response = server.get_with(path, IMPORT).await;
            assert_eq!(varies(&response), index != other, "{flag} {path}");
        }
    }
}

#[tokio::test]
async fn a_script_that_a_plugin_makes_stays_and_the_source_of_a_query_is_not_transformed() {
    let site = Site::new([
        ("a.css", "h1 {}"),
        ("a.scss", "$a: 1;"),
        ("a.ts", "let a: number;"),
    ]);
    let server = TestServer::start(&site).await;
    let open = proto::TransformOpen {
        filters: match_all(),
        ..Default::default()
    };
    let (_session, hook) = Session::with_hook::<Transform>(&server, "p", open).await;
    hook.answering(|call| {
        let path = &call.request.as_ref().expect("a request").path;
        let (content_type, body) = if path == "/a.scss" {
            ("css", "h1 { color: red }")
        } else {
            ("js", "export default 'by a plugin';")
        };
        transform_result::Outcome::Content(proto::TransformContent {
            content_type: content_type.to_owned(),
            body: Some(body.into()),
            ..Default::default()
        })
    });
    for path in ["/a.css", "/a.css?inline", "/a.ts"] {
        let response = server.get_with(path, IMPORT).await;
        assert_eq!(response.text(), "export default 'by a plugin';", "{path}");
    }
    let style = server.get_with("/a.scss", IMPORT).await;
    assert!(style.text().contains("link.rel = 'stylesheet'"));
    let raw = server.get_with("/a.ts?raw", IMPORT).await;
    assert_eq!(raw.text(), "export default \"let a: number;\";\n");
    let fetched = server.get_with("/a.ts?raw", FETCH).await;
    assert_eq!(fetched.text(), "export default 'by a plugin';");
}

#[tokio::test]
async fn files_that_a_plugin_serves_have_modules_too_unless_they_are_scripts() {
    let server = TestServer::start(&Site::new([])).await;
    let open = proto::ServeOpen {
        filters: match_all(),
        ..Default::default()
    };
    let (_session, hook) = Session::with_hook::<Serve>(&server, "p", open).await;
    hook.answering(|call| {
        let path = &call.request.as_ref().expect("a request").path;
        let header = |name: &str, value: &str| proto::Header {
            name: name.into(),
            value: value.as_bytes().to_vec().into(),
        };
        serve_result::Outcome::Content(proto::ServeContent {
            body: Some(Body::InlineBody("[1]".into())),
            headers: vec![header("etag", "\"1\""), header("vary", "Cookie")],
            verbatim: path.starts_with("/verbatim"),
            ..Default::default()
        })
    });
    let json = server.get_with("/a.json", IMPORT).await;
    assert!(json.text().starts_with("const json = JSON.parse(\"[1]\")"));
    assert!(varies(&json), "{:?}", json.headers);
    let style = server.get_with("/a.css", IMPORT).await;
    assert!(style.text().contains("stylesheet"));
    let tags = [json.header("etag"), style.header("etag"), Some("\"1\"")];
    assert!(
        tags[0] != tags[1] && !tags[..2].contains(&tags[2]),
        "{tags:?}"
    );
    for path in ["/a.js?raw", "/verbatim.json", "/verbatim.json?raw"] {
        let response = server.get_with(path, IMPORT).await;
        assert_eq!(response.text(), "[1]", "{path}");
    }
}

#[tokio::test]
async fn files_of_a_backend_have_modules_too_and_conditions_are_not_forwarded() {
    let backend = Backend::start().await;
    let rule = format!("http://{}", backend.address);
    let server = TestServer::start_with(&Site::new([]), &["--proxy", &rule]).await;
    let request = |path: &str, headers: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Connection: close\r\n\r\n")
    };
    let mut json = Vec::new();
    let mut encoder = GzipEncoder::new(&b"{\"a\": 1}"[..]);
    within("gzip", encoder.read_to_end(&mut json))
        .await
        .expect("gzip");
    for (path, content_type, encoded, expected) in [
        (
            "/a.json",
            "application/json",
            &json[..],
            "JSON.parse(\"{\\\"a\\\": 1}\")",
        ),
        ("/a.css", "text/css", b"not gzip", "link.rel = 'stylesheet'"),
        (
            "/a.css?raw",
            "text/css",
            &json,
            "export default \"{\\\"a\\\": 1}\"",
        ),
    ] {
        let mut response = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Encoding: gzip\r\nETag: \"1\"\r\nCache-Control: max-age=60\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            encoded.len()
        )
        .into_bytes();
        response.extend_from_slice(encoded);
        let known = format!("{IMPORT}If-None-Match: \"1\"\r\n");
        let (received, module) = backend
            .exchange(&server, request(path, &known), &response)
            .await;
        assert_eq!(received.header("if-none-match"), None, "{path}");
        assert!(module.text().contains(expected), "{path} {}", module.text());
        assert_eq!(module.header("content-encoding"), None, "{path}");
        assert!(varies(&module), "{path}");
        let tag = module.header("etag").expect("a tag");
        assert_ne!(tag, "\"1\"");
        let known = format!("{IMPORT}If-None-Match: {tag}\r\n");
        let (_, same) = backend
            .exchange(&server, request(path, &known), &response)
            .await;
        assert_eq!(same.status, 304, "{path}");

        let known = format!("{FETCH}If-None-Match: \"1\"\r\n");
        let (received, fetched) = backend
            .exchange(&server, request(path, &known), &response)
            .await;
        assert_eq!(received.header("if-none-match").as_deref(), Some("\"1\""));
        assert!(varies(&fetched), "{path}");
    }
}

#[tokio::test]
async fn a_backends_script_is_imported_as_it_is_and_parts_of_its_files_say_that_they_vary() {
    let backend = Backend::start().await;
    let rule = format!("http://{}", backend.address);
    let server = TestServer::start_with(&Site::new([]), &["--proxy", &rule]).await;
    for (path, status, content_type, expected) in [
        ("/a.glsl?raw", "200 OK", "text/javascript", "body"),
        ("/a.js?raw", "200 OK", "text/javascript", "body"),
        ("/a.js?worker", "200 OK", "application/javascript", "body"),
        ("/a.js?worker&inline", "200 OK", "text/javascript", "body"),
        (
            "/a.css",
            "200 OK",
            "Text/CSS; charset=utf-8",
            "link.rel = 'stylesheet'",
        ),
        ("/a.mp4", "206 Partial Content", "video/mp4", "body"),
    ] {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{IMPORT}Connection: close\r\n\r\n");
        let response = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Range: bytes 0-3/8\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody"
        );
        let (_, received) = backend
            .exchange(&server, request, response.as_bytes())
            .await;
        assert!(
            received.text().contains(expected),
            "{path} {}",
            received.text()
        );
        assert!(varies(&received), "{path}");
    }
}

#[tokio::test]
async fn preload_hints_have_the_module_of_a_query_but_not_what_its_source_imports() {
    let site = Site::new([
        (
            "index.html",
            "<!doctype html><body><script type=module src=/a.js></script></body>",
        ),
        (
            "a.js",
            "import './b.js'; import './source.js?raw'; import './a.css'; import './a.json' with { type: 'json' };",
        ),
        ("b.js", "import './c.js';"),
        ("c.js", "import './d.js';"),
        ("d.js", "1;"),
        ("source.js", "import './never.js';"),
        ("never.js", "1;"),
        ("a.css", "h1 {}"),
        ("a.json", "1"),
    ]);
    let server = TestServer::start_with(&site, &["--inject", "always"]).await;
    let complete = async {
        loop {
            let page = server.navigate("/").await.text();
            if page.contains("/d.js") {
                return page;
            }
        }
    };
    let page = within("all hints", complete).await;
    assert!(page.contains("/source.js?raw"), "{page}");
    for absent in ["never.js", "a.css", "a.json"] {
        assert!(!page.contains(absent), "{absent} {page}");
    }
}
