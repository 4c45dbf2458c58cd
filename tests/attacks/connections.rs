//! Oversized, slow and numerous connections do not keep other clients out.

use super::{MIB, SOCKET_PATHS, assert_same_origin_only, assert_still_serving};
use crate::support::{Page, Site, TestServer, read_response, tls, within};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn a_request_with_more_than_100_headers_gets_431() {
    let server = TestServer::start(&Site::page()).await;
    // Besides Host and Connection.
    for (count, status) in [(98, 200), (99, 431), (1000, 431)] {
        let response = server.get_with("/", &"X-Header: y\r\n".repeat(count)).await;
        assert_eq!(response.status, status, "{count}");
    }
    assert_still_serving(&server, "many headers").await;
}

#[tokio::test]
async fn an_oversized_request_head_is_refused() {
    let server = TestServer::start(&Site::page()).await;
    let headers = |count: usize| "X-Header: y\r\n".repeat(count);
    let long = |length: usize| "a".repeat(length);
    for (what, request) in [
        (
            "10,000 headers",
            format!(
                "GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n",
                headers(10_000)
            ),
        ),
        (
            "a request line of 1 MiB",
            format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", long(MIB)),
        ),
        (
            "a query of 1 MiB",
            format!("GET /?{} HTTP/1.1\r\nHost: localhost\r\n\r\n", long(MIB)),
        ),
        (
            "a header of 1 MiB",
            format!(
                "GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n",
                long(MIB)
            ),
        ),
        (
            "a header name of 1 MiB",
            format!(
                "GET / HTTP/1.1\r\nHost: localhost\r\n{}: x\r\n\r\n",
                long(MIB)
            ),
        ),
        (
            "a host of 1 MiB",
            format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", long(MIB)),
        ),
        (
            "a method of 1 MiB",
            format!("{} / HTTP/1.1\r\nHost: localhost\r\n\r\n", long(MIB)),
        ),
        ("endless empty lines", "\r\n".repeat(MIB)),
        ("bytes that are not HTTP", "\0".repeat(MIB)),
    ] {
        let status = server.raw(request.as_bytes()).await.status;
        // 0: closed without a response.
        assert!(
            status == 0 || (400..500).contains(&status),
            "{what}: {status}"
        );
        assert_still_serving(&server, what).await;
    }
    let fine = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{}\r\n",
        headers(90)
    );
    assert_eq!(
        server.raw(fine.as_bytes()).await.status,
        200,
        "many headers, within the limit"
    );
}

#[tokio::test]
async fn unfinished_requests_do_not_block_other_clients() {
    let server = TestServer::start(&Site::page()).await;
    let mut slow = Vec::new();
    for begun in [
        "",
        "G",
        "GET / HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nX-",
    ] {
        for _ in 0..100 {
            let mut stream = TcpStream::connect(server.http()).await.expect("a listener");
            stream
                .write_all(begun.as_bytes())
                .await
                .expect("an open connection");
            slow.push(stream);
        }
    }
    // An announced body that never arrives.
    let body = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nx";
    let mut stream = TcpStream::connect(server.http()).await.expect("a listener");
    stream.write_all(body).await.expect("an open connection");
    assert_eq!(read_response(&mut stream).await.status, 405);
    assert_still_serving(&server, "slow requests").await;
}

#[tokio::test]
async fn a_too_long_path_and_a_too_large_head_have_different_statuses() {
    let server = TestServer::start(&Site::page()).await;
    let ask = async |target: usize, header: usize| {
        let path = "a".repeat(target - 1);
        let headers = format!("X: {}\r\n", "a".repeat(header));
        server.get_with(&format!("/{path}"), &headers).await.status
    };
    // A name of 16 KiB is too long for the file system but still a valid path.
    assert_eq!(ask(16 * 1024, 0).await, 404);
    assert_eq!(ask(16 * 1024 + 1, 0).await, 414);
    assert_eq!(ask(1, 60 * 1024).await, 200);
    assert_eq!(ask(1, 65 * 1024).await, 431);
    // Pipelined requests are answered in order, each by these rules.
    let get = |target: &str, more: &str| {
        format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n")
    };
    let long = format!("/{}", "a".repeat(16 * 1024));
    let requests = [
        get("/", ""),
        get(&long, ""),
        get("/missing", "Connection: close\r\n"),
    ];
    let answers = server.raw(requests.concat().as_bytes()).await;
    let text = String::from_utf8_lossy(&answers.body);
    let later: Vec<_> = text
        .match_indices("HTTP/1.1 ")
        .map(|(at, _)| &text[at + 9..at + 12])
        .collect();
    assert_eq!((answers.status, later), (200, vec!["414", "404"]));
}

