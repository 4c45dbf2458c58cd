//! TLS and HTTP/2 on the page port, met by real TLS clients that trust what a user would trust.

use crate::support::{
    Answer, Http2, Page, Site, TestServer, TlsConnection, answer_on, cli, command, run, tls, within,
};
use pagewire_client::Target;
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

const DAY: Duration = Duration::from_hours(24);

const CLIENT: &str = "/__pagewire__/client.js";

/// The file that a user would trust.
fn authority(server: &TestServer) -> PathBuf {
    let file = server.ready["authority_file"].as_str();
    PathBuf::from(file.expect("a certificate of its own"))
}

async fn https(server: &TestServer, protocols: &[&str]) -> TlsConnection {
    let connected = tls(server.http(), "localhost", &authority(server), protocols).await;
    connected.expect("a certificate that is trusted")
}

async fn http1(server: &TestServer, request: &str) -> Answer {
    answer_on(https(server, &["http/1.1"]).await, request.as_bytes()).await
}

async fn http2(server: &TestServer) -> Http2 {
    Http2::over(https(server, &["h2", "http/1.1"]).await).await
}

#[tokio::test]
async fn a_page_comes_by_http_2_and_by_http_1_with_the_client_in_it() {
    let server = TestServer::start_with(&Site::page(), &["--tls", "--inject", "always"]).await;
    let offered = https(&server, &["h2", "http/1.1"]).await;
    assert_eq!(offered.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));

    let mut browser = Http2::over(offered).await;
    let by_http2 = browser.get("https://localhost/", &[]).await;
    let request = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let by_http1 = http1(&server, request).await;
    // A client that knows nothing of protocols in the handshake speaks HTTP/1.1.
    let by_old = answer_on(https(&server, &[]).await, request.as_bytes()).await;
    for answer in [by_http2, by_http1, by_old] {
        assert_eq!(answer.status, 200);
        assert!(answer.text().contains(CLIENT), "{}", answer.text());
        let length = answer.header("content-length").expect("a length");
        assert_eq!(length, answer.body.len().to_string());
    }
    // Requests of one connection do not wait for each other.
    let mut streams = Vec::new();
    for _ in 0..50 {
        let stream = browser.begin("https://localhost/", &[]).await;
        streams.push(stream.expect("an open connection"));
    }
    for stream in streams {
        let response = within("a response", stream.response).await;
        assert_eq!(response.expect("a response").status(), 200);
    }
}

#[tokio::test]
async fn everybody_is_told_the_https_url() {
    let server = TestServer::start_with(&Site::page(), &["--tls"]).await;
    let url = format!("https://127.0.0.1:{}", server.http().port());
    assert_eq!(server.ready["http"], url);
    let info = cli(&server, &["info", "--json"]).await;
    assert_eq!(info.json()[0]["base_urls"][0], url);
    let pid = server.child.id().expect("it runs");
    let folder = Path::new(server.ready["token_file"].as_str().expect("a file")).parent();
    let file = folder.expect("a folder").join(format!("{pid}.json"));
    let left: Value =
        serde_json::from_slice(&std::fs::read(file).expect("the file")).expect("JSON");
    assert_eq!(left["http"], url);
    assert_eq!(left["authority_file"], server.ready["authority_file"]);
    let said = cli(&server, &["sockets"]).await;
    assert!(said.stderr.contains(&url), "{}", said.stderr);
}

#[tokio::test]
async fn plain_http_is_sent_to_https_of_the_same_host_and_path() {
    let server = TestServer::start_with(&Site::page(), &["--tls"]).await;
    for (method, host, target) in [
        ("GET", "localhost:8000", "/a%20b/?x=1&y"),
        ("POST", "127.0.0.1", "/"),
        ("GET", "localhost", "//evil.example/"),
    ] {
        let request =
            format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let answer = server.raw(request.as_bytes()).await;
        assert_eq!(answer.status, 308, "{target}");
        let url = format!("https://{host}{target}");
        assert_eq!(answer.header("location"), Some(url.as_str()));
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{target}");
    }
    for (request, status) in [
        ("GET / HTTP/1.1\r\nHost: evil.example\r\n", 403),
        ("GET / HTTP/1.1\r\n", 400),
        ("GET http://localhost/ HTTP/1.1\r\nHost: localhost\r\n", 400),
        ("GET /#a HTTP/1.1\r\nHost: localhost\r\n", 400),
    ] {
        let answer = server
            .raw(format!("{request}Connection: close\r\n\r\n").as_bytes())
            .await;
        assert_eq!(
            (answer.status, answer.header("location")),
            (status, None),
            "{request}"
        );
    }
    // What is neither TLS nor HTTP is no reason to stop.
    for octets in [&b"\x16\x03\x01\xff\xff"[..], b"\x16", b"\0\0\0", b"\n"] {
        let mut stream = TcpStream::connect(server.http()).await.expect("a listener");
        stream.write_all(octets).await.expect("an open connection");
    }
    assert_eq!(
        http2(&server)
            .await
            .get("https://localhost/", &[])
            .await
            .status,
        200
    );
}

