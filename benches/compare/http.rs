//! As much of HTTP/1.1 as a load generator needs: where a response ends, and its status.

use anyhow::{Context, bail, ensure};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A response that does not come within this is an error.
const GUARD: Duration = Duration::from_mins(1);

/// Size of one read.
pub(crate) const READ_BYTES: usize = 256 * 1024;

/// The octets of a request. No encoding is accepted: what is compared is sending, not compressing.
pub(crate) fn get(address: SocketAddr, path: &str, headers: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: benchmark\r\nAccept: */*\r\n{headers}\r\n"
    )
    .into_bytes()
}

/// Reads one response, piece by piece.
#[derive(Default)]
pub(crate) struct Reader {
    head: Vec<u8>,
    status: u16,
    body_bytes: u64,
    state: State,
}

#[derive(Default)]
enum State {
    #[default]
    Head,
    Body {
        left: u64,
    },
    /// The line with the size of the next chunk.
    Size {
        size: u64,
    },
    Chunk {
        left: u64,
    },
    ChunkEnd,
    /// The line behind the last chunk; trailers are not understood.
    End,
    Done,
}

impl Reader {
    /// The status of a complete response.
    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    /// How long its body was, without what chunks add.
    pub(crate) fn body_bytes(&self) -> u64 {
        self.body_bytes
    }

    /// Takes the next octets and gives those of the body to `sink`. True when the response is
    /// complete; more octets than that are an error, for nothing was pipelined.
    pub(crate) fn feed(
        &mut self,
        mut octets: &[u8],
        mut sink: impl FnMut(&[u8]),
    ) -> anyhow::Result<bool> {
        while let Some((first, rest)) = octets.split_first() {
            match &mut self.state {
                State::Head => octets = self.feed_head(octets)?,
                State::Body { left } | State::Chunk { left } => {
                    let take =
                        usize::try_from(*left).map_or(octets.len(), |left| left.min(octets.len()));
                    sink(&octets[..take]);
                    self.body_bytes += take as u64;
                    *left -= take as u64;
                    octets = &octets[take..];
                    match self.state {
                        State::Body { left: 0 } => self.state = State::Done,
                        State::Chunk { left: 0 } => self.state = State::ChunkEnd,
                        _ => {}
                    }
                }
                State::Size { size } => {
                    match (*first as char).to_digit(16) {
                        Some(digit) => *size = *size * 16 + u64::from(digit),
                        None if *first == b'\n' && *size == 0 => self.state = State::End,
                        None if *first == b'\n' => self.state = State::Chunk { left: *size },
                        None => ensure!(*first == b'\r', "chunk extensions are not understood"),
                    }
                    octets = rest;
                }
                State::ChunkEnd | State::End if *first == b'\r' => octets = rest,
                State::ChunkEnd => {
                    ensure!(*first == b'\n', "a chunk is longer than it says");
                    self.state = State::Size { size: 0 };
                    octets = rest;
                }
                State::End => {
                    ensure!(*first == b'\n', "trailers are not understood");
                    self.state = State::Done;
                    octets = rest;
                }
                State::Done => bail!("octets behind the response"),
            }
        }
        Ok(matches!(self.state, State::Done))
    }

    /// Gives what follows the head.
    fn feed_head<'a>(&mut self, octets: &'a [u8]) -> anyhow::Result<&'a [u8]> {
        let known = self.head.len();
        self.head
            .extend_from_slice(&octets[..octets.len().min(16 * 1024)]);
        let from = known.saturating_sub(3);
        let Some(end) = self.head[from..]
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
        else {
            ensure!(self.head.len() < 16 * 1024, "a head that does not end");
            return Ok(&[]);
        };
        self.head.truncate(from + end + 4);
        self.status = self
            .head
            .get(9..12)
            .and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok())
            .context("no status line")?;
        self.state = match (header(&self.head, "content-length"), self.status) {
            (_, 304) => State::Done,
            (Some(length), _) => match length.parse()? {
                0 => State::Done,
                left => State::Body { left },
            },
            (None, _) => {
                let coding = header(&self.head, "transfer-encoding");
                ensure!(coding == Some("chunked"), "neither a length nor chunks");
                State::Size { size: 0 }
            }
        };
        Ok(&octets[self.head.len() - known..])
    }

    /// Makes it ready for the next response.
    pub(crate) fn clear(&mut self) {
        self.head.clear();
        self.body_bytes = 0;
        self.state = State::Head;
    }
}

fn header<'a>(head: &'a [u8], name: &str) -> Option<&'a str> {
    head.split(|octet| *octet == b'\n').find_map(|line| {
        let (start, value) = line.split_at_checked(name.len())?;
        let value = value.strip_prefix(b":")?;
        start
            .eq_ignore_ascii_case(name.as_bytes())
            .then(|| std::str::from_utf8(value.trim_ascii()).ok())?
    })
}

/// A complete response.
pub(crate) struct Response {
    pub(crate) status: u16,
    head: Vec<u8>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }
}

/// One request on a connection of its own.
pub(crate) fn ask(address: SocketAddr, request: &[u8]) -> anyhow::Result<Response> {
    let mut body = Vec::new();
    let reader = exchange(address, request, |octets| body.extend_from_slice(octets))?;
    Ok(Response {
        status: reader.status,
        head: reader.head,
        body,
    })
}

/// The same, with the body given away as it comes.
pub(crate) fn exchange(
    address: SocketAddr,
    request: &[u8],
    mut sink: impl FnMut(&[u8]),
) -> anyhow::Result<Reader> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(GUARD))?;
    stream.write_all(request)?;
    let mut reader = Reader::default();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let read = stream.read(&mut buffer)?;
        ensure!(read > 0, "the connection ended within a response");
        if reader.feed(&buffer[..read], &mut sink)? {
            return Ok(reader);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&str]) -> anyhow::Result<(u16, String)> {
        let (mut reader, mut body) = (Reader::default(), Vec::new());
        for (at, piece) in pieces.iter().enumerate() {
            let complete =
                reader.feed(piece.as_bytes(), |octets| body.extend_from_slice(octets))?;
            ensure!(complete == (at + 1 == pieces.len()), "ends at piece {at}");
        }
        Ok((reader.status(), String::from_utf8(body)?))
    }

    #[test]
    fn a_response_ends_where_its_length_says() {
        let whole = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
        assert_eq!(read(&[whole]).expect("a response"), (200, "hello".into()));
        for at in 1..whole.len() {
            let (front, back) = whole.split_at(at);
            assert_eq!(
                read(&[front, back]).expect("a response"),
                (200, "hello".into()),
                "cut at {at}"
            );
        }
        assert!(read(&[&format!("{whole}!")]).is_err());
    }

    #[test]
    fn a_response_in_chunks_ends_with_the_empty_one() {
        let whole = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0a\r\n0123456789\r\n0\r\n\r\n";
        for at in 1..whole.len() {
            let (front, back) = whole.split_at(at);
            assert_eq!(
                read(&[front, back]).expect("a response"),
                (200, "abc0123456789".into()),
                "cut at {at}"
            );
        }
    }

    #[test]
    fn an_unmodified_response_has_no_body_whatever_it_says() {
        let whole = "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n";
        assert_eq!(read(&[whole]).expect("a response"), (304, String::new()));
    }
}
