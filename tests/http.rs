//! HTTP as RFC 9110 defines it: preconditions, ranges and codings, for files and plugin responses
//! alike.

use crate::support::{FORWARDED, HttpResponse, NAVIGATION, Session, Site, TestServer, within};
use async_compression::tokio::bufread::{BrotliDecoder, GzipDecoder, GzipEncoder};
use pagewire_client::{Content, Filter, Plugin};
use std::fs::File;
use std::time::{Duration, SystemTime};
use tokio::io::AsyncReadExt;

const MODULE: &str = "export default 'a module that is longer than a kibibyte';\n";

fn long_module() -> String {
    MODULE.repeat(40)
}

/// Writes a file with an old modification time, so that it gets a `Last-Modified` header.
fn old_file(site: &Site, name: &str, content: impl AsRef<[u8]>) {
    site.write(name, content);
    let file = File::open(site.path().join(name)).expect("a file");
    let then = SystemTime::now() - Duration::from_hours(1);
    file.set_modified(then).expect("a time");
}

/// Serves the same content from a file and from a plugin.
async fn both(content: &'static str) -> (TestServer, [&'static str; 2]) {
    let site = Site::new([]);
    old_file(&site, "file.txt", content);
    let server = TestServer::start(&site).await;
    let plugin = Plugin::new("p").serve(Filter::path("/plugin.txt"), move |_| async move {
        Ok(Content::text(content))
    });
    tokio::spawn(plugin.run_with(server.endpoint()));
    let served = async {
        while server.get("/plugin.txt").await.status != 200 {
            tokio::task::yield_now().await;
        }
    };
    within("the plugin", served).await;
    (server, ["/file.txt", "/plugin.txt"])
}

#[tokio::test]
async fn preconditions_decide_before_anything_is_sent() {
    let (server, paths) = both("0123456789").await;
    for path in paths {
        let first = server.get(path).await;
        let tag = first.header("etag").expect("an ETag");
        for (header, status) in [
            (format!("If-None-Match: {tag}"), 304),
            ("If-None-Match: \"other\"".to_owned(), 200),
            (format!("If-Match: {tag}"), 200),
            (format!("If-Match: W/{tag}"), 412),
            ("If-Match: \"other\"".to_owned(), 412),
            ("If-Match: *".to_owned(), 200),
        ] {
            let response = server.get_with(path, &format!("{header}\r\n")).await;
            assert_eq!(response.status, status, "{path} {header}");
            assert_eq!(response.header("etag"), Some(tag), "{path} {header}");
            assert_eq!(
                response.header("cache-control"),
                Some("no-cache"),
                "{path} {header}"
            );
            if status != 200 {
                assert_eq!(response.body.len(), 0, "{path} {header}");
                assert_eq!(response.header("content-type"), None, "{path} {header}");
            }
        }
    }
}

#[tokio::test]
async fn a_file_has_a_last_modified_date_only_after_the_second_of_its_change() {
    let site = Site::new([("new.txt", "new")]);
    old_file(&site, "old.txt", "old");
    let server = TestServer::start(&site).await;
    let date = server
        .get("/old.txt")
        .await
        .header("last-modified")
        .map(str::to_owned);
    let date = date.expect("a date");
    let earlier = "Sun, 06 Nov 1994 08:49:37 GMT";
    for (header, status) in [
        (format!("If-Modified-Since: {date}"), 304),
        (format!("If-Modified-Since: {earlier}"), 200),
        (format!("If-Unmodified-Since: {date}"), 200),
        (format!("If-Unmodified-Since: {earlier}"), 412),
        // The tag takes precedence.
        (
            format!("If-None-Match: \"x\"\r\nIf-Modified-Since: {date}"),
            200,
        ),
    ] {
        let response = server.get_with("/old.txt", &format!("{header}\r\n")).await;
        assert_eq!(response.status, status, "{header}");
    }
    // A file dated in the future may change again until that second has passed.
    let file = File::open(site.path().join("new.txt")).expect("a file");
    file.set_modified(SystemTime::now() + Duration::from_mins(1))
        .expect("a time");
    assert_eq!(server.get("/new.txt").await.header("last-modified"), None);
}

