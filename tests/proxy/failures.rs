//! An unreachable or looping backend is reported with its address and a remedy.

use super::{get_request, proxying_everything, response_bytes, upgrade};
use crate::support::{Backend, Site, TestServer, Wire};
use rustix::process::Signal;
use tokio::net::TcpSocket;

#[tokio::test]
async fn an_unreachable_backend_is_named_with_a_remedy_and_retried() {
    let (backend, server) = proxying_everything(&[]).await;
    let address = backend.address;
    let broken = b"HTTP/1.1 200 OK\r\nBroken header\r\n\r\n";
    let (_, response) = backend
        .exchange(&server, get_request("/", ""), broken)
        .await;
    assert_eq!(response.status, 502);
    assert!(
        response.text().contains("no valid response"),
        "{}",
        response.text()
    );
    let post = get_request("/", "").replace("GET", "POST");
    let (_, response) = backend.exchange(&server, post, "").await;
    assert_eq!(response.status, 502);
    drop(backend);
    let page = server.get_with("/x", "Accept: text/html\r\n").await;
    assert_eq!(
        (page.status, page.header("cache-control")),
        (502, Some("no-store"))
    );
    assert!(page.header("pagewire-failure").is_some());
    let text = page.text();
    let rule = format!("http://localhost:{}", address.port());
    for part in [
        rule.as_str(),
        "connection refused",
        "start the server",
        "proxy setting",
    ] {
        assert!(text.contains(part), "{part} is in {text}");
    }
    let mut browser = Wire::connect(server.http()).await;
    browser.write(upgrade("/socket", "")).await;
    assert!(browser.read_until("\r\n").await.starts_with("HTTP/1.1 502"));
    let backend = Backend::at(address).await;
    let (_, response) = backend
        .exchange(
            &server,
            get_request("/x", ""),
            response_bytes("200 OK", "", "back"),
        )
        .await;
    assert_eq!(response.text(), "back");
    // The failure is reported once, however often pages request it.
    server.signal(Signal::TERM);
    let (_, output) = server.wait_for_exit().await;
    for (words, times) in [("cannot connect", 1), ("is reachable again", 1)] {
        assert_eq!(output.matches(words).count(), times, "{words} in {output}");
    }
}

#[tokio::test]
async fn a_reused_connection_that_was_closed_fails_no_request() {
    let (backend, server) = proxying_everything(&[]).await;
    let pooled = async {
        let mut wire = backend.accept().await;
        wire.read_until("\r\n\r\n").await;
        wire.write("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none")
            .await;
        wire
    };
    let (mut pooled, response) = tokio::join!(pooled, server.get("/1"));
    assert_eq!(response.text(), "one");
    // A request with side effects is not retried, so it does not use this connection.
    let post = get_request("/2", "").replace("GET", "POST");
    let (received, _) = backend
        .exchange(&server, post, response_bytes("200 OK", "", ""))
        .await;
    assert_eq!(received.line(), "POST /2 HTTP/1.1");
    let closing = async {
        let head = pooled.read_until("\r\n\r\n").await;
        drop(pooled);
        let mut again = backend.accept().await;
        assert_eq!(again.read_until("\r\n\r\n").await, head);
        again.write(response_bytes("200 OK", "", "two")).await;
    };
    let ((), response) = tokio::join!(closing, server.get("/3"));
    assert_eq!(response.text(), "two");
}

#[tokio::test]
async fn a_proxy_loop_is_detected_and_reported() {
    let (first, second) = (Backend::start().await, Backend::start().await);
    let ports = [first.address.port(), second.address.port()];
    // Free ports for two daemons that must know each other's before they start.
    drop((first, second));
    let (empty, site) = (Site::new([]), Site::new([("x.js", "found")]));
    let one = start_at(&empty, ports[0], ports[1]).await;
    let two = start_at(&site, ports[1], ports[0]).await;
    // Two daemons in sequence are not a loop until neither has the path.
    assert_eq!(one.get("/x.js").await.text(), "found");
    for server in [&one, &two] {
        let response = server.get("/missing").await;
        assert_eq!(response.status, 508);
        assert!(
            response.text().contains("leads back"),
            "{}",
            response.text()
        );
    }
}

async fn start_at(site: &Site, port: u16, backend: u16) -> TestServer {
    let mut command = crate::support::command();
    command
        .arg("serve")
        .arg(site.path())
        .args(["--control", "127.0.0.1:0"])
        .args(["--port", &port.to_string()])
        .args(["--proxy", &format!("http://127.0.0.1:{backend}")]);
    TestServer::spawn(command).await
}

#[tokio::test]
async fn a_backend_that_does_not_accept_is_distinguished_from_one_that_is_not_running() {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket
        .bind("127.0.0.1:0".parse().expect("an address"))
        .expect("a port");
    let listener = socket.listen(1).expect("a listener");
    let address = listener.local_addr().expect("an address");
    // These fill its backlog; the system lets further connections wait.
    let _first = Wire::connect(address).await;
    let _second = Wire::connect(address).await;
    let rule = format!("http://{address}");
    let server = TestServer::start_with(&Site::new([]), &["--proxy", &rule]).await;
    let response = server.get("/").await;
    assert_eq!(response.status, 504);
    let text = format!("cannot connect to {rule} within 5s");
    assert!(response.text().contains(&text), "{}", response.text());
}

#[tokio::test]
async fn an_error_page_says_what_became_of_a_request_that_it_does_not_repeat() {
    let (backend, server) = proxying_everything(&[]).await;
    drop(backend);
    for (method, recovers) in [
        ("GET", true),
        ("POST", false),
        ("PUT", false),
        ("DELETE", false),
    ] {
        for accept in ["text/html", "application/json"] {
            let request = get_request("/", &format!("Accept: {accept}\r\n")).replace("GET", method);
            let page = server.raw(request.as_bytes()).await;
            let text = page.text();
            assert_eq!(page.status, 502, "{method}: {text}");
            let is_html = accept == "text/html";
            assert_eq!(
                text.contains("<script>"),
                is_html && recovers,
                "{method}: {text}"
            );
            for part in [
                "What was sent may not have arrived.",
                "This page does not load again by itself",
                "reloading it sends the same once more",
            ] {
                assert_eq!(
                    text.contains(part),
                    is_html && !recovers,
                    "{method}: {text}"
                );
            }
        }
    }
}
