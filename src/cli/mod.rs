//! The command line: one file per command.

/// Prints a line to standard output. Unlike std's macro it does not panic when the reader has closed
/// the pipe (`pagewire sockets | head -1`) or the disk is full: the exit code still reports the outcome.
macro_rules! println {
    ($($line:tt)*) => {{
        use std::io::Write;
        let _ = writeln!(std::io::stdout(), $($line)*);
    }};
}

/// Prints a line to standard error. Never panics, as [`println!`].
macro_rules! eprintln {
    ($($line:tt)*) => {{
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), $($line)*);
    }};
}

mod args;
mod arrival;
mod completions;
mod config;
mod connection;
mod detach;
mod eval;
mod exit;
mod import;
mod info;
mod log;
mod log_file;
mod log_output;
mod messages;
mod navigate;
mod output;
mod plugins;
mod reload;
mod results;
mod send;
mod serve;
mod settings;
mod snippet;
mod sockets;
mod stop;
mod stop_signals;
mod untrusted;
mod wait;

use clap::{CommandFactory, Parser, Subcommand};
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

/// Runs the command on the process's command line and returns its exit code.
///
/// `serve` and `config`: 0 after a drained stop, 1 on a runtime failure, 2 on bad usage or
/// configuration. All other commands: 0 on success, 1 when page code threw, 2 on bad usage, 3 on a
/// timeout or when no page is connected, 4 when there is no daemon.
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
        Command::Completions(arguments) => completions::main(&arguments, Cli::command()),
    }
}
