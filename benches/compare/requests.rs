//! Requests per second, and what one costs: pages, modules, what a cache has already, a larger file.

use crate::http::{self, Response};
use crate::load::{self, Count, Exchange};
use crate::server::{Peer, Server, Setup};
use crate::site;
use crate::table::Figure;
use crate::{Case, Effort, Rounds, process};
use anyhow::{Context, ensure};
use std::time::Duration;

const PEERS: &[Peer] = &[Peer::Pagewire, Peer::Nginx, Peer::Ancestor, Peer::Bare];

pub(crate) const FIGURES: &[Figure] = &[Figure::more("requests/s"), Figure::less("CPU us/request")];

pub(crate) fn cases() -> Vec<Case> {
    let case = |name, run: fn(&Server, Effort) -> anyhow::Result<Vec<f64>>| Case {
        name,
        peers: PEERS,
        setup: Setup::default(),
        rounds: Rounds::Short,
        figures: FIGURES,
        run: Box::new(run),
    };
    vec![
        case("3 KB page", |server, effort| {
            let page = plain_or_injected(server, site::PAGE)?;
            repeat(server, effort, &exchange(server, site::PAGE, "", page))
        }),
        case("5 KB module", |server, effort| {
            let file = unchanged(server, site::MODULE)?;
            repeat(server, effort, &exchange(server, site::MODULE, "", file))
        }),
        case("304 of the page", |server, effort| {
            let page = plain_or_injected(server, site::PAGE)?;
            let tag = page.header("etag").context("no etag")?;
            let condition = format!("If-None-Match: {tag}\r\n");
            let request = http::get(server.address(), site::PAGE, &condition);
            let answer = http::ask(server.address(), &request)?;
            ensure!(
                answer.status == 304,
                "status {} for a known tag",
                answer.status
            );
            repeat(
                server,
                effort,
                &exchange(server, site::PAGE, &condition, answer),
            )
        }),
        case("1 MiB file", |server, effort| {
            let file = unchanged(server, site::MEDIUM)?;
            repeat(server, effort, &exchange(server, site::MEDIUM, "", file))
        }),
    ]
}

/// What is asked again and again; `example` is a response that was found right.
fn exchange(server: &Server, path: &str, headers: &str, example: Response) -> Exchange {
    Exchange {
        request: http::get(server.address(), path, headers),
        status: example.status,
        body: example.body,
    }
}

fn repeat(server: &Server, effort: Effort, exchange: &Exchange) -> anyhow::Result<Vec<f64>> {
    let exchanges = std::slice::from_ref(exchange);
    let load = |duration| load::repeat(server.address(), exchanges, load::CONNECTIONS, duration);
    load(effort.warm_up)?;
    Ok(cost(server, || load(effort.measure))?.figures())
}

/// What some load cost.
pub(crate) struct Cost {
    pub(crate) responses: usize,
    pub(crate) elapsed: Duration,
    /// CPU time of all processes of the server and its plugins.
    used: Duration,
}

pub(crate) fn cost(
    server: &Server,
    load: impl FnOnce() -> anyhow::Result<Count>,
) -> anyhow::Result<Cost> {
    let processes = server.processes();
    let before = process::cpu_time(&processes)?;
    let count = load()?;
    Ok(Cost {
        responses: count.responses(),
        elapsed: count.elapsed,
        used: process::cpu_time(&processes)?.saturating_sub(before),
    })
}

impl Cost {
    /// In the order of [`FIGURES`].
    pub(crate) fn figures(&self) -> Vec<f64> {
        let per_second = self.count() / self.elapsed.as_secs_f64();
        vec![per_second, self.cpu_per_request()]
    }

    /// In microseconds.
    pub(crate) fn cpu_per_request(&self) -> f64 {
        self.used.as_secs_f64() * 1e6 / self.count()
    }

    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    fn count(&self) -> f64 {
        self.responses as f64
    }
}

pub(crate) fn fetch(server: &Server, path: &str) -> anyhow::Result<Response> {
    let answer = http::ask(server.address(), &http::get(server.address(), path, ""))?;
    ensure!(answer.status == 200, "status {} for {path}", answer.status);
    Ok(answer)
}

/// The file, byte for byte.
pub(crate) fn unchanged(server: &Server, path: &str) -> anyhow::Result<Response> {
    let answer = fetch(server, path)?;
    ensure!(
        answer.body == server.file(path)?,
        "{path} is not as in the file"
    );
    Ok(answer)
}

/// The page with the client in it, if the server has one: one piece is added, the rest is the file.
pub(crate) fn plain_or_injected(server: &Server, path: &str) -> anyhow::Result<Response> {
    let Some(client) = server.peer().client() else {
        return unchanged(server, path);
    };
    let answer = fetch(server, path)?;
    let file = server.file(path)?;
    let same = answer
        .body
        .iter()
        .zip(&file)
        .take_while(|(a, b)| a == b)
        .count();
    let piece = answer
        .body
        .len()
        .checked_sub(file.len())
        .context("a page that was cut")?;
    ensure!(
        answer.body[same + piece..] == file[same..],
        "more than one piece was added"
    );
    let piece = String::from_utf8_lossy(&answer.body[same..same + piece]).into_owned();
    ensure!(
        piece.contains(client),
        "no client in what was added: {piece}"
    );
    Ok(answer)
}
