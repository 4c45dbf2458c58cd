//! Pagewire beside its peers: every case on every server, in interleaved rounds, one table.
//!
//! `benches/run` installs the peers, builds and starts this. Absolute figures drift from machine to
//! machine and from hour to hour; the ratios within one run are the result.

mod bare;
mod download;
mod http;
mod load;
mod machine;
mod process;
mod requests;
mod saves;
mod server;
mod site;
mod table;

use anyhow::{Context, ensure};
use clap::Parser;
use server::{Peer, Server};
use site::Site;
use std::path::PathBuf;
use std::time::Duration;
use table::{Figure, Row};

/// What the command line says.
#[derive(Parser)]
struct Arguments {
    /// Fewer and shorter rounds, for under two minutes in all
    #[arg(long)]
    quick: bool,
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
    /// Used by the benchmark itself: be the bare server of this folder
    #[arg(long, hide = true)]
    bare: Option<PathBuf>,
}

/// How much is done.
#[derive(Clone, Copy)]
struct Effort {
    rounds: usize,
    /// Before each measurement; by the median round a just-in-time compiler is done with its work.
    warm_up: Duration,
    measure: Duration,
    /// Saves of a file in one run.
    saves: usize,
}

const QUICK: Effort = Effort {
    rounds: 3,
    warm_up: Duration::from_millis(700),
    measure: Duration::from_millis(400),
    saves: 2,
};

const FULL: Effort = Effort {
    rounds: 9,
    warm_up: Duration::from_millis(300),
    measure: Duration::from_secs(2),
    saves: 7,
};

/// Something that is measured. A run on one server gives one value for each figure, or says why
/// there is none; it first makes sure that the server answers rightly, for a wrong answer is fast.
struct Case {
    name: &'static str,
    peers: &'static [Peer],
    /// The servers watch the files.
    watch: bool,
    figures: &'static [Figure],
    run: Run,
}

type Run = Box<dyn Fn(&Server, Effort) -> anyhow::Result<Vec<f64>>>;

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if let Some(folder) = &arguments.bare {
        return bare::serve(folder);
    }
    let effort = if arguments.quick { QUICK } else { FULL };
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
    let mut cases = requests::cases();
    cases.push(download::case());
    cases.extend(saves::case(&start)?);
    cases.retain(|case| case.name.contains(&arguments.case));
    let mut rows = Vec::new();
    for case in &cases {
        eprintln!("{} ...", case.name);
        rows.extend(measure(case, &start, effort)?);
    }
    table::print(&rows);
    let ours_failed = rows.iter().any(Row::ours_failed);
    ensure!(!ours_failed, "Pagewire fails at a case: see above");
    Ok(())
}

/// All rounds of a case. The servers run side by side, but only one of them is asked at a time.
fn measure(case: &Case, start: &server::Start<'_>, effort: Effort) -> anyhow::Result<Vec<Row>> {
    let servers = case
        .peers
        .iter()
        .map(|peer| {
            Server::start(*peer, case.watch, start)
                .with_context(|| format!("{peer:?} does not start"))
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    let mut rows: Vec<Row> = case
        .figures
        .iter()
        .map(|figure| Row::new(case.name, *figure, case.peers))
        .collect();
    // Who cannot do it is not asked again; the table says so.
    let mut failed = vec![false; servers.len()];
    for _ in 0..effort.rounds {
        for (column, server) in servers.iter().enumerate() {
            if failed[column] {
                continue;
            }
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
