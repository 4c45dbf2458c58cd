//! Site layouts: single-page apps, base paths, mounted folders, directory listings, custom types.

use crate::support::{Page, Session, Site, TestServer, command, run, within};
use pagewire_client::{Content, Filter, Plugin};

const INDEX: &str = "<!doctype html><title>app</title><body></body>";
const HTML: &str = "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n";

#[tokio::test]
async fn only_routes_of_an_app_get_its_index() {
    let site = Site::new([
        ("index.html", INDEX),
        ("real.html", "real"),
        ("folder/x.txt", ""),
    ]);
    let server = TestServer::start_with(&site, &["--app-index", "index.html"]).await;
    for path in ["/", "/users/7", "/users/7?q=a.b", "/folder/", "/deep/er"] {
        assert_eq!(server.get_with(path, HTML).await.text(), INDEX, "{path}");
    }
    assert_eq!(server.get_with("/real.html", HTML).await.text(), "real");
    let navigation = |dest: &str| format!("{HTML}Sec-Fetch-Dest: {dest}\r\n");
    for path in [
        "/users/john.doe",
        "/packages/lodash@4.17.21",
        "/report;latitude=30.4",
        "/token/aaa.bbb.ccc",
    ] {
        for headers in [HTML, &navigation("document"), &navigation("iframe")] {
            let route = server.get_with(path, headers).await;
            assert_eq!(route.text(), INDEX, "{path} {headers}");
        }
    }
    for (path, headers) in [
        ("/lib/missing", "Accept: */*\r\nSec-Fetch-Dest: script\r\n"),
        (
            "/avatar/42",
            "Accept: image/avif,*/*;q=0.8\r\nSec-Fetch-Dest: image\r\n",
        ),
        (
            "/styles/main",
            "Accept: text/css,*/*;q=0.1\r\nSec-Fetch-Dest: style\r\n",
        ),
        ("/users/7", "Accept: text/html\r\nSec-Fetch-Dest: empty\r\n"),
        ("/users/7", "Accept: */*\r\n"),
        ("/users/7", "Accept: application/json\r\n"),
        ("/users/7", "Accept: application/json, */*\r\n"),
        ("/users/7", "Accept: image/png\r\n"),
        ("/users/7", ""),
    ] {
        assert_eq!(
            server.get_with(path, headers).await.status,
            404,
            "{path} {headers}"
        );
    }
    assert_eq!(server.get_with("/.env", HTML).await.status, 403);
    let post = b"POST /users/7 HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    assert_eq!(server.raw(post).await.status, 405);
    let head = b"HEAD /users/7 HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nConnection: close\r\n\r\n";
    assert_eq!(server.raw(head).await.status, 200);
}

#[tokio::test]
async fn an_app_below_the_root_serves_only_its_folder() {
    let site = Site::new([("app/main.html", INDEX)]);
    let server = TestServer::start_with(&site, &["--app-index", "app/main.html"]).await;
    assert_eq!(server.get_with("/app/users", HTML).await.text(), INDEX);
    assert_eq!(server.get_with("/users", HTML).await.status, 404);
    assert_eq!(server.get_with("/apple", HTML).await.status, 404);
}

#[tokio::test]
async fn a_route_of_a_plugin_never_gets_the_app_index() {
    let site = Site::new([("index.html", INDEX)]);
    let server = TestServer::start_with(&site, &["--app-index", "index.html"]).await;
    let plugin = Plugin::new("p").serve(Filter::path("/virtual"), |_| async {
        Ok(Content::text("mine"))
    });
    tokio::spawn(plugin.run_with(server.endpoint()));
    let served = async {
        while server.get_with("/virtual", HTML).await.text() != "mine" {
            tokio::task::yield_now().await;
        }
    };
    within("the plugin's answer", served).await;
}

