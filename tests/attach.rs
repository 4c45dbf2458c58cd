//! Pages served by other servers: the snippet that attaches them, and the origins that may load our
//! scripts.

use crate::support::{Site, TestServer, assert_output, cli};
use serde_json::json;

const SCRIPTS: [&str; 3] = [
    "/__pagewire__/client.js",
    "/__web-dev-server__web-socket.js",
    "/__pagewire__/recorder.js",
];

async fn start(arguments: &[&str]) -> TestServer {
    let site = Site::new([("index.html", "<!doctype html>"), ("app.js", "1")]);
    TestServer::start_with(&site, arguments).await
}

#[tokio::test]
async fn pages_of_an_allowed_origin_may_load_our_scripts() {
    let origin = "http://localhost:3000";
    let server = start(&[
        "--allow-origin",
        "https://b.example",
        "--allow-origin",
        origin,
    ])
    .await;
    for script in SCRIPTS {
        let from = format!("Origin: {origin}\r\n");
        let response = server.get_with(script, &from).await;
        assert_eq!(response.status, 200, "{script}");
        let tag = response.header("etag").expect("a tag").to_owned();
        let known = format!("{from}If-None-Match: {tag}\r\n");
        let known = server.get_with(script, &known).await;
        assert_eq!(known.status, 304, "{script}");
        for response in [response, known] {
            let headers = [
                ("access-control-allow-origin", origin),
                ("vary", "Origin"),
                ("cross-origin-resource-policy", "cross-origin"),
            ];
            for (name, value) in headers {
                assert_eq!(
                    response.header(name),
                    Some(value),
                    "{script} {}",
                    response.status
                );
            }
        }
    }
    // `/__pagewire__/code/` serves the source of a plugin's import while it runs. Its responses get the CORS
    // headers of scripts, so a page can also read the 404 after that.
    let from = format!("Origin: {origin}\r\n");
    let response = server.get_with("/__pagewire__/code/gone.js", &from).await;
    let shared = response.header("access-control-allow-origin");
    assert_eq!((response.status, shared), (404, Some(origin)));
}

#[tokio::test]
async fn other_origins_may_not_load_our_scripts_and_allowed_ones_may_not_load_our_files() {
    let server = start(&["--allow-origin", "http://localhost:3000"]).await;
    let foreign = [
        "",
        "Origin: http://localhost:3001\r\n",
        "Origin: https://localhost:3000\r\n",
        "Origin: http://localhost:3000.evil.example\r\n",
        "Origin: http://LOCALHOST:3000\r\n",
        "Origin: *\r\n",
        "Origin: http://localhost:3000\r\nOrigin: http://localhost:3000\r\n",
        "Origin: http://localhost:3000, http://evil.example\r\n",
    ];
    for script in SCRIPTS {
        let sandboxed = server.get_with(script, "Origin: null\r\n").await;
        let shared = sandboxed.header("access-control-allow-origin");
        assert_eq!((sandboxed.status, shared), (200, Some("null")), "{script}");
    }
    let refused = SCRIPTS
        .iter()
        .flat_map(|&path| foreign.map(|from| (path, from)));
    let listed = "Origin: http://localhost:3000\r\n";
    let files = [
        "/",
        "/app.js",
        "/missing.js",
        "/__pagewire__/socket",
        "/__pagewire__/x.js",
    ];
    for (path, from) in refused.chain(files.map(|path| (path, listed))) {
        let response = server.get_with(path, from).await;
        let shared = response.header("access-control-allow-origin");
        assert_eq!(shared, None, "{path} {from}");
        let policy = response.header("cross-origin-resource-policy");
        assert_eq!(policy, Some("same-origin"), "{path} {from}");
    }
}

#[tokio::test]
async fn an_origin_that_no_browser_sends_is_refused_at_startup() {
    for origin in [
        "localhost:3000",
        "http://localhost:3000/",
        "https://",
        "null",
        "*",
    ] {
        let mut command = crate::support::command();
        command.args(["serve", "--allow-origin", origin]);
        let refused = crate::support::run(command).await;
        assert_eq!(refused.code, Some(2), "{origin}: {}", refused.stderr);
        assert!(
            refused.stderr.contains("is not an origin"),
            "{}",
            refused.stderr
        );
    }
}

#[tokio::test]
async fn snippet_prints_the_line_that_attaches_a_page() {
    let server = start(&[]).await;
    let port = server.http().port();
    let url = format!("http://localhost:{port}/__pagewire__/client.js");
    let line = format!("<script type=\"module\" src=\"{url}\"></script>");
    let output = cli(&server, &["snippet"]).await;
    assert_output(&output, 0, &format!("{line}\n"));
    assert!(
        output
            .stderr
            .contains("--allow-origin http://localhost:3000"),
        "{}",
        output.stderr
    );

    let server = start(&["--tls", "--allow-origin", "http://a.example"]).await;
    let port = server.http().port();
    let url = format!("https://localhost:{port}/__pagewire__/client.js");
    let output = cli(&server, &["snippet", "--json"]).await;
    let expected = json!({
        "snippet": format!("<script type=\"module\" src=\"{url}\"></script>"),
        "url": url,
        "allowed_origins": ["http://a.example"],
    });
    assert_eq!(
        (output.json(), output.stderr.as_str()),
        (vec![expected], "")
    );

    let no_daemon = cli(&server, &["snippet", "--endpoint", "127.0.0.1:1"]).await;
    assert_eq!(
        no_daemon.code,
        Some(2),
        "`--endpoint` may be given only once: {}",
        no_daemon.stderr
    );
    let mut command = crate::support::command();
    command.args(["snippet", "--endpoint", "127.0.0.1:1", "--token", "x"]);
    let no_daemon = crate::support::run(command).await;
    assert_eq!(no_daemon.code, Some(4), "{}", no_daemon.stderr);
}
