//! Connections that send nothing, or nothing that is authenticated: they have bounds and deadlines, and
//! keep neither programs nor pages out.

use crate::support::{Session, Site, TestServer, command_after, within};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Starts a daemon that may have 256 open files, with a TCP address and a socket file.
async fn start(socket: &Path) -> (TestServer, Site) {
    let site = Site::page();
    let mut command = command_after("ulimit -n 256");
    command.arg("serve").arg(site.path()).args(["--port", "0"]);
    let unix = format!("unix:{}", socket.display());
    command.args(["--control", "127.0.0.1:0", "--control", &unix]);
    (TestServer::spawn(command).await, site)
}

async fn assert_pages_and_programs_are_served(server: &TestServer) {
    assert_eq!(server.get("/").await.status, 200);
    assert_programs_are_served(server).await;
}

async fn assert_programs_are_served(server: &TestServer) {
    for _ in 0..3 {
        let client = server.client().await;
        client.info().await.expect("an answer");
    }
}

#[tokio::test]
async fn silent_connections_to_the_control_service_keep_nobody_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("control");
    let (server, _site) = start(&socket).await;
    let client = server.client().await;
    let mut first = within("a connection", TcpStream::connect(server.control()))
        .await
        .expect("a listener");
    let mut held: Vec<OwnedFd> = Vec::new();
    for _ in 0..400 {
        let control = server.control().to_owned();
        held.push(
            std::net::TcpStream::connect(control)
                .expect("a listener")
                .into(),
        );
        held.push(UnixStream::connect(&socket).expect("a listener").into());
    }
    assert_pages_and_programs_are_served(&server).await;
    client
        .info()
        .await
        .expect("an authenticated connection stays");
    // One that is displaced is closed, with or without an error.
    let read = within("the oldest to be closed", first.read(&mut [0])).await;
    assert_eq!(read.unwrap_or_default(), 0);
}

#[tokio::test]
async fn a_connection_without_an_authenticated_request_is_closed_in_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("control");
    let (server, _site) = start(&socket).await;
    // On a connection of its own, and silent as well after its first request.
    let _session = Session::open(&server, "quiet").await;
    let unauthenticated =
        "GET /metrics HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer wrong\r\n\r\n";
    let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let closed = ["", "GET", unauthenticated, preface].map(async |begun| {
        let mut stream = TcpStream::connect(server.control())
            .await
            .expect("a listener");
        stream
            .write_all(begun.as_bytes())
            .await
            .expect("a connection");
        // Reads up to the end of the connection.
        let _ = stream.read_to_end(&mut Vec::new()).await;
    });
    let mut silent = tokio::net::UnixStream::connect(&socket)
        .await
        .expect("a listener");
    let closed = async {
        futures_util::future::join_all(closed).await;
        let _ = silent.read(&mut [0]).await;
    };
    within("the connections to be closed", closed).await;
    let plugins = server.client().await.plugins().await.expect("a list");
    assert_eq!(plugins.len(), 1, "an authenticated connection stays");
}

#[tokio::test]
async fn pages_leave_file_descriptors_to_programs() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut server, _site) = start(&folder.path().join("control")).await;
    let client = server.client().await;
    let held: Vec<_> = (0..400)
        .map(|_| std::net::TcpStream::connect(server.http()).expect("a listener"))
        .collect();
    server
        .wait_for_log("pages have used up the file descriptors")
        .await;
    assert_programs_are_served(&server).await;
    client.info().await.expect("an answer");
    drop(held);
    let served = async { while server.get("/").await.status != 200 {} };
    within("pages to be served again", served).await;
    server.signal(rustix::process::Signal::TERM);
    let (_, output) = server.wait_for_exit().await;
    let warnings = output
        .matches("pages have used up the file descriptors")
        .count();
    assert!((1..=2).contains(&warnings), "one per listener: {output}");
    assert!(!output.contains("cannot accept"), "{output}");
}
