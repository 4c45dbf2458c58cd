//! Runs a plugin: once, or with reconnects until the program stops it.

use super::{
    Plugin,
    session::{self, Ended},
    signals::StopsAtSignal,
};
use crate::{Client, Code, Endpoint, Error, Result, endpoint, error::one_line, log::log};
use std::{env, io, path::PathBuf, thread, time::Duration};
use tokio::sync::{oneshot, watch};

/// Environment variable with the launch id, by which the daemon matches a session to the process that it
/// spawned.
const LAUNCH_ID_VARIABLE: &str = "PAGEWIRE_LAUNCH_ID";
/// Delays before reconnect attempts. The last one applies to all further attempts.
const RECONNECT_DELAYS: [Duration; 5] = [
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
];

/// The connections of a running plugin so far.
#[derive(Default)]
pub(super) struct Connections {
    /// The folders that the daemon served in the last session; `None` before the first one.
    pub(super) root_dirs: Option<Vec<PathBuf>>,
    /// Failed attempts since the last session.
    pub(super) attempts: usize,
}

/// Stops a running plugin from anywhere in the program. Cheap to clone.
///
/// ```no_run
/// # use pagewire_client::{Content, Filter, Plugin};
/// # async fn run_for_a_while() -> pagewire_client::Result<()> {
/// let plugin = Plugin::new("p").serve(Filter::path("/p"), |_| async { Ok(Content::text("p")) });
/// let stop = plugin.stop_handle();
/// let running = tokio::spawn(plugin.run());
/// // ...
/// stop.stop();
/// running.await.expect("the plugin does not panic")
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct StopHandle(watch::Sender<bool>);

impl StopHandle {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    /// Stops the plugin gracefully: running handlers may finish, `server_stop` is called, and then
    /// [`Plugin::run`] returns without an error, all within 2 s. Does not wait for that. A plugin that does not
    /// run yet returns as soon as it is run.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }

    /// Whether both stop the same plugin.
    pub(super) fn stops_same(&self, other: &Self) -> bool {
        self.0.same_channel(&other.0)
    }

    /// Resolves once the program has stopped the plugin.
    pub(super) async fn stopped(&self) {
        let stopped = self.0.subscribe().wait_for(|stop| *stop).await.map(drop);
        stopped.expect("self holds the sender");
    }
}

impl Plugin {
    /// A handle that stops the plugin while it runs.
    pub fn stop_handle(&self) -> StopHandle {
        self.stop.clone()
    }

    /// Runs the plugin with the daemon that spawned it, else the one that `PAGEWIRE_ENDPOINT` names, else the one
    /// for the current folder ([`Endpoint::find`]), until the program [stops](StopHandle) it, or SIGINT or SIGTERM
    /// does ([`handle_signals`](Plugin::handle_signals)). Dropping the future disconnects the plugin immediately.
    ///
    /// When the connection is lost or the daemon stops, the plugin reconnects after 0.2, 0.5, 1, 2, then every
    /// 5 s, without limit; if it discovered its daemon, only to one that serves the same folders.
    /// [`server_start`](Plugin::server_start) is then called again, and events start at the new session.
    ///
    /// A plugin that the daemon spawned does not reconnect, since the daemon starts it again. It returns when
    /// the daemon stops, or at the end of its standard input, which means that the daemon has exited or its
    /// grace period is over. So the rest of the program must not read standard input.
    ///
    /// # Errors
    /// At the first attempt any error, including [`Error::NoDaemon`] and [`Error::Connect`]. Later only permanent
    /// refusals: [`Error::Rpc`] with `REPLACED` or the code `InvalidArgument` or `FailedPrecondition`, or the
    /// code `Unauthenticated` if the token was given by `PAGEWIRE_TOKEN` or in the endpoint; a discovered one may
    /// be replaced. And [`Error::Plugin`] when a handler was declared twice, or the start or stop handler fails.
    pub async fn run(self) -> Result<()> {
        let _stops = self.stops_at_signal(true);
        match launch_id() {
            Some(launch_id) => self.run_spawned(&launch_id).await,
            None => {
                let find = |root_dirs: Option<&[PathBuf]>| {
                    root_dirs.map_or_else(Endpoint::find, Endpoint::find_again)
                };
                self.run_with_reconnects(find, endpoint::names_token())
                    .await
            }
        }
    }

    /// Like [`run`](Plugin::run), but with this endpoint, even if the daemon spawned the program, and without
    /// handling signals, unless [asked](Plugin::handle_signals).
    pub async fn run_with(self, endpoint: Endpoint) -> Result<()> {
        let _stops = self.stops_at_signal(false);
        let names_token = endpoint.token.is_some();
        self.run_with_reconnects(|_| Ok(endpoint.clone()), names_token)
            .await
    }

    /// Like [`run`](Plugin::run), but without reconnecting: returns when the daemon stops, and fails with
    /// [`Error::Disconnected`] when the connection is lost.
    pub async fn run_once(self) -> Result<()> {
        let _stops = self.stops_at_signal(true);
        match launch_id() {
            Some(launch_id) => self.run_spawned(&launch_id).await,
            None => self.run_only_session(Endpoint::find()?).await,
        }
    }

    /// Like [`run_once`](Plugin::run_once), but with this endpoint, even if the daemon spawned the program, and
    /// without handling signals, unless [asked](Plugin::handle_signals).
    pub async fn run_once_with(self, endpoint: Endpoint) -> Result<()> {
        let _stops = self.stops_at_signal(false);
        self.run_only_session(endpoint).await
    }

