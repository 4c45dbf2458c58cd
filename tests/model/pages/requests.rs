//! Requests from the pages of a walk to programs, and the replies.

use super::super::random::Random;
use super::{Expected, FRAGILE_JSON, Pages};
use crate::support::within;
use pagewire_client::{Position, SubscribeOptions, Subscription, What};
use serde_json::json;
use std::collections::BTreeSet;

/// Request types.
const REQUEST_TYPES: [&str; 2] = ["ask-a", "ask-b"];

/// Unanswered request of a page.
pub struct PendingRequest {
    pub id: u64,
    pub socket: String,
    pub request_id: String,
    /// Numbers of the subscriptions that offered to answer it.
    responders: BTreeSet<u64>,
}

/// Subscription that offers to answer requests.
pub struct Responder {
    number: u64,
    kind: &'static str,
    requests: Subscription,
}

impl Pages {
    pub async fn request(&mut self, random: &mut Random) -> String {
        let at = random.below(self.open.len());
        let (id, kind) = (self.number(), random.pick(&REQUEST_TYPES));
        let text = format!(r#"{{"type":"{kind}", "id":{id},"pagewire:request":true}}"#);
        self.send_message_from(at, &text).await;
        let socket = self.open[at].id.clone();
        let mut ask = None;
        for offer in self
            .responders
            .iter_mut()
            .filter(|offer| offer.kind == kind)
        {
            let event = within("a page's request", offer.requests.next()).await;
            let What::Message(message) = event.expect("open").expect("an event").what else {
                panic!("no message");
            };
            assert_eq!(
                (message.socket_id(), message.text()),
                (&*socket, Some(&*text))
            );
            let ask = ask.get_or_insert_with(|| PendingRequest {
                id,
                socket: socket.clone(),
                request_id: message.request_id().expect("a request").to_owned(),
                responders: BTreeSet::new(),
            });
            assert_eq!(message.request_id(), Some(&*ask.request_id));
            ask.responders.insert(offer.number);
        }
        let words = format!("page {socket} requests {text}");
        match ask {
            Some(ask) => self.pending_requests.push(ask),
            None => self.expect_errors(&[(socket, id)]).await,
        }
        words
    }

    /// Asserts that pages receive errors for these requests, after their earlier messages.
    pub async fn expect_errors(&mut self, failed: &[(String, u64)]) {
        for page in &mut self.open {
            let own = failed.iter().filter(|(socket, _)| *socket == page.id);
            page.expected_frames
                .extend(own.map(|(_, id)| Expected::Error(*id)));
            page.settle().await;
        }
    }

    pub async fn answer(&mut self, random: &mut Random) -> String {
        if self.pending_requests.is_empty() {
            return "no request is pending".to_owned();
        }
        let ask = self
            .pending_requests
            .remove(random.below(self.pending_requests.len()));
        let json = random.pick(&FRAGILE_JSON);
        let page = self.open.iter_mut().find(|page| page.id == ask.socket);
        let page = page.expect("requests of disconnected pages are removed");
        if random.percent(30) {
            let error = self.client.reply_error(&ask.request_id, "no").await;
            error.expect("the first answer");
            page.expected_frames.push_back(Expected::Error(ask.id));
        } else {
            let reply = self.client.reply_json(&ask.request_id, json).await;
            reply.expect("the first answer");
            let id = ask.id;
            page.expected_frames.push_back(Expected::Text(format!(
                r#"{{"type":"message-response","id":{id},"response":{json}}}"#
            )));
        }
        let late = self.client.reply(&ask.request_id, &json!(1)).await;
        let late = late.expect_err("it was answered");
        assert_eq!(late.reason(), Some("ALREADY_ANSWERED"));
        format!("request {} of {} is answered", ask.id, ask.socket)
    }

    /// Adds a responder, or removes one of several.
    pub async fn change_responders(&mut self, random: &mut Random) -> String {
        if self.responders.len() < 2 || random.percent(40) && self.responders.len() < 4 {
            let (number, kind) = (self.number(), random.pick(&REQUEST_TYPES));
            let options = SubscribeOptions::new()
                .message_types([kind])
                .answers_requests();
            let requests = self.client.subscribe(options).await.expect("a stream");
            self.responders.push(Responder {
                number,
                kind,
                requests,
            });
            return format!("{number} offers to answer {kind}");
        }
        let left = self.responders.remove(random.below(self.responders.len()));
        drop(left.requests);
        let mut alone = Vec::new();
        self.pending_requests.retain_mut(|ask| {
            ask.responders.remove(&left.number);
            if ask.responders.is_empty() {
                alone.push((ask.socket.clone(), ask.id));
            }
            !ask.responders.is_empty()
        });
        self.expect_errors(&alone).await;
        format!("{} stops answering", left.number)
    }

    /// Resumes a subscription at a random position and asserts that it gets the same events.
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
        format!("a subscription resumes after {after}")
    }
}
