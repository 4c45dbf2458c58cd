//! Pages and modules that are made to overflow a stack or to take long.

use super::assert_still_serving;
use crate::support::{Backend, Serve, Session, Site, TestServer};
use pagewire_client::proto::{self, serve_content::Body, serve_result::Outcome};

const CLIENT: &str = "src=\"/__pagewire__/client.js";

async fn injecting(site: &Site, arguments: &[&str]) -> TestServer {
    TestServer::start_with(site, &[&["--inject", "always"], arguments].concat()).await
}

/// Returns a response whose body arrives in chunks of one byte.
fn byte_by_byte(page: &str) -> Vec<u8> {
    let mut response =
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
            .to_vec();
    for byte in page.bytes() {
        response.extend([b"1\r\n".as_slice(), &[byte], b"\r\n"].concat());
    }
    response.extend(b"0\r\n\r\n");
    response
}

#[tokio::test]
async fn a_tag_with_any_number_of_attributes_is_served_from_every_origin() {
    let page = format!(
        "<!doctype html><body><p{}></p></body>",
        " a=\"\"".repeat(100_000)
    );
    let site = Site::page();
    site.write("file.html", &page);
    let backend = Backend::start().await;
    let rule = format!("/backend=http://{}", backend.address);
    let server = injecting(&site, &["--proxy", &rule]).await;
    let open = proto::ServeOpen {
        filters: vec![proto::RequestFilter {
            exact_paths: vec!["/plugin.html".into()],
            ..Default::default()
        }],
        ..Default::default()
    };
    let (_session, hook) = Session::with_hook::<Serve>(&server, "p", open).await;
    let body = page.clone();
    let _calls = hook.answering(move |_| {
        Outcome::Content(proto::ServeContent {
            body: Some(Body::InlineBody(body.clone().into_bytes().into())),
            ..Default::default()
        })
    });
    for path in ["/file.html", "/plugin.html"] {
        assert!(
            server.navigate(path).await.text().contains(CLIENT),
            "{path}"
        );
    }
    let request = "GET /backend/ HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nConnection: close\r\n\r\n";
    let (_, proxied) = backend
        .exchange(&server, request, byte_by_byte(&page[..page.len() / 10]))
        .await;
    assert!(proxied.text().contains(CLIENT));
    assert_still_serving(&server, "tags with many attributes").await;
}

#[tokio::test]
async fn a_head_that_arrives_byte_by_byte_is_served() {
    let backend = Backend::start().await;
    let rule = format!("http://{}", backend.address);
    let server = injecting(&Site::new([]), &["--proxy", &rule]).await;
    for unit in ["<meta name=a>", "<!--<body>", "<a b='<body>'>"] {
        let head = unit.repeat(60_000 / unit.len());
        let page = format!("<!doctype html><head><!-- <body> -->{head}</head>");
        let request = "GET / HTTP/1.0\r\nHost: localhost\r\nAccept: text/html\r\n\r\n";
        let (_, served) = backend
            .exchange(&server, request, byte_by_byte(&page))
            .await;
        assert!(served.text().contains(CLIENT), "{unit}");
        assert_eq!(served.text().matches(unit).count(), 60_000 / unit.len());
    }
}

#[tokio::test]
async fn many_parts_of_a_page_take_no_longer_than_their_size() {
    let site = Site::page();
    for (name, part) in [
        ("modules", "<script type=module>import './a.js'</script>"),
        ("errors", "<script type=module>import</script>"),
        (
            "lines",
            "<script type=module>\nimport './a.js'\n</script>\n",
        ),
        ("sources", "<script type=module src=/a.js?N></script>"),
        (
            "policies",
            "<meta http-equiv=content-security-policy content=\"default-src N\">",
        ),
        ("templates", "<template>"),
    ] {
        let parts: String = (0..10_000)
            .map(|index| part.replace('N', &index.to_string()))
            .collect();
        site.write(
            &format!("{name}.html"),
            format!("<!doctype html><body>{parts}"),
        );
    }
    let mut server = injecting(&site, &[]).await;
    for name in [
        "modules",
        "errors",
        "lines",
        "sources",
        "policies",
        "templates",
    ] {
        let page = server.navigate(&format!("/{name}.html")).await;
        assert!(page.text().contains(CLIENT), "{name}");
    }
    server
        .wait_for_log("9990 more inline modules have syntax errors")
        .await;
    server.wait_for_log("unchecked=9984").await;
    assert_still_serving(&server, "pages with many parts").await;
}

#[tokio::test]
async fn a_module_cannot_hide_how_deeply_it_is_nested() {
    let site = Site::page();
    let write = |name: &str, module: &str| {
        let page = format!("<!doctype html><script type=module>import 'x';{module}</script>");
        site.write(&format!("{name}.html"), page);
    };
    write("comments", &"([a=/*])*/".repeat(12_000));
    write("strings", &"([a=')])',".repeat(12_000));
    write("divisions", &"([a={}/')]/,".repeat(12_000));
    write("flat", &"a=['([{'+/[(]{/.b+`({[`/*([{*/];".repeat(1000));
    let mut server = injecting(&site, &[]).await;
    for name in ["comments", "strings", "divisions", "flat"] {
        assert_eq!(server.navigate(&format!("/{name}.html")).await.status, 200);
    }
    for name in ["comments", "strings", "divisions"] {
        let line = server.wait_for_log(&format!("{name}.html:1:")).await;
        assert!(line.contains("nested too deeply"), "{line}");
    }
    server.signal(rustix::process::Signal::TERM);
    let (_, log) = server.wait_for_exit().await;
    assert!(!log.contains("flat.html"), "{log}");
}