#[tokio::test]
async fn a_connection_without_a_request_is_closed_in_time() {
    let plain = TestServer::start(&Site::page()).await;
    let secure = TestServer::start_with(&Site::page(), &["--tls"]).await;
    let mut waiting = Vec::new();
    for server in [&plain, &secure] {
        // Nothing, the start of a request, and the start of a TLS handshake.
        for begun in ["", "GET / HTTP/1.1\r\nHost:", "\u{16}"] {
            let mut stream = TcpStream::connect(server.http()).await.expect("a listener");
            let sent = stream.write_all(begun.as_bytes()).await;
            sent.expect("an open connection");
            waiting.push(Box::new(stream) as Box<dyn AsyncRead + Unpin>);
        }
    }
    let trusted = secure.ready["authority_file"].as_str().expect("a file");
    for protocol in ["h2", "http/1.1"] {
        let connected = tls(secure.http(), "localhost", trusted.as_ref(), &[protocol]).await;
        let mut stream = connected.expect("a handshake");
        if protocol == "h2" {
            let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
            stream.write_all(preface).await.expect("an open connection");
        }
        waiting.push(Box::new(stream));
    }
    let ends = waiting.iter_mut().map(|stream| async move {
        // HTTP/2 has sent its settings; an end without GOAWAY is an end too.
        let mut ignored = Vec::new();
        let _ = stream.read_to_end(&mut ignored).await;
    });
    within(
        "the end of every connection",
        futures_util::future::join_all(ends),
    )
    .await;
    assert_still_serving(&plain, "connections without a request").await;
}

#[tokio::test]
async fn a_connection_past_the_limit_gets_503_and_capacity_returns() {
    const MAX_CONNECTIONS: usize = 4096;
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let needed_files = 2 * MAX_CONNECTIONS as u64;
    if limit.maximum.is_some_and(|maximum| maximum < needed_files) {
        eprintln!("skipped: a process may not open {needed_files} files here (ulimit -Hn)");
        return;
    }
    let raised = rustix::process::Rlimit {
        current: limit.maximum,
        ..limit
    };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, raised).expect("a higher limit");
    let server = TestServer::start(&Site::page()).await;
    let mut open = Vec::new();
    for number in 0..MAX_CONNECTIONS {
        // The daemon has accepted all earlier connections: none waits in the backlog of the operating
        // system.
        if number % 256 == 0 {
            assert_eq!(server.get("/").await.status, 200);
        }
        let connected = within("a connection", TcpStream::connect(server.http())).await;
        open.push(connected.expect("a listener"));
    }
    let response = server.get("/").await;
    assert_eq!(
        (response.status, response.header("retry-after")),
        (503, Some("1"))
    );
    assert!(
        response.text().contains("the limit is 4096"),
        "{}",
        response.text()
    );
    assert_same_origin_only(&response, "too many connections");
    // Connections beyond those that get a 503 are closed; none waits.
    let crowd = (0..200).map(|_| server.get("/"));
    for response in within(
        "responses or closed connections",
        futures_util::future::join_all(crowd),
    )
    .await
    {
        assert!(matches!(response.status, 503 | 0), "{}", response.status);
    }
    drop(open);
    let again = async { while server.get("/").await.status != 200 {} };
    within("a free connection", again).await;
    assert_still_serving(&server, "too many connections").await;
}

#[tokio::test]
async fn a_thousand_idle_sockets_are_listed_and_slow_nothing_down() {
    let server = TestServer::start(&Site::page()).await;
    let mut idle = Vec::new();
    for _ in 0..1000 {
        idle.push(Page::connect(server.http(), SOCKET_PATHS[0]).await);
    }
    let client = server.client().await;
    assert_eq!(client.sockets().await.expect("a list").len(), idle.len());
    assert_still_serving(&server, "idle sockets").await;
}