    fn stops_at_signal(&self, default: bool) -> Option<StopsAtSignal> {
        let handle = self.handles_signals.unwrap_or(default);
        handle.then(|| StopsAtSignal::new(&self.stop))
    }

    async fn run_only_session(self, endpoint: Endpoint) -> Result<()> {
        let connections = &mut Connections::default();
        self.run_session(endpoint, "", connections).await.map(drop)
    }

    async fn run_spawned(self, launch_id: &str) -> Result<()> {
        let endpoint = Endpoint::find()?;
        let mut connections = Connections::default();
        tokio::select! {
            end = self.run_session(endpoint, launch_id, &mut connections) => end.map(drop),
            () = stdin_ended() => Ok(()),
        }
    }

    /// `find` gets the folders of the previous daemon, if there was one. A discovered token may belong to the
    /// previous daemon, so its refusal is not permanent.
    async fn run_with_reconnects(
        self,
        find: impl Fn(Option<&[PathBuf]>) -> Result<Endpoint>,
        names_token: bool,
    ) -> Result<()> {
        let mut connections = Connections::default();
        loop {
            connections.attempts += 1;
            let outcome = match find(connections.root_dirs.as_deref()) {
                Ok(endpoint) => self.run_session(endpoint, "", &mut connections).await,
                Err(error) => Err(error),
            };
            let reason = match outcome {
                Ok(Ended::ByProgram) => return Ok(()),
                Ok(Ended::ByDaemon) => "it has stopped".to_owned(),
                Err(error)
                    if connections.root_dirs.is_none() || !is_temporary(&error, names_token) =>
                {
                    return Err(error);
                }
                // Its text would say a second time that the daemon is lost.
                Err(Error::Disconnected { problem }) => problem,
                Err(error) => one_line(&error),
            };
            let attempts = connections.attempts;
            let delay = RECONNECT_DELAYS[attempts.min(RECONNECT_DELAYS.len() - 1)];
            if attempts == 0 {
                let seconds = delay.as_secs_f32();
                log!(
                    warn,
                    "lost the daemon: {reason}; connecting again in {seconds} s"
                );
            }
            tokio::select! {
                () = self.stop.stopped() => return Ok(()),
                () = tokio::time::sleep(delay) => {}
            }
        }
    }

    /// Runs one session, unless the program stops the plugin before.
    async fn run_session(
        &self,
        endpoint: Endpoint,
        launch_id: &str,
        connections: &mut Connections,
    ) -> Result<Ended> {
        if let Some(what) = &self.declared_twice {
            return Err(Error::Plugin {
                problem: format!(
                    "{what} is declared twice (keep one, and distinguish the cases in it)"
                ),
                plugin: self.name.clone(),
            });
        }
        let client = tokio::select! {
            () = self.stop.stopped() => return Ok(Ended::ByProgram),
            client = Client::connect(endpoint) => client?,
        };
        // Boxed, because it is large and part of the caller's future.
        Box::pin(session::run(self, client, launch_id, connections)).await
    }
}

/// Whether another attempt may succeed: the daemon refused nothing, or only temporarily.
fn is_temporary(error: &Error, names_token: bool) -> bool {
    match error {
        Error::NoDaemon { .. }
        | Error::SeveralDaemons { .. }
        | Error::TokenFile { .. }
        | Error::Connect { .. }
        | Error::Disconnected { .. }
        | Error::Unexpected(_) => true,
        // SESSION_GONE: the session was lost while its hooks were being opened.
        Error::Rpc { code, reason, .. } => match code {
            Code::Unauthenticated => !names_token,
            Code::InvalidArgument | Code::FailedPrecondition => reason == "SESSION_GONE",
            _ => reason != "REPLACED",
        },
        _ => false,
    }
}

fn launch_id() -> Option<String> {
    env::var(LAUNCH_ID_VARIABLE)
        .ok()
        .filter(|launch_id| !launch_id.is_empty())
}

/// Waits for the end of standard input, in a thread that does not delay the shutdown of the runtime.
async fn stdin_ended() {
    let (sender, end) = oneshot::channel::<()>();
    thread::spawn(move || {
        // A read error counts as the end.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        drop(sender);
    });
    let _ = end.await;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: Code, reason: &str) -> Error {
        Error::Rpc {
            code,
            reason: reason.to_owned(),
            message: String::new(),
            violations: Vec::new(),
        }
    }

    #[test]
    fn does_not_retry_a_permanent_refusal() {
        let slow = refused(Code::ResourceExhausted, "SUBSCRIBER_SLOW");
        let taken = refused(Code::AlreadyExists, "PLUGIN_NAME_TAKEN");
        for error in [refused(Code::Unavailable, "STARTING"), slow, taken] {
            assert!(is_temporary(&error, true), "{error}");
        }
        assert!(is_temporary(&Error::NoDaemon { problem: None }, true));
        let token = refused(Code::Unauthenticated, "TOKEN_INVALID");
        assert!(
            is_temporary(&token, false),
            "a token that is discovered again may be valid"
        );
        for (code, reason) in [
            (Code::Unauthenticated, "TOKEN_INVALID"),
            (Code::InvalidArgument, "FIELD_INVALID"),
            (Code::FailedPrecondition, "FEATURE_UNSUPPORTED"),
            (Code::Aborted, "REPLACED"),
        ] {
            assert!(!is_temporary(&refused(code, reason), true), "{reason}");
        }
    }

    #[tokio::test]
    async fn a_plugin_stopped_before_it_runs_returns_immediately() {
        let plugin = Plugin::new("p");
        plugin.stop_handle().stop();
        let unused: Endpoint = "127.0.0.1:1".parse().unwrap();
        plugin.run_with(unused).await.unwrap();
    }
}
