//! The pages of a walk: what they say, what is sent to them, whom they ask; and the log of it all.

mod log;
mod requests;
mod sends;

use super::random::Random;
use crate::support::{Page, TestServer, within};
use futures_util::stream::SplitSink;
use futures_util::{SinkExt, StreamExt};
use log::Log;
use pagewire_client::{Client, Event, What};
use requests::{Ask, Offer};
use sends::{Aim, Sent};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// JSON that would not survive being read and written again.
const ODD: [&str; 5] = [
    r#"{ "type" : "odd",  "n": 9007199254740993 }"#,
    r#"{"type":"odd","s":"\u00e9é\/\ud83d\ude00","n":1.50}"#,
    r#"{"type":"odd","a":1,"a":2,"n":1e400}"#,
    "{\"type\":\"odd\",\t\"deep\":[[],{}, -0 ] }",
    r#"{"n":-0.0,"type":"odd","k":{"z":1,"a":"\u0000"}}"#,
];

type Ws = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A connected page: what it is, and what it is to hear.
struct Open {
    id: String,
    tab: String,
    page: String,
    url: String,
    is_hidden: bool,
    sink: SplitSink<Ws, Message>,
    frames: mpsc::UnboundedReceiver<String>,
    reader: JoinHandle<()>,
    expects: VecDeque<Expect>,
}

enum Expect {
    Text(String),
    /// The error that answers this request.
    Error(u64),
}

pub struct Pages {
    client: Client,
    open: Vec<Open>,
    asks: Vec<Ask>,
    offers: Vec<Offer>,
    sent: Vec<Sent>,
    /// What each socket said, in order.
    said: BTreeMap<String, Vec<String>>,
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
            asks: Vec::new(),
            offers: Vec::new(),
            sent: Vec::new(),
            said: BTreeMap::new(),
            log,
            count: 0,
        }
    }

    /// One step of the pages; says which.
    pub async fn step(&mut self, server: &TestServer, random: &mut Random) -> String {
        match random.below(10) {
            _ if self.open.is_empty() => self.connect(server, random).await,
            0 if self.open.len() < 5 => self.connect(server, random).await,
            1 => self.leave(random).await,
            2 => self.say(random).await,
            3 | 4 => self.ask(random).await,
            5 => self.answer(random).await,
            6 => self.offer(random).await,
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
        self.open.push(Open {
            id,
            tab: tab.to_owned(),
            page,
            url,
            is_hidden,
            sink,
            frames,
            reader,
            expects: VecDeque::new(),
        });
        words
    }

    async fn leave(&mut self, random: &mut Random) -> String {
        let at = random.below(self.open.len());
        let mut page = self.open.remove(at);
        page.settle().await;
        let id = page.id.clone();
        let in_order = random.percent(50);
        if in_order {
            // The daemon may be faster.
            let _ = page.sink.close().await;
        }
        page.reader.abort();
        drop(page);
        self.closed(&id).await;
        // Nobody waits any more.
        self.asks.retain(|ask| ask.socket != id);
        format!("page {id} leaves, in order: {in_order}")
    }

    async fn closed(&mut self, id: &str) {
        let is = |event: &Event| matches!(&event.what, What::SocketClosed(closed) if closed.socket_id == id);
        let ended = |log: &[Event]| log.iter().rev().any(is);
        self.log.until("the end of a socket", ended).await;
    }

    async fn say(&mut self, random: &mut Random) -> String {
        let at = random.below(self.open.len());
        let text = random.pick(&ODD);
        self.say_as(at, text).await;
        format!("page {} says {text}", self.open[at].id)
    }

    async fn say_as(&mut self, at: usize, text: &str) {
        let page = &mut self.open[at];
        let said = within("the page to send", page.sink.send(Message::text(text)));
        said.await.expect("an open socket");
        self.said
            .entry(page.id.clone())
            .or_default()
            .push(text.to_owned());
    }

    /// The end: all hear what they have to hear and nothing else, leave, and the log tells it all.
    pub async fn end(mut self) {
        while let Some(ask) = self.asks.pop() {
            let reply = self.client.reply(&ask.request_id, &json!("end")).await;
            reply.expect("the first answer");
            let page = self.open.iter_mut().find(|page| page.id == ask.socket);
            let id = ask.id;
            let text = format!(r#"{{"type":"message-response","id":{id},"response":"end"}}"#);
            page.expect("it waits")
                .expects
                .push_back(Expect::Text(text));
        }
        let last = r#"{"type":"the last"}"#;
        self.send_to(&Aim::All, last).await;
        while let Some(mut page) = self.open.pop() {
            page.settle().await;
            page.reader.abort();
            let id = page.id.clone();
            drop(page);
            self.closed(&id).await;
        }
        self.check_log();
        let left = self.client.sockets().await.expect("a list");
        assert!(left.is_empty(), "sockets are left: {left:?}");
    }
}

impl Open {
    /// Hears all that it is to hear, in order, and nothing else.
    async fn settle(&mut self) {
        while let Some(expected) = self.expects.pop_front() {
            let heard = within("a frame for a page", self.frames.recv()).await;
            let heard = heard.expect("an open socket");
            match expected {
                Expect::Text(text) => assert_eq!(heard, text),
                Expect::Error(id) => {
                    let answer: Value = serde_json::from_str(&heard).expect("JSON");
                    let is_error = answer["error"].is_string() && answer.get("response").is_none();
                    assert!(is_error && answer["id"] == id, "{heard} for request {id}");
                }
            }
        }
        let more = self.frames.try_recv();
        assert!(more.is_err(), "it heard more than was sent: {more:?}");
    }
}
