//! Event log of a walk, and its check at the end.

use super::Pages;
use crate::support::within;
use pagewire_client::{Client, Event, Socket, SubscribeOptions, What};
use std::collections::{BTreeMap, BTreeSet};
use tokio::sync::watch;

/// Every event that the daemon has logged so far.
pub struct Log(watch::Receiver<Vec<Event>>);

impl Log {
    pub async fn follow(client: &Client) -> Self {
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

    pub fn read(&self) -> Vec<Event> {
        self.0.borrow().clone()
    }

    /// Returns the number of closed sockets.
    pub fn closed(&self) -> usize {
        closed(&self.0.borrow())
    }

    pub async fn until_closed(&mut self, count: usize) {
        self.until("the end of sockets", |log| closed(log) >= count)
            .await;
    }

    /// Waits until the log fulfils the condition.
    pub async fn until(&mut self, what: &str, is: impl Fn(&[Event]) -> bool) {
        let found = within(what, self.0.wait_for(|log| is(log))).await;
        found.expect("the log is followed");
    }
}

fn closed(log: &[Event]) -> usize {
    let is_closed = |event: &&Event| matches!(event.what, What::SocketClosed(_));
    log.iter().filter(is_closed).count()
}

impl Pages {
    pub fn check_log(&self) {
        let log = self.log.read();
        let mut sockets: BTreeMap<String, Socket> = BTreeMap::new();
        let mut over = BTreeSet::new();
        let mut messages: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut sent = self.sent.iter().collect::<Vec<_>>();
        sent.sort_by_key(|sent| sent.at);
        let mut sent = sent.into_iter().peekable();
        for (last, event) in log.iter().enumerate() {
            // Sends whose selection was made right after the previous event.
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
                    messages.entry(id).or_default().push(text);
                }
                other => panic!("unexpected event: {other:?}"),
            }
        }
        for sent in sent {
            sent.check(&sockets);
        }
        assert_eq!(messages, self.messages, "messages of pages, byte for byte");
        assert!(sockets.is_empty(), "never closed: {sockets:?}");
    }
}