/// Upgrades as a page of this origin would; gives the status when that is refused.
async fn upgrade(server: &TestServer, origin: &str) -> Result<Page<TlsConnection>, u16> {
    let mut request = format!(
        "wss://localhost:{}/__pagewire__/socket",
        server.http().port()
    )
    .into_client_request()
    .expect("a URL");
    let origin = origin.parse().expect("a header");
    request.headers_mut().insert("origin", origin);
    let stream = https(server, &["http/1.1"]).await;
    let connected = Box::pin(tokio_tungstenite::client_async(request, stream));
    match within("an upgrade", connected).await {
        Ok((socket, _)) => Ok(Page::over(socket)),
        Err(Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_page_connects_by_wss_and_is_spoken_to() {
    let server = TestServer::start_with(&Site::page(), &["--tls"]).await;
    let port = server.http().port();
    let page = upgrade(&server, &format!("https://localhost:{port}")).await;
    let Ok(mut page) = page else {
        panic!("{:?}", page.err())
    };
    page.hello(&json!({"url": "https://localhost/"})).await;
    let client = server.client().await;
    let sent = client
        .send(&Target::socket(&page.id), json!({"type": "hi"}))
        .await;
    assert_eq!(sent.expect("a send").reached, 1);
    assert_eq!(page.hear().await["type"], "hi");
    // Whoever is between us and the browser could be a page of the same host without TLS.
    for origin in ["http", "ws"].map(|scheme| format!("{scheme}://localhost:{port}")) {
        assert_eq!(upgrade(&server, &origin).await.err(), Some(403), "{origin}");
    }
}

/// Starts a daemon that keeps its certificate in this folder.
async fn keeping_in(folder: &TempDir, site: &Site) -> TestServer {
    let mut command = command();
    command.arg("serve").arg(site.path()).args([
        "--tls",
        "--port",
        "0",
        "--control",
        "127.0.0.1:0",
    ]);
    command.env("XDG_DATA_HOME", folder.path());
    TestServer::spawn(command).await
}

fn mode(path: &Path) -> u32 {
    let metadata = std::fs::metadata(path).expect("it is there");
    metadata.permissions().mode() & 0o777
}

#[tokio::test]
async fn the_certificate_is_kept_for_its_owner_alone_and_daemons_agree_on_it() {
    let (site, folder) = (Site::page(), tempfile::tempdir().expect("a folder"));
    // All of them find none.
    let starts = [(); 4].map(|()| keeping_in(&folder, &site));
    let servers = within("four daemons", futures_util::future::join_all(starts)).await;
    let kept = folder.path().join("pagewire/localhost.pem");
    let first = std::fs::read(&kept).expect("the certificate");
    assert_eq!(mode(&kept), 0o600);
    assert_eq!(mode(&folder.path().join("pagewire")), 0o700);
    for server in &servers {
        assert_eq!(
            authority(server),
            folder.path().join("pagewire/authority.pem")
        );
        for name in ["localhost", "127.0.0.1", "::1"] {
            let connected = tls(server.http(), name, &authority(server), &[]).await;
            assert!(connected.is_ok(), "{name}: {connected:?}");
        }
    }
    drop(servers);
    let server = keeping_in(&folder, &site).await;
    assert_eq!(
        std::fs::read(&kept).expect("the certificate"),
        first,
        "after a restart"
    );
    assert_eq!(
        http2(&server)
            .await
            .get("https://localhost/", &[])
            .await
            .status,
        200
    );
}

/// A certificate for these names with its key, as PEM; it ends in so many days.
fn certificate(names: &[&str], days: u32) -> (String, String) {
    let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names");
    params.not_after = (SystemTime::now() + DAY * days).into();
    let key = KeyPair::generate().expect("a key");
    let certificate = params.self_signed(&key).expect("a certificate");
    (certificate.pem(), key.serialize_pem())
}

#[tokio::test]
async fn a_certificate_that_is_of_no_more_use_is_made_anew() {
    let (site, folder) = (Site::page(), tempfile::tempdir().expect("a folder"));
    drop(keeping_in(&folder, &site).await);
    let file = |name: &str| folder.path().join("pagewire").join(name);
    let made = std::fs::read_to_string(file("localhost.pem")).expect("the certificate");
    let soon = certificate(&["localhost"], 10);
    let (other, _) = certificate(&["localhost"], 100);
    for (what, kept, authority) in [
        ("it ends soon", soon.0.clone() + &soon.1, soon.0.clone()),
        ("its authority is another", made.clone(), other),
        (
            "it is broken",
            made[..made.len() / 2].to_owned(),
            soon.0.clone(),
        ),
        ("it is empty", String::new(), String::new()),
    ] {
        std::fs::write(file("localhost.pem"), &kept).expect("a file");
        std::fs::write(file("authority.pem"), &authority).expect("a file");
        let server = keeping_in(&folder, &site).await;
        let renewed = std::fs::read_to_string(file("localhost.pem")).expect("the certificate");
        assert_ne!(renewed, kept, "{what}");
        assert_eq!(mode(&file("localhost.pem")), 0o600, "{what}");
        let answer = http2(&server).await.get("https://localhost/", &[]).await;
        assert_eq!(answer.status, 200, "{what}");
    }
    // One that is good for long enough stays, whoever made it.
    let (cert, key) = certificate(&["localhost"], 40);
    std::fs::write(file("localhost.pem"), cert.clone() + &key).expect("a file");
    std::fs::write(file("authority.pem"), &cert).expect("a file");
    drop(keeping_in(&folder, &site).await);
    let kept = std::fs::read_to_string(file("localhost.pem")).expect("the certificate");
    assert_eq!(kept, cert + &key);
}

/// A site with a certificate for dev.example in a folder beside its root's files.
fn site_with_certificate() -> Site {
    let (cert, key) = certificate(&["dev.example"], 100);
    let site = Site::page();
    site.write("tls/cert.pem", cert);
    site.write("tls/key.pem", key);
    site
}

#[tokio::test]
async fn given_files_are_used_and_the_key_is_never_served() {
    let site = site_with_certificate();
    site.write(
        "pagewire.toml",
        "tls_cert = 'tls/cert.pem'\ntls_key = 'tls/key.pem'\n\
         allow_host = 'dev.example'\nallow_file = ['cert.pem', 'key.pem']",
    );
    let server = TestServer::start(&site).await;
    assert_eq!(server.ready["authority_file"], json!(null));
    let trusted = site.path().join("tls/cert.pem");
    let connected = tls(server.http(), "dev.example", &trusted, &["h2"]).await;
    let mut browser = Http2::over(connected.expect("the given certificate")).await;
    for (path, status) in [("/", 200), ("/tls/cert.pem", 200), ("/tls/key.pem", 404)] {
        let answer = browser
            .get(&format!("https://dev.example{path}"), &[])
            .await;
        assert_eq!(answer.status, status, "{path}");
    }
    let plain = TestServer::start_with(&site, &["--tls=false"]).await;
    assert_eq!(
        plain.get("/").await.status,
        200,
        "said to be off, it is off"
    );
}

#[tokio::test]
async fn every_mistake_about_certificates_is_told_with_its_remedy() {
    let site = site_with_certificate();
    let (_, other_key) = certificate(&["dev.example"], 100);
    site.write("tls/other.key", other_key);
    site.write("tls/empty.pem", "");
    site.write(
        "tls/broken.pem",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    );
    let path = |name: &str| site.path().join("tls").join(name).display().to_string();
    let (cert, key) = (path("cert.pem"), path("key.pem"));
    for (arguments, words) in [
        (
            &["--tls-cert", &cert][..],
            "tls_key is not given (give both",
        ),
        (&["--tls-key", &key], "tls_cert is not given (give both"),
        (
            &["--tls-cert", &path("none"), "--tls-key", &key],
            "--tls-cert: cannot read tls_cert",
        ),
        (
            &["--tls-cert", &cert, "--tls-key", &path("")],
            "cannot read tls_key",
        ),
        (
            &["--tls-cert", &path("empty.pem"), "--tls-key", &key],
            "tls_cert contains no certificate",
        ),
        (
            &["--tls-cert", &cert, "--tls-key", &path("empty.pem")],
            "tls_key contains no private key",
        ),
        (
            &["--tls-cert", &cert, "--tls-key", &cert],
            "tls_key contains no private key",
        ),
        (
            &["--tls-cert", &key, "--tls-key", &key],
            "tls_cert contains no certificate",
        ),
        (
            &["--tls-cert", &path("broken.pem"), "--tls-key", &key],
            "cannot be used together",
        ),
        (
            &["--tls-cert", &cert, "--tls-key", &path("other.key")],
            "cannot be used together",
        ),
        (&["--tls=maybe"], "maybe"),
    ] {
        for verb in ["serve", "config"] {
            let mut command = command();
            command.arg(verb).arg(site.path()).args(arguments);
            let refused = run(command).await;
            assert_eq!(
                refused.code,
                Some(2),
                "{verb} {arguments:?}: {}",
                refused.stderr
            );
            assert!(
                refused.stderr.contains(words),
                "{words:?}: {}",
                refused.stderr
            );
        }
    }
    let mut command = command();
    command.arg("serve").arg(site.path()).arg("--tls");
    command.env_remove("XDG_DATA_HOME").env_remove("HOME");
    let homeless = run(command).await;
    assert_eq!(homeless.code, Some(2), "{}", homeless.stderr);
    assert!(
        homeless.stderr.contains("set HOME, or pass --tls-cert"),
        "{}",
        homeless.stderr
    );
    let mut command = crate::support::command();
    command
        .arg("serve")
        .arg(site.path())
        .arg("--tls")
        .env("XDG_DATA_HOME", &cert);
    let blocked = run(command).await;
    assert_eq!(blocked.code, Some(2), "{}", blocked.stderr);
    assert!(
        blocked.stderr.contains("make the folder writable"),
        "{}",
        blocked.stderr
    );
}

#[tokio::test]
async fn http_2_names_the_host_once_and_it_is_checked() {
    let server = TestServer::start_with(&Site::page(), &["--tls"]).await;
    let mut browser = http2(&server).await;
    for (url, host, status) in [
        ("https://localhost/", "localhost", 200),
        ("https://LOCALHOST/", "localhost", 200),
        ("https://localhost:8000/", "", 200),
        ("https://evil.example/", "", 403),
        ("https://evil.example/", "evil.example", 403),
        ("https://localhost/", "evil.example", 400),
        ("https://evil.example/", "localhost", 400),
        ("https://localhost:1/", "localhost:2", 400),
        ("https://user@localhost/", "", 400),
        ("https://localhost/missing", "", 404),
        ("https://localhost/__pagewire__/socket", "", 426),
    ] {
        let headers = [("host", host)];
        let headers = if host.is_empty() { &[][..] } else { &headers };
        let answer = browser.get(url, headers).await;
        assert_eq!(answer.status, status, "{url} with Host {host:?}");
        let policy = answer.header("cross-origin-resource-policy");
        assert_eq!(policy, Some("same-origin"), "{url}");
        let is_named = answer.text().contains("--allow-host evil.example");
        assert_eq!(is_named, status == 403, "{url}");
    }
    let long = format!("https://localhost/{}", "a".repeat(20_000));
    assert_eq!(browser.get(&long, &[]).await.status, 414);
    let large = "a".repeat(100_000);
    let answer = browser.get("https://localhost/", &[("x", &large)]).await;
    assert_eq!(answer.status, 431);
}

/// A request as octets of HTTP/2: no library of a client sends such paths.
fn raw_http2(path: &str) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in [
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", "localhost"),
        (":path", path),
    ] {
        // A literal that is in no table (RFC 7541, section 6.2.2).
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).expect("it is short"));
            block.extend_from_slice(text.as_bytes());
        }
    }
    let mut octets = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0".to_vec();
    octets.push(u8::try_from(block.len()).expect("it is short"));
    // HEADERS that end the stream, which is the first.
    octets.extend_from_slice(&[1, 5, 0, 0, 0, 1]);
    octets.extend_from_slice(&block);
    octets
}

