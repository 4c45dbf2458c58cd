//! `pagewire wait`: waits for the daemon, for connected pages, or for a condition in them.

use super::args::{DaemonArgs, TargetArgs};
use super::connection::runtime;
use super::exit::{self, Outcome};
use super::output::explain_no_page;
use super::untrusted::plain;
use clap::Args;
use pagewire_client::{
    Client, DeliveryStatus, Error, Import, ImportError, ImportRow, JsValue, SubscribeOptions,
};
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::Instant;

/// Time limit without `--timeout`. Default 30 s.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Interval between attempts to connect to the daemon.
const DAEMON_INTERVAL: Duration = Duration::from_millis(50);

/// Interval at which a page evaluates the expression, in milliseconds.
const PAGE_INTERVAL_MS: u32 = 50;

/// Time that pages have to report the last value of the expression after the time limit. Default 1 s.
const REPORT_TIME: Duration = Duration::from_secs(1);

/// Wait for the daemon, for connected pages, or for a condition in them.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Wait until this many sockets are connected and ready
    #[arg(long, value_name = "N")]
    sockets: Option<usize>,

    /// Wait until this JavaScript expression is true in every selected page; may use await
    #[arg(long, value_name = "EXPR")]
    until: Option<String>,

    #[command(flatten)]
    pages: TargetArgs,

    #[command(flatten)]
    daemon: DaemonArgs,
}

pub(super) fn main(arguments: &Arguments) -> ExitCode {
    let deadline = Instant::now() + arguments.daemon.timeout.unwrap_or(TIMEOUT);
    let result = runtime()
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(wait(arguments, deadline)));
    exit::with_outcome(result)
}

async fn wait(arguments: &Arguments, deadline: Instant) -> anyhow::Result<Outcome> {
    let client = connect(&arguments.daemon, deadline).await?;
    let pages = async {
        if let Some(count) = arguments.sockets {
            wait_for_sockets(&client, count).await?;
        }
        match &arguments.until {
            Some(expression) => wait_until(&client, &arguments.pages, expression, deadline).await,
            None => Ok(Outcome::Done),
        }
    };
    let end = match arguments.until {
        Some(_) => deadline + REPORT_TIME,
        None => deadline,
    };
    if let Ok(outcome) = tokio::time::timeout_at(end, pages).await {
        return outcome;
    }
    let connected = client
        .sockets()
        .await?
        .iter()
        .filter(|socket| socket.ready)
        .count();
    eprintln!("timed out: {connected} sockets are connected and ready");
    if connected == 0 {
        explain_no_page(&client).await;
    }
    Ok(Outcome::Unanswered)
}

/// Connects to the daemon; retries until the deadline while there is none.
async fn connect(daemon: &DaemonArgs, deadline: Instant) -> anyhow::Result<Client> {
    loop {
        let connected = match daemon.endpoint() {
            Ok(endpoint) => Client::connect(endpoint).await,
            Err(error) => Err(error),
        };
        match connected {
            Ok(client) => return Ok(client),
            // The daemon may still be starting.
            Err(Error::Connect { .. } | Error::NoDaemon { .. } | Error::Disconnected { .. })
                if Instant::now() + DAEMON_INTERVAL < deadline =>
            {
                tokio::time::sleep(DAEMON_INTERVAL).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Waits until this many sockets are ready.
async fn wait_for_sockets(client: &Client, count: usize) -> anyhow::Result<()> {
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

/// Waits until the expression is true in every selected page. Each page polls on its own, and until the time
/// limit an exception counts as false: what the expression needs may not exist yet. After a page has
/// disconnected, the import is sent again once a socket event arrives.
async fn wait_until(
    client: &Client,
    pages: &TargetArgs,
    expression: &str,
    deadline: Instant,
) -> anyhow::Result<Outcome> {
    let source = polling_module(expression);
    loop {
        let mut events = client.subscribe(SubscribeOptions::new().sockets()).await?;
        let left = deadline.saturating_duration_since(Instant::now());
        let import = Import::code(&source)
            .arg(left.as_secs_f64() * 1e3)
            .timeout(left + REPORT_TIME);
        let rows = client.import_value(&pages.target(), import).await?.rows;
        if let Some(invalid) = rows.iter().find_map(load_error) {
            eprintln!("{}", plain(&invalid));
            return Ok(Outcome::PageFailed);
        }
        let gone = |row: &ImportRow| {
            matches!(
                row.outcome,
                Err(ImportError::Unanswered(DeliveryStatus::Gone))
            )
        };
        if rows.iter().all(is_true) && !rows.is_empty() {
            return Ok(Outcome::Done);
        }
        if rows.is_empty() || rows.iter().any(gone) {
            anyhow::ensure!(
                events.next().await?.is_some(),
                "the daemon ended the subscription"
            );
        } else {
            for row in rows.iter().filter(|row| !is_true(row)) {
                let last = match &row.outcome {
                    Ok(value) => format!("the last value was {value}"),
                    Err(ImportError::Exception(thrown)) => format!("it last threw {thrown}"),
                    Err(error) => error.to_string(),
                };
                eprintln!("timed out: {}: {}", row.socket_id, plain(&last));
            }
            return Ok(Outcome::Unanswered);
        }
    }
}

/// Returns a module that evaluates the expression until it is true, and then returns true. At its time limit
/// it returns the last value, which is not, or throws the last exception.
fn polling_module(expression: &str) -> String {
    format!(
        "export default async (limit) => {{
  const evaluate = async () => (
{expression}
  );
  const end = performance.now() + limit;
  for (;;) {{
    const isLast = performance.now() >= end;
    try {{
      const value = await evaluate();
      if (value) return true;
      if (isLast) return value;
    }} catch (error) {{
      if (isLast) throw error;
    }}
    await new Promise((resolve) => setTimeout(resolve, {PAGE_INTERVAL_MS}));
  }}
}};
"
    )
}

fn is_true(row: &ImportRow) -> bool {
    matches!(&row.outcome, Ok(JsValue::Json(text)) if text == "true")
}

/// Returns the error of an expression that is not valid.
fn load_error(row: &ImportRow) -> Option<String> {
    match &row.outcome {
        Err(ImportError::Exception(thrown)) if thrown.phase().as_str_name() == "PHASE_LOAD" => {
            Some(thrown.to_string())
        }
        _ => None,
    }
}