#[tokio::test]
async fn everything_is_served_below_the_base_path_and_with_the_base_path_stripped() {
    let site = Site::new([
        ("index.html", INDEX),
        ("docs/index.html", "docs"),
        ("a.js", "1"),
    ]);
    let arguments = ["--base-path", "/app", "--inject", "always"];
    let server = TestServer::start_with(&site, &arguments).await;
    for base in ["/app", ""] {
        let page = server.navigate(&format!("{base}/")).await.text();
        assert!(
            page.contains("src=\"/app/__pagewire__/client.js\""),
            "{page}"
        );
        assert_eq!(server.get(&format!("{base}/a.js")).await.text(), "1");
        assert_eq!(
            server
                .get(&format!("{base}/__pagewire__/client.js"))
                .await
                .status,
            200
        );
        let redirect = server.get(&format!("{base}/docs?q")).await;
        assert_eq!(redirect.header("location"), Some("/app/docs/?q"));
    }
    let redirect = server.get("/app?q=1").await;
    assert_eq!(
        (redirect.status, redirect.header("location")),
        (302, Some("/app/?q=1"))
    );
    assert_eq!(server.get("/apple").await.status, 404);
    assert_eq!(server.get("/app/%2e%2e/secret").await.status, 400);
    let mut page = Page::connect(server.http(), "/app/__pagewire__/socket").await;
    page.send_json(&serde_json::json!({"type": "pagewire:hello", "page_id": "p", "tab_id": "t"}))
        .await;
    assert_eq!(page.receive_json().await["type"], "pagewire:hello");
}

