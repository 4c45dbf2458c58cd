//! Requests per second and CPU time per request: a page, a module, a 304, a larger file.

use super::cost::{REQUEST_FIGURES, cost};
use super::responses::{page, unchanged};
use crate::case::{Case, Effort, Rounds};
use crate::load::http::{self, Response};
use crate::load::{self, Exchange};
use crate::peers::{Peer, Server, Setup};
use crate::site;
use anyhow::{Context, ensure};

const PEERS: &[Peer] = &[
    Peer::Pagewire,
    Peer::Nginx,
    Peer::WebDevServer,
    Peer::BareStack,
];

pub(crate) fn cases() -> Vec<Case> {
    let case = |name, run: fn(&Server, Effort) -> anyhow::Result<Vec<f64>>| Case {
        name,
        peers: PEERS,
        setup: Setup::default(),
        rounds: Rounds::Short,
        figures: REQUEST_FIGURES,
        run: Box::new(run),
    };
    vec![
        case("3 KB page", |server, effort| {
            let page = page(server, site::PAGE)?;
            repeat(server, effort, &exchange(server, site::PAGE, "", page))
        }),
        case("5 KB module", |server, effort| {
            let file = unchanged(server, site::MODULE)?;
            repeat(server, effort, &exchange(server, site::MODULE, "", file))
        }),
        case("304 of the page", |server, effort| {
            let page = page(server, site::PAGE)?;
            let etag = page.header("etag").context("no ETag")?;
            let condition = format!("If-None-Match: {etag}\r\n");
            let request = http::get(server.address(), site::PAGE, &condition);
            let response = http::send(server.address(), &request)?;
            ensure!(
                response.status == 304,
                "status {} for a matching ETag",
                response.status
            );
            repeat(
                server,
                effort,
                &exchange(server, site::PAGE, &condition, response),
            )
        }),
        case("1 MiB file", |server, effort| {
            let file = unchanged(server, site::MEDIUM)?;
            repeat(server, effort, &exchange(server, site::MEDIUM, "", file))
        }),
    ]
}

/// A request with the response that was verified for it.
fn exchange(server: &Server, path: &str, headers: &str, verified: Response) -> Exchange {
    Exchange {
        request: http::get(server.address(), path, headers),
        status: verified.status,
        body: verified.body,
    }
}

fn repeat(server: &Server, effort: Effort, exchange: &Exchange) -> anyhow::Result<Vec<f64>> {
    let exchanges = std::slice::from_ref(exchange);
    let load = |duration| load::repeat(server.address(), exchanges, load::CONNECTIONS, duration);
    load(effort.warm_up)?;
    Ok(cost(server, || load(effort.measure))?.figures())
}
