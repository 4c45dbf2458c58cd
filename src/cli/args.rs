//! Argument groups that several commands share.

use clap::Args;
use pagewire_client::{Socket, SocketFilter, Target};
use std::path::PathBuf;
use std::time::Duration;

/// How to reach the daemon.
#[derive(Debug, Args)]
#[command(next_help_heading = "Daemon")]
pub(super) struct DaemonArgs {
    // Not clap's `env`: the client library reads the variables, because it knows which token belongs to
    // which endpoint.
    #[arg(
        long,
        global = true,
        help = "Control address of the daemon: ADDRESS:PORT or unix:PATH [env: PAGEWIRE_ENDPOINT] [default: the daemon that serves this folder, or the only one]"
    )]
    pub(super) endpoint: Option<String>,

    #[arg(
        long,
        global = true,
        help = "Token of the daemon [env: PAGEWIRE_TOKEN] [default: the one in its token file, if it runs on this machine]"
    )]
    pub(super) token: Option<String>,

    /// File that contains the token (the ready line names it)
    #[arg(long, value_name = "FILE", conflicts_with = "token", global = true)]
    pub(super) token_file: Option<PathBuf>,

    /// Time limit of the command, in seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds, global = true)]
    pub(super) timeout: Option<Duration>,
}

/// Which pages a command applies to.
#[derive(Debug, Args)]
#[command(next_help_heading = "Pages")]
#[group(multiple = false)]
pub(super) struct TargetArgs {
    /// The page with this socket; may be repeated
    #[arg(long, value_name = "ID")]
    socket: Vec<String>,

    /// The pages of this tab; may be repeated
    #[arg(long, value_name = "ID")]
    tab: Vec<String>,

    /// Pages whose URL matches
    #[arg(long, value_name = "REGEX")]
    url: Option<String>,

    /// All pages (the default)
    #[arg(long)]
    all: bool,
}

/// Arguments of commands about pages.
#[derive(Debug, Args)]
pub(super) struct CallArgs {
    /// Print JSON objects, one per line
    #[arg(long)]
    pub(super) json: bool,

    #[command(flatten)]
    pub(super) pages: TargetArgs,

    #[command(flatten)]
    pub(super) daemon: DaemonArgs,
}

/// Arguments of commands about the daemon itself.
#[derive(Debug, Args)]
pub(super) struct QueryArgs {
    /// Print JSON objects, one per line
    #[arg(long)]
    pub(super) json: bool,

    #[command(flatten)]
    pub(super) daemon: DaemonArgs,
}

impl TargetArgs {
    /// Returns whether a socket is selected by its id or tab. A URL is matched by the daemon only.
    pub(super) fn select(&self, socket: &Socket) -> bool {
        (self.socket.is_empty() || self.socket.contains(&socket.socket_id))
            && (self.tab.is_empty() || self.tab.contains(&socket.tab_id))
    }

    /// Returns whether sockets are selected by id or tab.
    pub(super) fn has_ids(&self) -> bool {
        !self.socket.is_empty() || !self.tab.is_empty()
    }

    /// Returns the part of the selection that the daemon can filter by.
    pub(super) fn filter(&self) -> Option<SocketFilter> {
        self.url.as_ref().map(SocketFilter::url)
    }

    /// Returns the target of a send. An empty id, from an unset variable for example, is sent as it is:
    /// the daemon refuses it, while dropping it here would turn the send into a broadcast.
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

/// Longest `--timeout`, which is also the daemon's limit for imports. A longer one is refused. Default
/// 365 days.
const MAX_TIMEOUT: Duration = Duration::from_hours(365 * 24);

/// Parses a duration in seconds, with an optional fraction.
fn seconds(text: &str) -> Result<Duration, String> {
    text.parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|time| !time.is_zero() && *time <= MAX_TIMEOUT)
        .ok_or_else(|| {
            let max = MAX_TIMEOUT.as_secs();
            format!("must be a number of seconds above 0 and at most {max}, for example 2.5")
        })
}
