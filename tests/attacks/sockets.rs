//! Pages that violate the WebSocket protocol, send too much or never read harm only themselves.

use super::{MIB, SOCKET_PATHS, assert_still_serving};
use crate::support::{Site, TestServer, read_response, upgrade_request, within};
use pagewire_client::proto;
use pagewire_client::{DeliveryStatus, SubscribeOptions, Target, What};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn a_handshake_with_a_body_is_refused_and_its_bytes_are_never_frames() {
    let server = TestServer::start(&Site::page()).await;
    for path in SOCKET_PATHS {
        for (body, status) in [
            ("Content-Length: 3\r\n\r\n\u{1}\u{2}\u{3}", 400),
            ("Content-Length: 3\r\n\r\n", 400),
            (
                "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
                400,
            ),
            ("Content-Length: 0\r\n\r\n", 101),
        ] {
            let mut request = upgrade_request(path, b"Host: localhost\r\n");
            request.truncate(request.len() - 2);
            request.extend_from_slice(body.as_bytes());
            let response = server.exchange(&request).await;
            assert_eq!(response.status, status, "{path} {body:?}");
        }
    }
    let sockets = server.client().await.sockets().await;
    assert!(sockets.expect("a list").len() <= SOCKET_PATHS.len());
    assert_still_serving(&server, "handshakes with bodies").await;
}

/// WebSocket connection whose frames are written byte by byte.
struct RawSocket(TcpStream);

impl RawSocket {
    async fn open(server: &TestServer) -> Self {
        let mut stream = TcpStream::connect(server.http()).await.expect("a listener");
        let request = upgrade_request(SOCKET_PATHS[0], b"Host: localhost\r\n");
        stream
            .write_all(&request)
            .await
            .expect("an open connection");
        assert_eq!(read_response(&mut stream).await.status, 101);
        Self(stream)
    }

    /// Writes bytes; the daemon may close the connection before all are written.
    async fn write(&mut self, bytes: &[u8]) {
        let _ = within("the write to finish", self.0.write_all(bytes)).await;
    }

    /// Returns the code of the close frame, or 0 if the connection ends without one.
    async fn close_code(&mut self) -> u16 {
        loop {
            let mut head = [0; 2];
            if within("a frame", self.0.read_exact(&mut head))
                .await
                .is_err()
            {
                return 0;
            }
            let length = match head[1] {
                126 => usize::from(self.0.read_u16().await.expect("a length")),
                127 => {
                    usize::try_from(self.0.read_u64().await.expect("a length")).expect("64 bits")
                }
                short => short.into(),
            };
            let mut payload = vec![0; length];
            within("a payload", self.0.read_exact(&mut payload))
                .await
                .expect("a whole frame");
            if head[0] & 0x0f == 8 {
                return payload
                    .get(..2)
                    .map_or(1005, |code| u16::from_be_bytes([code[0], code[1]]));
            }
        }
    }
}

const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const FIN: u8 = 0x80;

fn close_frame(code: u16) -> Vec<u8> {
    frame(FIN | CLOSE, &code.to_be_bytes())
}

/// Returns the head of a masked frame (with the mask 0) that claims this length.
fn frame_head(first: u8, length: u64) -> Vec<u8> {
    let mut head = vec![first];
    match length {
        0..=125 => head.push(0x80 | u8::try_from(length).expect("it is small")),
        126..=0xffff => {
            head.push(0x80 | 0x7e);
            head.extend_from_slice(&u16::try_from(length).expect("it fits").to_be_bytes());
        }
        _ => {
            head.push(0x80 | 0x7f);
            head.extend_from_slice(&length.to_be_bytes());
        }
    }
    head.extend_from_slice(&[0; 4]);
    head
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = frame_head(first, payload.len() as u64);
    frame.extend_from_slice(payload);
    frame
}