/// Returns a module that imports a specifier.
fn import(specifier: &str) -> String {
    format!("import {specifier:?};")
}

#[tokio::test]
async fn specifiers_and_settings_cannot_overflow_the_stack_of_the_resolver() {
    let site = Site::page();
    let deep = format!("./{}b.js", "a/".repeat(20_000));
    for (name, fields) in [
        ("main", format!(r#""main": {deep:?}"#)),
        ("browser", format!(r#""browser": {{ "p": {deep:?} }}"#)),
        ("exports", format!(r#""exports": {deep:?}"#)),
        (
            "nested",
            format!(
                r#""exports": {}{}"#,
                "[".repeat(100_000),
                "]".repeat(100_000)
            ),
        ),
        ("imports", format!(r##""imports": {{ "#p": {deep:?} }}"##)),
    ] {
        let manifest = format!(r#"{{ "name": "{name}", {fields} }}"#);
        site.write(&format!("node_modules/{name}/package.json"), &manifest);
        site.write(&format!("{name}/package.json"), manifest);
        site.write(
            &format!("{name}/m.js"),
            format!("import '{name}'; import '#p'; import 'p'"),
        );
    }
    for (name, fields) in [
        ("extends", format!(r#""extends": {deep:?}"#)),
        ("chain", r#""extends": "./0.json""#.to_owned()),
        (
            "base",
            format!(r#""compilerOptions": {{ "baseUrl": {deep:?} }}"#),
        ),
        (
            "paths",
            format!(r#""compilerOptions": {{ "paths": {{ "p": [{deep:?}] }} }}"#),
        ),
    ] {
        site.write(&format!("{name}/tsconfig.json"), format!("{{ {fields} }}"));
        site.write(&format!("{name}/m.js"), import("p"));
    }
    for index in 0..2000 {
        let config = format!(r#"{{ "extends": "./{}.json" }}"#, index + 1);
        site.write(&format!("chain/{index}.json"), config);
    }
    site.write("relative/m.js", import(&deep));
    site.write("bare/m.js", import(&deep[2..]));
    let mut server = TestServer::start_with(&site, &["--node-resolve"]).await;
    for (name, reason) in [
        ("relative", "it is longer than 1024 bytes"),
        ("bare", "it is longer than 1024 bytes"),
        ("main", "main contains a path of 40006 bytes (at most 1024)"),
        ("browser", "browser contains a path of 40006 bytes"),
        ("exports", "exports contains a path of 40006 bytes"),
        ("nested", "recursion limit exceeded"),
        ("imports", "imports contains a path of 40006 bytes"),
        ("extends", "extends contains a path of 40006 bytes"),
        ("chain", "more than 64 tsconfig.json"),
        ("base", "baseUrl contains a path of 40006 bytes"),
        ("paths", "paths contains a path of 40006 bytes"),
    ] {
        assert_eq!(server.get(&format!("/{name}/m.js")).await.status, 200);
        let line = server.wait_for_log(&format!("{name}/m.js:1:")).await;
        assert!(line.contains(reason), "{line}");
        assert!(line.len() < 1000, "{line}");
    }
    assert_still_serving(&server, "deep paths").await;
}

#[tokio::test]
async fn the_stack_of_the_resolver_suffices_for_what_its_limits_allow() {
    let site = Site::page();
    // 1024 bytes are 511 components, and four `*` repeat those of the specifier.
    let target = format!("./{}*/*/*/*", "b/".repeat(507));
    let manifest = format!(
        r#"{{ "exports": {{ "./*": {target:?} }}, "main": "./{}b" }}"#,
        "a/".repeat(510)
    );
    site.write("node_modules/p/package.json", manifest);
    let specifier = |package: &str| format!("{package}{}b", "a/".repeat(509));
    // 64 files, each with a path of the longest length.
    let options = |target: &str| {
        format!(
            r#""compilerOptions": {{ "baseUrl": "./{}b", "paths": {{ "@/*": [{target:?}] }} }}"#,
            "c/".repeat(510)
        )
    };
    let options = options(&target);
    for index in 1..63 {
        let config = format!(r#"{{ "extends": "./{}.json", {options} }}"#, index + 1);
        site.write(&format!("{index}.json"), config);
    }
    site.write("63.json", format!("{{ {options} }}"));
    site.write(
        "tsconfig.json",
        format!(r#"{{ "extends": "./1.json", {options} }}"#),
    );
    // This takes seconds in a debug build, so deadlines are suspended.
    let server = TestServer::start_with(&site, &["--node-resolve", "--debug"]).await;
    for (name, specifier) in [
        ("relative", specifier("./")),
        ("exports", specifier("p/")),
        ("main", "p".to_owned()),
        ("alias", specifier("@/")),
    ] {
        site.write(&format!("{name}.js"), import(&specifier));
        let response = server.get(&format!("/{name}.js")).await;
        assert_eq!(response.status, 200, "{name}");
    }
    assert_still_serving(&server, "the deepest paths").await;
}

#[tokio::test]
async fn stars_of_a_target_cannot_multiply_a_specifier_without_limit() {
    let site = Site::page();
    let manifest = format!(
        r#"{{ "exports": {{ "./*": "./{}" }} }}"#,
        "*".repeat(100_000)
    );
    site.write("node_modules/p/package.json", manifest);
    site.write("m.js", import(&format!("p/{}", "a".repeat(1000))));
    let mut server = TestServer::start_with(&site, &["--node-resolve"]).await;
    assert_eq!(server.get("/m.js").await.status, 200);
    let line = server.wait_for_log("m.js:1:").await;
    assert!(line.contains("exports contains a path"), "{line}");
    assert_still_serving(&server, "many stars").await;
}