/// The index of a status in HPACK's static table, as the first octet of the first response; 0 = the
/// stream was reset or the connection ended.
async fn first_octet(server: &TestServer, path: &str) -> u8 {
    let mut stream = https(server, &["h2"]).await;
    let sent = stream.write_all(&raw_http2(path)).await;
    sent.expect("an open connection");
    loop {
        let mut head = [0; 9];
        if within("a frame", stream.read_exact(&mut head))
            .await
            .is_err()
        {
            return 0;
        }
        let length = usize::from(head[1]) << 8 | usize::from(head[2]);
        let mut payload = vec![0; length];
        let read = within("a frame", stream.read_exact(&mut payload)).await;
        read.expect("a whole frame");
        match head[3] {
            1 => return payload[0],
            3 | 7 => return 0,
            _ => {}
        }
    }
}

#[tokio::test]
async fn no_path_of_http_2_leads_anywhere_else() {
    const OK: u8 = 0x88;
    const BAD_REQUEST: u8 = 0x8c;
    const NOT_FOUND: u8 = 0x8d;
    let site = Site::page();
    site.write(".env", "SECRET=1");
    let server = TestServer::start_with(&site, &["--tls"]).await;
    assert_eq!(first_octet(&server, "/").await, OK);
    // The library cuts a fragment off; what is left is looked up as any path is.
    assert_eq!(first_octet(&server, "/#x").await, OK);
    assert_eq!(first_octet(&server, "/missing#/../").await, NOT_FOUND);
    for path in ["/../x", "/%2e%2e/x", "*", "//../x", "/%"] {
        assert_eq!(first_octet(&server, path).await, BAD_REQUEST, "{path}");
    }
    for path in [
        "",
        "x",
        "https://evil.example/",
        "/\0",
        "/.env",
        "/.env#",
        "/%2eenv",
    ] {
        assert_ne!(first_octet(&server, path).await, OK, "{path}");
    }
}