#[tokio::test]
async fn a_protocol_violation_closes_the_socket_with_its_code() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    let mut events = client
        .subscribe(SubscribeOptions::new().sockets())
        .await
        .expect("events");
    let endless = |first: u8, piece: &[u8], pieces: usize| {
        let mut frames = frame(first, piece);
        for _ in 1..pieces {
            frames.extend(frame(0, piece));
        }
        frames
    };
    let large = vec![b'a'; MIB + 1];
    let unmasked = b"\x81\x02{}".to_vec();
    for (what, bytes, code) in [
        (
            "a text of 1 MiB and one byte",
            frame(FIN | TEXT, &large),
            1009,
        ),
        (
            "a binary message of 1 MiB and one byte",
            frame(FIN | BINARY, &large),
            1009,
        ),
        (
            "a frame of 8 MiB",
            frame(FIN | TEXT, &vec![b'a'; 8 * MIB]),
            1009,
        ),
        (
            "a frame that claims 1 GiB",
            frame_head(FIN | TEXT, 1 << 30),
            1009,
        ),
        (
            "a frame that claims the largest length",
            frame_head(FIN | BINARY, u64::MAX),
            1009,
        ),
        (
            "a message of many fragments",
            endless(TEXT, &large[..65_536], 64),
            1009,
        ),
        (
            "a message of small fragments",
            endless(BINARY, &large[..1000], 2000),
            1009,
        ),
        (
            "a text that is not UTF-8",
            frame(FIN | TEXT, b"{\"type\":\"\xff\"}"),
            1007,
        ),
        (
            "a text that ends within a character",
            frame(FIN | TEXT, b"\xe2\x82"),
            1007,
        ),
        (
            "a text whose second fragment is not UTF-8",
            [frame(TEXT, b"{"), frame(FIN, b"\xff")].concat(),
            1007,
        ),
        (
            "a close whose reason is not UTF-8",
            frame(FIN | CLOSE, b"\x03\xe8\xff"),
            1007,
        ),
        ("a close of one byte", frame(FIN | CLOSE, b"x"), 1002),
        ("a close with code 0", frame(FIN | CLOSE, b"\0\0"), 1002),
        ("a close with code 999", close_frame(999), 1002),
        ("a close with code 1005", close_frame(1005), 1002),
        ("a close with code 1006", close_frame(1006), 1002),
        ("a close with code 1015", close_frame(1015), 1002),
        ("a close with code 2999", close_frame(2999), 1002),
        ("a close with code 5000", close_frame(5000), 1002),
        ("an unmasked frame", unmasked, 1002),
        ("reserved bits", frame(FIN | 0x70 | TEXT, b"{}"), 1002),
        ("an unknown opcode", frame(FIN | 3, b"{}"), 1002),
        ("a ping of 126 bytes", frame(FIN | 9, &large[..126]), 1002),
        ("a fragmented ping", frame(9, b"x"), 1002),
        ("a continuation without a start", frame(FIN, b"x"), 1002),
        (
            "two starts",
            [frame(TEXT, b"{"), frame(TEXT, b"{")].concat(),
            1002,
        ),
    ] {
        let mut socket = RawSocket::open(&server).await;
        socket.write(&bytes).await;
        assert_eq!(socket.close_code().await, code, "{what}");
        drop(socket);
        let closed = loop {
            let event = within("the close event", events.next())
                .await
                .expect("a stream");
            if let What::SocketClosed(closed) = event.expect("an event").what {
                break closed;
            }
        };
        let found = (closed.close_code, closed.cause());
        assert_eq!(
            found,
            (code.into(), proto::socket_closed::Cause::ProtocolError),
            "{what}"
        );
        assert_eq!(client.sockets().await.expect("a list").len(), 0, "{what}");
        assert_still_serving(&server, what).await;
        // The socket of `assert_still_serving` opens and closes too.
        while !matches!(
            within("an event", events.next())
                .await
                .expect("a stream")
                .expect("an event")
                .what,
            What::SocketClosed(_)
        ) {}
    }
}

