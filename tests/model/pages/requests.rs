//! Requests that pages of a walk make of programs, and who answers them.

use super::super::random::Random;
use super::{Expect, ODD, Pages};
use crate::support::within;
use futures_util::StreamExt;
use pagewire_client::{Position, SubscribeOptions, Subscription, What};
use serde_json::json;
use std::collections::BTreeSet;

/// Types of requests that pages make.
const ASKED: [&str; 2] = ["ask-a", "ask-b"];

/// A request of a page that nobody has answered.
pub struct Ask {
    pub id: u64,
    pub socket: String,
    pub request_id: String,
    /// Those that offered to answer it, by number.
    offers: BTreeSet<u64>,
}

/// Somebody who offers to answer.
pub struct Offer {
    number: u64,
    kind: &'static str,
    requests: Subscription,
}

impl Pages {
    pub async fn ask(&mut self, random: &mut Random) -> String {
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
    pub async fn refused(&mut self, asked: &[(String, u64)]) {
        for page in &mut self.open {
            let own = asked.iter().filter(|(socket, _)| *socket == page.id);
            page.expects.extend(own.map(|(_, id)| Expect::Error(*id)));
            page.settle().await;
        }
    }

    pub async fn answer(&mut self, random: &mut Random) -> String {
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
    pub async fn offer(&mut self, random: &mut Random) -> String {
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
    pub async fn resume(&mut self, random: &mut Random) -> String {
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
}
