//! All addresses of a backend's name are tried.

use super::{get_request, response_bytes, upgrade};
use crate::support::{Backend, Site, TestServer, Wire};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use tokio::net::TcpSocket;

const LOOPBACK: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::LOCALHOST),
    IpAddr::V6(Ipv6Addr::LOCALHOST),
];

async fn proxying_to(rule: &str) -> TestServer {
    TestServer::start_with(&Site::new([]), &["--proxy", rule]).await
}

#[tokio::test]
async fn a_backend_on_either_loopback_address_is_reached_as_localhost() {
    for address in LOOPBACK {
        let backend = Backend::at((address, 0).into()).await;
        for name in ["localhost", "LocalHost", "localhost.", "app.localhost"] {
            let rule = format!("http://{name}:{}", backend.address.port());
            let server = proxying_to(&rule).await;
            let response = response_bytes("200 OK", "", "found");
            let (received, response) = backend
                .exchange(&server, get_request("/x", ""), response)
                .await;
            let what = format!("{rule} at {address}");
            assert_eq!(received.line(), "GET /x HTTP/1.1", "{what}");
            assert_eq!(
                (response.status, &*response.text()),
                (200, "found"),
                "{what}"
            );

            let mut browser = Wire::connect(server.http()).await;
            browser.write(upgrade("/socket", "")).await;
            let mut far = backend.accept().await;
            far.read_until("\r\n\r\n").await;
            far.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello")
                .await;
            browser.read_until("hello").await;
            browser.write("to").await;
            far.read_until("to").await;
        }
    }
}

#[tokio::test]
async fn an_address_that_does_not_answer_does_not_keep_the_others_waiting() {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket
        .bind((Ipv4Addr::LOCALHOST, 0).into())
        .expect("a port");
    let silent = socket.listen(1).expect("a listener");
    let address = silent.local_addr().expect("an address");
    // These fill its backlog; the system lets further connections wait.
    let _first = Wire::connect(address).await;
    let _second = Wire::connect(address).await;
    let port = address.port();
    let backend = Backend::at((Ipv6Addr::LOCALHOST, port).into()).await;
    let server = proxying_to(&format!("http://localhost:{port}")).await;
    let response = response_bytes("200 OK", "", "found");
    let (_, response) = backend
        .exchange(&server, get_request("/", ""), response)
        .await;
    assert_eq!(response.text(), "found");
    drop(backend);
    let response = server.get("/").await;
    assert_eq!(response.status, 504);
    let text = response.text();
    for reason in [
        format!("127.0.0.1:{port}: no answer"),
        format!("[::1]:{port}: connection refused"),
    ] {
        assert!(text.contains(&reason), "{reason} in {text}");
    }
}

#[tokio::test]
async fn an_unreachable_backend_is_reported_with_every_address_that_was_tried() {
    let backend = Backend::start().await;
    let port = backend.address.port();
    drop(backend);
    for (host, tried) in [
        ("localhost", &["127.0.0.1", "[::1]"][..]),
        ("app.localhost", &["127.0.0.1", "[::1]"]),
        ("127.0.0.1", &["127.0.0.1"]),
        ("[::1]", &["[::1]"]),
    ] {
        let server = proxying_to(&format!("http://{host}:{port}")).await;
        let response = server.get("/").await;
        let text = response.text();
        assert_eq!(response.status, 502, "{text}");
        for address in tried {
            let reason = format!("{address}:{port}: connection refused");
            assert_eq!(text.matches(&reason).count(), 1, "{reason} in {text}");
        }
        assert!(text.contains("start the server"), "{text}");
    }
    let server = proxying_to("http://missing.invalid:1").await;
    let response = server.get("/").await;
    assert_eq!(response.status, 502);
    let text = response.text();
    assert!(text.contains("the name has no address"), "{text}");
}
