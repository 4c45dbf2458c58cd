//! Whether an answer to one page costs more beside others: beside very many pages, beside very many
//! subscribers who want something else. "without" is the same beside few; a ratio below 1 is growth.

use crate::pages::Pages;
use crate::plugins::Plugins;
use crate::replies::ask;
use crate::requests::cost;
use crate::server::{Peer, Server, Setup};
use crate::table::Figure;
use crate::{Case, Effort, Rounds};

/// Pages that ask.
const ASKING: usize = 10;
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
            "reply beside 10,000 pages, without: 10",
            Plugins::Talk,
            Box::new(|server, effort| {
                let few = server.peer() == Peer::Without;
                replies(server, if few { ASKING } else { MANY_PAGES }, effort)
            }),
        ),
        case(
            "reply beside 1,000 subscribers, without: 1",
            Plugins::TalkBesideMany,
            Box::new(|server, effort| replies(server, ASKING, effort)),
        ),
    ]
}

fn replies(server: &Server, pages: usize, effort: Effort) -> anyhow::Result<Vec<f64>> {
    let mut pages = Pages::open(server, pages)?;
    pages.settle(server)?;
    ask(&mut pages, ASKING, effort.warm_up)?;
    let cost = cost(server, || ask(&mut pages, ASKING, effort.measure))?;
    pages.close(server)?;
    Ok(cost.figures())
}