#[tokio::test]
async fn requests_that_are_reset_at_once_leave_other_pages_untouched() {
    let server = TestServer::start_with(&Site::page(), &["--tls"]).await;
    let mut bystander = http2(&server).await;
    let page = upgrade(
        &server,
        &format!("https://localhost:{}", server.http().port()),
    )
    .await;
    let Ok(mut page) = page else {
        panic!("{:?}", page.err())
    };
    page.hello(&json!({})).await;
    for _ in 0..4 {
        let mut attacker = http2(&server).await;
        for _ in 0..5000 {
            let Some(stream) = attacker.begin("https://localhost/", &[]).await else {
                break;
            };
            stream.reset();
        }
    }
    // And one that leaves everything open, and reads nothing.
    let mut greedy = http2(&server).await;
    let mut open = Vec::new();
    for _ in 0..256 {
        open.extend(greedy.begin("https://localhost/", &[]).await);
    }
    assert_eq!(bystander.get("https://localhost/", &[]).await.status, 200);
    let client = server.client().await;
    let sent = client
        .send(&Target::socket(&page.id), json!({"type": "hi"}))
        .await;
    assert_eq!(sent.expect("a send").reached, 1);
    assert_eq!(page.hear().await["type"], "hi");
}

#[tokio::test]
async fn a_stop_ends_connections_of_both_protocols() {
    let server = TestServer::start_with(&Site::page(), &["--tls"]).await;
    let mut browser = http2(&server).await;
    assert_eq!(browser.get("https://localhost/", &[]).await.status, 200);
    let mut silent = https(&server, &["http/1.1"]).await;
    // A browser connects before it knows what for.
    let early = TcpStream::connect(server.http()).await;
    let _early = early.expect("a listener");
    server.signal(rustix::process::Signal::TERM);
    let (code, said) = server.ended().await;
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains("still open"), "{said}");
    let mut rest = Vec::new();
    let _ = within("the end", silent.read_to_end(&mut rest)).await;
    assert_eq!(rest, b"");
}
