//! The command line: one file for each command.

mod connection;
mod import;
mod log;
mod reload;
mod send;
mod serve;
mod sockets;

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
    Sockets(sockets::Arguments),
    Send(send::Arguments),
    Import(import::Arguments),
    Log(log::Arguments),
    Reload(reload::Arguments),
}

/// Runs what was typed and gives the exit code.
///
/// `serve`: 0 after a drained stop, 1 a failure at run time, 2 bad usage or configuration. All
/// others: 0 done, 1 a page said no, 2 bad usage, 3 nobody in time (no page, no answer), 4 no
/// daemon.
#[must_use]
pub fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Serve(arguments) => serve::main(arguments),
        Command::Sockets(arguments) => sockets::main(&arguments),
        Command::Send(arguments) => send::main(&arguments),
        Command::Import(arguments) => import::main(&arguments),
        Command::Log(arguments) => log::main(&arguments),
        Command::Reload(arguments) => reload::main(&arguments),
    }
}
