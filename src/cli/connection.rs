//! What the commands that speak to a daemon share: where it is, which pages are meant, how the
//! command ends.

use clap::Args;
use pagewire_client::{
    Client, Endpoint, Error, Report, Socket, SocketFilter, Target, Unreached, discovery,
};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// How much longer than the pages the daemon itself may take: its report about pages that were
/// not in time is still wanted.
const DAEMON_SLACK: Duration = Duration::from_secs(2);

/// How a command ends, as an exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It did what was asked.
    Done = 0,
    /// A page said no: something threw.
    PageFailed = 1,
    /// Bad usage, or the daemon refused the request.
    Usage = 2,
    /// Nobody in time: no page, no answer.
    Nobody = 3,
    /// No daemon.
    NoDaemon = 4,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(outcome as u8)
    }
}

/// Where the daemon is.
#[derive(Debug, Args)]
#[command(next_help_heading = "Daemon")]
pub(super) struct Daemon {
    // The library reads the variables: it knows which token belongs to which endpoint.
    #[arg(
        long,
        global = true,
        help = "The daemon's control address: ADDRESS:PORT or unix:PATH [env: PAGEWIRE_ENDPOINT] [default: the daemon that serves this folder, or the only one]"
    )]
    endpoint: Option<String>,

    #[arg(
        long,
        global = true,
        help = "Its token [env: PAGEWIRE_TOKEN] [default: the one in its file, if it runs here]"
    )]
    token: Option<String>,

    /// The file that holds its token (the ready line names it)
    #[arg(long, value_name = "FILE", conflicts_with = "token", global = true)]
    token_file: Option<PathBuf>,

    /// Seconds that the command may take to get an answer
    #[arg(long, value_name = "SECONDS", value_parser = seconds, global = true)]
    pub(super) timeout: Option<Duration>,
}

/// Which pages are meant: all of them unless something is said.
#[derive(Debug, Args)]
#[command(next_help_heading = "Pages")]
#[group(multiple = false)]
pub(super) struct Pages {
    /// This socket; may be repeated
    #[arg(long, value_name = "ID")]
    socket: Vec<String>,

    /// The pages of this tab; may be repeated
    #[arg(long, value_name = "ID")]
    tab: Vec<String>,

    /// Pages whose URL matches
    #[arg(long, value_name = "REGEX")]
    url: Option<String>,

    /// Every page (the default)
    #[arg(long)]
    all: bool,
}

/// What every command about pages takes.
#[derive(Debug, Args)]
pub(super) struct Call {
    /// For programs: JSON objects, one a line
    #[arg(long)]
    pub(super) json: bool,

    #[command(flatten)]
    pub(super) pages: Pages,

    #[command(flatten)]
    pub(super) daemon: Daemon,
}

impl Pages {
    /// Whether a socket is meant. The daemon has judged the URL where it could.
    pub(super) fn mean(&self, socket: &Socket) -> bool {
        (self.socket.is_empty() || self.socket.contains(&socket.socket_id))
            && (self.tab.is_empty() || self.tab.contains(&socket.tab_id))
    }

    /// Whether sockets are meant one by one.
    pub(super) fn are_named(&self) -> bool {
        !self.socket.is_empty() || !self.tab.is_empty()
    }

    /// For the daemon: what it can judge by itself.
    pub(super) fn filter(&self) -> Option<SocketFilter> {
        self.url.as_ref().map(SocketFilter::url)
    }

    /// An id that is empty (a variable that was not set, say) is the daemon's to refuse: it must
    /// not become a broadcast here.
    pub(super) fn target(&self) -> Target {
        if !self.socket.is_empty() {
            Target::sockets(&self.socket)
        } else if !self.tab.is_empty() {
            Target::tabs(&self.tab)
        } else if let Some(url) = &self.url {
            Target::url(url)
        } else {
            Target::all()
        }
    }
}

/// Connects, runs a command, and says on standard error what went wrong.
pub(super) fn run<F>(daemon: &Daemon, command: impl FnOnce(Client) -> F) -> ExitCode
where
    F: Future<Output = anyhow::Result<Outcome>>,
{
    let outcome = runtime().map_err(Into::into).and_then(|runtime| {
        runtime.block_on(async {
            let mut client = Client::connect(daemon.endpoint()?).await?;
            if let Some(timeout) = daemon.timeout {
                client = client.with_deadline(timeout + DAEMON_SLACK);
            }
            command(client).await
        })
    });
    match outcome {
        Ok(outcome) => outcome.into(),
        Err(error) => fail(&error),
    }
}

/// One thread is enough for one command.
pub(super) fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
}

/// Says what went wrong, and the exit code for it.
pub(super) fn fail(error: &anyhow::Error) -> ExitCode {
    eprintln!("error: {}", super::one_line(error));
    error
        .downcast_ref()
        .map_or(Outcome::Usage, outcome_of)
        .into()
}

