//! Running a plugin: once, or again and again for as long as there is a daemon to come back to.

use super::{
    Plugin,
    session::{self, Ended},
};
use crate::{Client, Code, Endpoint, Error, Result, endpoint, error::one_line};
use std::{env, io, path::PathBuf, thread, time::Duration};
use tokio::sync::{oneshot, watch};

/// Ties a process that the daemon spawned to its session.
const LAUNCH_ID_VARIABLE: &str = "PAGEWIRE_LAUNCH_ID";
/// Pauses before a plugin looks for a daemon again. The last one is for all further tries.
const PAUSES: [Duration; 5] = [
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
];

/// Ends a plugin that runs, from anywhere in the program. Cheap to clone.
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

    /// Withdraws the plugin in order: handlers that run may finish, `server_stop` is called, and then
    /// [`Plugin::run`] returns without an error, all within 2 s. Returns at once. A plugin that does
    /// not run yet returns as soon as it is run.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }

    /// Resolves when the program has ended the plugin.
    pub(super) async fn stopped(&self) {
        let stopped = self.0.subscribe().wait_for(|stop| *stop).await.map(drop);
        stopped.expect("self holds the sender");
    }
}

impl Plugin {
    /// Ends the plugin while it runs.
    pub fn stop_handle(&self) -> StopHandle {
        self.stop.clone()
    }

    /// Runs the plugin with the daemon that spawned it, or that `PAGEWIRE_ENDPOINT` names, or that is
    /// meant in the current folder ([`Endpoint::find`]), until the program [ends](StopHandle) it.
    /// Dropping the future withdraws the plugin at once.
    ///
    /// When the connection is lost or the daemon stops, the plugin looks for the daemon again (one that
    /// was found: for one that serves the same folders) after 0.2, 0.5, 1, 2, then every 5 s, for ever; [`server_start`](Plugin::server_start) is then called
    /// again, and messages count from the new session on.
    ///
    /// A plugin that the daemon spawned does not come back: it is started again. It returns when the
    /// daemon stops, or when its standard input ends: the daemon has gone, or has waited long enough.
    /// Nothing else may read that input.
    ///
    /// # Errors
    /// At the first try whatever goes wrong, [`Error::NoDaemon`] and [`Error::Connect`] too. Later what
    /// the daemon refuses for good: [`Error::Rpc`] with `REPLACED` or the code `Unauthenticated` (with a
    /// token that was named), `InvalidArgument` or `FailedPrecondition`. And [`Error::Plugin`] when a
    /// handler was given twice, or the start or stop handler fails.
    pub async fn run(self) -> Result<()> {
        match launch_id() {
            Some(launch_id) => self.run_spawned(&launch_id).await,
            None => {
                let find = |home: Option<&[PathBuf]>| {
                    home.map_or_else(Endpoint::find, Endpoint::find_again)
                };
                self.run_again(find, endpoint::names_token()).await
            }
        }
    }

    /// As [`run`](Plugin::run) with this endpoint, whoever spawned the program.
    pub async fn run_with(self, endpoint: Endpoint) -> Result<()> {
        let names_token = endpoint.token.is_some();
        self.run_again(|_| Ok(endpoint.clone()), names_token).await
    }

    /// As [`run`](Plugin::run), but does not come back: it returns when the daemon stops, and fails
    /// with [`Error::Disconnected`] when the connection is lost.
    pub async fn run_once(self) -> Result<()> {
        match launch_id() {
            Some(launch_id) => self.run_spawned(&launch_id).await,
            None => self.run_once_with(Endpoint::find()?).await,
        }
    }

    /// As [`run_once`](Plugin::run_once) with this endpoint, whoever spawned the program.
    pub async fn run_once_with(self, endpoint: Endpoint) -> Result<()> {
        self.run_session(endpoint, "", &mut None).await.map(drop)
    }

    async fn run_spawned(self, launch_id: &str) -> Result<()> {
        let endpoint = Endpoint::find()?;
        let mut begun = None;
        tokio::select! {
            ended = self.run_session(endpoint, launch_id, &mut begun) => ended.map(drop),
            () = stdin_ended() => Ok(()),
        }
    }

