//! Downloads a file that is larger than any buffer, and measures the server's peak memory and the transfer rate.

use crate::case::{Case, Rounds};
use crate::load::http;
use crate::peers::{Peer, Server, Setup};
use crate::table::Figure;
use crate::{process, site};
use anyhow::ensure;
use std::time::Instant;

const MIB: f64 = 1024.0 * 1024.0;

const FIGURES: &[Figure] = &[Figure::less("peak memory MiB"), Figure::more("MiB/s")];

pub(crate) fn case() -> Case {
    Case {
        name: "1 GiB file",
        peers: &[Peer::Pagewire, Peer::Nginx, Peer::WebDevServer],
        setup: Setup::default(),
        rounds: Rounds::Long,
        figures: FIGURES,
        run: Box::new(|server, _| run(server)),
    }
}

fn run(server: &Server) -> anyhow::Result<Vec<f64>> {
    let processes = server.processes();
    process::reset_peak(&processes)?;
    let request = http::get(server.address(), site::LARGE, "");
    let start = Instant::now();
    let response = http::send_streaming(server.address(), &request, |_| {})?;
    let seconds = start.elapsed().as_secs_f64();
    let (status, body_bytes) = (response.status(), response.body_bytes());
    ensure!(
        status == 200 && body_bytes == site::LARGE_BYTES,
        "status {status}, {body_bytes} B"
    );
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let (peak, sent) = (process::peak_bytes(&processes)? as f64, body_bytes as f64);
    Ok(vec![peak / MIB, sent / MIB / seconds])
}
