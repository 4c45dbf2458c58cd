//! Compares Pagewire with its peers: every case on every server, in interleaved rounds, in one table.
//!
//! `benches/run` installs the peers, then builds and starts this program. Absolute figures drift from
//! machine to machine and from hour to hour; the ratios within one run are the result.
//!
//! The modules in reading order: [`case`] says what a case is, [`cases`] are the measurements, [`peers`]
//! starts the servers with their plugins, [`load`] generates requests and pages, [`table`] prints.

mod case;
mod cases;
mod frames;
mod load;
mod machine;
mod peers;
mod process;
mod site;
mod table;

use anyhow::{Context, ensure};
use case::{Case, Effort, Rounds};
use clap::Parser;
use peers::{Peer, PluginSet, Server, StartOptions, bare};
use site::{ManyModules, Site};
use std::path::PathBuf;
use table::{Ratios, Row};

#[derive(Parser)]
struct Arguments {
    /// Fewer and shorter rounds; cases that take long even so are left out unless `--case` names them.
    /// Takes about two minutes
    #[arg(long)]
    quick: bool,
    /// Compare the client libraries instead
    #[arg(long)]
    languages: bool,
    /// Do not pin servers and load generator to one core each
    #[arg(long)]
    unpinned: bool,
    /// Run only the cases whose name contains this text
    #[arg(long, default_value = "")]
    case: String,
    /// The binary to measure
    #[arg(long, default_value = "target/release/pagewire")]
    pagewire: PathBuf,
    /// The folder with the npm packages of the peers
    #[arg(long, default_value = "benches/peers")]
    peers: PathBuf,
    /// Internal: run as the bare server of this folder; its plugin handles what `--plugins` names
    #[arg(long, hide = true)]
    bare: Option<PathBuf>,
    /// Internal: run as the plugin of the bare server at `PAGEWIRE_ENDPOINT`
    #[arg(long, hide = true)]
    bare_plugin: bool,
    /// Internal: run as these plugins of the daemon at `PAGEWIRE_ENDPOINT`
    #[arg(long, hide = true)]
    plugins: Option<PluginSet>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if arguments.bare.is_some() || arguments.bare_plugin || arguments.plugins.is_some() {
        peers::exit_with_parent();
    }
    if let Some(folder) = &arguments.bare {
        return bare::serve(folder, arguments.plugins.unwrap_or_default());
    }
    if arguments.bare_plugin {
        return bare::run_plugin();
    }
    if let Some(plugins) = arguments.plugins {
        return plugins.run();
    }
    process::raise_file_limit()?;
    let site = Site::create()?;
    let options = StartOptions {
        site: site.path(),
        pagewire: &arguments.pagewire,
        peers: &arguments.peers,
        pinned: !arguments.unpinned,
    };
    if options.pinned {
        process::pin(process::GENERATOR_CORE)?;
    }
    machine::describe(&options)?;
    let mut effort = if arguments.quick {
        Effort::QUICK
    } else {
        Effort::FULL
    };
    let (tables, ratios) = if arguments.languages {
        effort.first_warm_up *= cases::LANGUAGE_WARM_UP_FACTOR;
        (vec![cases::of_languages()], Ratios::ToWebDevServer)
    } else {
        (cases::tables(&options)?, Ratios::OfPagewire)
    };
    println!(
        "medians (min..max); **N x**: how far {} (below 1: behind)",
        ratios.describe()
    );
    let include_long = !arguments.quick || arguments.languages || !arguments.case.is_empty();
    let mut pagewire_failed = false;
    for mut cases in tables {
        cases.retain(|case| {
            case.name.contains(&arguments.case) && (include_long || !case.rounds.take_long())
        });
        let mut rows = Vec::new();
        for case in &cases {
            eprintln!("{} ...", case.name);
            rows.extend(measure(case, &options, effort)?);
        }
        pagewire_failed |= rows.iter().any(Row::pagewire_failed);
        if !rows.is_empty() {
            table::print(&rows, ratios);
        }
    }
    ensure!(
        !pagewire_failed,
        "Pagewire failed in at least one case: see above"
    );
    Ok(())
}

/// Runs all rounds of a case. The servers run side by side, but only one at a time is under load.
fn measure(case: &Case, options: &StartOptions<'_>, effort: Effort) -> anyhow::Result<Vec<Row>> {
    // Created before the servers, so that it is dropped after them.
    let _modules = case
        .setup
        .many_modules
        .then(|| ManyModules::create(options.site))
        .transpose()?;
    let mut rows: Vec<Row> = case
        .figures
        .iter()
        .map(|figure| Row::new(case.name, *figure, case.peers))
        .collect();
    // A peer that fails once is not measured again; the table shows the failure.
    let mut failed = vec![false; case.peers.len()];
    let mut servers = Vec::new();
    for round in 0..effort.count(case.rounds) {
        let mut effort = effort;
        if round == 0 || case.rounds == Rounds::Fresh {
            effort.warm_up = effort.first_warm_up;
            servers.clear();
            for peer in case.peers {
                servers.push(start_if_installed(*peer, case, options)?);
            }
        }
        for (column, server) in servers.iter().enumerate() {
            let Some(server) = server.as_ref().filter(|_| !failed[column]) else {
                continue;
            };
            let values = (case.run)(server, effort).unwrap_or_else(|error| {
                eprintln!("{:?} fails at {}: {error:#}", server.peer(), case.name);
                failed[column] = true;
                vec![f64::NAN; case.figures.len()]
            });
            for (row, value) in rows.iter_mut().zip(values) {
                row.values[column].push(value);
            }
        }
    }
    Ok(rows)
}

fn start_if_installed(
    peer: Peer,
    case: &Case,
    options: &StartOptions<'_>,
) -> anyhow::Result<Option<Server>> {
    if !peer.is_installed() {
        return Ok(None);
    }
    let server = Server::start(peer, case.setup, options);
    Ok(Some(
        server.with_context(|| format!("{peer:?} does not start"))?,
    ))
}
