//! Pages and modules that are made to overflow a stack or to take long.

use super::assert_still_serving;
use crate::support::{Backend, Serve, Session, Site, TestServer};
use pagewire_client::proto::{self, serve_content::Body, serve_result::Outcome};

const CLIENT: &str = "src=\"/__pagewire__/client.js\"";

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
        assert!(server.get(path).await.text().contains(CLIENT), "{path}");
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
        let page = server.get(&format!("/{name}.html")).await;
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
        assert_eq!(server.get(&format!("/{name}.html")).await.status, 200);
    }
    for name in ["comments", "strings", "divisions"] {
        let line = server.wait_for_log(&format!("{name}.html:1:")).await;
        assert!(line.contains("nested too deeply"), "{line}");
    }
    server.signal(rustix::process::Signal::TERM);
    let (_, log) = server.wait_for_exit().await;
    assert!(!log.contains("flat.html"), "{log}");
}
