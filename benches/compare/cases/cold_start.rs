//! Measures a cold start: the time from the start of the process to the first 200 with exactly the page
//! that the server also serves later, and to the first line of output (Pagewire's ready line). Also
//! measures the memory that the server holds when it is ready, before any request, and after the first
//! page.

use super::responses;
use crate::case::{Case, Effort, Rounds};
use crate::load::http;
use crate::peers::{self, Peer, Server, Setup, StartOptions};
use crate::table::{Figure, median};
use crate::{process, site};
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

/// A start that takes longer is an error.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// Interval between connection attempts: the largest error of a measured time.
const RETRY_INTERVAL: Duration = Duration::from_micros(50);

pub(crate) fn case(options: &StartOptions<'_>) -> Case {
    let (pagewire, peers, pinned) = (
        options.pagewire.to_owned(),
        options.peers.to_owned(),
        options.pinned,
    );
    Case {
        name: "cold start",
        peers: &[Peer::Pagewire, Peer::WebDevServer, Peer::Vite],
        setup: Setup::default(),
        rounds: Rounds::Short,
        figures: FIGURES,
        run: Box::new(move |server, effort| {
            let options = StartOptions {
                site: server.site(),
                pagewire: &pagewire,
                peers: &peers,
                pinned,
            };
            run(server, &options, effort)
        }),
    }
}

/// Starts further servers of the same kind while `server` runs, and expects the same page from them.
fn run(server: &Server, options: &StartOptions<'_>, effort: Effort) -> anyhow::Result<Vec<f64>> {
    let page = responses::page(server, site::PAGE)?.body;
    let ready_mib = memory_when_ready(server.peer(), options)?;
    let start = Instant::now();
    let mut starts = Vec::new();
    while starts.is_empty() || start.elapsed() < effort.measure {
        starts.push(measure_start(server.peer(), options, &page)?);
    }
    let figure = |index: usize| {
        median(starts.iter().map(|figures| figures[index])).context("no start was measured")
    };
    Ok(vec![figure(0)?, figure(1)?, ready_mib, figure(2)?])
}

/// The memory in MiB of a server that is ready and has had no request.
fn memory_when_ready(peer: Peer, options: &StartOptions<'_>) -> anyhow::Result<f64> {
    let folder = tempfile::tempdir()?;
    let (_, mut process) = spawn(peer, options, folder.path(), peers::free_address()?)?;
    let output = process.0.stdout.take().context("stdout is piped")?;
    let mut output = BufReader::new(output);
    output.read_line(&mut String::new())?;
    resident_mib(&process)
}

fn resident_mib(process: &KillOnDrop) -> anyhow::Result<f64> {
    let resident = process::resident_bytes(&process::tree(process.0.id()))?;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    Ok(resident as f64 / (1024.0 * 1024.0))
}

/// Starts a server on the servers' core; returns it with the time right before.
fn spawn(
    peer: Peer,
    options: &StartOptions<'_>,
    folder: &Path,
    address: SocketAddr,
) -> anyhow::Result<(Instant, KillOnDrop)> {
    let mut command = peers::server_command(peer, options, options.site, folder, address)?;
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut spawn = || (Instant::now(), command.spawn());
    let (start, process) = if options.pinned {
        process::on_core(process::SERVER_CORE, spawn)?
    } else {
        spawn()
    };
    Ok((start, KillOnDrop(process?)))
}

/// Milliseconds to the first page and to the first line of output, and the memory in MiB after both.
fn measure_start(peer: Peer, options: &StartOptions<'_>, page: &[u8]) -> anyhow::Result<[f64; 3]> {
    let folder = tempfile::tempdir()?;
    let address = peers::free_address()?;
    let (start, mut process) = spawn(peer, options, folder.path(), address)?;
    let output = process.0.stdout.take().context("stdout is piped")?;
    // Held until the end: a server that prints more must not meet a closed pipe.
    let mut output = BufReader::new(output);
    let request = http::get(address, site::PAGE, "");
    let (to_line, to_page) = thread::scope(|scope| {
        let line = scope.spawn(|| {
            let read = output.read_line(&mut String::new());
            read.map(|_| start.elapsed())
        });
        let to_page = loop {
            // Refused until the server listens.
            if let Ok(response) = http::send(address, &request) {
                let elapsed = start.elapsed();
                ensure!(
                    response.status == 200,
                    "the first response has status {}",
                    response.status
                );
                ensure!(response.body == page, "the first page differs");
                break elapsed;
            }
            if start.elapsed() > START_TIMEOUT {
                // Ends the thread that waits for the first line of output.
                peers::terminate(&mut process.0);
                anyhow::bail!("no page within {START_TIMEOUT:?}");
            }
            thread::sleep(RETRY_INTERVAL);
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

/// A process that is terminated when this is dropped.
struct KillOnDrop(Child);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        peers::terminate(&mut self.0);
    }
}
