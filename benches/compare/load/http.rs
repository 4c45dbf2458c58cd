//! The part of HTTP/1.1 that a load generator needs: finding the end of a response, and its status.

use anyhow::{Context, bail, ensure};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A response that takes longer is an error.
const READ_TIMEOUT: Duration = Duration::from_mins(1);

/// Size of one read.
pub(crate) const READ_BYTES: usize = 256 * 1024;

/// A GET request. It accepts no content coding, because sending is compared and not compressing.
pub(crate) fn get(address: SocketAddr, path: &str, headers: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: benchmark\r\nAccept: text/html,*/*;q=0.8\r\n{headers}\r\n"
    )
    .into_bytes()
}

/// Incremental parser of one response.
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
    /// In the line with the size of the next chunk.
    ChunkSize {
        size: u64,
    },
    Chunk {
        left: u64,
    },
    ChunkEnd,
    /// In the empty line after the last chunk; trailers are not supported.
    LastLine,
    Done,
}

impl Reader {
    /// The status of a complete response.
    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    /// The size of its body without the chunked coding.
    pub(crate) fn body_bytes(&self) -> u64 {
        self.body_bytes
    }

    /// Parses the next bytes and passes those of the body to `sink`. Returns whether the response is
    /// complete; bytes after its end are an error, because requests are not pipelined.
    pub(crate) fn feed(
        &mut self,
        mut bytes: &[u8],
        mut sink: impl FnMut(&[u8]),
    ) -> anyhow::Result<bool> {
        while let Some((first, rest)) = bytes.split_first() {
            match &mut self.state {
                State::Head => bytes = self.feed_head(bytes)?,
                State::Body { left } | State::Chunk { left } => {
                    let take =
                        usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                    sink(&bytes[..take]);
                    self.body_bytes += take as u64;
                    *left -= take as u64;
                    bytes = &bytes[take..];
                    match self.state {
                        State::Body { left: 0 } => self.state = State::Done,
                        State::Chunk { left: 0 } => self.state = State::ChunkEnd,
                        _ => {}
                    }
                }
                State::ChunkSize { size } => {
                    match (*first as char).to_digit(16) {
                        Some(digit) => *size = *size * 16 + u64::from(digit),
                        None if *first == b'\n' && *size == 0 => self.state = State::LastLine,
                        None if *first == b'\n' => self.state = State::Chunk { left: *size },
                        None => ensure!(*first == b'\r', "chunk extensions are not supported"),
                    }
                    bytes = rest;
                }
                State::ChunkEnd | State::LastLine if *first == b'\r' => bytes = rest,
                State::ChunkEnd => {
                    ensure!(*first == b'\n', "a chunk is longer than its size");
                    self.state = State::ChunkSize { size: 0 };
                    bytes = rest;
                }
                State::LastLine => {
                    ensure!(*first == b'\n', "trailers are not supported");
                    self.state = State::Done;
                    bytes = rest;
                }
                State::Done => bail!("bytes after the response"),
            }
        }
        Ok(matches!(self.state, State::Done))
    }

    /// Gives what follows the head.
    fn feed_head<'a>(&mut self, bytes: &'a [u8]) -> anyhow::Result<&'a [u8]> {
        let known = self.head.len();
        self.head
            .extend_from_slice(&bytes[..bytes.len().min(16 * 1024)]);
        let from = known.saturating_sub(3);
        let Some(end) = self.head[from..]
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
        else {
            ensure!(
                self.head.len() < 16 * 1024,
                "the head is longer than 16 KiB"
            );
            return Ok(&[]);
        };
        self.head.truncate(from + end + 4);
        self.status = self
            .head
            .get(9..12)
            .and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok())
            .context("no status in the first line")?;
        self.state = match (header(&self.head, "content-length"), self.status) {
            (_, 304) => State::Done,
            (Some(length), _) => match length.parse()? {
                0 => State::Done,
                left => State::Body { left },
            },
            (None, _) => {
                let coding = header(&self.head, "transfer-encoding");
                ensure!(
                    coding == Some("chunked"),
                    "neither Content-Length nor chunked"
                );
                State::ChunkSize { size: 0 }
            }
        };
        Ok(&bytes[self.head.len() - known..])
    }

    /// Resets the parser for the next response.
    pub(crate) fn clear(&mut self) {
        self.head.clear();
        self.body_bytes = 0;
        self.state = State::Head;
    }
}

fn header<'a>(head: &'a [u8], name: &str) -> Option<&'a str> {
    head.split(|byte| *byte == b'\n').find_map(|line| {
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

/// Sends one request on a connection of its own.
pub(crate) fn send(address: SocketAddr, request: &[u8]) -> anyhow::Result<Response> {
    let mut body = Vec::new();
    let reader = send_streaming(address, request, |bytes| body.extend_from_slice(bytes))?;
    Ok(Response {
        status: reader.status,
        head: reader.head,
        body,
    })
}

/// Like [`send`], but passes the body to `sink` as it arrives.
pub(crate) fn send_streaming(
    address: SocketAddr,
    request: &[u8],
    mut sink: impl FnMut(&[u8]),
) -> anyhow::Result<Reader> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(READ_TIMEOUT))?;
    stream.write_all(request)?;
    let mut reader = Reader::default();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let read = stream.read(&mut buffer)?;
        ensure!(read > 0, "the connection was closed within a response");
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
            let complete = reader.feed(piece.as_bytes(), |bytes| body.extend_from_slice(bytes))?;
            ensure!(
                complete == (at + 1 == pieces.len()),
                "complete at piece {at}"
            );
        }
        Ok((reader.status(), String::from_utf8(body)?))
    }

    #[test]
    fn a_response_ends_at_its_content_length() {
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
    fn a_chunked_response_ends_with_the_empty_chunk() {
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
    fn a_304_has_no_body_whatever_its_content_length() {
        let whole = "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n";
        assert_eq!(read(&[whole]).expect("a response"), (304, String::new()));
    }
}
