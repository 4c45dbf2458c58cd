use super::{TestServer, command, within};
use serde_json::Value;
use tokio::process::Command;

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// Each line of standard output, as JSON.
    pub fn json(&self) -> Vec<Value> {
        let lines = self.stdout.lines();
        lines
            .map(|line| serde_json::from_str(line).expect("a JSON value a line"))
            .collect()
    }
}

pub async fn run(mut command: Command) -> Ended {
    let output = within("the command to end", command.output())
        .await
        .expect("it starts");
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

/// A command that speaks to this daemon.
pub fn speaking_to(server: &TestServer, arguments: &[&str]) -> Command {
    let mut command = command();
    command.args(arguments);
    command.args(["--endpoint", server.control(), "--token-file"]);
    command.arg(server.ready["token_file"].as_str().expect("a token file"));
    command
}

/// Runs a command of the command line against this daemon.
pub async fn cli(server: &TestServer, arguments: &[&str]) -> Ended {
    run(speaking_to(server, arguments)).await
}

/// It ended with this code and these words on standard output.
#[track_caller]
pub fn ended(ended: &Ended, code: i32, stdout: &str) {
    let found = (ended.code, ended.stdout.as_str());
    assert_eq!(found, (Some(code), stdout), "stderr: {}", ended.stderr);
}