    /// `find` is told the folders that the daemon served last, if there was one. A token that nobody
    /// named may be of the daemon before.
    async fn run_again(
        self,
        find: impl Fn(Option<&[PathBuf]>) -> Result<Endpoint>,
        names_token: bool,
    ) -> Result<()> {
        let mut home: Option<Vec<PathBuf>> = None;
        let mut tries = 0;
        loop {
            let mut served = None;
            let outcome = match find(home.as_deref()) {
                Ok(endpoint) => self.run_session(endpoint, "", &mut served).await,
                Err(error) => Err(error),
            };
            let begun = served.is_some();
            if begun {
                tries = 0;
                home = served;
            }
            match outcome {
                Ok(Ended::ByProgram) => return Ok(()),
                Ok(Ended::ByDaemon) => self.say("the daemon has stopped"),
                Err(error) if home.is_none() || !may_pass(&error, names_token) => {
                    return Err(error);
                }
                Err(error) if begun => self.say(&one_line(&error)),
                Err(_) => {}
            }
            let pause = PAUSES[tries.min(PAUSES.len() - 1)];
            tries += 1;
            tokio::select! {
                () = self.stop.stopped() => return Ok(()),
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// One session, or none if the program ends the plugin before. Says the folders that the daemon
    /// serves when it has begun.
    async fn run_session(
        &self,
        endpoint: Endpoint,
        launch_id: &str,
        begun: &mut Option<Vec<PathBuf>>,
    ) -> Result<Ended> {
        if let Some(what) = &self.given_twice {
            return Err(Error::Plugin {
                problem: format!("{what} is given twice (keep one, and tell cases apart in it)"),
                plugin: self.name.clone(),
            });
        }
        let client = tokio::select! {
            () = self.stop.stopped() => return Ok(Ended::ByProgram),
            client = Client::connect(endpoint) => client?,
        };
        // Boxed: it is large, and callers hold it in futures of their own.
        Box::pin(session::run(self, client, launch_id, begun)).await
    }

    fn say(&self, what: &str) {
        eprintln!(
            "plugin `{}`: {what}; it comes back when its daemon does",
            self.name
        );
    }
}

/// Whether another try may go better: nothing was refused, or only for a while.
fn may_pass(error: &Error, names_token: bool) -> bool {
    match error {
        Error::NoDaemon { .. }
        | Error::SeveralDaemons { .. }
        | Error::TokenFile { .. }
        | Error::Connect { .. }
        | Error::Disconnected { .. }
        | Error::Unexpected(_) => true,
        // A session that is lost while its hooks are opened is seen by these first.
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

/// Waits for the end of standard input, in a thread that no runtime waits for.
async fn stdin_ended() {
    let (ended, end) = oneshot::channel::<()>();
    thread::spawn(move || {
        // What cannot be read has ended too.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        drop(ended);
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
    fn what_is_refused_for_good_is_not_tried_again() {
        let slow = refused(Code::ResourceExhausted, "SUBSCRIBER_SLOW");
        let taken = refused(Code::AlreadyExists, "PLUGIN_NAME_TAKEN");
        for error in [refused(Code::Unavailable, "STARTING"), slow, taken] {
            assert!(may_pass(&error, true), "{error}");
        }
        assert!(may_pass(&Error::NoDaemon { problem: None }, true));
        let token = refused(Code::Unauthenticated, "TOKEN_INVALID");
        assert!(may_pass(&token, false), "one that was found anew may fit");
        for (code, reason) in [
            (Code::Unauthenticated, "TOKEN_INVALID"),
            (Code::InvalidArgument, "FIELD_INVALID"),
            (Code::FailedPrecondition, "FEATURE_UNSUPPORTED"),
            (Code::Aborted, "REPLACED"),
        ] {
            assert!(!may_pass(&refused(code, reason), true), "{reason}");
        }
    }

    #[tokio::test]
    async fn a_plugin_that_is_stopped_before_it_runs_returns_at_once() {
        let plugin = Plugin::new("p");
        plugin.stop_handle().stop();
        let nobody: Endpoint = "127.0.0.1:1".parse().unwrap();
        plugin.run_with(nobody).await.unwrap();
    }
}
