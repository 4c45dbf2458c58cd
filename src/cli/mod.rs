//! The command line: one file for each command.

/// Prints a line to whoever reads it: std's panics when nobody does (`pagewire sockets | head -1`).
macro_rules! println {
    ($($line:tt)*) => {{
        use std::io::Write;
        let _ = writeln!(std::io::stdout(), $($line)*);
    }};
}

mod arrival;
mod completions;
mod config;
mod connection;
mod detach;
mod eval;
mod import;
mod info;
mod log;
mod log_output;
mod messages;
mod navigate;
mod plugins;
mod reload;
mod results;
mod send;
mod serve;
mod settings;
mod snippet;
mod sockets;
mod stop;
mod wait;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// A headless dev server that programs in any language control over gRPC.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Arguments),
    Config(config::Arguments),
    Sockets(sockets::Arguments),
    Send(send::Arguments),
    Import(import::Arguments),
    Eval(eval::Arguments),
    Log(log::Arguments),
    Reload(reload::Arguments),
    Navigate(navigate::Arguments),
    Messages(messages::Arguments),
    Plugins(plugins::Arguments),
    Info(info::Arguments),
    Snippet(snippet::Arguments),
    Wait(wait::Arguments),
    Stop(stop::Arguments),
    Completions(completions::Arguments),
}

/// Runs what was typed and gives the exit code.
///
/// `serve` and `config`: 0 after a drained stop, 1 a failure at run time, 2 bad usage or
/// configuration. All others: 0 done, 1 a page said no, 2 bad usage, 3 nobody in time (no page, no answer), 4 no
/// daemon.
#[must_use]
pub fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Serve(arguments) => serve::main(&arguments),
        Command::Config(arguments) => config::main(&arguments),
        Command::Sockets(arguments) => sockets::main(&arguments),
        Command::Send(arguments) => send::main(&arguments),
        Command::Import(arguments) => import::main(&arguments),
        Command::Log(arguments) => log::main(&arguments),
        Command::Eval(arguments) => eval::main(&arguments),
        Command::Reload(arguments) => reload::main(&arguments),
        Command::Navigate(arguments) => navigate::main(&arguments),
        Command::Messages(arguments) => messages::main(&arguments),
        Command::Plugins(arguments) => plugins::main(&arguments),
        Command::Info(arguments) => info::main(&arguments),
        Command::Snippet(arguments) => snippet::main(&arguments),
        Command::Wait(arguments) => wait::main(&arguments),
        Command::Stop(arguments) => stop::main(&arguments),
        Command::Completions(arguments) => completions::main(&arguments),
    }
}

/// An error and its causes, each said once: some errors say theirs themselves.
fn one_line(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}
