//! Backends for proxy tests, and raw connections.

use super::{HttpResponse, TestServer, within};
use std::net::SocketAddr;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Connection that is written and read byte by byte.
pub struct Wire<S = TcpStream> {
    stream: S,
    /// Bytes that were read but not yet returned.
    rest: Vec<u8>,
}

impl Wire {
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = within("a connection", TcpStream::connect(address)).await;
        Self::of(stream.expect("a listener"))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub fn of(stream: S) -> Self {
        let rest = Vec::new();
        Self { stream, rest }
    }

    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        within("the peer to read", self.stream.write_all(bytes.as_ref()))
            .await
            .expect("an open connection");
    }

    /// Reads up to and including this text.
    pub async fn read_until(&mut self, end: &str) -> String {
        let what = format!("{end:?} on the wire");
        let received = within(&what, async {
            loop {
                let mut windows = self.rest.windows(end.len());
                if let Some(at) = windows.position(|window| window == end.as_bytes()) {
                    return self.rest.drain(..at + end.len()).collect();
                }
                let read = self.stream.read_buf(&mut self.rest).await;
                let read = read.expect("an open connection");
                let so_far = String::from_utf8_lossy(&self.rest);
                assert_ne!(read, 0, "the connection ended before {end:?}: {so_far:?}");
            }
        });
        String::from_utf8(received.await).expect("UTF-8")
    }

    /// Reads up to this many bytes and returns how many arrived.
    pub async fn count(&mut self, bytes: usize) -> usize {
        let mut count = std::mem::take(&mut self.rest).len();
        let mut piece = vec![0; 64 * 1024];
        while count < bytes {
            let read = within("more bytes", self.stream.read(&mut piece)).await;
            match read.expect("an open connection") {
                0 => break,
                read => count += read,
            }
        }
        count
    }

    /// Reads at least one byte, unless the connection ends before.
    pub async fn read_some(&mut self) {
        let read = self.stream.read_buf(&mut self.rest);
        let _ = within("a byte", read).await;
    }

    /// Sends what is buffered.
    pub async fn flush(&mut self) {
        let flushed = within("the peer to read", self.stream.flush()).await;
        flushed.expect("an open connection");
    }

    /// Ends the sending direction in the way of its protocol. The peer may have closed it already.
    pub async fn close(&mut self) {
        let _ = within("the end of a connection", self.stream.shutdown()).await;
    }

    /// Reads until the connection ends, cleanly or not.
    pub async fn read_to_end(&mut self) -> String {
        let read = self.stream.read_to_end(&mut self.rest);
        let _ = within("the end of a connection", read).await;
        String::from_utf8_lossy(&std::mem::take(&mut self.rest)).into_owned()
    }
}

/// HTTP server that sends exactly the bytes that a test gives it.
pub struct Backend {
    listener: TcpListener,
    pub address: SocketAddr,
}

impl Backend {
    pub async fn start() -> Self {
        Self::at("127.0.0.1:0".parse().expect("an address")).await
    }

    pub async fn at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        Self { listener, address }
    }

    /// Accepts the next connection.
    pub async fn accept(&self) -> Wire {
        let (stream, _) = within("a connection to the backend", self.listener.accept())
            .await
            .expect("a connection");
        Wire::of(stream)
    }

    /// Sends a request through the daemon, and returns the request as the backend received it and the
    /// response as the browser received it. The backend closes its connection.
    pub async fn exchange(
        &self,
        server: &TestServer,
        request: impl AsRef<[u8]>,
        response: impl AsRef<[u8]>,
    ) -> (ReceivedRequest, HttpResponse) {
        let backend = async {
            let mut wire = self.accept().await;
            let received = ReceivedRequest(wire.read_until("\r\n\r\n").await);
            wire.write(response).await;
            received
        };
        tokio::join!(backend, server.raw(request.as_ref()))
    }
}

/// Head of a request, as the backend received it.
pub struct ReceivedRequest(pub String);

impl ReceivedRequest {
    pub fn line(&self) -> &str {
        self.0.lines().next().unwrap_or_default()
    }

    /// Returns the values of a header, joined.
    pub fn header(&self, name: &str) -> Option<String> {
        let lines = self.0.lines().skip(1);
        let values: Vec<&str> = lines
            .filter_map(|line| line.split_once(": "))
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .collect();
        (!values.is_empty()).then(|| values.join(" + "))
    }
}
