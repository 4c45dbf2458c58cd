//! `pagewire serve`: runs the daemon.

use super::log_output::LogOutput;
use super::one_line;
use super::settings::{Flags, gather};
use crate::config::{
    Certificate, Config, DEFAULT_PORT, InForce, LogFormat, LogLevels, Mount, PluginConfig, Port,
    Settings, name_given_twice,
};
use crate::origins::AllowedHosts;
use crate::paths::Root;
use crate::paths::Roots;
use crate::server::{Ready, Server, check_files};
use anyhow::Context;
use clap::Args;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio::io::AsyncReadExt;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Serve a folder, and let plugins in.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The folder to serve; its pagewire.toml may say what the flags below do not
    #[arg(default_value = ".")]
    root: PathBuf,

    #[command(flatten)]
    flags: Flags,

    /// Stop when standard input closes
    // Only who starts the daemon knows what its standard input is: neither file nor variable.
    #[arg(long)]
    exit_with_stdin: bool,

    /// Start in the background, print the ready line and return
    #[arg(long, conflicts_with = "exit_with_stdin")]
    detach: bool,
}

/// Bad usage or configuration.
pub(super) const USAGE: u8 = 2;

pub(super) fn main(arguments: &Arguments) -> ExitCode {
    if arguments.detach {
        return super::detach::main();
    }
    let configured = gather(&arguments.root, &arguments.flags).and_then(|(settings, file)| {
        let config = config(&arguments.root, &settings, arguments.exit_with_stdin)?;
        Ok((settings, file, config))
    });
    let (settings, file, config) = match configured {
        Ok(configured) => configured,
        Err(error) => return fail(USAGE, &error),
    };
    let log = match LogOutput::start() {
        Ok(log) => log,
        Err(error) => return fail(1, &error.into()),
    };
    start_log(&settings, log.clone());
    if let Some(file) = file {
        tracing::info!(target: "pagewire::server", file = %file.display(), "settings were read");
    }
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
    log.flush();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(Stopped::CannotStart(error)) => fail(USAGE, &error),
        Err(Stopped::Failed(error)) => fail(1, &error),
    }
}

pub(super) fn fail(code: u8, error: &anyhow::Error) -> ExitCode {
    eprintln!("error: {}", one_line(error));
    ExitCode::from(code)
}

enum Stopped {
    CannotStart(anyhow::Error),
    Failed(anyhow::Error),
}

async fn run(config: Config) -> Result<(), Stopped> {
    let exit_with_stdin = config.exit_with_stdin;
    let (stop, cut) = (CancellationToken::new(), CancellationToken::new());
    // Before the ready line: who reads it may send a signal at once.
    watch_signals(stop.clone(), cut.clone()).map_err(|error| Stopped::Failed(error.into()))?;
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
    tokio::select! {
        ended = server.run(stop, started) => {
            ended.context("the daemon failed").map_err(Stopped::Failed)
        }
        // The server is dropped, and with it what it left in the runtime folder.
        () = cut.cancelled() => Err(Stopped::Failed(anyhow::anyhow!("a second signal came before everybody had left"))),
    }
}

/// The first signal drains, the second stops at once, the third whatever happens.
fn watch_signals(stop: CancellationToken, cut: CancellationToken) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        for then in [stop, cut] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            then.cancel();
        }
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        std::process::exit(1);
    });
    Ok(())
}

