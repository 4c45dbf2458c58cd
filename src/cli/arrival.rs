//! Waiting for the new documents after a reload or a navigation.

use super::args::CallArgs;
use super::exit::Outcome;
use super::output::print_report;
use pagewire_client::proto::socket::DocumentState;
use pagewire_client::{Client, Position, Report, Socket, SubscribeOptions, Target, What};
use std::collections::HashMap;
use std::time::Duration;

/// Time limit for new documents without `--timeout`. Default 30 s.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Snapshot of the top-level pages before a send replaces their documents.
struct Before {
    /// Page id by tab id.
    tabs: HashMap<String, String>,
    /// Tab id by socket id.
    sockets: HashMap<String, String>,
}

impl Before {
    /// Takes the snapshot.
    async fn take(client: &Client) -> anyhow::Result<Self> {
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

    /// Sends, and waits until every tab that was reached has a new document that is complete.
    async fn wait_for_next<F>(
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
            return Ok((report, Outcome::Unanswered));
        }
        let arrivals = self.wait_for_documents(client, report.position.clone());
        match tokio::time::timeout(timeout, arrivals).await {
            Ok(arrived) => arrived.map(|()| (report, Outcome::Done)),
            Err(_) => {
                eprintln!("timed out: the new document is not complete");
                Ok((report, Outcome::Unanswered))
            }
        }
    }

    async fn wait_for_documents(&mut self, client: &Client, from: Position) -> anyhow::Result<()> {
        let options = SubscribeOptions::new().sockets().resume_after(from);
        let mut events = client.subscribe(options).await?;
        while !self.tabs.is_empty() {
            let Some(event) = events.next().await? else {
                anyhow::bail!("the daemon ended the subscription");
            };
            if let What::SocketUpdated(socket) = event.what {
                self.remove_if_complete(&socket);
            }
        }
        Ok(())
    }

    /// Removes a tab once its new document is complete.
    fn remove_if_complete(&mut self, socket: &Socket) {
        let is_new = self
            .tabs
            .get(&socket.tab_id)
            .is_some_and(|page| *page != socket.page_id);
        if is_new && socket.top_level && socket.document_state() == DocumentState::Complete {
            self.tabs.remove(&socket.tab_id);
        }
    }
}

/// Performs a send that replaces the documents of pages, and waits for the new ones if `wait` is set.
pub(super) async fn send<F>(
    client: &Client,
    wait: bool,
    call: &CallArgs,
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
    let before = Before::take(client).await?;
    let timeout = call.daemon.timeout.unwrap_or(TIMEOUT);
    let send = async |client: &Client| send(client, &target).await;
    let (report, arrived) = before.wait_for_next(client, timeout, send).await?;
    match print_report(client, &report, call.json).await {
        Outcome::Done => Ok(arrived),
        outcome => Ok(outcome),
    }
}
