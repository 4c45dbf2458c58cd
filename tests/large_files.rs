//! Files that change while they are sent, and files too large for memory.

use crate::support::{Site, TestServer, within};
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Requests a file and stops reading after the head, which is returned with the connection.
async fn begun(server: &TestServer, path: &str) -> (TcpStream, Vec<u8>) {
    let mut stream = TcpStream::connect(server.http()).await.expect("a listener");
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut first = vec![0; 16 * 1024];
    let size = within("the beginning", stream.read(&mut first))
        .await
        .expect("bytes");
    first.truncate(size);
    (stream, first)
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_sent_never_arrives_complete() {
    const SIZE: usize = 64 * 1024 * 1024;
    let site = Site::new([]);
    site.write("changes.bin", vec![1; SIZE]);
    site.write("shrinks.bin", vec![1; SIZE]);
    let server = TestServer::start(&site).await;
    for name in ["changes.bin", "shrinks.bin"] {
        let (mut stream, mut response) = begun(&server, &format!("/{name}")).await;
        let path = site.path().join(name);
        let mut file = File::options().write(true).open(&path).expect("a file");
        if name == "changes.bin" {
            file.write_all(&[2; 8]).expect("written");
        } else {
            file.set_len(1024).expect("shorter");
        }
        // The connection ends, in order or not, before the announced length has arrived.
        let _ = within("the end", stream.read_to_end(&mut response)).await;
        let head = response
            .windows(4)
            .position(|end| end == b"\r\n\r\n")
            .expect("a head");
        let text = String::from_utf8_lossy(&response[..head]).into_owned();
        assert!(text.contains(&format!("content-length: {SIZE}")), "{text}");
        assert!(response.len() - head - 4 < SIZE, "{name}");
    }
}

#[tokio::test]
async fn a_file_that_is_replaced_or_appended_to_while_it_is_sent_arrives_as_it_was() {
    const SIZE: usize = 64 * 1024 * 1024;
    let old = vec![1; SIZE];
    let site = Site::new([]);
    let server = TestServer::start(&site).await;
    for case in ["replaced", "deleted", "protected", "appended to"] {
        let path = site.path().join("large.bin");
        site.write("large.bin", &old);
        let (mut stream, mut response) = begun(&server, "/large.bin").await;
        match case {
            "replaced" => {
                site.write("next", vec![2; SIZE]);
                std::fs::rename(site.path().join("next"), &path).expect("replaced");
            }
            "deleted" => std::fs::remove_file(&path).expect("removed"),
            "protected" => {
                let read_only = std::fs::Permissions::from_mode(0o400);
                std::fs::set_permissions(&path, read_only).expect("protected");
            }
            _ => {
                let mut file = File::options().append(true).open(&path).expect("a file");
                file.write_all(&[2; 8]).expect("longer");
            }
        }
        let end = within("the end", stream.read_to_end(&mut response)).await;
        end.expect("a complete response");
        let head = response.windows(4).position(|end| end == b"\r\n\r\n");
        let body = &response[head.expect("a head") + 4..];
        assert!(body == old, "{case}: {} bytes", body.len());
        let _ = std::fs::remove_file(&path);
    }
}

#[tokio::test]
async fn a_file_that_is_rewritten_with_more_content_while_it_is_sent_never_arrives_complete() {
    const SIZE: usize = 64 * 1024 * 1024;
    let site = Site::new([]);
    site.write("large.bin", vec![1; SIZE]);
    let server = TestServer::start(&site).await;
    let (mut stream, mut response) = begun(&server, "/large.bin").await;
    site.write("large.bin", vec![2; SIZE + 1]);
    let _ = within("the end", stream.read_to_end(&mut response)).await;
    let head = response.windows(4).position(|end| end == b"\r\n\r\n");
    assert!(response.len() - head.expect("a head") - 4 < SIZE);
}

/// Stops a writer however the test ends: its file would grow until the disk is full.
struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_grows_all_the_time_is_delivered() {
    let site = Site::new([]);
    let line = b"0123456789abcde\n";
    site.write("small.log", line);
    site.write("large.log", line.repeat(2 * 1024 * 1024 / line.len()));
    let server = TestServer::start(&site).await;
    let stopped = AtomicBool::new(false);
    thread::scope(|scope| {
        let _stop = StopOnDrop(&stopped);
        let append = || {
            let open = |name| File::options().append(true).open(site.path().join(name));
            let mut logs = ["small.log", "large.log"].map(|name| open(name).expect("a log"));
            while !stopped.load(Ordering::Relaxed) {
                for log in &mut logs {
                    log.write_all(line).expect("a line");
                }
            }
        };
        scope.spawn(append);
        let requests = async {
            for target in ["/small.log", "/large.log"].repeat(20) {
                let response = server.get(target).await;
                assert_eq!(response.status, 200, "{target}");
                let announced = response.header("content-length").expect("a length");
                assert_eq!(announced, response.body.len().to_string(), "{target}");
                let is_whole = |body: &[u8]| body.chunks(line.len()).all(|it| it == line);
                assert!(is_whole(&response.body), "{target}");
            }
        };
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(requests));
    });
}

#[tokio::test]
async fn a_file_too_large_for_memory_is_streamed() {
    let site = Site::new([]);
    let size: u64 = 1024 * 1024 * 1024;
    let file = File::create(site.path().join("huge.bin")).expect("a file");
    file.set_len(size).expect("a sparse file");
    let server = TestServer::start(&site).await;
    let (mut stream, first) = begun(&server, "/huge.bin").await;
    let mut read = first.len() as u64;
    let mut piece = vec![0; 1024 * 1024];
    loop {
        let count = within("the next piece", stream.read(&mut piece))
            .await
            .expect("bytes");
        if count == 0 {
            break;
        }
        read += count as u64;
    }
    assert!(read > size, "{read} bytes with the head");
    let status = format!("/proc/{}/status", server.child.id().expect("a pid"));
    let status = std::fs::read_to_string(status).expect("a status");
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .expect("a peak");
    let kibibytes: u64 = peak
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .expect("a number");
    assert!(kibibytes < 128 * 1024, "{kibibytes} KiB at the peak");
}