impl Daemon {
    /// What the daemon left for those who look for it: only one of this machine and user did.
    pub(super) fn discover(&self) -> anyhow::Result<discovery::Daemon> {
        let named = self
            .endpoint
            .clone()
            .or_else(|| std::env::var("PAGEWIRE_ENDPOINT").ok());
        let Some(named) = named.filter(|named| !named.is_empty()) else {
            return Ok(discovery::find(std::path::Path::new("."))?);
        };
        let endpoint: Endpoint = named.parse()?;
        discovery::at(&endpoint)?.ok_or_else(|| {
            let problem = "no daemon of yours on this machine listens there".to_owned();
            Error::Connect {
                endpoint: named,
                problem,
            }
            .into()
        })
    }

    pub(super) fn endpoint(&self) -> Result<Endpoint, Error> {
        let endpoint = match &self.endpoint {
            Some(text) => text.parse::<Endpoint>()?,
            None => Endpoint::find()?,
        };
        match (&self.token, &self.token_file) {
            (Some(token), _) => Ok(endpoint.with_token(token.trim())),
            (None, Some(file)) => endpoint.with_token_file(file),
            (None, None) if self.endpoint.is_some() => Ok(endpoint.with_known_token()),
            (None, None) => Ok(endpoint),
        }
    }
}

fn outcome_of(error: &Error) -> Outcome {
    use pagewire_client::Code;
    match error {
        Error::NoDaemon { .. }
        | Error::Connect { .. }
        | Error::Disconnected { .. }
        | Error::Rpc {
            code: Code::Unavailable,
            ..
        } => Outcome::NoDaemon,
        Error::Rpc {
            code: Code::DeadlineExceeded,
            ..
        } => Outcome::Nobody,
        _ => Outcome::Usage,
    }
}

/// A table for people.
pub(super) fn print_table<const N: usize>(
    head: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) {
    let rows: Vec<_> = rows.collect();
    let widths: Vec<usize> = (0..N)
        .map(|column| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.chain([head[column].len()]).max().unwrap_or_default()
        })
        .collect();
    for row in std::iter::once(head.map(str::to_owned)).chain(rows) {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        println!("{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
}

/// Says what became of a send, and what that means for the exit code.
pub(super) async fn print_report(client: &Client, report: &Report, as_json: bool) -> Outcome {
    if as_json {
        println!("{}", report_json(report));
    } else {
        say_unreached(&report.unreached);
        match report.reached {
            0 if report.unreached.is_empty() => say_nobody(client).await,
            0 => {}
            1 => println!("reached 1 page"),
            pages => println!("reached {pages} pages"),
        }
    }
    if report.reached_all() {
        Outcome::Done
    } else {
        Outcome::Nobody
    }
}

/// Nobody was selected: says which is missing, a page or the client in it.
pub(super) async fn say_nobody(client: &Client) {
    let Ok(info) = client.info().await else {
        return;
    };
    let url = info.base_urls.first().map_or("", String::as_str);
    let why = if client
        .sockets()
        .await
        .is_ok_and(|sockets| !sockets.is_empty())
    {
        "none of the connected pages is meant (`pagewire sockets` lists them)".to_owned()
    } else if info.pages_with_client == 0 && info.pages_without_client == 0 {
        format!("none was opened yet (open {url} in a browser)")
    } else if !info.injects_client {
        "pages are served without the client (run a plugin that asks for it, or start pagewire with --inject always)".to_owned()
    } else if info.pages_with_client == 0 {
        "the open ones were served before the client was put into pages (reload them)".to_owned()
    } else {
        format!(
            "none is connected now (open {url} in a browser; if one is open, its console says what blocks the client)"
        )
    };
    eprintln!("no page: {why}");
}

pub(super) fn say_unreached(unreached: &[Unreached]) {
    for row in unreached {
        eprintln!("not reached: {}: {}", row.socket_id, row.status);
    }
}

pub(super) fn report_json(report: &Report) -> Value {
    let unreached: Vec<_> = report
        .unreached
        .iter()
        .map(|row| json!({"socket_id": row.socket_id, "status": word(row.status.as_str_name(), "DELIVERY_STATUS_")}))
        .collect();
    json!({"reached": report.reached, "unreached": unreached})
}

/// An enum value of the contract as a word: `DELIVERY_STATUS_NOT_FOUND` is `not_found`.
pub(super) fn word(name: &str, prefix: &str) -> String {
    name.trim_start_matches(prefix).to_ascii_lowercase()
}

/// A time on the command line: seconds, with a fraction if need be.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    text.parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|time| !time.is_zero())
        .ok_or_else(|| "must be a number of seconds above 0, for example 2.5".to_owned())
}