/// One line of JSON for programs, a few lines for people.
fn announce(ready: &Ready) -> std::io::Result<()> {
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
                "           browsers warn until they trust this file: README, \"https\""
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

/// As meant.
pub(super) fn config(
    root: &Path,
    settings: &Settings,
    exit_with_stdin: bool,
) -> anyhow::Result<Config> {
    let allowed_dirs: Vec<PathBuf> = settings.many("allow_dir");
    if let Some(missing) = allowed_dirs.iter().find(|dir| !dir.is_dir()) {
        let origin = &settings.get("allow_dir").origin;
        anyhow::bail!(
            "{origin}: allow_dir is not a directory: {} (pass an existing folder)",
            missing.display()
        );
    }
    let allowed_names: Vec<String> = settings.many("allow_file");
    let open = |dir: &Path| Root::open(dir, &allowed_dirs, &allowed_names);
    let mount = |Mount { prefix, dir }| {
        let root = open(&dir).map_err(|error| {
            anyhow::anyhow!(
                "{}: {}: {error}",
                settings.get("mount").origin,
                prefix.as_str()
            )
        })?;
        Ok((prefix, root))
    };
    let mounts: Vec<Mount> = settings.many("mount");
    let mounts = mounts
        .into_iter()
        .map(mount)
        .collect::<anyhow::Result<_>>()?;
    let hosts: Vec<String> = settings.many("allow_host");
    let tls = certificate(settings)?;
    let plugins: Vec<PluginConfig> = settings.many("plugin");
    if let Some(name) = name_given_twice(&plugins) {
        let origin = &settings.get("plugin").origin;
        anyhow::bail!("{origin}: plugin name {name:?} is given twice (a name is one plugin's)");
    }
    Ok(Config {
        roots: Roots::new(open(root)?, mounts),
        base_path: settings.always("base_path"),
        app_index: settings.one("app_index"),
        listing: settings.always("listing"),
        no_files: settings.always("no_files"),
        mime_types: settings.many("mime_types"),
        proxies: settings.many("proxy"),
        host: settings.one("host"),
        port: settings
            .one("port")
            .map_or(Port::FirstFreeFrom(DEFAULT_PORT), Port::Exactly),
        controls: settings.many("control"),
        allowed: AllowedHosts {
            hosts: hosts.iter().map(|host| host.to_ascii_lowercase()).collect(),
            origins: settings.many("allow_origin"),
            https: tls.is_some(),
        },
        tls,
        plugins,
        inject: settings.always("inject"),
        preload_modules: settings.always("preload_modules"),
        node_resolve: settings.always("node_resolve"),
        watch: settings.always("watch"),
        watch_poll: settings.always("watch_poll"),
        console: settings.always("console"),
        debug: settings.always("debug"),
        exit_with_stdin,
    })
}

/// Files imply TLS, unless it is said to be off.
fn certificate(settings: &Settings) -> anyhow::Result<Option<Certificate>> {
    let tls: Option<bool> = settings.one("tls");
    let alone = |given, missing| {
        let InForce { values, origin, .. } = settings.get(given);
        anyhow::anyhow!(
            "{origin}: {given} is {} and {missing} is not given (give both, or neither for a certificate of pagewire's own)",
            values.concat()
        )
    };
    match (settings.one::<PathBuf>("tls_cert"), settings.one("tls_key")) {
        _ if tls == Some(false) => Ok(None),
        (None, None) => Ok(tls.map(|_| Certificate::Localhost)),
        (Some(_), None) => Err(alone("tls_cert", "tls_key")),
        (None, Some::<PathBuf>(_)) => Err(alone("tls_key", "tls_cert")),
        (Some(cert), Some(key)) => {
            let origin = || settings.get("tls_cert").origin.to_string();
            check_files(&cert, &key).with_context(origin)?;
            Ok(Some(Certificate::Files { cert, key }))
        }
    }
}

fn start_log(settings: &Settings, output: LogOutput) {
    let LogLevels { levels } = settings.always("log");
    let filter = levels
        .into_iter()
        .fold(Targets::new(), |filter, (part, level)| match part {
            Some(part) => filter.with_target(part, level),
            None => filter.with_default(level),
        });
    let terminal = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt::layer().with_writer(output);
    let registry = tracing_subscriber::registry().with(filter);
    match settings.always("log_format") {
        LogFormat::Text => registry.with(lines.with_ansi(terminal)).init(),
        LogFormat::Json => registry.with(lines.json()).init(),
    }
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
