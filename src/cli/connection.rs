//! The connection of a command to its daemon.

use super::args::DaemonArgs;
use super::exit::{self, Outcome};
use pagewire_client::{Client, Endpoint, Error, discovery};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// Time that the daemon has in addition to the pages, so that its report about pages that timed out
/// still arrives.
const DAEMON_SLACK: Duration = Duration::from_secs(2);

/// Connects, runs a command and returns its exit code.
pub(super) fn run<F>(daemon: &DaemonArgs, command: impl FnOnce(Client) -> F) -> ExitCode
where
    F: Future<Output = anyhow::Result<Outcome>>,
{
    let result = runtime().map_err(Into::into).and_then(|runtime| {
        runtime.block_on(async {
            let mut client = Client::connect(daemon.endpoint()?).await?;
            if let Some(timeout) = daemon.timeout {
                client = client.with_deadline(timeout + DAEMON_SLACK);
            }
            command(client).await
        })
    });
    exit::with_outcome(result)
}

/// Builds a runtime with one thread, which is enough for one command.
pub(super) fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
}

impl DaemonArgs {
    /// Finds the discovery file of the daemon. Only daemons of this machine and user have one.
    pub(super) fn discover(&self) -> anyhow::Result<discovery::Daemon> {
        let endpoint = self
            .endpoint
            .clone()
            .or_else(|| std::env::var("PAGEWIRE_ENDPOINT").ok())
            .filter(|endpoint| !endpoint.is_empty());
        let Some(text) = endpoint else {
            return Ok(discovery::find(Path::new("."))?);
        };
        let endpoint: Endpoint = text.parse()?;
        discovery::at(&endpoint)?.ok_or_else(|| {
            let problem = "no daemon of this machine and user listens there".to_owned();
            Error::Connect {
                endpoint: text,
                problem,
            }
            .into()
        })
    }

    /// Returns the endpoint of the daemon with its token.
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
