//! What the commands that speak to a daemon share: where it is, which pages are meant, how the
//! command ends.

use clap::Args;
use pagewire_client::{Client, Endpoint, Error, Report, Target, Unreached};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

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
    /// The daemon's control address: ADDRESS:PORT or unix:PATH
    #[arg(long, env = "PAGEWIRE_ENDPOINT", global = true)]
    endpoint: Option<String>,

    /// Its token
    #[arg(long, env = "PAGEWIRE_TOKEN", hide_env_values = true, global = true)]
    token: Option<String>,

    /// The file that holds its token (the ready line names it)
    #[arg(long, value_name = "FILE", conflicts_with = "token", global = true)]
    token_file: Option<PathBuf>,
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

impl Pages {
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
    F: Future<Output = Result<Outcome, Error>>,
{
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: {error}");
            return Outcome::PageFailed.into();
        }
    };
    let outcome = runtime.block_on(async {
        let client = Client::connect(daemon.endpoint()?).await?;
        command(client).await
    });
    match outcome {
        Ok(outcome) => outcome.into(),
        Err(error) => {
            eprintln!("error: {error}");
            outcome_of(&error).into()
        }
    }
}

impl Daemon {
    fn endpoint(&self) -> Result<Endpoint, Error> {
        let endpoint: Endpoint = match &self.endpoint {
            Some(text) => text.parse()?,
            None => return Endpoint::from_env(),
        };
        match (&self.token, &self.token_file) {
            (Some(token), _) => Ok(endpoint.with_token(token.trim())),
            (None, Some(file)) => endpoint.with_token_file(file),
            (None, None) => Ok(endpoint),
        }
    }
}

fn outcome_of(error: &Error) -> Outcome {
    use pagewire_client::Code;
    match error {
        Error::Connect { .. }
        | Error::Disconnected { .. }
        | Error::Rpc {
            code: Code::Unavailable,
            ..
        } => Outcome::NoDaemon,
        // Nothing says where the daemon is.
        Error::Endpoint { value, .. } if value == "PAGEWIRE_ENDPOINT" => Outcome::NoDaemon,
        Error::Rpc {
            code: Code::DeadlineExceeded,
            ..
        } => Outcome::Nobody,
        _ => Outcome::Usage,
    }
}

/// Says what became of a send, and what that means for the exit code.
pub(super) fn print_report(report: &Report, as_json: bool) -> Outcome {
    if as_json {
        println!("{}", report_json(report));
    } else {
        say_unreached(&report.unreached);
        match report.reached {
            0 if report.unreached.is_empty() => say_nobody(),
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

/// Nobody was selected: why that may be.
pub(super) fn say_nobody() {
    eprintln!(
        "no page: none is connected that matches (open one in a browser; the client is in it \
         while a plugin asks, or with `pagewire serve --inject always`)"
    );
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
