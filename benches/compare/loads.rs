//! Pages with many modules in Chromium: from the start of the navigation until the last module has run.
//! The page measures it, and says it with what its modules have come to.

use crate::requests::{plain_or_injected, unchanged};
use crate::server::{Peer, Server, Setup, Start};
use crate::site::{self, Imports};
use crate::table::{Figure, median};
use crate::{Case, Effort, Rounds, process};
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
    Peer::Ancestor,
    Peer::Vite,
];

const FIGURES: &[Figure] = &[Figure::less("ms first"), Figure::less("ms again")];

/// A chain is loaded more often than a thousand modules, in less time.
const CHAIN_LOADS: usize = 3;

pub(crate) fn cases(start: &Start<'_>) -> [Case; 2] {
    let case = |name, imports: Imports, loads: usize| {
        let script = start.peers.join("loads.js");
        // One for all rounds.
        let browser = RefCell::new(None);
        Case {
            name,
            peers: PEERS,
            setup: Setup {
                hints: true,
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
                check(server, imports)?;
                Ok(vec![first, again.context("no value")?])
            }),
        }
    };
    [
        case("page of 1,000 modules", site::THOUSAND, 1),
        case("chain of 60 modules", site::CHAIN, CHAIN_LOADS),
    ]
}

/// Fails unless files are as they are, and the page has as many hints as is said of the server. It is
/// known for as long as that by now: who looks first would be who loads it first.
fn check(server: &Server, imports: Imports) -> anyhow::Result<()> {
    let page = plain_or_injected(server, &imports.page())?;
    if server.peer() != Peer::Vite {
        unchanged(server, &imports.module(imports.count - 1))?;
    }
    let hints = String::from_utf8_lossy(&page.body)
        .matches("rel=\"modulepreload\"")
        .count();
    let expected = match server.peer() {
        Peer::Pagewire if imports.is_chain => imports.count - 1..=imports.count - 1,
        // As many as are found in time, and no more than there may be.
        Peer::Pagewire => 1..=512,
        _ => 0..=0,
    };
    ensure!(expected.contains(&hints), "{hints} hints, not {expected:?}");
    Ok(())
}

/// Chromium, on any core: a browser has several, and leaves the server's when that has work.
struct Browser {
    process: Child,
    urls: Option<ChildStdin>,
    said: BufReader<ChildStdout>,
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
        let said = process.stdout.take().context("piped")?;
        Ok(Self {
            urls: process.stdin.take(),
            said: BufReader::new(said),
            process,
            log,
            _folder: folder,
        })
    }

    /// The milliseconds that a page takes; an error unless all of its modules have run.
    fn load(&mut self, server: &Server, imports: Imports) -> anyhow::Result<f64> {
        let urls = self.urls.as_mut().context("piped")?;
        writeln!(urls, "http://{}{}", server.address(), imports.page())?;
        let mut said = String::new();
        self.said.read_line(&mut said)?;
        let said: serde_json::Value = serde_json::from_str(&said)
            .with_context(|| std::fs::read_to_string(&self.log).unwrap_or_default())?;
        let sum = said["sum"].as_u64().context("no sum")?;
        ensure!(sum == imports.sum() as u64, "the modules come to {sum}");
        said["ms"].as_f64().context("no time")
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It ends when no URL follows.
        drop(self.urls.take());
        let _ = self.process.wait();
    }
}
