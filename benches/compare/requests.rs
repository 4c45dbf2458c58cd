//! Requests per second, and what one costs: pages, modules, what a cache has already, a larger file.

use crate::http::{self, Response};
use crate::load::{self, Expected};
use crate::server::{Peer, Server};
use crate::site;
use crate::table::{Better, Figure};
use crate::{Case, Effort, process};
use anyhow::{Context, ensure};

const PEERS: &[Peer] = &[Peer::Pagewire, Peer::Nginx, Peer::Ancestor, Peer::Bare];

const FIGURES: &[Figure] = &[
    Figure {
        name: "requests/s",
        better: Better::More,
    },
    Figure {
        name: "CPU us/request",
        better: Better::Less,
    },
];

pub(crate) fn cases() -> Vec<Case> {
    let case = |name, run: fn(&Server, Effort) -> anyhow::Result<Vec<f64>>| Case {
        name,
        peers: PEERS,
        watch: false,
        figures: FIGURES,
        run: Box::new(run),
    };
    vec![
        case("3 KB page", |server, effort| {
            repeat(server, effort, site::PAGE, "", &plain_or_injected(server)?)
        }),
        case("5 KB module", |server, effort| {
            repeat(
                server,
                effort,
                site::MODULE,
                "",
                &unchanged(server, site::MODULE)?,
            )
        }),
        case("304 of the page", |server, effort| {
            let page = plain_or_injected(server)?;
            let tag = page.header("etag").context("no etag")?;
            let condition = format!("If-None-Match: {tag}\r\n");
            let request = http::get(server.address(), site::PAGE, &condition);
            let answer = http::ask(server.address(), &request)?;
            ensure!(
                answer.status == 304,
                "status {} for a known tag",
                answer.status
            );
            repeat(server, effort, site::PAGE, &condition, &answer)
        }),
        case("1 MiB file", |server, effort| {
            repeat(
                server,
                effort,
                site::MEDIUM,
                "",
                &unchanged(server, site::MEDIUM)?,
            )
        }),
    ]
}

/// Asks for the same again and again; `example` is a response that was found right.
fn repeat(
    server: &Server,
    effort: Effort,
    path: &str,
    headers: &str,
    example: &Response,
) -> anyhow::Result<Vec<f64>> {
    let request = http::get(server.address(), path, headers);
    let expected = Expected {
        status: example.status,
        body_bytes: example.body.len() as u64,
    };
    load::run(server.address(), &request, expected, effort.warm_up)?;
    let processes = server.processes();
    let before = process::cpu_time(&processes)?;
    let count = load::run(server.address(), &request, expected, effort.measure)?;
    let used = process::cpu_time(&processes)?.saturating_sub(before);
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let responses = count.responses as f64;
    Ok(vec![
        responses / count.elapsed.as_secs_f64(),
        used.as_secs_f64() * 1e6 / responses,
    ])
}

fn fetch(server: &Server, path: &str) -> anyhow::Result<Response> {
    let answer = http::ask(server.address(), &http::get(server.address(), path, ""))?;
    ensure!(answer.status == 200, "status {} for {path}", answer.status);
    Ok(answer)
}

/// The file, byte for byte.
fn unchanged(server: &Server, path: &str) -> anyhow::Result<Response> {
    let answer = fetch(server, path)?;
    ensure!(
        answer.body == server.file(path)?,
        "{path} is not as in the file"
    );
    Ok(answer)
}

/// The page with the client in it, if the server has one: one piece is added, the rest is the file.
fn plain_or_injected(server: &Server) -> anyhow::Result<Response> {
    let Some(client) = server.peer().client() else {
        return unchanged(server, site::PAGE);
    };
    let answer = fetch(server, site::PAGE)?;
    let file = server.file(site::PAGE)?;
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
