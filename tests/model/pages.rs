//! The pages of a walk: what they say, what is sent to them, whom they ask; and the log of it all.

use super::random::Random;
use crate::support::{Page, TestServer, within};
use futures_util::stream::SplitSink;
use futures_util::{SinkExt, StreamExt};
use pagewire_client::{
    Client, DeliveryStatus, Event, Position, Socket, SocketFilter, SubscribeOptions, Subscription,
    Target, Visibility, What,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
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

/// Types of requests that pages make.
const ASKED: [&str; 2] = ["ask-a", "ask-b"];

/// Pages that come and go while there are sends.
const COMING: usize = 3;

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

/// A request of a page that nobody has answered.
struct Ask {
    id: u64,
    socket: String,
    request_id: String,
    /// Those that offered to answer it, by number.
    offers: BTreeSet<u64>,
}

/// Somebody who offers to answer.
struct Offer {
    number: u64,
    kind: &'static str,
    requests: Subscription,
}

/// A send, as it was reported.
struct Sent {
    target: Aim,
    at: u64,
    selected: BTreeSet<String>,
}

/// Whom a send is for, in plain words.
#[derive(Clone, Debug)]
enum Aim {
    Ids(Vec<String>),
    Tab(String),
    Page(String),
    Url(String),
    Hidden,
    All,
    AllBut(String),
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

/// All that the daemon has logged so far.
struct Log(watch::Receiver<Vec<Event>>);

impl Log {
    async fn follow(client: &Client) -> Self {
        let options = SubscribeOptions::new().messages().sockets();
        let mut all = client.subscribe(options).await.expect("a stream");
        let (log, events) = watch::channel(Vec::new());
        tokio::spawn(async move {
            while let Ok(Some(event)) = all.next().await {
                log.send_modify(|log| log.push(event));
            }
        });
        Self(events)
    }

    fn read(&self) -> Vec<Event> {
        self.0.borrow().clone()
    }

    /// Sockets that were closed.
    fn closed(&self) -> usize {
        closed(&self.0.borrow())
    }

    async fn until_closed(&mut self, count: usize) {
        self.until("the end of sockets", |log| closed(log) >= count)
            .await;
    }

    /// Waits until it is like this.
    async fn until(&mut self, what: &str, is: impl Fn(&[Event]) -> bool) {
        let found = within(what, self.0.wait_for(|log| is(log))).await;
        found.expect("the log is followed");
    }
}

fn closed(log: &[Event]) -> usize {
    let is_closed = |event: &&Event| matches!(event.what, What::SocketClosed(_));
    log.iter().filter(is_closed).count()
}

impl Aim {
    fn target(&self) -> Target {
        match self {
            Self::Ids(ids) => Target::sockets(ids),
            Self::Tab(tab) => Target::tab(tab),
            Self::Page(page) => Target::page(page),
            Self::Url(url) => Target::url(url),
            Self::Hidden => Target::filter(SocketFilter::default().hidden()),
            Self::All => Target::all(),
            Self::AllBut(id) => Target::all().excluding([id]),
        }
    }

    /// Whether a socket is meant that is like this at the moment. Unknown ids are meant, too.
    fn means(&self, socket: &Socket) -> bool {
        match self {
            Self::Ids(ids) => ids.contains(&socket.socket_id),
            Self::Tab(tab) => socket.tab_id == *tab,
            Self::Page(page) => socket.page_id == *page,
            Self::Url(url) => socket.ready && socket.url.contains(url),
            Self::Hidden => socket.ready && socket.visibility() == Visibility::Hidden,
            Self::All => true,
            Self::AllBut(id) => socket.socket_id != *id,
        }
    }
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

    async fn send(&mut self, random: &mut Random) -> String {
        let ids: Vec<String> = self.open.iter().map(|page| page.id.clone()).collect();
        let aim = match random.below(8) {
            0 => Aim::Ids(vec![random.pick(&ids)]),
            1 => Aim::Ids([random.some(&ids), vec!["nosuch".to_owned()]].concat()),
            2 => Aim::Tab(random.pick(&["t1", "t2"]).to_owned()),
            3 => Aim::Page(self.open[random.below(ids.len())].page.clone()),
            4 => Aim::Url(random.pick(&["localhost/a", "localhost/b"]).to_owned()),
            5 => Aim::Hidden,
            6 => Aim::AllBut(random.pick(&ids)),
            _ => Aim::All,
        };
        let text = random.pick(&ODD);
        let meant = |page: &Open| match &aim {
            Aim::Ids(ids) => ids.contains(&page.id),
            Aim::Tab(tab) => page.tab == *tab,
            Aim::Page(id) => page.page == *id,
            Aim::Url(url) => page.url.contains(url),
            Aim::Hidden => page.is_hidden,
            Aim::All => true,
            Aim::AllBut(id) => page.id != *id,
        };
        let expected: BTreeSet<_> = self
            .open
            .iter()
            .filter(|page| meant(page))
            .map(|page| page.id.clone())
            .collect();
        let reached = self.send_to(&aim, text).await;
        assert_eq!(reached, expected, "{aim:?} reached others");
        format!("{text} is sent to {aim:?}")
    }

    /// Sends, and notes who is to hear it; gives who was reached.
    async fn send_to(&mut self, aim: &Aim, text: &str) -> BTreeSet<String> {
        let sent = within("a report", self.client.send_json(&aim.target(), text)).await;
        let report = sent.expect("a report");
        let reached: BTreeSet<_> = report.reached_socket_ids.iter().cloned().collect();
        assert_eq!(
            reached.len(),
            report.reached as usize,
            "nobody is reached twice"
        );
        let mut selected = reached.clone();
        for row in &report.unreached {
            // All pages read, so a socket that was not reached is none or on its way out.
            let gone = [DeliveryStatus::NotFound, DeliveryStatus::Gone];
            assert!(gone.contains(&row.status), "{row:?}");
            assert!(
                selected.insert(row.socket_id.clone()),
                "{row:?} has two rows"
            );
        }
        if let Aim::Ids(ids) = aim {
            let named: BTreeSet<_> = ids.iter().cloned().collect();
            assert_eq!(
                selected, named,
                "reached and unreached are what was selected"
            );
        } else {
            let at = report.position.sequence;
            let target = aim.clone();
            self.sent.push(Sent {
                target,
                at,
                selected,
            });
        }
        for page in self
            .open
            .iter_mut()
            .filter(|page| reached.contains(&page.id))
        {
            page.expects.push_back(Expect::Text(text.to_owned()));
        }
        reached
    }

    async fn ask(&mut self, random: &mut Random) -> String {
        let at = random.below(self.open.len());
        let (id, kind) = (self.number(), random.pick(&ASKED));
        let text = format!(r#"{{"type":"{kind}", "id":{id},"pagewire:request":true}}"#);
        self.say_as(at, &text).await;
        let socket = self.open[at].id.clone();
        let mut ask = None;
        for offer in self.offers.iter_mut().filter(|offer| offer.kind == kind) {
            let event = within("a page's request", offer.requests.next()).await;
            let What::Message(message) = event.expect("open").expect("an event").what else {
                panic!("no message");
            };
            assert_eq!(
                (message.socket_id(), message.text()),
                (&*socket, Some(&*text))
            );
            let ask = ask.get_or_insert_with(|| Ask {
                id,
                socket: socket.clone(),
                request_id: message.request_id().expect("a request").to_owned(),
                offers: BTreeSet::new(),
            });
            assert_eq!(message.request_id(), Some(&*ask.request_id));
            ask.offers.insert(offer.number);
        }
        let words = format!("page {socket} asks {text}");
        match ask {
            Some(ask) => self.asks.push(ask),
            None => self.refused(&[(socket, id)]).await,
        }
        words
    }

    /// Pages hear errors for these requests, after all that they have to hear before.
    async fn refused(&mut self, asked: &[(String, u64)]) {
        for page in &mut self.open {
            let own = asked.iter().filter(|(socket, _)| *socket == page.id);
            page.expects.extend(own.map(|(_, id)| Expect::Error(*id)));
            page.settle().await;
        }
    }

    async fn answer(&mut self, random: &mut Random) -> String {
        if self.asks.is_empty() {
            return "nobody waits for an answer".to_owned();
        }
        let ask = self.asks.remove(random.below(self.asks.len()));
        let json = random.pick(&ODD);
        let page = self.open.iter_mut().find(|page| page.id == ask.socket);
        let page = page.expect("who has left waits for nothing");
        if random.percent(30) {
            let error = self.client.reply_error(&ask.request_id, "no").await;
            error.expect("the first answer");
            page.expects.push_back(Expect::Error(ask.id));
        } else {
            let reply = self.client.reply_json(&ask.request_id, json).await;
            reply.expect("the first answer");
            let id = ask.id;
            page.expects.push_back(Expect::Text(format!(
                r#"{{"type":"message-response","id":{id},"response":{json}}}"#
            )));
        }
        let late = self.client.reply(&ask.request_id, &json!(1)).await;
        let late = late.expect_err("it was answered");
        assert_eq!(late.reason(), Some("ALREADY_ANSWERED"));
        format!("request {} of {} is answered", ask.id, ask.socket)
    }

    /// Somebody offers to answer; or, if there are some, one of them may leave.
    async fn offer(&mut self, random: &mut Random) -> String {
        if self.offers.len() < 2 || random.percent(40) && self.offers.len() < 4 {
            let (number, kind) = (self.number(), random.pick(&ASKED));
            let options = SubscribeOptions::new()
                .message_types([kind])
                .answers_requests();
            let requests = self.client.subscribe(options).await.expect("a stream");
            self.offers.push(Offer {
                number,
                kind,
                requests,
            });
            return format!("{number} offers to answer {kind}");
        }
        let left = self.offers.remove(random.below(self.offers.len()));
        drop(left.requests);
        let mut alone = Vec::new();
        self.asks.retain_mut(|ask| {
            ask.offers.remove(&left.number);
            if ask.offers.is_empty() {
                alone.push((ask.socket.clone(), ask.id));
            }
            !ask.offers.is_empty()
        });
        self.refused(&alone).await;
        format!("{} does not offer to answer any more", left.number)
    }

    /// Who comes later and resumes hears the same.
    async fn resume(&mut self, random: &mut Random) -> String {
        let log = self.log.read();
        if log.is_empty() {
            return "there is nothing to resume".to_owned();
        }
        let after = random.below(log.len());
        let position = Position {
            sequence: u64::try_from(after).expect("few"),
            epoch: log[0].position.epoch.clone(),
        };
        let options = SubscribeOptions::new()
            .messages()
            .sockets()
            .resume_after(position);
        let mut resumed = self.client.subscribe(options).await.expect("a stream");
        for event in &log[after..] {
            let again = within("an event again", resumed.next()).await;
            assert_eq!(&again.expect("open").expect("an event"), event);
        }
        format!("somebody resumes after {after}")
    }

    /// Sends to all while pages come and go, and others say something.
    async fn churn(&mut self, server: &TestServer, random: &mut Random) -> String {
        let address = server.http();
        let before = self.log.closed();
        let coming = tokio::spawn(async move {
            for _ in 0..COMING {
                // Says nothing and is gone again.
                Page::connect(address, "/__pagewire__/socket").await;
            }
        });
        for n in 0..6 {
            self.send_to(&Aim::All, ODD[n % ODD.len()]).await;
            let at = random.below(self.open.len());
            self.say_as(at, random.pick(&ODD)).await;
        }
        coming.await.expect("no panic");
        self.log.until_closed(before + COMING).await;
        "pages come and go while there are sends".to_owned()
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

    fn check_log(&self) {
        let log = self.log.read();
        let mut sockets: BTreeMap<String, Socket> = BTreeMap::new();
        let mut over = BTreeSet::new();
        let mut said: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut sent = self.sent.iter().collect::<Vec<_>>();
        sent.sort_by_key(|sent| sent.at);
        let mut sent = sent.into_iter().peekable();
        for (last, event) in log.iter().enumerate() {
            // What was selected behind the event before this one.
            while let Some(sent) = sent.next_if(|sent| sent.at == last as u64) {
                sent.check(&sockets);
            }
            assert_eq!(event.position.sequence, last as u64 + 1, "a gap in the log");
            match &event.what {
                What::SocketOpened { socket, .. } => {
                    let id = socket.socket_id.clone();
                    assert!(!over.contains(&id), "{id} was opened after its end");
                    assert!(sockets.insert(id, socket.clone()).is_none(), "opened twice");
                }
                What::SocketUpdated(socket) => {
                    let known = sockets.insert(socket.socket_id.clone(), socket.clone());
                    assert!(known.is_some(), "updated without being open: {socket:?}");
                }
                What::SocketClosed(closed) => {
                    let known = sockets.remove(&closed.socket_id);
                    assert!(known.is_some(), "closed without being open: {closed:?}");
                    over.insert(closed.socket_id.clone());
                }
                What::Message(message) => {
                    let id = message.socket_id().to_owned();
                    assert!(
                        sockets.contains_key(&id),
                        "{message:?} of a socket that is not open"
                    );
                    let text = message.text().expect("a text").to_owned();
                    said.entry(id).or_default().push(text);
                }
                other => panic!("nobody did that: {other:?}"),
            }
        }
        for sent in sent {
            sent.check(&sockets);
        }
        assert_eq!(said, self.said, "what pages said, byte for byte");
        assert!(sockets.is_empty(), "never closed: {sockets:?}");
    }
}

impl Sent {
    /// The selection was that of one instant.
    #[track_caller]
    fn check(&self, sockets: &BTreeMap<String, Socket>) {
        let meant = sockets.values().filter(|socket| self.target.means(socket));
        let meant: BTreeSet<_> = meant.map(|socket| socket.socket_id.clone()).collect();
        assert_eq!(self.selected, meant, "{:?} at {}", self.target, self.at);
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
