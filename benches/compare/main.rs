//! Pagewire beside its peers: every case on every server, in interleaved rounds, one table.
//!
//! `benches/run` installs the peers, builds and starts this. Absolute figures drift from machine to
//! machine and from hour to hour; the ratios within one run are the result.

mod bare;
mod bare_plugins;
mod bare_sockets;
mod child;
mod cold;
mod download;
mod fanout;
mod frames;
mod growth;
mod hooks;
mod http;
mod imports;
mod languages;
mod load;
mod loads;
mod machine;
mod pages;
mod plugins;
mod process;
mod replies;
mod requests;
mod saves;
mod server;
mod site;
mod table;
mod talk;

use anyhow::{Context, ensure};
use clap::Parser;
use plugins::Plugins;
use server::{Peer, Server, Setup};
use site::{ManyModules, Site};
use std::path::PathBuf;
use std::time::Duration;
use table::{Figure, Ratios, Row};

/// What the command line says.
#[derive(Parser)]
struct Arguments {
    /// Fewer and shorter rounds, and not the cases that take long all the same, unless one is named: about
    /// two minutes in all
    #[arg(long)]
    quick: bool,
    /// Compare the languages of plugins, and nothing else
    #[arg(long)]
    languages: bool,
    /// Leave servers and generator on whatever core the system chooses
    #[arg(long)]
    unpinned: bool,
    /// Only cases whose name contains this
    #[arg(long, default_value = "")]
    case: String,
    /// The binary to measure
    #[arg(long, default_value = "target/release/pagewire")]
    pagewire: PathBuf,
    /// The folder with the npm packages of the peers
    #[arg(long, default_value = "benches/peers")]
    peers: PathBuf,
    /// Used by the benchmark itself: be the bare server of this folder, which asks its plugin what
    /// `--plugins` says
    #[arg(long, hide = true)]
    bare: Option<PathBuf>,
    /// Used by the benchmark itself: be the plugin of the bare server that `PAGEWIRE_ENDPOINT` names
    #[arg(long, hide = true)]
    bare_plugin: bool,
    /// Used by the benchmark itself: be these plugins of the daemon that `PAGEWIRE_ENDPOINT` names
    #[arg(long, hide = true)]
    plugins: Option<Plugins>,
}

/// How much is done.
#[derive(Clone, Copy)]
struct Effort {
    rounds: usize,
    /// Of cases about small differences.
    close_rounds: usize,
    /// Of cases whose rounds take seconds.
    long_rounds: usize,
    /// Of those that also start servers in each round.
    fresh_rounds: usize,
    /// Before the first measurement of a server, so that a just-in-time compiler is done with its work.
    first_warm_up: Duration,
    /// Before each other one.
    warm_up: Duration,
    measure: Duration,
    /// Saves of a file in one run.
    saves: usize,
    /// Loads of a page by a server that has served it before, in one run.
    loads: usize,
}

const QUICK: Effort = Effort {
    rounds: 3,
    close_rounds: 2,
    long_rounds: 2,
    fresh_rounds: 1,
    first_warm_up: Duration::from_millis(300),
    warm_up: Duration::from_millis(50),
    measure: Duration::from_millis(200),
    saves: 2,
    loads: 1,
};

const FULL: Effort = Effort {
    rounds: 9,
    close_rounds: 12,
    long_rounds: 7,
    fresh_rounds: 5,
    first_warm_up: Duration::from_secs(2),
    warm_up: Duration::from_millis(200),
    measure: Duration::from_secs(1),
    saves: 7,
    loads: 2,
};

/// How the rounds of a case are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rounds {
    /// As long as [`Effort::measure`] says.
    Short,
    /// The same, and more of them: small differences are to be seen.
    Close,
    /// Some seconds.
    Long,
    /// The same, and each has servers of its own: what they keep is measured as well.
    Fresh,
}

impl Rounds {
    /// However few they are.
    fn take_long(self) -> bool {
        matches!(self, Self::Close | Self::Fresh)
    }
}

