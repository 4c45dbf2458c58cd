//! `pagewire serve`: runs the daemon.

use crate::config::{Config, ControlAddress, DEFAULT_PORT, Inject, Port};
use crate::origins::Allowed;
use crate::paths::Root;
use crate::server::{Ready, Server};
use anyhow::Context;
use clap::{Args, ValueEnum};
use std::io::{IsTerminal, Write};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::io::AsyncReadExt;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Serve a folder, and let plugins in.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The folder to serve
    #[arg(default_value = ".")]
    root: PathBuf,

    /// Exactly this port for pages; 0 = any free one [default: the first free one from 8000]
    #[arg(long, env = "PAGEWIRE_PORT")]
    port: Option<u16>,

    /// Serve pages on this address instead of the loopback ones; 0.0.0.0 = to your network
    #[arg(long, value_name = "ADDRESS")]
    host: Option<IpAddr>,

    /// Where plugins connect: ADDRESS:PORT (loopback) or unix:PATH; may be repeated [default: the
    /// next free port]
    #[arg(long, value_name = "ADDRESS")]
    control: Vec<ControlAddress>,

    /// When the socket client is put into pages
    #[arg(long, value_enum, default_value_t)]
    inject: Inject,

    /// Answer to this host name too; .example.com = all below it; may be repeated
    #[arg(long, value_name = "NAME")]
    allow_host: Vec<String>,

    /// Let pages of this origin (`https://example.com`) open web sockets too; may be repeated
    #[arg(long, value_name = "ORIGIN")]
    allow_origin: Vec<String>,

    /// Links in the root may lead into this folder too; may be repeated
    #[arg(long, value_name = "DIR")]
    allow_dir: Vec<PathBuf>,

    /// Serve files and folders of this name although they look like secrets; may be repeated
    #[arg(long, value_name = "NAME")]
    allow_file: Vec<String>,

    /// Suspend deadlines and keepalive: somebody sits at a breakpoint
    #[arg(long)]
    debug: bool,

    /// Stop when standard input closes
    #[arg(long)]
    exit_with_stdin: bool,

    /// What to log to standard error: a level, or levels by part (info,pages=debug)
    #[arg(
        long,
        value_name = "FILTER",
        default_value = "info",
        env = "PAGEWIRE_LOG"
    )]
    log: String,

    /// How to log
    #[arg(long, value_enum, default_value_t)]
    log_format: LogFormat,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum LogFormat {
    /// Lines for people
    #[default]
    Text,
    /// A JSON object a line
    Json,
}

/// Bad usage or configuration.
const USAGE: u8 = 2;

pub(super) fn main(arguments: Arguments) -> ExitCode {
    let fail = |code: u8, error: &anyhow::Error| {
        eprintln!("error: {error:#}");
        ExitCode::from(code)
    };
    if let Err(error) = start_log(&arguments) {
        return fail(USAGE, &error);
    }
    let config = match config(arguments) {
        Ok(config) => config,
        Err(error) => return fail(USAGE, &error),
    };
    raise_descriptor_limit();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(1, &error.into()),
    };
    let ended = runtime.block_on(run(config));
    // Reading standard input cannot be interrupted; nothing else is left to wait for.
    runtime.shutdown_background();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(Stopped::CannotStart(error)) => fail(USAGE, &error),
        Err(Stopped::Failed(error)) => fail(1, &error),
    }
}

enum Stopped {
    CannotStart(anyhow::Error),
    Failed(anyhow::Error),
}

async fn run(config: Config) -> Result<(), Stopped> {
    let exit_with_stdin = config.exit_with_stdin;
    let stop = CancellationToken::new();
    // Before the ready line: who reads it may send a signal at once.
    watch_signals(stop.clone()).map_err(|error| Stopped::Failed(error.into()))?;
    let server = Server::bind(config)
        .await
        .map_err(|error| Stopped::CannotStart(error.into()))?;
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
        if let Err(error) = announce(ready) {
            tracing::warn!(target: "pagewire::server", %error, "nobody reads the ready line");
        }
    };
    server
        .run(stop, started)
        .await
        .context("the daemon failed")
        .map_err(Stopped::Failed)
}

/// The first signal drains, the second stops at once.
fn watch_signals(stop: CancellationToken) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        for asked_before in [false, true] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if asked_before {
                std::process::exit(1);
            }
            stop.cancel();
        }
    });
    Ok(())
}

/// One line of JSON for programs, a few lines for people.
fn announce(ready: &Ready) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    if out.is_terminal() {
        let port = ready.http.rsplit(':').next().unwrap_or_default();
        writeln!(out, "\n  pagewire {}\n", ready.pagewire)?;
        writeln!(out, "  pages    http://localhost:{port}/")?;
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

fn config(arguments: Arguments) -> anyhow::Result<Config> {
    let root = Root::open(&arguments.root, &arguments.allow_dir, &arguments.allow_file)?;
    let port = arguments
        .port
        .map_or(Port::FirstFreeFrom(DEFAULT_PORT), Port::Exactly);
    Ok(Config {
        root,
        host: arguments.host,
        port,
        controls: arguments.control,
        allowed: Allowed {
            hosts: arguments
                .allow_host
                .iter()
                .map(|host| host.to_ascii_lowercase())
                .collect(),
            origins: arguments.allow_origin,
        },
        inject: arguments.inject,
        debug: arguments.debug,
        exit_with_stdin: arguments.exit_with_stdin,
    })
}

fn start_log(arguments: &Arguments) -> anyhow::Result<()> {
    let filter = log_filter(&arguments.log)?;
    let terminal = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry().with(filter);
    match arguments.log_format {
        LogFormat::Text => registry.with(lines.with_ansi(terminal)).init(),
        LogFormat::Json => registry.with(lines.json()).init(),
    }
    Ok(())
}

/// A level for everything, or `part=level` for our part of that name; a path with `::` is taken
/// as it is.
fn log_filter(text: &str) -> anyhow::Result<Targets> {
    let directive = |directive: &str| match directive.trim().split_once('=') {
        Some((part, level)) if part.contains("::") => Some((part.to_owned(), level.parse().ok()?)),
        Some((part, level)) => Some((format!("pagewire::{part}"), level.parse().ok()?)),
        None => Some((String::new(), directive.trim().parse().ok()?)),
    };
    text.split(',').map(directive).try_fold(Targets::new(), |filter, directive| {
        let (target, level): (String, LevelFilter) = directive.with_context(|| {
            format!("--log {text:?} is no level (off, error, warn, info, debug, trace) and no list like info,pages=debug")
        })?;
        Ok(if target.is_empty() {
            filter.with_default(level)
        } else {
            filter.with_target(target, level)
        })
    })
}

/// Every page holds a descriptor: take as many as we may have.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        // The lower limit serves too.
        let _ = setrlimit(
            Resource::Nofile,
            Rlimit {
                current: limit.maximum,
                ..limit
            },
        );
    }
}
