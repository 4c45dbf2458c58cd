//! Sends to the pages of a walk, and the pages that each must reach.

use super::super::random::Random;
use super::{ConnectedPage, Expected, FRAGILE_JSON, Pages};
use crate::support::{Page, TestServer, within};
use pagewire_client::{DeliveryStatus, Socket, SocketFilter, Target, Visibility};
use std::collections::{BTreeMap, BTreeSet};

/// Number of pages that connect and disconnect during sends.
const TRANSIENT_PAGES: usize = 3;

/// Reported send.
pub struct ReportedSend {
    target: Selector,
    pub at: u64,
    selected: BTreeSet<String>,
}

/// Target of a send, evaluated by the model.
#[derive(Clone, Debug)]
pub enum Selector {
    Ids(Vec<String>),
    Tab(String),
    Page(String),
    Url(String),
    Hidden,
    All,
    AllBut(String),
}

impl Selector {
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

    /// Returns whether the target selects this socket in its current state. Unknown ids are selected,
    /// too.
    fn selects(&self, socket: &Socket) -> bool {
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
    pub async fn send(&mut self, random: &mut Random) -> String {
        let ids: Vec<String> = self.open.iter().map(|page| page.id.clone()).collect();
        let selector = match random.below(8) {
            0 => Selector::Ids(vec![random.pick(&ids)]),
            1 => Selector::Ids([random.some(&ids), vec!["nosuch".to_owned()]].concat()),
            2 => Selector::Tab(random.pick(&["t1", "t2"]).to_owned()),
            3 => Selector::Page(self.open[random.below(ids.len())].page.clone()),
            4 => Selector::Url(random.pick(&["localhost/a", "localhost/b"]).to_owned()),
            5 => Selector::Hidden,
            6 => Selector::AllBut(random.pick(&ids)),
            _ => Selector::All,
        };
        let text = random.pick(&FRAGILE_JSON);
        let meant = |page: &ConnectedPage| match &selector {
            Selector::Ids(ids) => ids.contains(&page.id),
            Selector::Tab(tab) => page.tab == *tab,
            Selector::Page(id) => page.page == *id,
            Selector::Url(url) => page.url.contains(url),
            Selector::Hidden => page.is_hidden,
            Selector::All => true,
            Selector::AllBut(id) => page.id != *id,
        };
        let expected: BTreeSet<_> = self
            .open
            .iter()
            .filter(|page| meant(page))
            .map(|page| page.id.clone())
            .collect();
        let reached = self.send_to(&selector, text).await;
        assert_eq!(reached, expected, "{selector:?} reached other pages");
        format!("{text} is sent to {selector:?}")
    }

    /// Sends a message, records which pages must receive it, and returns the sockets reached.
    pub async fn send_to(&mut self, selector: &Selector, text: &str) -> BTreeSet<String> {
        let sent = within("a report", self.client.send_json(&selector.target(), text)).await;
        let report = sent.expect("a report");
        let reached: BTreeSet<_> = report.reached_socket_ids.iter().cloned().collect();
        assert_eq!(
            reached.len(),
            report.reached as usize,
            "each page is reached once"
        );
        let mut selected = reached.clone();
        for row in &report.unreached {
            // All pages read, so an unreached socket does not exist or is about to close.
            let gone = [DeliveryStatus::NotFound, DeliveryStatus::Gone];
            assert!(gone.contains(&row.status), "{row:?}");
            assert!(
                selected.insert(row.socket_id.clone()),
                "{row:?} is reported twice"
            );
        }
        if let Selector::Ids(ids) = selector {
            let named: BTreeSet<_> = ids.iter().cloned().collect();
            assert_eq!(
                selected, named,
                "reached and unreached sockets are the selected ones"
            );
        } else {
            let at = report.position.sequence;
            let target = selector.clone();
            self.sent.push(ReportedSend {
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
            page.expected_frames
                .push_back(Expected::Text(text.to_owned()));
        }
        reached
    }

    /// Sends to all pages while some connect and disconnect and others send messages.
    pub async fn churn(&mut self, server: &TestServer, random: &mut Random) -> String {
        let address = server.http();
        let before = self.log.closed();
        let coming = tokio::spawn(async move {
            for _ in 0..TRANSIENT_PAGES {
                // Disconnects without a hello.
                Page::connect(address, "/__pagewire__/socket").await;
            }
        });
        for n in 0..6 {
            self.send_to(&Selector::All, FRAGILE_JSON[n % FRAGILE_JSON.len()])
                .await;
            let at = random.below(self.open.len());
            self.send_message_from(at, random.pick(&FRAGILE_JSON)).await;
        }
        coming.await.expect("no panic");
        self.log.until_closed(before + TRANSIENT_PAGES).await;
        "pages connect and disconnect during sends".to_owned()
    }
}

impl ReportedSend {
    /// Asserts that the selection matches the sockets at that instant.
    #[track_caller]
    pub fn check(&self, sockets: &BTreeMap<String, Socket>) {
        let meant = sockets
            .values()
            .filter(|socket| self.target.selects(socket));
        let meant: BTreeSet<_> = meant.map(|socket| socket.socket_id.clone()).collect();
        assert_eq!(self.selected, meant, "{:?} at {}", self.target, self.at);
    }
}
