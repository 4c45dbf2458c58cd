//! A cold start: from the start of the process to the first 200 with exactly the page that this server
//! gives later, too; to the first line that it says, which with Pagewire means that it is ready; and
//! what it holds in memory then, before anybody has asked for anything, and after the first page.

use crate::child;
use crate::requests::plain_or_injected;
use crate::server::{self, Peer, Server, Setup, Start};
use crate::table::{Figure, median};
use crate::{Case, Effort, Rounds, http, process, site};
use anyhow::{Context, ensure};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const FIGURES: &[Figure] = &[
    Figure::less("ms to first page"),
    Figure::less("ms to ready line"),
    Figure::less("MiB when ready"),
    Figure::less("MiB after a page"),
];

/// How long a start may take.
const GUARD: Duration = Duration::from_secs(20);

/// How often it is tried whether it listens: what a value may be too large by.
const TRY_EVERY: Duration = Duration::from_micros(50);

pub(crate) fn case(start: &Start<'_>) -> Case {
    let (pagewire, peers, pinned) = (
        start.pagewire.to_owned(),
        start.peers.to_owned(),
        start.pinned,
    );
    Case {
        name: "cold start",
        peers: &[Peer::Pagewire, Peer::Ancestor, Peer::Vite],
        setup: Setup::default(),
        rounds: Rounds::Short,
        figures: FIGURES,
        run: Box::new(move |server, effort| {
            let start = Start {
                site: server.site(),
                pagewire: &pagewire,
                peers: &peers,
                pinned,
            };
            run(server, &start, effort)
        }),
    }
}

/// Others start beside `server`, which runs already and says what is right.
fn run(server: &Server, start: &Start<'_>, effort: Effort) -> anyhow::Result<Vec<f64>> {
    let page = plain_or_injected(server, site::PAGE)?.body;
    let ready = resident_when_ready(server.peer(), start)?;
    let begin = Instant::now();
    let mut starts = Vec::new();
    while starts.is_empty() || begin.elapsed() < effort.measure {
        starts.push(once(server.peer(), start, &page)?);
    }
    let figure = |at: usize| median(starts.iter().map(|figures| figures[at])).context("no value");
    Ok(vec![figure(0)?, figure(1)?, ready, figure(2)?])
}

/// Started and left alone.
fn resident_when_ready(peer: Peer, start: &Start<'_>) -> anyhow::Result<f64> {
    let folder = tempfile::tempdir()?;
    let (_, mut process) = spawn(peer, start, folder.path(), server::free_address()?)?;
    let said = process.0.stdout.take().context("piped")?;
    let mut said = BufReader::new(said);
    said.read_line(&mut String::new())?;
    resident_mib(&process)
}

fn resident_mib(process: &Ends) -> anyhow::Result<f64> {
    let resident = process::resident_bytes(&process::tree(process.0.id()))?;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    Ok(resident as f64 / (1024.0 * 1024.0))
}

/// Starts one on the servers' core, and says when that was.
fn spawn(
    peer: Peer,
    start: &Start<'_>,
    folder: &Path,
    address: SocketAddr,
) -> anyhow::Result<(Instant, Ends)> {
    let mut command = server::command(peer, start, start.site, folder, address)?;
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut spawn = || (Instant::now(), command.spawn());
    let (begin, process) = if start.pinned {
        process::on_core(process::SERVER_CORE, spawn)?
    } else {
        spawn()
    };
    Ok((begin, Ends(process?)))
}

/// To the first page and to the first line, in milliseconds; what it holds then, in MiB.
fn once(peer: Peer, start: &Start<'_>, page: &[u8]) -> anyhow::Result<[f64; 3]> {
    let folder = tempfile::tempdir()?;
    let address = server::free_address()?;
    let (begin, mut process) = spawn(peer, start, folder.path(), address)?;
    let said = process.0.stdout.take().context("piped")?;
    // Kept until the end: who prints more must not fail.
    let mut said = BufReader::new(said);
    let request = http::get(address, site::PAGE, "");
    let (to_line, to_page) = thread::scope(|scope| {
        let line = scope.spawn(|| {
            let read = said.read_line(&mut String::new());
            read.map(|_| begin.elapsed())
        });
        let to_page = loop {
            // Refused until it listens, and then answered when it can.
            if let Ok(answer) = http::ask(address, &request) {
                let elapsed = begin.elapsed();
                ensure!(answer.status == 200, "status {} at first", answer.status);
                ensure!(answer.body == page, "the first page is another one");
                break elapsed;
            }
            if begin.elapsed() > GUARD {
                // So that nobody waits for its line.
                child::end(&mut process.0);
                anyhow::bail!("no page in time");
            }
            thread::sleep(TRY_EVERY);
        };
        let to_line = line.join().expect("reading does not panic")?;
        Ok((to_line, to_page))
    })?;
    Ok([
        to_page.as_secs_f64() * 1e3,
        to_line.as_secs_f64() * 1e3,
        resident_mib(&process)?,
    ])
}

/// A process that ends with this value.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        child::end(&mut self.0);
    }
}