#[tokio::test]
async fn a_single_range_gets_a_part_and_several_ranges_the_whole() {
    let (server, paths) = both("0123456789").await;
    for path in paths {
        let whole = server.get(path).await;
        assert_eq!(whole.header("accept-ranges"), Some("bytes"), "{path}");
        let tag = whole.header("etag").expect("an ETag").to_owned();
        for (range, body, content_range) in [
            ("bytes=0-3", "0123", "bytes 0-3/10"),
            ("bytes=8-", "89", "bytes 8-9/10"),
            ("bytes=-3", "789", "bytes 7-9/10"),
            ("bytes=5-500", "56789", "bytes 5-9/10"),
        ] {
            let part = server.get_with(path, &format!("Range: {range}\r\n")).await;
            assert_eq!(
                (part.status, part.text().as_str()),
                (206, body),
                "{path} {range}"
            );
            assert_eq!(
                part.header("content-range"),
                Some(content_range),
                "{path} {range}"
            );
            assert_eq!(
                part.header("content-length"),
                Some(body.len().to_string().as_str())
            );
            assert_eq!(part.header("etag"), Some(tag.as_str()), "{path} {range}");
        }
        for range in ["bytes=0-1,4-5", "bytes=5-2", "lines=1-2", "bytes=x"] {
            let response = server.get_with(path, &format!("Range: {range}\r\n")).await;
            assert_eq!(
                (response.status, response.text().as_str()),
                (200, "0123456789"),
                "{path} {range}"
            );
        }
        let beyond = server.get_with(path, "Range: bytes=10-\r\n").await;
        assert_eq!((beyond.status, beyond.body.len()), (416, 0), "{path}");
        assert_eq!(beyond.header("content-range"), Some("bytes */10"), "{path}");
        for (if_range, status) in [
            (tag.as_str(), 206),
            ("\"other\"", 200),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 200),
        ] {
            let headers = format!("Range: bytes=0-0\r\nIf-Range: {if_range}\r\n");
            assert_eq!(
                server.get_with(path, &headers).await.status,
                status,
                "{path} {if_range}"
            );
        }
        let known = format!("Range: bytes=0-0\r\nIf-None-Match: {tag}\r\n");
        assert_eq!(server.get_with(path, &known).await.status, 304, "{path}");
        let head = format!(
            "HEAD {path} HTTP/1.1\r\nHost: localhost\r\nRange: bytes=0-0\r\nConnection: close\r\n\r\n"
        );
        let head = server.raw(head.as_bytes()).await;
        assert_eq!(
            (head.status, head.header("content-length")),
            (200, Some("10")),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_range_of_a_large_file_is_read_at_its_offset() {
    let site = Site::new([]);
    let content: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();
    old_file(&site, "large.bin", &content);
    let server = TestServer::start(&site).await;
    let part = server
        .get_with("/large.bin", "Range: bytes=1999998-3000001\r\n")
        .await;
    assert_eq!(part.status, 206);
    assert!(part.body == content[1_999_998..=3_000_001]);
}

async fn decoded(response: &HttpResponse) -> String {
    let mut text = String::new();
    let body = response.body.as_slice();
    let read = match response.header("content-encoding") {
        Some("br") => BrotliDecoder::new(body).read_to_string(&mut text).await,
        Some("gzip") => GzipDecoder::new(body).read_to_string(&mut text).await,
        other => panic!("coding {other:?}"),
    };
    read.expect("it can be decoded");
    text
}

#[tokio::test]
async fn text_is_compressed_as_the_client_prefers() {
    let module = long_module();
    let site = Site::new([
        ("a.js", module.as_str()),
        ("small.js", "1"),
        ("a.png", &module),
    ]);
    let server = TestServer::start(&site).await;
    let plain = server.get("/a.js").await;
    assert_eq!(
        (plain.text().as_str(), plain.header("content-encoding")),
        (module.as_str(), None)
    );
    assert_eq!(plain.header("vary"), Some("Accept-Encoding"));
    let mut tags = vec![plain.header("etag").expect("an ETag").to_owned()];
    for (accepted, coding) in [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("br;q=0.1, gzip", "gzip"),
    ] {
        let response = server
            .get_with(
                "/a.js",
                &format!("{FORWARDED}Accept-Encoding: {accepted}\r\n"),
            )
            .await;
        assert_eq!(
            response.header("content-encoding"),
            Some(coding),
            "{accepted}"
        );
        assert_eq!(decoded(&response).await, module, "{accepted}");
        assert!(response.body.len() < module.len() / 4);
        let tag = response.header("etag").expect("an ETag").to_owned();
        let known = format!("{FORWARDED}Accept-Encoding: {accepted}\r\nIf-None-Match: {tag}\r\n");
        assert_eq!(server.get_with("/a.js", &known).await.status, 304);
        tags.push(tag);
    }
    tags.sort_unstable();
    tags.dedup();
    assert_eq!(
        tags.len(),
        3,
        "each representation has a tag of its own: {tags:?}"
    );
    for (path, headers) in [
        ("/small.js", "Accept-Encoding: br\r\n"),
        ("/a.png", "Accept-Encoding: br\r\n"),
        ("/a.js", "Accept-Encoding: br;q=0, gzip;q=0\r\n"),
        ("/a.js", "Accept-Encoding: br\r\nRange: bytes=0-5\r\n"),
    ] {
        let response = server
            .get_with(path, &format!("{FORWARDED}{headers}"))
            .await;
        assert_eq!(
            response.header("content-encoding"),
            None,
            "{path} {headers}"
        );
    }
}

#[tokio::test]
async fn a_browser_on_this_machine_gets_text_as_it_is_unless_it_is_forwarded() {
    let module = long_module();
    let site = Site::new([("a.js", module.as_str())]);
    let server = TestServer::start(&site).await;
    for (forwarding, coding) in [
        ("", None),
        (FORWARDED, Some("br")),
        ("Forwarded: for=192.0.2.1\r\n", Some("br")),
        ("X-Forwarded-For: 192.0.2.1\r\n", Some("br")),
    ] {
        let headers = format!("{forwarding}Accept-Encoding: br\r\n");
        let response = server.get_with("/a.js", &headers).await;
        assert_eq!(response.header("content-encoding"), coding, "{headers}");
        assert_eq!(response.header("vary"), Some("Accept-Encoding"));
    }
}

#[tokio::test]
async fn large_text_is_sent_as_it_is_with_one_tag_and_in_ranges() {
    let site = Site::new([]);
    let text = "a line of a large text, again and again\n".repeat(60_000);
    old_file(&site, "large.txt", text.as_bytes());
    let server = TestServer::start(&site).await;
    let accept = &format!("{FORWARDED}Accept-Encoding: gzip, br\r\n");
    let first = server.get_with("/large.txt", accept).await;
    let length = text.len().to_string();
    assert_eq!(first.header("content-encoding"), None);
    assert_eq!(first.header("content-length"), Some(length.as_str()));
    assert!(first.body == text.as_bytes());
    let second = server.get_with("/large.txt", accept).await;
    assert_eq!(first.header("etag"), second.header("etag"));
    let range = format!("{accept}Range: bytes=2-5\r\n");
    assert_eq!(server.get_with("/large.txt", &range).await.text(), "line");
}

#[tokio::test]
async fn compressed_svg_names_its_coding_and_archives_do_not() {
    let site = Site::new([]);
    let text = "<svg xmlns=\"http://www.w3.org/2000/svg\"></svg>".repeat(100);
    let mut packed = Vec::new();
    let mut encoder = GzipEncoder::new(text.as_bytes());
    encoder.read_to_end(&mut packed).await.expect("gzip");
    for name in ["a.svgz", "b.SVGZ", "data.csv.gz", "x.tar.gz", "vol.nii.gz"] {
        std::fs::write(site.path().join(name), &packed).expect("a file");
    }
    let server = TestServer::start(&site).await;
    for accept in ["", "Accept-Encoding: gzip, br\r\n"] {
        for path in ["/a.svgz", "/b.SVGZ"] {
            let image = server.get_with(path, accept).await;
            assert_eq!(image.header("content-type"), Some("image/svg+xml"));
            assert_eq!(image.header("content-encoding"), Some("gzip"));
            assert_eq!(decoded(&image).await, text, "{path}");
        }
        for path in ["/data.csv.gz", "/x.tar.gz", "/vol.nii.gz"] {
            let archive = server.get_with(path, accept).await;
            assert_eq!(archive.header("content-encoding"), None, "{path}");
            assert!(archive.body == packed, "{path}");
        }
    }
}

#[tokio::test]
async fn a_precompressed_sibling_is_served_unless_it_is_older() {
    let site = Site::new([]);
    let module = long_module();
    old_file(&site, "a.js", &module);
    site.write(
        "a.js.br",
        "not brotli, but what the site's build has put here",
    );
    let server = TestServer::start(&site).await;
    let brotli = &format!("{FORWARDED}Accept-Encoding: br\r\n");
    let sibling = server.get_with("/a.js", brotli).await;
    assert_eq!(sibling.header("content-encoding"), Some("br"));
    assert!(sibling.text().starts_with("not brotli"));
    assert_eq!(
        sibling.header("content-type"),
        Some("text/javascript; charset=utf-8")
    );
    // The file is now newer than its sibling.
    site.write("a.js", module.replace("longer", "better"));
    let fresh = server.get_with("/a.js", brotli).await;
    assert_eq!(decoded(&fresh).await, module.replace("longer", "better"));
    // The sibling could be a link to anywhere.
    let outside = tempfile::tempdir().expect("a folder");
    std::fs::write(outside.path().join("secret"), "secret").expect("a file");
    old_file(&site, "b.js", &module);
    std::os::unix::fs::symlink(outside.path().join("secret"), site.path().join("b.js.br"))
        .expect("a link");
    let linked = server.get_with("/b.js", brotli).await;
    assert_eq!(decoded(&linked).await, module);
}

#[tokio::test]
async fn a_precompressed_sibling_of_any_accepted_coding_is_served() {
    let site = Site::new([]);
    for (name, copies) in [("small", 40), ("large", 40_000)] {
        for (suffix, siblings) in [("gz", &[".gz"][..]), ("both", &[".gz", ".br"])] {
            let file = format!("{name}.{suffix}.js");
            old_file(&site, &file, MODULE.repeat(copies));
            for sibling in siblings {
                site.write(&format!("{file}{sibling}"), format!("the {sibling} file"));
            }
        }
    }
    let server = TestServer::start(&site).await;
    for (path, accepted, sibling) in [
        ("gz.js", "gzip, deflate, br, zstd", Some("gzip")),
        ("gz.js", "br, gzip;q=0.1", Some("gzip")),
        ("gz.js", "br", None),
        ("gz.js", "br, gzip;q=0", None),
        ("both.js", "gzip, deflate, br, zstd", Some("br")),
        ("both.js", "gzip, br;q=0.1", Some("gzip")),
        ("both.js", "gzip", Some("gzip")),
        ("both.js", "identity", None),
    ] {
        for name in ["small", "large"] {
            let headers = format!("{FORWARDED}Accept-Encoding: {accepted}\r\n");
            let response = server.get_with(&format!("/{name}.{path}"), &headers).await;
            let text = response.text();
            let what = format!("{name}.{path} {accepted}");
            assert_eq!(text.starts_with("the ."), sibling.is_some(), "{what}");
            if sibling.is_some() {
                assert_eq!(response.header("content-encoding"), sibling, "{what}");
            }
            assert_eq!(response.header("vary"), Some("Accept-Encoding"), "{what}");
        }
    }
}

#[tokio::test]
async fn content_compressed_by_a_plugin_is_not_compressed_again() {
    let server = TestServer::start(&Site::new([])).await;
    let plugin = Plugin::new("p").serve(Filter::path("/a.js"), |_| async {
        Ok(Content::js(long_module()).header("content-encoding", "zstd"))
    });
    tokio::spawn(plugin.run_with(server.endpoint()));
    let served = async {
        loop {
            let response = server
                .get_with(
                    "/a.js",
                    &format!("{FORWARDED}Accept-Encoding: gzip, br\r\n"),
                )
                .await;
            if response.status == 200 {
                return response;
            }
        }
    };
    let response = within("the plugin", served).await;
    assert_eq!(response.header("content-encoding"), Some("zstd"));
    assert_eq!(response.text(), long_module());
}

#[tokio::test]
async fn a_changed_file_is_served_at_the_next_request() {
    let site = Site::new([]);
    old_file(&site, "a.js", "one");
    let server = TestServer::start(&site).await;
    assert_eq!(server.get("/a.js").await.text(), "one");
    assert_eq!(server.get("/a.js").await.text(), "one");
    // Same size and modification time: only the inode and the change time differ.
    old_file(&site, "a.js", "two");
    assert_eq!(server.get("/a.js").await.text(), "two");
    std::fs::rename(site.path().join("a.js"), site.path().join("b.js")).expect("renamed");
    assert_eq!(server.get("/a.js").await.status, 404);
    old_file(&site, "c.js", "six");
    std::fs::rename(site.path().join("c.js"), site.path().join("b.js")).expect("renamed");
    assert_eq!(server.get("/b.js").await.text(), "six");
    // A file that was served may become a link out of the root.
    let outside = tempfile::tempdir().expect("a folder");
    std::fs::write(outside.path().join("secret"), "sec").expect("a file");
    std::fs::remove_file(site.path().join("b.js")).expect("removed");
    std::os::unix::fs::symlink(outside.path().join("secret"), site.path().join("b.js"))
        .expect("a link");
    assert_eq!(server.get("/b.js").await.status, 403);
}

#[tokio::test]
async fn an_injected_page_has_its_own_tag() {
    let site = Site::new([]);
    old_file(
        &site,
        "index.html",
        format!("<!doctype html><body>{}</body>", "x".repeat(2000)),
    );
    let server = TestServer::start(&site).await;
    let plain = server.get("/").await;
    let request = pagewire_client::proto::ServerStartRequest {
        plugin_name: "injects".into(),
        inject_web_socket: true,
        ..Default::default()
    };
    let _session = Session::open_as(&server, request).await.expect("a session");
    let date = plain.header("last-modified").expect("a date");
    let tag = plain.header("etag").expect("an ETag");
    for known in [
        format!("If-Modified-Since: {date}"),
        format!("If-None-Match: {tag}"),
    ] {
        let response = server
            .get_with("/", &format!("{NAVIGATION}{known}\r\n"))
            .await;
        assert_eq!(response.status, 200, "{known}");
        assert!(response.text().contains("client.js"));
        assert_eq!(
            response.header("last-modified"),
            None,
            "a date does not depend on the client"
        );
    }
    let part = format!("{NAVIGATION}Range: bytes=-7\r\n");
    let part = server.get_with("/", &part).await;
    assert_eq!((part.status, part.text().as_str()), (206, "</body>"));
    let compressed = format!("{NAVIGATION}{FORWARDED}Accept-Encoding: br\r\n");
    let compressed = server.get_with("/", &compressed).await;
    assert_eq!(
        decoded(&compressed).await,
        server.navigate("/").await.text()
    );
}
