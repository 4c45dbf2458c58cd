//! As much of RFC 6455 as a page needs: the handshake, what it sends, where a frame of the server ends.

use anyhow::{Context, bail, ensure};
use std::net::SocketAddr;

/// The key of the handshake and what a server makes of it: the example of the RFC, section 1.3.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// Not zero: servers leave out the work for a mask that changes nothing.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A browser's name for itself: servers keep it.
const USER_AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                          Chrome/142.0.0.0 Safari/537.36";

const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;

/// Lengths that say that the length follows, in two octets and in eight.
const SHORT: u8 = 0x7e;
const LONG: u8 = 0x7f;

/// What a frame is, as its first octet says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text = 1,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

/// A page's request for a socket.
pub(crate) fn handshake(address: SocketAddr, path: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nPragma: no-cache\r\n\
         Cache-Control: no-cache\r\nUser-Agent: {USER_AGENT}\r\nUpgrade: websocket\r\n\
         Origin: http://{address}\r\nSec-WebSocket-Version: 13\r\nAccept-Encoding: gzip, deflate, br\r\n\
         Accept-Language: en-US,en;q=0.9\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
    )
    .into_bytes()
}

/// Where the answer to it ends; none while it is not complete.
pub(crate) fn accepted(octets: &[u8]) -> anyhow::Result<Option<usize>> {
    let Some(end) = octets.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = String::from_utf8_lossy(&octets[..end]);
    ensure!(
        head.starts_with("HTTP/1.1 101 ") && head.contains(ACCEPT),
        "the upgrade was not accepted: {head}"
    );
    Ok(Some(end + 4))
}

/// Appends a page's frame.
pub(crate) fn encode(kind: Kind, payload: &[u8], frame: &mut Vec<u8>) {
    frame.push(FINAL | kind as u8);
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(length @ ..SHORT), _) => frame.push(MASKED | length),
        (_, Ok(length)) => {
            frame.push(MASKED | SHORT);
            frame.extend(length.to_be_bytes());
        }
        _ => {
            frame.push(MASKED | LONG);
            frame.extend((payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend(MASK);
    let masked = payload.iter().zip(MASK.iter().cycle());
    frame.extend(masked.map(|(octet, mask)| octet ^ mask));
}

/// Takes the first frame of the server off the front; none while it is not complete.
pub(crate) fn decode<'a>(octets: &mut &'a [u8]) -> anyhow::Result<Option<(Kind, &'a [u8])>> {
    let [first, length, rest @ ..] = *octets else {
        return Ok(None);
    };
    let kind = match *first {
        0x81 => Kind::Text,
        0x88 => Kind::Close,
        0x89 => Kind::Ping,
        0x8a => Kind::Pong,
        other => bail!("a frame that begins with {other:#x} is not understood"),
    };
    let (length, rest) = match *length {
        SHORT => match rest.split_first_chunk() {
            Some((length, rest)) => (u64::from(u16::from_be_bytes(*length)), rest),
            None => return Ok(None),
        },
        LONG => match rest.split_first_chunk() {
            Some((length, rest)) => (u64::from_be_bytes(*length), rest),
            None => return Ok(None),
        },
        length => {
            ensure!(length < SHORT, "a server must not mask");
            (u64::from(length), rest)
        }
    };
    let length = usize::try_from(length).context("length of a frame")?;
    let Some((payload, rest)) = rest.split_at_checked(length) else {
        return Ok(None);
    };
    *octets = rest;
    Ok(Some((kind, payload)))
}

/// A text frame of a server, for one that only writes.
pub(crate) fn of_server(text: &str) -> Vec<u8> {
    let mut masked = Vec::new();
    encode(Kind::Text, text.as_bytes(), &mut masked);
    let head = masked.len() - MASK.len() - text.len();
    let mut frame = masked[..head].to_vec();
    frame[1] &= !MASKED;
    frame.extend(text.bytes());
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_ends_where_its_length_says() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let text = "x".repeat(length);
            let frame = of_server(&text);
            for cut in [1, frame.len() / 2, frame.len() - 1] {
                let mut octets = &frame[..cut];
                assert_eq!(decode(&mut octets).expect("a beginning"), None);
            }
            let two = [frame.clone(), frame].concat();
            let mut octets = &two[..];
            for _ in 0..2 {
                let decoded = decode(&mut octets).expect("a frame");
                assert_eq!(decoded, Some((Kind::Text, text.as_bytes())));
            }
            assert!(octets.is_empty());
        }
    }

    #[test]
    fn a_page_masks_what_it_sends() {
        let mut frame = Vec::new();
        encode(Kind::Text, b"Hello", &mut frame);
        assert_eq!(frame[..6], [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d]);
        // The example of RFC 6455, section 5.7.
        assert_eq!(frame[6..], [0x7f, 0x9f, 0x4d, 0x51, 0x58]);
    }
}
