//! Pages with many modules in Chromium: from the start of the navigation until the last module has run.
//! The page measures the time and reports it together with the sum that its modules compute.

use super::responses::{page, unchanged};
use crate::case::{Case, Effort, Rounds};
use crate::peers::{Peer, Server, Setup, StartOptions};
use crate::process;
use crate::site::{self, ImportGraph};
use crate::table::{Figure, median};
use anyhow::{Context, ensure};
use std::cell::RefCell;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use tempfile::TempDir;

const PEERS: &[Peer] = &[
    Peer::Pagewire,
    Peer::Without,
    Peer::Nginx,
    Peer::WebDevServer,
    Peer::Vite,
];

const FIGURES: &[Figure] = &[Figure::less("ms first"), Figure::less("ms again")];

/// Number of loads of the chain for each load of the 1,000 modules: one load of the chain is shorter.
const CHAIN_LOADS: usize = 3;

/// Pagewire's limit of module preload hints in one page.
const MAX_HINTS: usize = 512;

pub(crate) fn cases(options: &StartOptions<'_>) -> [Case; 2] {
    let case = |name, imports: ImportGraph, loads: usize| {
        let script = options.peers.join("loads.js");
        // One browser for all rounds.
        let browser = RefCell::new(None);
        Case {
            name,
            peers: PEERS,
            setup: Setup {
                preload_hints: true,
                ..Setup::default()
            },
            rounds: Rounds::Fresh,
            figures: FIGURES,
            run: Box::new(move |server: &Server, effort: Effort| {
                let mut browser = browser.borrow_mut();
                let browser = match &mut *browser {
                    Some(browser) => browser,
                    none => none.insert(Browser::start(&script)?),
                };
                let first = browser.load(server, imports)?;
                let again = (0..effort.loads * loads).map(|_| browser.load(server, imports));
                let again = median(again.collect::<anyhow::Result<Vec<f64>>>()?);
                verify(server, imports)?;
                Ok(vec![first, again.context("no further load was measured")?])
            }),
        }
    };
    [
        case("page of 1,000 modules", site::THOUSAND, 1),
        case("chain of 60 modules", site::CHAIN, CHAIN_LOADS),
    ]
}

/// Fails unless files are unchanged and the page has the number of preload hints that is expected of this
/// server. Runs after the loads: a request before them would be the first load.
fn verify(server: &Server, imports: ImportGraph) -> anyhow::Result<()> {
    let page = page(server, &imports.page_path())?;
    if server.peer() != Peer::Vite {
        unchanged(server, &imports.module_path(imports.count - 1))?;
    }
    let hints = String::from_utf8_lossy(&page.body)
        .matches("rel=\"modulepreload\"")
        .count();
    let expected = match server.peer() {
        Peer::Pagewire if imports.is_chain => imports.count - 1..=imports.count - 1,
        // One hint for each module that the daemon has found in time.
        Peer::Pagewire => 1..=MAX_HINTS,
        _ => 0..=0,
    };
    ensure!(
        expected.contains(&hints),
        "{hints} preload hints, expected {expected:?}"
    );
    Ok(())
}

/// Chromium on any core: a browser has several processes, and the scheduler moves them off the server's
/// core when that is busy.
struct Browser {
    process: Child,
    urls: Option<ChildStdin>,
    reports: BufReader<ChildStdout>,
    log: PathBuf,
    _folder: TempDir,
}

impl Browser {
    fn start(script: &Path) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let log = folder.path().join("log");
        let mut command = Command::new("node");
        command.arg(script).stderr(File::create(&log)?);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = process::on_any_core(|| command.spawn())??;
        let reports = process.stdout.take().context("stdout is piped")?;
        Ok(Self {
            urls: process.stdin.take(),
            reports: BufReader::new(reports),
            process,
            log,
            _folder: folder,
        })
    }

    /// The load time of a page in milliseconds. Fails unless all of its modules have run.
    fn load(&mut self, server: &Server, imports: ImportGraph) -> anyhow::Result<f64> {
        let urls = self.urls.as_mut().context("stdin is piped")?;
        writeln!(urls, "http://{}{}", server.address(), imports.page_path())?;
        let mut report = String::new();
        self.reports.read_line(&mut report)?;
        let report: serde_json::Value = serde_json::from_str(&report)
            .with_context(|| std::fs::read_to_string(&self.log).unwrap_or_default())?;
        let sum = report["sum"].as_u64().context("no sum in the report")?;
        ensure!(
            sum == imports.sum() as u64,
            "the modules computed {sum}, expected {}",
            imports.sum()
        );
        report["ms"].as_f64().context("no time in the report")
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The script exits at the end of its input.
        drop(self.urls.take());
        let _ = self.process.wait();
    }
}