#[tokio::test]
async fn a_close_is_answered_with_its_code_before_the_connection_ends() {
    let server = TestServer::start(&Site::page()).await;
    for (sent, code) in [
        (close_frame(1000), 1000),
        (close_frame(1001), 1001),
        (close_frame(3000), 3000),
        (close_frame(4999), 4999),
        (frame(FIN | CLOSE, b""), 1005),
    ] {
        let mut socket = RawSocket::open(&server).await;
        // Part of a message, which does not delay the answer.
        socket.write(&frame(TEXT, b"{")).await;
        socket.write(&sent).await;
        assert_eq!(socket.close_code().await, code);
        let rest = within("the end", socket.0.read(&mut [0; 1])).await;
        assert_eq!(
            rest.expect("no reset"),
            0,
            "nothing follows the close frame"
        );
    }
}

#[tokio::test]
async fn a_ping_between_two_fragments_is_answered_before_the_message_is_complete() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    let options = SubscribeOptions::new().messages();
    let mut events = client.subscribe(options).await.expect("events");
    let mut socket = RawSocket::open(&server).await;
    let text = br#"{"type":"in fragments"}"#;
    let (start, end) = text.split_at(5);
    socket.write(&frame(TEXT, start)).await;
    for payload in [&b"first"[..], b""] {
        socket.write(&frame(FIN | PING, payload)).await;
        let mut pong = vec![0; 2 + payload.len()];
        within("a pong", socket.0.read_exact(&mut pong))
            .await
            .expect("an open connection");
        assert_eq!((pong[0], &pong[2..]), (0x8a, payload));
    }
    socket.write(&frame(FIN, end)).await;
    let event = within("the message", events.next()).await;
    let event = event.expect("a stream").expect("an event");
    let What::Message(message) = event.what else {
        panic!("{event:?}")
    };
    assert_eq!(message.message_type(), "in fragments");
}

#[tokio::test]
async fn a_page_gets_the_close_code_while_it_still_sends_an_oversized_message() {
    // A browser whose connection is reset while it writes reports 1006 without a reason to its page.
    let server = TestServer::start(&Site::page()).await;
    let socket = RawSocket::open(&server).await;
    let (mut reader, mut writer) = tokio::io::split(socket.0);
    let message = frame(FIN | TEXT, &vec![b'a'; 16 * MIB]);
    let (written, ()) = tokio::join!(
        within("the message to be written", writer.write_all(&message)),
        async {
            let mut head = [0; 4];
            within("a frame", reader.read_exact(&mut head))
                .await
                .expect("a close frame");
            assert_eq!((head[0], &head[2..]), (0x88, &1009_u16.to_be_bytes()[..]));
        }
    );
    written.expect("the daemon discards the rest of the message");
    assert_still_serving(&server, "a page that still sends").await;
}

#[tokio::test]
async fn a_message_of_exactly_the_limit_is_delivered() {
    let server = TestServer::start(&Site::page()).await;
    let mut page = server.page().await;
    let client = server.client().await;
    let mut events = client
        .subscribe(SubscribeOptions::new().messages())
        .await
        .expect("events");
    let around = r#"{"type":"large","text":""}"#.len();
    let text = json!({"type": "large", "text": "a".repeat(MIB - around)}).to_string();
    assert_eq!(text.len(), MIB);
    page.send(Message::text(text.clone())).await;
    let event = within("the message", events.next())
        .await
        .expect("a stream")
        .expect("an event");
    let What::Message(message) = event.what else {
        panic!("{event:?}")
    };
    let same = message.json::<Value>().expect("JSON")
        == serde_json::from_str::<Value>(&text).expect("JSON");
    assert!(same && message.text().is_some_and(|received| received.len() == MIB));
}

