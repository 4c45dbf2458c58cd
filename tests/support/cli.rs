//! Running `pagewire` commands.

use super::{TestServer, command, within};
use serde_json::Value;
use tokio::process::Command;

/// Exit code and output of a command.
#[derive(Debug)]
pub struct CommandOutput {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl CommandOutput {
    /// Parses each line of standard output as JSON.
    pub fn json(&self) -> Vec<Value> {
        let lines = self.stdout.lines();
        lines
            .map(|line| serde_json::from_str(line).expect("a JSON value a line"))
            .collect()
    }
}

pub async fn run(mut command: Command) -> CommandOutput {
    let output = within("the command to end", command.output())
        .await
        .expect("it starts");
    CommandOutput {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

/// Returns the names of all commands, as `pagewire --help` lists them.
pub async fn command_names() -> Vec<String> {
    let mut help = command();
    help.arg("--help");
    let help = run(help).await.stdout;
    let (_, list) = help.split_once("Commands:\n").expect("a list of commands");
    let lines = list.lines().take_while(|line| !line.is_empty());
    // Further lines of a description are indented more than names.
    let names = lines.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let names = names.filter(|name| !name.is_empty() && *name != "help");
    let names: Vec<_> = names.map(str::to_owned).collect();
    assert!(names.len() > 10, "the commands have been found");
    names
}

/// Returns a command that connects to this daemon.
pub fn command_for(server: &TestServer, arguments: &[&str]) -> Command {
    let mut command = command();
    command.args(arguments);
    command.args(["--endpoint", server.control(), "--token-file"]);
    command.arg(server.ready["token_file"].as_str().expect("a token file"));
    command
}

/// Runs a `pagewire` command against this daemon.
pub async fn cli(server: &TestServer, arguments: &[&str]) -> CommandOutput {
    run(command_for(server, arguments)).await
}

/// Asserts the exit code and the standard output.
#[track_caller]
pub fn assert_output(output: &CommandOutput, code: i32, stdout: &str) {
    let found = (output.code, output.stdout.as_str());
    assert_eq!(found, (Some(code), stdout), "stderr: {}", output.stderr);
}
