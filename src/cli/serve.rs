//! `pagewire serve`: runs the daemon.

use super::exit::{self, fail};
use super::log_file::LogFile;
use super::log_output::{JsonLogOutput, LogOutput, escaped_fields};
use super::settings::{Flags, Loaded, load};
use super::stop_signals::StopSignals;
use crate::config::{Config, LogFormat, LogLevels, Settings};
use crate::server::{Ready, Server};
use anyhow::Context;
use clap::Args;
use std::fs::File;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::io::AsyncReadExt;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Serve a folder and accept plugins.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The folder to serve; its pagewire.toml may set what the flags below do not
    #[arg(default_value = ".")]
    root: PathBuf,

    #[command(flatten)]
    flags: Flags,

    /// Stop when standard input closes
    // A flag only, not a setting: it depends on the process that starts the daemon.
    #[arg(long)]
    exit_with_stdin: bool,

    /// Start in the background, print the ready line and return
    #[arg(long, conflicts_with = "exit_with_stdin")]
    detach: bool,

    /// Log to a file of bounded size, and leave standard error once the daemon is ready
    // Set by `--detach` for the process it starts.
    #[arg(long, hide = true)]
    detached: bool,
}

pub(super) fn main(arguments: &Arguments) -> ExitCode {
    if arguments.detach {
        return super::detach::main();
    }
    let loaded = load(&arguments.root, &arguments.flags, arguments.exit_with_stdin);
    let Loaded {
        settings,
        file: settings_file,
        config,
    } = match loaded {
        Ok(loaded) => loaded,
        Err(error) => return fail(exit::USAGE, &error),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return fail(exit::FAILURE, &error.into()),
    };
    // Before the first write to the log, which may be at the size limit of the shell (`ulimit -f`).
    let signals = {
        let _in_runtime = runtime.enter();
        StopSignals::register()
    };
    let signals = match signals {
        Ok(signals) => signals,
        Err(error) => return fail(exit::FAILURE, &error.into()),
    };
    let (log, log_file) = match open_log(arguments.detached) {
        Ok(opened) => opened,
        Err(error) => return fail(exit::FAILURE, &error),
    };
    start_log(&settings, log.clone());
    if let Some(file) = settings_file {
        tracing::info!(target: "pagewire::server", file = %file.display(), "settings loaded");
    }
    raise_descriptor_limit();
    let ended = runtime.block_on(run(config, signals, log_file));
    // Does not wait for the thread that reads standard input: that read cannot be interrupted.
    runtime.shutdown_background();
    log.flush();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(RunError::Start(error)) => fail(exit::USAGE, &error),
        Err(RunError::Failed(error)) => fail(exit::FAILURE, &error),
    }
}

/// Why the daemon ended; decides the exit code.
enum RunError {
    /// It could not start with this configuration.
    Start(anyhow::Error),
    Failed(anyhow::Error),
}

/// Opens the log: a file if the daemon is detached, else standard error. Returns the file, too.
fn open_log(detached: bool) -> anyhow::Result<(LogOutput, Option<File>)> {
    let file = detached.then(LogFile::create).transpose()?;
    let handle = file.as_ref().map(LogFile::handle).transpose()?;
    Ok((LogOutput::start(file)?, handle))
}

/// Runs the daemon until it ends. From when it is ready on, standard error is this log file: until then it
/// is a pipe, from which `--detach` reads why the daemon cannot start.
async fn run(config: Config, signals: StopSignals, log_file: Option<File>) -> Result<(), RunError> {
    let exit_with_stdin = config.exit_with_stdin;
    let (stop, abort) = (CancellationToken::new(), CancellationToken::new());
    handle_signals(signals, stop.clone(), abort.clone());
    let server = Server::bind(config)
        .await
        .map_err(|error| RunError::Start(error.into()))?;
    if exit_with_stdin {
        let stop = stop.clone();
        tokio::spawn(async move {
            let mut input = tokio::io::stdin();
            let mut ignored = [0; 1024];
            while matches!(input.read(&mut ignored).await, Ok(1..)) {}
            stop.cancel();
        });
    }
    let started = |ready: &Ready| {
        if let Some(Err(error)) = log_file.map(rustix::stdio::dup2_stderr) {
            tracing::warn!(target: "pagewire::server", %error, "cannot redirect standard error to the log file");
        }
        if let Err(error) = print_ready(ready) {
            tracing::warn!(target: "pagewire::server", %error, "cannot print the ready line; standard output is closed");
        }
    };
    tokio::select! {
        ended = server.run(stop, started) => {
            ended.context("the daemon failed").map_err(RunError::Failed)
        }
        // Dropping the server removes its files from the runtime folder.
        () = abort.cancelled() => {
            Err(RunError::Failed(anyhow::anyhow!("stopped by a second signal before the drain ended")))
        }
    }
}

/// Handles signals: the first drains, the second aborts the drain, the third exits at once.
fn handle_signals(mut signals: StopSignals, stop: CancellationToken, abort: CancellationToken) {
    tokio::spawn(async move {
        signals.first().await;
        stop.cancel();
        signals.next().await;
        abort.cancel();
        signals.next().await;
        std::process::exit(exit::FAILURE.into());
    });
}

/// Prints the ready line: JSON for programs, a few lines of text on a terminal.
fn print_ready(ready: &Ready) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    if out.is_terminal() {
        let (scheme, _) = ready.http.split_once(':').unwrap_or_default();
        let port = ready.http.rsplit(':').next().unwrap_or_default();
        writeln!(out, "\n  pagewire {}\n", ready.pagewire)?;
        writeln!(out, "  pages    {scheme}://localhost:{port}/")?;
        if let Some(authority) = &ready.authority_file {
            writeln!(out, "  trust    {}", authority.display())?;
            writeln!(
                out,
                "           browsers warn until they trust this file (see docs/https.md)"
            )?;
        }
        writeln!(out, "  plugins  {}", ready.controls.join("  "))?;
        if let Some(token) = &ready.token_file {
            writeln!(out, "  token    {}", token.display())?;
        }
        writeln!(out, "\n  Ctrl-C stops.\n")?;
    } else {
        writeln!(out, "{}", serde_json::to_string(ready)?)?;
    }
    out.flush()
}

fn start_log(settings: &Settings, output: LogOutput) {
    let LogLevels { levels } = settings.required("log");
    let filter = levels
        .into_iter()
        .fold(Targets::new(), |filter, (target, level)| match target {
            Some(target) => filter.with_target(target, level),
            None => filter.with_default(level),
        });
    let is_terminal = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt::layer();
    let registry = tracing_subscriber::registry().with(filter);
    match settings.required("log_format") {
        LogFormat::Text => {
            let lines = lines.with_writer(output).with_ansi(is_terminal);
            registry.with(lines.fmt_fields(escaped_fields())).init();
        }
        LogFormat::Json => {
            let lines = lines.with_writer(JsonLogOutput(output)).json();
            registry.with(lines).init();
        }
    }
}

/// Raises the limit of open files to its maximum: every page needs a descriptor.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        // On failure the daemon runs with the lower limit.
        let _ = setrlimit(
            Resource::Nofile,
            Rlimit {
                current: limit.maximum,
                ..limit
            },
        );
    }
}
