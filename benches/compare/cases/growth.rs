//! Measures whether a reply costs more while very many pages or subscribers are connected. The column
//! "without" shows the same case with few of them; a ratio below 1 means that the cost grows.

use super::cost::cost;
use super::replies::exchange;
use crate::case::{Case, Effort, Rounds};
use crate::load::Pages;
use crate::peers::{Peer, PluginSet, Server, Setup};
use crate::table::Figure;

const SENDING_PAGES: usize = 10;
const MANY_PAGES: usize = 10_000;

const FIGURES: &[Figure] = &[Figure::more("replies/s"), Figure::less("CPU us/reply")];

pub(crate) fn cases() -> Vec<Case> {
    let case = |name, plugins, run| Case {
        name,
        peers: &[Peer::Pagewire, Peer::Without],
        setup: Setup {
            plugins,
            ..Setup::default()
        },
        rounds: Rounds::Close,
        figures: FIGURES,
        run,
    };
    vec![
        case(
            "reply with 10,000 pages, without: 10",
            PluginSet::Messages,
            Box::new(|server, effort| {
                let few = server.peer() == Peer::Without;
                replies(server, if few { SENDING_PAGES } else { MANY_PAGES }, effort)
            }),
        ),
        case(
            "reply with 1,000 subscribers, without: 1",
            PluginSet::MessagesBesideMany,
            Box::new(|server, effort| replies(server, SENDING_PAGES, effort)),
        ),
    ]
}

fn replies(server: &Server, pages: usize, effort: Effort) -> anyhow::Result<Vec<f64>> {
    let mut pages = Pages::open(server, pages)?;
    pages.settle(server)?;
    exchange(&mut pages, SENDING_PAGES, effort.warm_up)?;
    let cost = cost(server, || {
        exchange(&mut pages, SENDING_PAGES, effort.measure)
    })?;
    pages.close(server)?;
    Ok(cost.figures())
}