#[tokio::test]
async fn folders_are_mounted_under_prefixes() {
    let site = Site::new([("a.js", "site"), ("lib/hidden.js", "behind the mount")]);
    let shared = Site::new([
        ("a.js", "shared"),
        (".env", "secret"),
        ("docs/index.html", "docs"),
    ]);
    let mount = format!("/lib={}", shared.path().display());
    let server = TestServer::start_with(&site, &["--mount", &mount]).await;
    assert_eq!(server.get("/a.js").await.text(), "site");
    assert_eq!(server.get("/lib/a.js").await.text(), "shared");
    assert_eq!(server.get("/lib/docs/").await.text(), "docs");
    assert_eq!(
        server.get("/lib/docs").await.header("location"),
        Some("/lib/docs/")
    );
    assert_eq!(server.get("/lib/hidden.js").await.status, 404);
    assert_eq!(server.get("/lib/.env").await.status, 403);
    assert_eq!(server.get("/lib/..%2f..%2fetc/passwd").await.status, 400);
    let folder = shared
        .path()
        .file_name()
        .and_then(|name| name.to_str())
        .expect("a name");
    // The syntax of `@web/dev-server`, for folders that are served anyway.
    let outside = format!("/__wds-outside-root__/1/{folder}/a.js");
    assert_eq!(server.get(&outside).await.text(), "shared");
    for depth in ["9", "-1", "1e1", "0x2"] {
        let path = format!("/__wds-outside-root__/{depth}/etc/passwd");
        assert_eq!(server.get(&path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn mounts_and_types_can_be_configured_as_tables() {
    let site = Site::new([
        ("shared/a.view", "<p>"),
        ("b.view", "<p>"),
        (
            "pagewire.toml",
            "[mount]\n'/lib' = 'shared'\n\n[mime_types]\n'special/**' = 'css'\n'*.view' = 'text/html'\n",
        ),
    ]);
    let server = TestServer::start(&site).await;
    for path in ["/lib/a.view", "/b.view"] {
        let response = server.get(path).await;
        assert_eq!(
            response.header("content-type"),
            Some("text/html; charset=utf-8"),
            "{path}"
        );
    }
    site.write("special/c.view", "p {}");
    let first = server.get("/special/c.view").await;
    assert_eq!(
        first.header("content-type"),
        Some("text/css; charset=utf-8"),
        "the first rule counts"
    );
}

#[tokio::test]
async fn an_invalid_site_setting_is_refused_with_its_location() {
    for (arguments, problem) in [
        (&["--mount", "/lib"][..], "is not PATH=DIR"),
        (
            &["--mount", "/lib=/nowhere/at/all"],
            "--mount: /lib: root cannot be opened: /nowhere/at/all",
        ),
        (&["--base-path", "app"], "is not a URL path"),
        (&["--app-index", "app/"], "is not a file below the root"),
        (&["--mime-types", "*.x"], "is not GLOB=TYPE"),
        (&["--proxy", "localhost:3000"], "is not the URL of a server"),
        (&["--proxy", "ftp://a"], "is not the URL of a server"),
    ] {
        let site = Site::page();
        let mut command = command();
        command.arg("serve").arg(site.path()).args(arguments);
        let ended = run(command).await;
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.stderr);
        assert!(
            ended.stderr.contains(problem),
            "{arguments:?}: {}",
            ended.stderr
        );
    }
}

#[tokio::test]
async fn a_directory_listing_escapes_every_name() {
    let site = Site::new([
        ("docs/<img src=x onerror=alert(1)>.txt", ""),
        ("docs/a & b?#%.txt", "odd"),
        ("docs/javascript:alert(1)", ""),
        ("docs/sub/x", ""),
        ("docs/fish&lt;chips.txt", "food"),
        ("docs/.env", "secret"),
        ("with/index.html", "index"),
    ]);
    let server = TestServer::start_with(&site, &["--listing"]).await;
    let page = server.get("/docs/").await;
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let text = page.text();
    for row in [
        "<a href=\"./sub/\">sub/</a>",
        "<a href=\"./fish&amp;lt;chips.txt\">fish&amp;lt;chips.txt</a>",
        "<a href=\"./a%20&amp;%20b%3F%23%25.txt\">a &amp; b?#%.txt</a>",
        "<a href=\"./javascript:alert(1)\">javascript:alert(1)</a>",
        "&lt;img src=x onerror=alert(1)&gt;.txt</a>",
    ] {
        assert!(text.contains(row), "{row}: {text}");
    }
    assert!(!text.contains("<img") && !text.contains(".env"), "{text}");
    assert_eq!(
        server.get("/docs/a%20&%20b%3F%23%25.txt").await.text(),
        "odd"
    );
    assert_eq!(server.get("/with/").await.text(), "index");
    assert_eq!(server.get("/docs").await.status, 302);
    let without = TestServer::start(&site).await;
    let refusal = without.get("/docs/").await;
    assert_eq!(refusal.status, 404);
    assert!(refusal.text().contains("--listing"), "{}", refusal.text());
}

#[tokio::test]
async fn a_directory_listing_has_only_what_is_served() {
    let outside = Site::new([("secret.txt", "secret")]);
    let site = Site::new([
        ("good.txt", ""),
        ("back\\slash.txt", ""),
        ("line\nend.txt", ""),
        ("__pagewire__/x.js", ""),
    ]);
    let link = |target: &std::path::Path, name: &str| {
        std::os::unix::fs::symlink(target, site.path().join(name)).expect("a link");
    };
    link(&outside.path().join("secret.txt"), "outside.txt");
    link(outside.path(), "outside");
    link(std::path::Path::new("gone.txt"), "dangling.txt");
    link(std::path::Path::new("good.txt"), "inside.txt");
    let server = TestServer::start_with(&site, &["--listing"]).await;
    let page = server.get("/").await.text();
    let links: Vec<_> = page.split("href=\"./").skip(1).collect();
    let links: Vec<_> = links
        .iter()
        .map(|rest| rest.split('"').next().expect("an end"))
        .collect();
    assert_eq!(links, ["good.txt", "inside.txt"], "{page}");
}

#[tokio::test]
async fn without_files_only_plugins_respond() {
    let site = Site::new([("index.html", INDEX), ("a.js", "1")]);
    let server = TestServer::start_with(&site, &["--no-files", "--inject", "always"]).await;
    for path in ["/", "/a.js", "/.env"] {
        assert_eq!(server.get(path).await.status, 404, "{path}");
    }
    assert_eq!(server.get("/__pagewire__/client.js").await.status, 200);
    let session = Session::open(&server, "p").await;
    assert_eq!(session.started.root_dirs.len(), 1);
}
