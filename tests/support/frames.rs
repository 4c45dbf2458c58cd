//! HTTP/2 at the level of frames, for sequences that client libraries do not send.

use super::within;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GO_AWAY: u8 = 7;

/// Error code `CANCEL` (RFC 9113, section 7).
const CANCEL: [u8; 4] = [0, 0, 0, 8];

fn push_frame(to: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    let length = u32::try_from(payload.len()).expect("it is short");
    to.extend_from_slice(&length.to_be_bytes()[1..]);
    to.extend_from_slice(&[kind, flags]);
    to.extend_from_slice(&stream.to_be_bytes());
    to.extend_from_slice(payload);
}

/// Sends this many requests with these headers at once, each followed by its cancellation. Returns whether
/// the connection survives them.
pub async fn survives_cancellations<S>(
    mut stream: S,
    headers: &[(&str, &str)],
    requests: u32,
) -> bool
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut block = Vec::new();
    for (name, value) in headers {
        // A literal without indexing (RFC 7541, section 6.2.2).
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).expect("it is short"));
            block.extend_from_slice(text.as_bytes());
        }
    }
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    push_frame(&mut bytes, SETTINGS, 0, 0, &[]);
    for request in 0..requests {
        const END_OF_HEADERS: u8 = 4;
        let id = 2 * request + 1;
        push_frame(&mut bytes, HEADERS, END_OF_HEADERS, id, &block);
        push_frame(&mut bytes, RESET, 0, id, &CANCEL);
    }
    push_frame(&mut bytes, PING, 0, 0, &[0; 8]);
    let written = within("the requests to be written", stream.write_all(&bytes)).await;
    written.expect("an open connection");
    loop {
        let mut head = [0; 9];
        let read = within("a frame", stream.read_exact(&mut head)).await;
        match (read, head[3], head[4]) {
            (Err(_), ..) | (_, GO_AWAY, _) => return false,
            // The answer to the ping.
            (_, PING, 1) => return true,
            _ => {}
        }
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).expect("it fits")];
        let read = within("a frame", stream.read_exact(&mut payload)).await;
        read.expect("a whole frame");
    }
}
