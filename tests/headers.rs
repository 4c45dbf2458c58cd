//! Configured headers: which responses get them, and what wins when others set the same.

use crate::support::{
    Backend, HttpResponse, NAVIGATION, Site, TestServer, Wire, command, run, upgrade_request,
    within,
};
use pagewire_client::{Content, Failure, Filter, Plugin};
use serde_json::Value;

/// Returns all values of a header.
fn values<'a>(response: &'a HttpResponse, name: &str) -> Vec<&'a str> {
    let headers = response.headers.iter();
    headers
        .filter(|(key, _)| key == name)
        .map(|(_, value)| value.as_str())
        .collect()
}

fn site(file: &str) -> Site {
    let site = Site::page();
    site.write("pagewire.toml", file);
    site.write("docs/a.txt", "0123456789");
    site
}

#[tokio::test]
async fn configured_headers_are_on_every_response_of_the_site_and_on_none_of_the_daemon() {
    let server =
        TestServer::start_with(&site(""), &["--header", "X-A: 1, 2", "--headers", "x-b: 3"]).await;
    let tag = server
        .get("/docs/a.txt")
        .await
        .header("etag")
        .expect("an ETag")
        .to_owned();
    for (request, status) in [
        ("GET /", 200),
        ("HEAD /docs/a.txt", 200),
        ("GET /docs", 302),
        ("GET /docs/", 404),
        ("GET /missing.js", 404),
        ("GET /%ff", 400),
        ("GET /.env", 403),
        ("POST /docs/a.txt", 405),
        (
            &format!("GET /docs/a.txt HTTP/1.1\r\nIf-None-Match: {tag}"),
            304,
        ),
        ("GET /docs/a.txt HTTP/1.1\r\nIf-Match: \"x\"", 412),
        ("GET /docs/a.txt HTTP/1.1\r\nRange: bytes=1-2", 206),
        ("GET /docs/a.txt HTTP/1.1\r\nRange: bytes=20-", 416),
    ] {
        let version = if request.contains("HTTP") {
            ""
        } else {
            " HTTP/1.1"
        };
        let head = format!("{request}{version}\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let response = server.raw(head.as_bytes()).await;
        assert_eq!(response.status, status, "{request}");
        assert_eq!(values(&response, "x-a"), ["1, 2"], "{request}");
        assert_eq!(values(&response, "x-b"), ["3"], "{request}");
    }
    for path in ["/__pagewire__/client.js", "/__pagewire__/missing"] {
        assert_eq!(server.get(path).await.header("x-a"), None, "{path}");
    }
    let refused = server.raw(b"GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
    assert_eq!(refused.await.header("x-a"), None);
}

#[tokio::test]
async fn the_last_glob_that_matches_wins_and_one_glob_may_give_several_values() {
    let file = "[headers]\n\
                X-A = 'all'\n\
                Link = ['</a>; rel=a', '</b>; rel=b']\n\
                [headers.'*.txt']\n\
                X-A = ['text', 'more']\n\
                x-a = 'other case'\n\
                [headers.'/docs/**']\n\
                Link = '</c>; rel=c'\n";
    let site = site(file);
    site.write("b.txt", "");
    let server = TestServer::start(&site).await;
    let both = vec!["</a>; rel=a", "</b>; rel=b"];
    let text = vec!["text", "more", "other case"];
    for (path, a, link) in [
        ("/", vec!["all"], both.clone()),
        ("/b.txt?x.html", text.clone(), both),
        ("/docs/a.txt", text.clone(), vec!["</c>; rel=c"]),
        ("/docs/%61.txt", text, vec!["</c>; rel=c"]),
    ] {
        let response = server.get(path).await;
        assert_eq!(values(&response, "x-a"), a, "{path}");
        assert_eq!(values(&response, "link"), link, "{path}");
    }
}

/// Headers that the plugin and the backend of a test set.
const OWN: [(&str, &str); 6] = [
    ("x-a", "own"),
    ("x-a", "own too"),
    ("cache-control", "no-store"),
    ("content-security-policy", "default-src *"),
    ("set-cookie", "own=1"),
    ("x-own", "1"),
];

/// Starts a daemon with these arguments, a backend below `/api` and a plugin that answers `/plugin` and fails at
/// `/failure`.
async fn with_plugin_and_backend(arguments: &[&str]) -> (TestServer, Backend) {
    let backend = Backend::start().await;
    let rule = format!("/api=http://{}", backend.address);
    let arguments = [arguments, &["--proxy", &rule]].concat();
    let server = TestServer::start_with(&site(""), &arguments).await;
    let filters = [Filter::path("/plugin"), Filter::path("/failure")];
    let plugin = Plugin::new("p").serve(filters, |request| async move {
        if request.path() == "/failure" {
            return Err(Failure::new("no").into());
        }
        let content = Content::html("<body>ok</body>");
        Ok(OWN.iter().fold(content, |content, (name, value)| {
            content.header(*name, *value)
        }))
    });
    tokio::spawn(plugin.run_with(server.endpoint()));
    let served = async {
        while server.get("/plugin").await.status != 200 {
            tokio::task::yield_now().await;
        }
    };
    within("the plugin", served).await;
    (server, backend)
}

/// Returns the plugin's page and the backend's.
async fn pages(server: &TestServer, backend: &Backend) -> [HttpResponse; 2] {
    let lines = OWN
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"));
    let lines: String = lines.collect();
    let page = "<body>ok</body>";
    let length = page.len();
    let response = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{lines}Content-Length: {length}\r\nConnection: close\r\n\r\n{page}"
    );
    let request =
        format!("GET /api/x HTTP/1.1\r\nHost: localhost\r\n{NAVIGATION}Connection: close\r\n\r\n");
    let (_, proxied) = backend.exchange(server, request, response).await;
    [server.navigate("/plugin").await, proxied]
}

#[tokio::test]
async fn a_configured_header_replaces_that_of_a_plugin_or_a_backend_except_for_cookies() {
    let headers = [
        "X-A: configured",
        "Cache-Control: max-age=5",
        "Set-Cookie: c=3",
    ];
    let arguments = headers.map(|header| ["--header", header]).concat();
    let (server, backend) = with_plugin_and_backend(&arguments).await;
    for response in pages(&server, &backend).await {
        assert_eq!(response.text(), "<body>ok</body>");
        assert_eq!(values(&response, "x-a"), ["configured"]);
        assert_eq!(values(&response, "cache-control"), ["max-age=5"]);
        assert_eq!(values(&response, "set-cookie"), ["own=1", "c=3"]);
        assert_eq!(
            values(&response, "content-security-policy"),
            ["default-src *"]
        );
        assert_eq!(values(&response, "x-own"), ["1"]);
    }
    // A web socket of a backend is not a response of the site.
    let mut page = Wire::connect(server.http()).await;
    page.write(upgrade_request("/api/socket", b"Host: localhost\r\n"))
        .await;
    let mut far = backend.accept().await;
    far.read_until("\r\n\r\n").await;
    far.write(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    )
    .await;
    let head = page.read_until("\r\n\r\n").await.to_lowercase();
    assert!(
        head.starts_with("http/1.1 101 ") && !head.contains("x-a"),
        "{head}"
    );
}

#[tokio::test]
async fn error_pages_and_listings_keep_their_cache_control_and_get_no_content_security_policy() {
    let headers = [
        "X-A: 1",
        "Cache-Control: max-age=5",
        "Expires: 0",
        "Content-Security-Policy: default-src 'none'",
    ];
    let headers = headers.map(|header| ["--header", header]).concat();
    let arguments = [&headers[..], &["--listing"]].concat();
    let (server, backend) = with_plugin_and_backend(&arguments).await;
    drop(backend);
    for (path, status) in [
        ("/missing", 404),
        ("/failure", 500),
        ("/api/x", 502),
        ("/docs/", 200),
    ] {
        let response = server.navigate(path).await;
        assert_eq!(response.status, status, "{path}");
        assert_eq!(values(&response, "x-a"), ["1"], "{path}");
        assert_eq!(values(&response, "cache-control"), ["no-store"], "{path}");
        for name in ["expires", "content-security-policy"] {
            assert_eq!(response.header(name), None, "{path}");
        }
    }
    let file = server.navigate("/docs/a.txt").await;
    assert_eq!(values(&file, "cache-control"), ["max-age=5"]);
    assert_eq!(values(&file, "expires"), ["0"]);
}

#[tokio::test]
async fn a_configured_content_security_policy_is_treated_like_that_of_a_backend() {
    let policy = "script-src 'nonce-YQ=='; connect-src 'self'";
    let header = format!("Content-Security-Policy: {policy}");
    let arguments = ["--inject", "always", "--header", &header];
    let (server, backend) = with_plugin_and_backend(&arguments).await;
    let [plugin, proxied] = pages(&server, &backend).await;
    for page in [server.navigate("/").await, plugin, proxied] {
        assert_eq!(values(&page, "content-security-policy"), [policy]);
        let script = " nonce=\"YQ==\"></script>";
        assert!(page.text().contains(script), "{}", page.text());
    }
    let header = "/index.html=Content-Security-Policy: script-src 'none'";
    let arguments = ["--inject", "always", "--header", header];
    let mut server = TestServer::start_with(&site(""), &arguments).await;
    let page = server.navigate("/").await;
    assert_eq!(
        page.header("content-security-policy"),
        None,
        "a glob matches the path of the request"
    );
    server.navigate("/index.html").await;
    let line = server.wait_for_log("blocks the client").await;
    assert!(
        line.contains("script-src 'self'") && line.contains("/index.html"),
        "{line}"
    );
}

#[tokio::test]
async fn a_304_confirms_only_a_response_with_the_same_headers() {
    let site = site("");
    let mut tag = "\"none\"".to_owned();
    for (arguments, status) in [
        (&["--header", "X-A: 1"][..], 200),
        (&["--header", "X-A: 1"], 304),
        (&["--header", "X-A: 2"], 200),
        (&["--cross-origin-isolated"], 200),
        (&[], 200),
        (&[], 304),
    ] {
        let server = TestServer::start_with(&site, arguments).await;
        let condition = format!("If-None-Match: {tag}\r\n");
        let response = server.get_with("/docs/a.txt", &condition).await;
        assert_eq!(response.status, status, "{arguments:?}");
        response
            .header("etag")
            .expect("an ETag")
            .clone_into(&mut tag);
    }
}

#[tokio::test]
async fn cross_origin_isolation_sets_two_policies_that_headers_can_replace() {
    let file = "cross_origin_isolated = true\n\
                [headers.'*.txt']\n\
                Cross-Origin-Embedder-Policy = 'credentialless'\n";
    let server = TestServer::start(&site(file)).await;
    let (opener, embedder, resource) = (
        "cross-origin-opener-policy",
        "cross-origin-embedder-policy",
        "cross-origin-resource-policy",
    );
    for (path, policy) in [
        ("/", "require-corp"),
        ("/missing", "require-corp"),
        ("/docs/a.txt", "credentialless"),
    ] {
        let response = server.navigate(path).await;
        assert_eq!(values(&response, opener), ["same-origin"], "{path}");
        assert_eq!(values(&response, embedder), [policy], "{path}");
        assert_eq!(values(&response, resource), ["same-origin"], "{path}");
    }
    // Without this policy, the page could not load the client.
    let client = server.get("/__pagewire__/client.js").await;
    assert_eq!(values(&client, resource), ["same-origin"]);
}

#[tokio::test]
async fn the_variable_has_a_header_on_each_line_and_config_prints_what_the_file_accepts() {
    let config = async |site: &Site, variable: &str, more: &[&str]| {
        let mut command = command();
        command.arg("config").arg(site.path()).args(more);
        command.env("PAGEWIRE_HEADERS", variable);
        let output = run(command).await;
        assert_eq!((output.code, &*output.stderr), (Some(0), ""));
        output.stdout
    };
    let lines = "X-A: 1, 2\n*.js=X-B: \"3\"\n";
    let printed = config(&site(""), lines, &[]).await;
    let table = "[headers]\nX-A = '1, 2'\n[headers.'*.js']\nX-B = '\"3\"'\n";
    for file in [printed.as_str(), table] {
        let output = config(&site(file), "", &["--json"]).await;
        let output: Value = serde_json::from_str(&output).expect("JSON");
        let found = &output["settings"]["headers"]["value"];
        assert_eq!(
            *found,
            serde_json::json!(["X-A: 1, 2", "*.js=X-B: \"3\""]),
            "{file}"
        );
    }
}

#[tokio::test]
async fn more_headers_than_clients_accept_are_refused() {
    let file = format!("\nheaders = ['X-A: {}']\n", "a".repeat(20_000));
    let site = site(&file);
    let mut command = command();
    command.arg("serve").arg(site.path());
    let output = run(command).await;
    assert_eq!(output.code, Some(2));
    let words = "pagewire.toml:2: the headers have 20007 bytes together, and the limit is 12288";
    assert!(output.stderr.contains(words), "{}", output.stderr);
}
