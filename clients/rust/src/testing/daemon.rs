//! A daemon of a test, and the plugins that it runs.

use super::{
    http::{self, HttpResponse},
    process::Process,
};
use crate::{Client, Endpoint, Error, Plugin, Result, StopHandle};
use std::{ffi::OsStr, panic::resume_unwind, path::Path, time::Duration};
use tokio::{
    sync::watch,
    task::{JoinError, JoinSet},
    time::timeout,
};

/// How long a plugin may take until it has started, including its `server_start`.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// A real daemon that serves a folder, on free ports: `PAGEWIRE_BIN`, else `pagewire` on `PATH`. No other program
/// discovers it. Dropping it kills it.
///
/// ```no_run
/// # use pagewire_client::{Content, Filter, HandlerResult, Plugin, testing::Daemon};
/// # async fn test() -> HandlerResult {
/// let site = tempfile::tempdir()?;
/// let daemon = Daemon::start(site.path()).await?;
/// let hello = Plugin::new("hello").serve(Filter::path("/"), |_| async { Ok(Content::text("hello")) });
/// let hello = daemon.run(hello).await?;
///
/// assert_eq!(daemon.get("/").await?.text(), "hello");
///
/// hello.stop().await?;
/// daemon.stop().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Daemon {
    process: Process,
    url: String,
    endpoint: Endpoint,
    client: Client,
}

impl Daemon {
    /// Starts a daemon that serves this folder, and connects to it. It reads no configuration, unless the folder
    /// has a `pagewire.toml`.
    ///
    /// # Errors
    /// [`Error::Daemon`] with the daemon's own text when it does not start.
    pub async fn start(root: impl AsRef<Path>) -> Result<Self> {
        Self::start_with(root, [""; 0]).await
    }

    /// Like [`start`](Daemon::start), with further arguments of `pagewire serve`, such as `--watch`.
    ///
    /// # Errors
    /// [`Error::Daemon`] with the daemon's own text when it does not start.
    pub async fn start_with<I: IntoIterator<Item: AsRef<OsStr>>>(
        root: impl AsRef<Path>,
        arguments: I,
    ) -> Result<Self> {
        let (process, ready) = Process::start(root.as_ref(), arguments).await?;
        let mut endpoint: Endpoint = ready.control.parse()?;
        if let Some(file) = ready.token_file {
            endpoint = endpoint.with_token_file(file)?;
        }
        Ok(Self {
            process,
            url: ready.http,
            client: Client::connect(endpoint.clone()).await?,
            endpoint,
        })
    }

    /// The URL of its pages, without a slash at the end: `http://127.0.0.1:8000`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its control endpoint, with the token.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// A connected client.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Its log so far. A line may arrive after what it reports: [wait for it](Daemon::wait_for_log).
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Waits until the log has a line with this text, also an earlier one, and returns the first.
    ///
    /// # Errors
    /// [`Error::Daemon`] with the log when there is none within 10 s.
    pub async fn wait_for_log(&self, text: &str) -> Result<String> {
        self.process.wait_for_log(text).await
    }

    /// Sends a GET request for a path with its query, as it is, and reads the whole response. For other requests
    /// use an HTTP client with the [`url`](Daemon::url).
    ///
    /// # Errors
    /// [`Error::Daemon`] when there is no complete response within 10 s. Statuses are not errors.
    pub async fn get(&self, path: &str) -> Result<HttpResponse> {
        http::get(&self.url, path).await
    }

    /// Runs a plugin, and returns once it is connected and its `server_start` has returned. It does not reconnect.
    ///
    /// # Errors
    /// The error with which it ended before, or [`Error::Daemon`] when it has not started within 10 s.
    pub async fn run(&self, plugin: Plugin) -> Result<RunningPlugin> {
        let (started, mut start) = watch::channel(false);
        let plugin = plugin.notify_start(started);
        let stop = plugin.stop_handle();
        let mut task = JoinSet::new();
        task.spawn(plugin.run_once_with(self.endpoint.clone()));
        let mut plugin = RunningPlugin { stop, task };
        // The plugin holds the sender.
        match timeout(START_TIMEOUT, start.wait_for(|started| *started)).await {
            Ok(Ok(_)) => Ok(plugin),
            Ok(Err(_)) => {
                plugin.ended().await?;
                Err(not_running("it was stopped"))
            }
            Err(_) => {
                let seconds = START_TIMEOUT.as_secs();
                Err(not_running(&format!(
                    "server_start has not returned after {seconds} s"
                )))
            }
        }
    }

    /// Stops the daemon gracefully, and waits for that.
    ///
    /// # Errors
    /// [`Error::Daemon`] with the log when it fails, or takes longer than 10 s.
    pub async fn stop(self) -> Result<()> {
        self.process.stop().await
    }
}

/// A plugin that runs during a test. Dropping it disconnects it immediately.
#[derive(Debug)]
pub struct RunningPlugin {
    stop: StopHandle,
    task: JoinSet<Result<()>>,
}

impl RunningPlugin {
    /// Stops the plugin gracefully, and waits for that.
    ///
    /// # Errors
    /// The error with which it ended. A panic is propagated.
    pub async fn stop(mut self) -> Result<()> {
        self.stop.stop();
        self.ended().await
    }

    async fn ended(&mut self) -> Result<()> {
        let ended = self.task.join_next().await.expect("it has not ended yet");
        match ended.map_err(JoinError::try_into_panic) {
            Ok(result) => result,
            Err(Ok(panic)) => resume_unwind(panic),
            Err(Err(_)) => Err(not_running("its runtime has shut down")),
        }
    }
}

fn not_running(problem: &str) -> Error {
    Error::Daemon {
        problem: format!("the plugin does not run: {problem}"),
    }
}
