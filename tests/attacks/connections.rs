//! Oversized, slow and numerous connections do not keep other clients out.

use super::{MIB, SOCKET_PATHS, is_ours_alone, lives};
use crate::support::{Page, Site, TestServer, read_response, tls, within};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn a_head_without_measure_is_refused() {
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
        ("empty lines without end", "\r\n".repeat(MIB)),
        ("no HTTP at all", "\0".repeat(MIB)),
    ] {
        let status = server.raw(request.as_bytes()).await.status;
        // 0: it was closed without an answer.
        assert!(
            status == 0 || (400..500).contains(&status),
            "{what}: {status}"
        );
        lives(&server, what).await;
    }
    let fine = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{}\r\n",
        headers(90)
    );
    assert_eq!(
        server.raw(fine.as_bytes()).await.status,
        200,
        "many headers, within measure"
    );
}

#[tokio::test]
async fn connections_that_never_finish_their_request_keep_nobody_out() {
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
    // A body that was announced and never comes, too.
    let body = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nx";
    let mut stream = TcpStream::connect(server.http()).await.expect("a listener");
    stream.write_all(body).await.expect("an open connection");
    assert_eq!(read_response(&mut stream).await.status, 405);
    lives(&server, "slow requests").await;
}

#[tokio::test]
async fn a_path_that_is_too_long_and_a_head_that_is_too_large_are_told_apart() {
    let server = TestServer::start(&Site::page()).await;
    let ask = async |target: usize, header: usize| {
        let path = "a".repeat(target - 1);
        let headers = format!("X: {}\r\n", "a".repeat(header));
        server.get_with(&format!("/{path}"), &headers).await.status
    };
    // A name of 16 KiB is too long for the file system, and still a path.
    assert_eq!(ask(16 * 1024, 0).await, 404);
    assert_eq!(ask(16 * 1024 + 1, 0).await, 414);
    assert_eq!(ask(1, 60 * 1024).await, 200);
    assert_eq!(ask(1, 65 * 1024).await, 431);
    // Requests that arrive together are answered in order, each by these rules.
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
async fn a_connection_that_asks_nothing_is_closed_in_time() {
    let plain = TestServer::start(&Site::page()).await;
    let secure = TestServer::start_with(&Site::page(), &["--tls"]).await;
    let mut waiting = Vec::new();
    for server in [&plain, &secure] {
        // The beginnings of nothing, of a request, of a TLS handshake.
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
        // HTTP/2 has said its settings; an end without a goodbye is an end too.
        let mut ignored = Vec::new();
        let _ = stream.read_to_end(&mut ignored).await;
    });
    within(
        "the end of every connection",
        futures_util::future::join_all(ends),
    )
    .await;
    lives(&plain, "connections that ask nothing").await;
}

#[tokio::test]
async fn a_connection_past_the_limit_is_told_so_and_room_comes_back() {
    const MAX_CONNECTIONS: usize = 4096;
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let wanted = 2 * MAX_CONNECTIONS as u64;
    if limit.maximum.is_some_and(|maximum| maximum < wanted) {
        eprintln!("skipped: a process may not open {wanted} files here (ulimit -Hn)");
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
        // The daemon has accepted all before: none waits in the operating system's queue.
        if number % 256 == 0 {
            assert_eq!(server.get("/").await.status, 200);
        }
        let connected = within("a connection", TcpStream::connect(server.http())).await;
        open.push(connected.expect("a listener"));
    }
    let answer = server.get("/").await;
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (503, Some("1"))
    );
    assert!(
        answer.text().contains("4096 connections"),
        "{}",
        answer.text()
    );
    is_ours_alone(&answer, "no room");
    // More than are told so are closed; nobody waits.
    let crowd = (0..200).map(|_| server.get("/"));
    for answer in within("answers or ends", futures_util::future::join_all(crowd)).await {
        assert!(matches!(answer.status, 503 | 0), "{}", answer.status);
    }
    drop(open);
    let again = async { while server.get("/").await.status != 200 {} };
    within("room", again).await;
    lives(&server, "too many connections").await;
}

#[tokio::test]
async fn a_thousand_idle_sockets_are_listed_and_slow_nobody() {
    let server = TestServer::start(&Site::page()).await;
    let mut idle = Vec::new();
    for _ in 0..1000 {
        idle.push(Page::connect(server.http(), SOCKET_PATHS[0]).await);
    }
    let client = server.client().await;
    assert_eq!(client.sockets().await.expect("a list").len(), idle.len());
    lives(&server, "idle sockets").await;
}