#[tokio::test]
async fn deeply_nested_json_is_delivered_or_refused_without_a_crash() {
    const DEPTH: usize = 400_000;
    let server = TestServer::start(&Site::page()).await;
    let mut page = server.page().await;
    let client = server.client().await;
    let mut events = client
        .subscribe(SubscribeOptions::new().messages())
        .await
        .expect("events");
    let arrays = format!("{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH));
    let objects = format!("{}1{}", "{\"a\":".repeat(DEPTH / 4), "}".repeat(DEPTH / 4));
    // Inside a payload the daemon does not interpret it: it is delivered unchanged.
    for nested in [&arrays, &objects] {
        let text = format!("{{\"type\":\"deep\",\"a\":{nested}}}");
        page.send(Message::text(text.clone())).await;
        let event = within("the message", events.next())
            .await
            .expect("a stream")
            .expect("an event");
        let What::Message(message) = event.what else {
            panic!("{event:?}")
        };
        assert!(
            message.text() == Some(text.as_str()),
            "the message is unchanged"
        );
    }
    // In the daemon's own fields it is refused.
    for text in [
        format!("{{\"type\":{arrays}}}"),
        arrays.clone(),
        "[".repeat(2 * DEPTH),
        "{\"type\":".repeat(DEPTH / 4),
        format!("{{\"type\":\"pagewire:hello\",\"features\":{arrays}}}"),
        format!("{{\"type\":\"pagewire:state\",\"url\":{objects}}}"),
        format!("{{\"type\":\"pagewire:result\",\"callId\":{arrays}}}"),
        format!("{{\"type\":\"pagewire:result\",\"callId\":\"x\",\"value\":{objects}}}"),
    ] {
        page.send(Message::text(text.clone())).await;
        // A field that the daemon does not read may contain anything.
        if text.contains("\"value\"") {
            continue;
        }
        let response = page.receive_json().await;
        assert_eq!(response["type"], "pagewire:fault", "{}", &text[..60]);
    }
    // The same from program to page.
    let text = format!("{{\"type\":\"deep\",\"a\":{arrays}}}");
    let report = client
        .send_json(&Target::socket(&page.id), text.clone())
        .await;
    assert_eq!(report.expect("the send succeeds").reached, 1);
    assert!(page.receive_text().await == text);
    assert_still_serving(&server, "deep JSON").await;
}

#[tokio::test]
async fn a_page_that_never_reads_is_reported_and_blocks_nothing() {
    let server = TestServer::start(&Site::page()).await;
    let deaf = server.page().await;
    let mut reader = server.page().await;
    let client = server.client().await;
    let padding = "a".repeat(256 * 1024);
    let mut dropped = 0;
    // Buffers of the operating system add to the outbox of the deaf page.
    for number in 0..400 {
        let message = json!({"type": "flood", "number": number, "padding": padding});
        let report = within("a send", client.send(&Target::all(), &message))
            .await
            .expect("a report");
        assert_eq!(report.selected(), 2, "{report:?}");
        let received = reader.receive_json().await;
        assert_eq!(
            received["number"], number,
            "the reading page gets every message in order"
        );
        if let [row] = &report.unreached[..] {
            assert_eq!(row.socket_id, deaf.id);
            assert_eq!(row.status, DeliveryStatus::DroppedSlow);
            dropped += 1;
        } else {
            assert_eq!(report.reached, 2, "{report:?}");
        }
        if dropped == 10 {
            break;
        }
    }
    assert_eq!(dropped, 10, "the deaf page's outbox is bounded");
    assert_still_serving(&server, "a page that never reads").await;

    // Once it reads again it gets the queued messages in order and can be reached again.
    let mut page = deaf;
    let mut last = None;
    loop {
        let report = client
            .send(&Target::socket(&page.id), json!({"type": "again"}))
            .await;
        let reached = report.expect("a report").reached == 1;
        let received = page.receive_json().await;
        if received["type"] == "again" {
            break;
        }
        let number = received["number"].as_u64();
        assert!(number > last, "{number:?} comes after {last:?}");
        last = number;
        assert!(reached || last.is_some());
    }
}