/// Something that is measured. A run on one server gives one value for each figure, or says why
/// there is none; it first makes sure that the server answers rightly, for a wrong answer is fast.
struct Case {
    name: &'static str,
    peers: &'static [Peer],
    setup: Setup,
    rounds: Rounds,
    figures: &'static [Figure],
    run: Run,
}

type Run = Box<dyn Fn(&Server, Effort) -> anyhow::Result<Vec<f64>>>;

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if arguments.bare.is_some() || arguments.bare_plugin || arguments.plugins.is_some() {
        child::end_with_parent();
    }
    if let Some(folder) = &arguments.bare {
        return bare::serve(folder, arguments.plugins.unwrap_or_default());
    }
    if arguments.bare_plugin {
        return bare_plugins::run();
    }
    if let Some(plugins) = arguments.plugins {
        return plugins.run();
    }
    process::raise_file_limit()?;
    let mut effort = if arguments.quick { QUICK } else { FULL };
    let site = Site::create()?;
    let start = server::Start {
        site: site.path(),
        pagewire: &arguments.pagewire,
        peers: &arguments.peers,
        pinned: !arguments.unpinned,
    };
    if start.pinned {
        process::pin(process::GENERATOR_CORE)?;
    }
    machine::describe(&start)?;
    let mut ours_failed = false;
    let (tables, ratios) = if arguments.languages {
        effort.first_warm_up *= languages::WARM_UPS;
        (vec![languages::cases()], Ratios::ToAncestor)
    } else {
        let mut files = requests::cases();
        files.push(download::case());
        files.extend(saves::case(&start)?);
        files.push(cold::case(&start));
        let mut sockets = vec![replies::case(), imports::case()];
        sockets.extend(fanout::cases());
        sockets.extend(growth::cases());
        files.extend(loads::cases(&start));
        (vec![files, hooks::cases(), sockets], Ratios::OfPagewire)
    };
    println!(
        "medians (least..most); **N x**: how far {} (below 1: behind)",
        ratios.say()
    );
    let all = !arguments.quick || arguments.languages || !arguments.case.is_empty();
    for mut cases in tables {
        cases.retain(|case| {
            case.name.contains(&arguments.case) && (all || !case.rounds.take_long())
        });
        let mut rows = Vec::new();
        for case in &cases {
            eprintln!("{} ...", case.name);
            rows.extend(measure(case, &start, effort)?);
        }
        ours_failed |= rows.iter().any(Row::ours_failed);
        if !rows.is_empty() {
            table::print(&rows, ratios);
        }
    }
    ensure!(!ours_failed, "Pagewire fails at a case: see above");
    Ok(())
}

/// All rounds of a case. The servers run side by side, but only one of them is asked at a time.
fn measure(case: &Case, start: &server::Start<'_>, effort: Effort) -> anyhow::Result<Vec<Row>> {
    // Before the servers, so that it goes after them.
    let _modules = case
        .setup
        .many_modules
        .then(|| ManyModules::create(start.site))
        .transpose()?;
    let mut rows: Vec<Row> = case
        .figures
        .iter()
        .map(|figure| Row::new(case.name, *figure, case.peers))
        .collect();
    // Who cannot do it is not asked again; the table says so.
    let mut failed = vec![false; case.peers.len()];
    let mut servers = Vec::new();
    let rounds = match case.rounds {
        Rounds::Short => effort.rounds,
        Rounds::Close => effort.close_rounds,
        Rounds::Long => effort.long_rounds,
        Rounds::Fresh => effort.fresh_rounds,
    };
    for round in 0..rounds {
        let mut effort = effort;
        if round == 0 || case.rounds == Rounds::Fresh {
            effort.warm_up = effort.first_warm_up;
            servers.clear();
            for peer in case.peers {
                let server = peer
                    .is_installed()
                    .then(|| Server::start(*peer, case.setup, start))
                    .transpose()
                    .with_context(|| format!("{peer:?} does not start"))?;
                servers.push(server);
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
