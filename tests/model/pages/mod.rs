//! The pages of a walk: the messages they send and receive, their requests, and the event log.

mod log;
mod requests;
mod sends;

use super::random::Random;
use crate::support::{Page, TestServer, within};
use futures_util::stream::SplitSink;
use futures_util::{SinkExt, StreamExt};
use log::Log;
use pagewire_client::{Client, Event, What};
use requests::{PendingRequest, Responder};
use sends::{ReportedSend, Selector};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// JSON that would change if it were parsed and serialised again.
const FRAGILE_JSON: [&str; 5] = [
    r#"{ "type" : "odd",  "n": 9007199254740993 }"#,
    r#"{"type":"odd","s":"\u00e9é\/\ud83d\ude00","n":1.50}"#,
    r#"{"type":"odd","a":1,"a":2,"n":1e400}"#,
    "{\"type\":\"odd\",\t\"deep\":[[],{}, -0 ] }",
    r#"{"n":-0.0,"type":"odd","k":{"z":1,"a":"\u0000"}}"#,
];

type Ws = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Connected page: its properties, and the messages it must receive.
struct ConnectedPage {
    id: String,
    tab: String,
    page: String,
    url: String,
    is_hidden: bool,
    sink: SplitSink<Ws, Message>,
    frames: mpsc::UnboundedReceiver<String>,
    reader: JoinHandle<()>,
    expected_frames: VecDeque<Expected>,
}

enum Expected {
    Text(String),
    /// The error reply to this request.
    Error(u64),
}

pub struct Pages {
    client: Client,
    open: Vec<ConnectedPage>,
    pending_requests: Vec<PendingRequest>,
    responders: Vec<Responder>,
    sent: Vec<ReportedSend>,
    /// Messages sent by each socket, in order.
    messages: BTreeMap<String, Vec<String>>,
    log: Log,
    count: u64,
}

impl Pages {
    pub async fn new(server: &TestServer) -> Self {
        let client = server.client().await.listing_reached();
        let log = Log::follow(&client).await;
        Self {
            client,
            open: Vec::new(),
            pending_requests: Vec::new(),
            responders: Vec::new(),
            sent: Vec::new(),
            messages: BTreeMap::new(),
            log,
            count: 0,
        }
    }

    /// Takes one step and returns its description.
    pub async fn step(&mut self, server: &TestServer, random: &mut Random) -> String {
        match random.below(10) {
            _ if self.open.is_empty() => self.connect(server, random).await,
            0 if self.open.len() < 5 => self.connect(server, random).await,
            1 => self.exit(random).await,
            2 => self.send_message(random).await,
            3 | 4 => self.request(random).await,
            5 => self.answer(random).await,
            6 => self.change_responders(random).await,
            7 => self.resume(random).await,
            8 => self.churn(server, random).await,
            _ => self.send(random).await,
        }
    }

    fn number(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    async fn connect(&mut self, server: &TestServer, random: &mut Random) -> String {
        let tab = random.pick(&["t1", "t2"]);
        let page = format!("p{}", self.number());
        let url = format!("http://localhost/{}", random.pick(&["a", "b"]));
        let is_hidden = random.percent(40);
        let visibility = if is_hidden { "hidden" } else { "visible" };
        let fields = json!({"tab_id": tab, "page_id": page, "url": url, "visibility": visibility});
        let Page { socket, id } = Page::open_as(server.http(), &fields).await;
        let (sink, mut stream) = socket.split();
        let (sender, frames) = mpsc::unbounded_channel();
        let reader = tokio::spawn(async move {
            while let Some(Ok(message)) = stream.next().await {
                if let Message::Text(text) = message
                    && sender.send(text.to_string()).is_err()
                {
                    return;
                }
            }
        });
        let words = format!("page {id} connects");
        self.open.push(ConnectedPage {
            id,
            tab: tab.to_owned(),
            page,
            url,
            is_hidden,
            sink,
            frames,
            reader,
            expected_frames: VecDeque::new(),
        });
        words
    }

    async fn exit(&mut self, random: &mut Random) -> String {
        let at = random.below(self.open.len());
        let mut page = self.open.remove(at);
        page.settle().await;
        let id = page.id.clone();
        let in_order = random.percent(50);
        if in_order {
            // The daemon may close first.
            let _ = page.sink.close().await;
        }
        page.reader.abort();
        drop(page);
        self.wait_for_close(&id).await;
        // Its requests are not awaited any more.
        self.pending_requests.retain(|ask| ask.socket != id);
        format!("page {id} disconnects, in order: {in_order}")
    }

    async fn wait_for_close(&mut self, id: &str) {
        let is = |event: &Event| matches!(&event.what, What::SocketClosed(closed) if closed.socket_id == id);
        let ended = |log: &[Event]| log.iter().rev().any(is);
        self.log.until("the end of a socket", ended).await;
    }

    async fn send_message(&mut self, random: &mut Random) -> String {
        let at = random.below(self.open.len());
        let text = random.pick(&FRAGILE_JSON);
        self.send_message_from(at, text).await;
        format!("page {} sends {text}", self.open[at].id)
    }

    async fn send_message_from(&mut self, at: usize, text: &str) {
        let page = &mut self.open[at];
        let messages = within("the page to send", page.sink.send(Message::text(text)));
        messages.await.expect("an open socket");
        self.messages
            .entry(page.id.clone())
            .or_default()
            .push(text.to_owned());
    }

    /// Ends the walk: every page receives its outstanding messages and no others and disconnects, and
    /// the log contains every event.
    pub async fn end(mut self) {
        while let Some(ask) = self.pending_requests.pop() {
            let reply = self.client.reply(&ask.request_id, &json!("end")).await;
            reply.expect("the first answer");
            let page = self.open.iter_mut().find(|page| page.id == ask.socket);
            let id = ask.id;
            let text = format!(r#"{{"type":"message-response","id":{id},"response":"end"}}"#);
            page.expect("an open page")
                .expected_frames
                .push_back(Expected::Text(text));
        }
        let last = r#"{"type":"the last"}"#;
        self.send_to(&Selector::All, last).await;
        while let Some(mut page) = self.open.pop() {
            page.settle().await;
            page.reader.abort();
            let id = page.id.clone();
            drop(page);
            self.wait_for_close(&id).await;
        }
        self.check_log();
        let left = self.client.sockets().await.expect("a list");
        assert!(left.is_empty(), "sockets remain: {left:?}");
    }
}

impl ConnectedPage {
    /// Receives the outstanding messages in order, and asserts that there are no others.
    async fn settle(&mut self) {
        while let Some(expected) = self.expected_frames.pop_front() {
            let received = within("a frame for a page", self.frames.recv()).await;
            let received = received.expect("an open socket");
            match expected {
                Expected::Text(text) => assert_eq!(received, text),
                Expected::Error(id) => {
                    let response: Value = serde_json::from_str(&received).expect("JSON");
                    let is_error =
                        response["error"].is_string() && response.get("response").is_none();
                    assert!(
                        is_error && response["id"] == id,
                        "{received} for request {id}"
                    );
                }
            }
        }
        let more = self.frames.try_recv();
        assert!(more.is_err(), "more frames than expected: {more:?}");
    }
}
