//! Waiting for the documents that come after a reload or a navigation.

use super::connection::{Call, Outcome, print_report};
use pagewire_client::proto::socket::DocumentState;
use pagewire_client::{Client, Position, Report, Socket, SubscribeOptions, Target, What};
use std::collections::HashMap;
use std::time::Duration;

/// How long new pages have unless the caller says. Default 30 s.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The top-level pages before something is sent to them.
pub(super) struct Before {
    /// Page id by tab id.
    tabs: HashMap<String, String>,
    /// Tab id by socket id.
    sockets: HashMap<String, String>,
}

impl Before {
    /// Looks at the pages as they are.
    pub(super) async fn look(client: &Client) -> anyhow::Result<Self> {
        let sockets = client.sockets().await?;
        let mut before = Self {
            tabs: HashMap::new(),
            sockets: HashMap::new(),
        };
        for socket in sockets
            .into_iter()
            .filter(|socket| socket.top_level && socket.ready)
        {
            before
                .sockets
                .insert(socket.socket_id, socket.tab_id.clone());
            before.tabs.insert(socket.tab_id, socket.page_id);
        }
        Ok(before)
    }

    /// Sends, and waits until every tab that was reached has another document that is complete.
    pub(super) async fn wait_for_next<F>(
        mut self,
        client: &Client,
        timeout: Duration,
        send: F,
    ) -> anyhow::Result<(Report, Outcome)>
    where
        F: AsyncFnOnce(&Client) -> Result<Report, pagewire_client::Error>,
    {
        let report = send(&client.clone().listing_reached()).await?;
        let reached = &report.reached_socket_ids;
        let tabs: Vec<String> = reached
            .iter()
            .filter_map(|socket| self.sockets.remove(socket))
            .collect();
        self.tabs.retain(|tab, _| tabs.contains(tab));
        if self.tabs.is_empty() {
            return Ok((report, Outcome::Nobody));
        }
        let arrivals = self.arrivals(client, report.position.clone());
        match tokio::time::timeout(timeout, arrivals).await {
            Ok(arrived) => arrived.map(|()| (report, Outcome::Done)),
            Err(_) => {
                eprintln!("the new page was not complete in time");
                Ok((report, Outcome::Nobody))
            }
        }
    }

    async fn arrivals(&mut self, client: &Client, from: Position) -> anyhow::Result<()> {
        let options = SubscribeOptions::new().sockets().resume_after(from);
        let mut events = client.subscribe(options).await?;
        while !self.tabs.is_empty() {
            let Some(event) = events.next().await? else {
                anyhow::bail!("the daemon ended the subscription");
            };
            if let What::SocketUpdated(socket) = event.what {
                self.seen(&socket);
            }
        }
        Ok(())
    }

    fn seen(&mut self, socket: &Socket) {
        let is_next = self
            .tabs
            .get(&socket.tab_id)
            .is_some_and(|page| *page != socket.page_id);
        if is_next && socket.top_level && socket.document_state() == DocumentState::Complete {
            self.tabs.remove(&socket.tab_id);
        }
    }
}

/// Sends something that replaces the documents of pages; waits for the next ones if asked to.
pub(super) async fn send<F>(
    client: &Client,
    wait: bool,
    call: &Call,
    send: F,
) -> anyhow::Result<Outcome>
where
    F: AsyncFn(&Client, &Target) -> Result<Report, pagewire_client::Error>,
{
    let target = call.pages.target();
    if !wait {
        let report = send(client, &target).await?;
        return Ok(print_report(client, &report, call.json).await);
    }
    let before = Before::look(client).await?;
    let timeout = call.daemon.timeout.unwrap_or(TIMEOUT);
    let send = async |client: &Client| send(client, &target).await;
    let (report, arrived) = before.wait_for_next(client, timeout, send).await?;
    match print_report(client, &report, call.json).await {
        Outcome::Done => Ok(arrived),
        outcome => Ok(outcome),
    }
}
