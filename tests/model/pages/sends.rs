//! Sends to the pages of a walk, and which pages each must reach.

use super::super::random::Random;
use super::{Expect, ODD, Open, Pages};
use crate::support::{Page, TestServer, within};
use futures_util::StreamExt;
use pagewire_client::{DeliveryStatus, Socket, SocketFilter, Target, Visibility};
use std::collections::{BTreeMap, BTreeSet};

/// Pages that come and go while there are sends.
const COMING: usize = 3;

/// A send, as it was reported.
pub struct Sent {
    target: Aim,
    pub at: u64,
    selected: BTreeSet<String>,
}

/// Whom a send is for, in plain words.
#[derive(Clone, Debug)]
pub enum Aim {
    Ids(Vec<String>),
    Tab(String),
    Page(String),
    Url(String),
    Hidden,
    All,
    AllBut(String),
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
    pub async fn send(&mut self, random: &mut Random) -> String {
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
    pub async fn send_to(&mut self, aim: &Aim, text: &str) -> BTreeSet<String> {
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

    /// Sends to all while pages come and go, and others say something.
    pub async fn churn(&mut self, server: &TestServer, random: &mut Random) -> String {
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
}

impl Sent {
    /// The selection was that of one instant.
    #[track_caller]
    pub fn check(&self, sockets: &BTreeMap<String, Socket>) {
        let meant = sockets.values().filter(|socket| self.target.means(socket));
        let meant: BTreeSet<_> = meant.map(|socket| socket.socket_id.clone()).collect();
        assert_eq!(self.selected, meant, "{:?} at {}", self.target, self.at);
    }
}
