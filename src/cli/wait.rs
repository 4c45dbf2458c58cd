//! `pagewire wait`: returns when the daemon answers, pages are connected, something is true in them.

use super::connection::{Daemon, Outcome, Pages, fail, runtime};
use super::results::plain;
use clap::Args;
use pagewire_client::{
    Client, DeliveryStatus, Error, Import, ImportError, ImportRow, SubscribeOptions,
};
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::Instant;

/// How long to wait unless something is said. Default 30 s.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How often a daemon that is not there is looked for.
const DAEMON_INTERVAL: Duration = Duration::from_millis(50);

/// How often a page looks at the expression, in milliseconds.
const PAGE_INTERVAL_MS: u32 = 50;

/// Wait for the daemon, for pages, or for something to be true in them.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// So many sockets are connected and ready
    #[arg(long, value_name = "N")]
    sockets: Option<usize>,

    /// This JavaScript expression is true in every page that is meant; it may await
    #[arg(long, value_name = "EXPR")]
    until: Option<String>,

    #[command(flatten)]
    pages: Pages,

    #[command(flatten)]
    daemon: Daemon,
}

pub(super) fn main(arguments: &Arguments) -> ExitCode {
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    let deadline = Instant::now() + arguments.daemon.timeout.unwrap_or(TIMEOUT);
    match runtime.block_on(wait(arguments, deadline)) {
        Ok(outcome) => outcome.into(),
        Err(error) => fail(&error),
    }
}

async fn wait(arguments: &Arguments, deadline: Instant) -> anyhow::Result<Outcome> {
    let client = daemon(&arguments.daemon, deadline).await?;
    let pages = async {
        if let Some(count) = arguments.sockets {
            sockets(&client, count).await?;
        }
        match &arguments.until {
            Some(expression) => until(&client, &arguments.pages, expression, deadline).await,
            None => Ok(Outcome::Done),
        }
    };
    if let Ok(outcome) = tokio::time::timeout_at(deadline, pages).await {
        return outcome;
    }
    let connected = client
        .sockets()
        .await?
        .iter()
        .filter(|socket| socket.ready)
        .count();
    eprintln!("not in time: {connected} sockets are connected and ready");
    Ok(Outcome::Nobody)
}

/// Connects, as soon as there is a daemon that answers.
async fn daemon(daemon: &Daemon, deadline: Instant) -> anyhow::Result<Client> {
    loop {
        let connected = match daemon.endpoint() {
            Ok(endpoint) => Client::connect(endpoint).await,
            Err(error) => Err(error),
        };
        match connected {
            Ok(client) => return Ok(client),
            // It starts, or is about to.
            Err(Error::Connect { .. } | Error::NoDaemon { .. } | Error::Disconnected { .. })
                if Instant::now() + DAEMON_INTERVAL < deadline =>
            {
                tokio::time::sleep(DAEMON_INTERVAL).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

async fn sockets(client: &Client, count: usize) -> anyhow::Result<()> {
    let list = client.list_sockets(None).await?;
    let mut ready = list.sockets.iter().filter(|socket| socket.ready).count();
    let options = SubscribeOptions::new()
        .sockets()
        .resume_after(list.position);
    let mut events = client.subscribe(options).await?;
    while ready < count {
        anyhow::ensure!(
            events.next().await?.is_some(),
            "the daemon ended the subscription"
        );
        let sockets = client.sockets().await?;
        ready = sockets.iter().filter(|socket| socket.ready).count();
    }
    Ok(())
}

/// The page itself looks again and again; one that goes away is asked anew when it is back.
async fn until(
    client: &Client,
    pages: &Pages,
    expression: &str,
    deadline: Instant,
) -> anyhow::Result<Outcome> {
    let source = format!(
        "export default async () => {{ while (!(\n{expression}\n)) await new Promise((resolve) => setTimeout(resolve, {PAGE_INTERVAL_MS})); }};\n"
    );
    loop {
        let mut events = client.subscribe(SubscribeOptions::new().sockets()).await?;
        let left = deadline.saturating_duration_since(Instant::now());
        let import = Import::code(&source).timeout(left.max(Duration::from_millis(1)));
        let rows = client.import_value(&pages.target(), import).await?.rows;
        if let Some(thrown) = rows.iter().find_map(exception) {
            eprintln!("{}", plain(&thrown));
            return Ok(Outcome::PageFailed);
        }
        let gone = |row: &ImportRow| {
            matches!(
                row.outcome,
                Err(ImportError::Unanswered(DeliveryStatus::Gone))
            )
        };
        if rows.iter().all(|row| row.outcome.is_ok()) && !rows.is_empty() {
            return Ok(Outcome::Done);
        }
        if rows.is_empty() || rows.iter().any(gone) {
            anyhow::ensure!(
                events.next().await?.is_some(),
                "the daemon ended the subscription"
            );
        } else {
            return Ok(Outcome::Nobody);
        }
    }
}

fn exception(row: &ImportRow) -> Option<String> {
    match &row.outcome {
        Err(ImportError::Exception(thrown)) => Some(thrown.to_string()),
        _ => None,
    }
}
