//! The part of WebSocket framing (RFC 6455) that a page needs: the handshake, writing frames to the
//! server, and finding the end of a frame from the server.

use anyhow::{Context, bail, ensure};
use std::net::SocketAddr;

/// The handshake's key and the server's response to it: the example of RFC 6455, section 1.3.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// Not zero, because servers skip a mask that changes nothing.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// As long as the `User-Agent` of a browser, since servers store it.
const USER_AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                          Chrome/142.0.0.0 Safari/537.36";

const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;

/// Length fields announcing that the length follows in two and in eight bytes.
const LENGTH_IN_2_BYTES: u8 = 0x7e;
const LENGTH_IN_8_BYTES: u8 = 0x7f;

/// Opcode of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opcode {
    Text = 1,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

/// The upgrade request of a page.
pub(crate) fn handshake(address: SocketAddr, path: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nPragma: no-cache\r\n\
         Cache-Control: no-cache\r\nUser-Agent: {USER_AGENT}\r\nUpgrade: websocket\r\n\
         Origin: http://{address}\r\nSec-WebSocket-Version: 13\r\nAccept-Encoding: gzip, deflate, br\r\n\
         Accept-Language: en-US,en;q=0.9\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
    )
    .into_bytes()
}

/// The length of the response to the handshake; `None` while it is incomplete.
pub(crate) fn handshake_response_len(bytes: &[u8]) -> anyhow::Result<Option<usize>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = String::from_utf8_lossy(&bytes[..end]);
    ensure!(
        head.starts_with("HTTP/1.1 101 ") && head.contains(ACCEPT),
        "the upgrade was not accepted: {head}"
    );
    Ok(Some(end + 4))
}

/// Appends a masked frame, as a page sends it.
pub(crate) fn encode(opcode: Opcode, payload: &[u8], frame: &mut Vec<u8>) {
    frame.push(FINAL | opcode as u8);
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(length @ ..LENGTH_IN_2_BYTES), _) => frame.push(MASKED | length),
        (_, Ok(length)) => {
            frame.push(MASKED | LENGTH_IN_2_BYTES);
            frame.extend(length.to_be_bytes());
        }
        _ => {
            frame.push(MASKED | LENGTH_IN_8_BYTES);
            frame.extend((payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend(MASK);
    let masked = payload.iter().zip(MASK.iter().cycle());
    frame.extend(masked.map(|(byte, mask)| byte ^ mask));
}

/// Splits the first frame of the server off the front; `None` while it is incomplete.
pub(crate) fn decode<'a>(bytes: &mut &'a [u8]) -> anyhow::Result<Option<(Opcode, &'a [u8])>> {
    let [first, length, rest @ ..] = *bytes else {
        return Ok(None);
    };
    let opcode = match *first {
        0x81 => Opcode::Text,
        0x88 => Opcode::Close,
        0x89 => Opcode::Ping,
        0x8a => Opcode::Pong,
        other => bail!("unexpected first byte of a frame: {other:#x}"),
    };
    let (length, rest) = match *length {
        LENGTH_IN_2_BYTES => match rest.split_first_chunk() {
            Some((length, rest)) => (u64::from(u16::from_be_bytes(*length)), rest),
            None => return Ok(None),
        },
        LENGTH_IN_8_BYTES => match rest.split_first_chunk() {
            Some((length, rest)) => (u64::from_be_bytes(*length), rest),
            None => return Ok(None),
        },
        length => {
            ensure!(length < LENGTH_IN_2_BYTES, "the server masked a frame");
            (u64::from(length), rest)
        }
    };
    let length = usize::try_from(length).context("the frame is too long")?;
    let Some((payload, rest)) = rest.split_at_checked(length) else {
        return Ok(None);
    };
    *bytes = rest;
    Ok(Some((opcode, payload)))
}

/// A text frame without a mask, as a server sends it.
pub(crate) fn server_text(text: &str) -> Vec<u8> {
    let mut masked = Vec::new();
    encode(Opcode::Text, text.as_bytes(), &mut masked);
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
    fn decodes_frames_of_every_length_encoding() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let text = "x".repeat(length);
            let frame = server_text(&text);
            for cut in [1, frame.len() / 2, frame.len() - 1] {
                let mut bytes = &frame[..cut];
                assert_eq!(decode(&mut bytes).expect("an incomplete frame"), None);
            }
            let two = [frame.clone(), frame].concat();
            let mut bytes = &two[..];
            for _ in 0..2 {
                let decoded = decode(&mut bytes).expect("a frame");
                assert_eq!(decoded, Some((Opcode::Text, text.as_bytes())));
            }
            assert!(bytes.is_empty());
        }
    }

    #[test]
    fn masks_frames_of_pages() {
        let mut frame = Vec::new();
        encode(Opcode::Text, b"Hello", &mut frame);
        assert_eq!(frame[..6], [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d]);
        // The example of RFC 6455, section 5.7.
        assert_eq!(frame[6..], [0x7f, 0x9f, 0x4d, 0x51, 0x58]);
    }
}
