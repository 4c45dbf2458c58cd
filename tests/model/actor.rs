//! Handle of a scripted plugin, which runs in a process of its own or behind a connection that can break.

use super::oracle::{Action, Hook, HookKind};
use super::scripted_plugin::run_plugin;
use crate::support::{Cut, Relay, TestServer, within};
use pagewire_client::Endpoint;
use serde::{Deserialize, Serialize};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

/// Set in a process that acts as a plugin: its role as JSON.
const ACT_AS: &str = "TEST_ACTOR";

/// Identity of a plugin.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Role {
    pub name: String,
    pub replaces: bool,
}

/// Commands to a plugin.
#[derive(Debug, Serialize, Deserialize)]
pub enum Instruction {
    Open(Hook),
    Withdraw(HookKind),
    Update(HookKind, Vec<String>),
    /// Handles the held call for this target.
    Release(HookKind, String, Action),
    /// Sends a result for an unknown call.
    LateResult(HookKind),
    /// Requests the calls received since the last such request.
    Calls,
}

/// Reports of a plugin.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Report {
    /// The session is open, or was refused for this reason.
    Started(Result<(), String>),
    Done,
    /// A call is held: the hook's number and the target.
    Holds(u64, String),
    /// Numbers of the called hooks, with the targets.
    Calls(Vec<(u64, String)>),
}

#[tokio::test]
async fn acts_as_a_plugin() {
    let Ok(role) = std::env::var(ACT_AS) else {
        return;
    };
    let role = serde_json::from_str(&role).expect("a role");
    let endpoint = Endpoint::from_env().expect("an endpoint");
    run_plugin(role, endpoint, tokio::io::stdin(), tokio::io::stdout()).await;
}

/// Handle of a scripted plugin.
pub struct Actor {
    home: Link,
    input: Box<dyn AsyncWrite + Send + Unpin>,
    reports: mpsc::UnboundedReceiver<Report>,
}

enum Link {
    Process(Child),
    Wire(Relay),
}

impl Actor {
    /// Starts a plugin as a process or behind a relay, and returns the outcome of its session. Held
    /// calls are sent to `held_calls`.
    pub async fn start(
        server: &TestServer,
        name: &str,
        replaces: bool,
        is_process: bool,
        held_calls: mpsc::UnboundedSender<(u64, String)>,
    ) -> Result<Self, String> {
        let role = Role {
            name: name.to_owned(),
            replaces,
        };
        let (sender, reports) = mpsc::unbounded_channel();
        let mut actor = if is_process {
            let mut child = Command::new(std::env::current_exe().expect("this binary"))
                .args(["--exact", "model::actor::acts_as_a_plugin", "--nocapture"])
                .env(ACT_AS, serde_json::to_string(&role).expect("JSON"))
                .env("PAGEWIRE_ENDPOINT", server.control())
                .env("PAGEWIRE_TOKEN", &server.token)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .kill_on_drop(true)
                .spawn()
                .expect("it starts");
            tokio::spawn(read_reports(
                child.stdout.take().expect("piped"),
                sender,
                held_calls,
            ));
            Self {
                input: Box::new(child.stdin.take().expect("piped")),
                home: Link::Process(child),
                reports,
            }
        } else {
            let relay = Relay::start(server.control()).await;
            let endpoint = relay.endpoint(&server.token);
            let (ours, theirs) = tokio::io::duplex(64 * 1024);
            let (input, output) = tokio::io::split(theirs);
            tokio::spawn(run_plugin(role, endpoint, input, output));
            let (output, input) = tokio::io::split(ours);
            tokio::spawn(read_reports(output, sender, held_calls));
            Self {
                input: Box::new(input),
                home: Link::Wire(relay),
                reports,
            }
        };
        match actor.report().await {
            Report::Started(Ok(())) => Ok(actor),
            Report::Started(Err(reason)) => Err(reason),
            other => panic!("expected a session, got {other:?}"),
        }
    }

    /// Sends a command and waits until it is carried out.
    pub async fn instruct(&mut self, what: Instruction) -> Report {
        let line = serde_json::to_string(&what).expect("JSON") + "\n";
        let written = self.input.write_all(line.as_bytes()).await;
        written.expect("a running plugin");
        self.input.flush().await.expect("a running plugin");
        self.report().await
    }

    /// Ends the plugin by SIGKILL or by breaking its connection.
    pub async fn kill(mut self) {
        match &mut self.home {
            Link::Process(child) => child.kill().await.expect("it ran"),
            Link::Wire(relay) => relay.cut_after(0, Cut::Reset),
        }
        // Closes the plugin's input, so that `run_plugin` returns.
        let _ = self.input.shutdown().await;
    }

    /// Stops the plugin gracefully: closes its input, upon which it closes its streams.
    pub async fn exit(self) {
        let Self {
            home, mut input, ..
        } = self;
        input.shutdown().await.expect("a running plugin");
        drop(input);
        if let Link::Process(mut child) = home {
            let status = within("the plugin's end", child.wait()).await;
            assert!(status.expect("it ends").success());
        }
    }

    async fn report(&mut self) -> Report {
        let report = within("a report of the plugin", self.reports.recv()).await;
        report.expect("a running plugin")
    }
}

/// Reads the plugin's reports, and skips the lines that the test runner prints to the same output.
async fn read_reports(
    output: impl AsyncRead + Unpin,
    reports: mpsc::UnboundedSender<Report>,
    held_calls: mpsc::UnboundedSender<(u64, String)>,
) {
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let Some((_, json)) = line.split_once("> ") else {
            continue;
        };
        // The receiver is gone once the walk is over.
        let _ = match serde_json::from_str(json).expect("a report") {
            Report::Holds(number, target) => held_calls.send((number, target)).is_ok(),
            report => reports.send(report).is_ok(),
        };
    }
}
