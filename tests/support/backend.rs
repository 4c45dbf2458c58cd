use super::{Answer, TestServer, within};
use std::net::SocketAddr;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A connection, octet by octet.
pub struct Wire<S = TcpStream> {
    stream: S,
    /// What came and was not yet asked for.
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

    pub async fn say(&mut self, octets: impl AsRef<[u8]>) {
        within(
            "the other end to read",
            self.stream.write_all(octets.as_ref()),
        )
        .await
        .expect("an open connection");
    }

    /// What comes, up to and with these octets.
    pub async fn hear(&mut self, end: &str) -> String {
        let what = format!("{end:?} on the wire");
        let heard = within(&what, async {
            loop {
                let mut windows = self.rest.windows(end.len());
                if let Some(at) = windows.position(|window| window == end.as_bytes()) {
                    return self.rest.drain(..at + end.len()).collect();
                }
                let read = self.stream.read_buf(&mut self.rest).await;
                let read = read.expect("an open connection");
                let so_far = String::from_utf8_lossy(&self.rest);
                assert_ne!(read, 0, "the end came before {end:?}: {so_far:?}");
            }
        });
        String::from_utf8(heard.await).expect("UTF-8")
    }

    /// How many octets come, up to this many.
    pub async fn count(&mut self, octets: usize) -> usize {
        let mut count = std::mem::take(&mut self.rest).len();
        let mut piece = vec![0; 64 * 1024];
        while count < octets {
            let read = within("more octets", self.stream.read(&mut piece)).await;
            match read.expect("an open connection") {
                0 => break,
                read => count += read,
            }
        }
        count
    }

    /// What comes until the connection ends, however it does.
    pub async fn hear_all(&mut self) -> String {
        let read = self.stream.read_to_end(&mut self.rest);
        let _ = within("the end of a connection", read).await;
        String::from_utf8_lossy(&std::mem::take(&mut self.rest)).into_owned()
    }
}

/// A server of the tests' own, which says exactly what it is told to.
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

    /// The next connection.
    pub async fn accept(&self) -> Wire {
        let (stream, _) = within("a connection to the backend", self.listener.accept())
            .await
            .expect("a connection");
        Wire::of(stream)
    }

    /// What a request becomes at the backend, and what this response becomes at the browser. The
    /// backend closes its connection.
    pub async fn exchange(
        &self,
        server: &TestServer,
        request: impl AsRef<[u8]>,
        response: impl AsRef<[u8]>,
    ) -> (Asked, Answer) {
        let backend = async {
            let mut wire = self.accept().await;
            let asked = Asked(wire.hear("\r\n\r\n").await);
            wire.say(response).await;
            asked
        };
        tokio::join!(backend, server.raw(request.as_ref()))
    }
}

/// The head of a request, as the backend got it.
pub struct Asked(pub String);

impl Asked {
    pub fn line(&self) -> &str {
        self.0.lines().next().unwrap_or_default()
    }

    /// The values of a header, all in one.
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
