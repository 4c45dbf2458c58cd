//! A page says something, a plugin answers that page alone: how long it takes, and how much of it a
//! server can take.

use crate::load::Count;
use crate::pages::Pages;
use crate::plugins::Plugins;
use crate::requests::cost;
use crate::server::{Peer, Server, Setup};
use crate::table::Figure;
use crate::talk::{Answer, Ask};
use crate::{Case, Effort, Rounds};
use anyhow::{Context, ensure};
use std::time::{Duration, Instant};

/// Pages that ask at the same time.
const ASKING: usize = 64;

pub(crate) const FIGURES: &[Figure] = &[
    Figure::less("us p50, 1 page"),
    Figure::less("us p99, 1 page"),
    Figure::more("replies/s, 64 pages"),
    Figure::less("CPU us/reply, 64 pages"),
];

pub(crate) fn case() -> Case {
    Case {
        name: "page, plugin, reply",
        peers: &[
            Peer::Pagewire,
            Peer::Unix,
            Peer::Ancestor,
            Peer::Ws,
            Peer::Bare,
        ],
        setup: Setup {
            plugins: Plugins::Talk,
            ..Setup::default()
        },
        rounds: Rounds::Short,
        figures: FIGURES,
        run: Box::new(run),
    }
}

pub(crate) fn run(server: &Server, effort: Effort) -> anyhow::Result<Vec<f64>> {
    only_the_sender_is_answered(server)?;
    let mut one = Pages::open(server, 1)?;
    ask(&mut one, 1, effort.warm_up)?;
    let mut waits = ask(&mut one, 1, effort.measure)?;
    one.close(server)?;
    let mut many = Pages::open(server, ASKING)?;
    ask(&mut many, ASKING, effort.warm_up)?;
    let cost = cost(server, || ask(&mut many, ASKING, effort.measure))?;
    many.close(server)?;
    let mut figures = vec![waits.percentile(50), waits.percentile(99)];
    figures.extend(cost.figures());
    Ok(figures)
}

/// One page after the other asks, while the others listen.
fn only_the_sender_is_answered(server: &Server) -> anyhow::Result<()> {
    let mut pages = Pages::open(server, 3)?;
    for page in 0..pages.len() {
        let ask = Ask {
            page,
            number: 1000 + page,
        };
        pages.say(page, &serde_json::to_string(&ask)?)?;
        pages.hear(|by, text| {
            let answer: Answer = serde_json::from_slice(text)?;
            let right = by.index == page && answer == ask.answer();
            ensure!(right, "page {} hears {answer:?} to {ask:?}", by.index);
            Ok(true)
        })?;
    }
    pages.nothing_comes(Duration::from_millis(20))
}

/// The first pages ask again and again, each as soon as it is answered, until `duration` is over. An
/// answer that is not right, or not for the page that it comes to, ends it.
pub(crate) fn ask(pages: &mut Pages, asking: usize, duration: Duration) -> anyhow::Result<Count> {
    let begin = Instant::now();
    let mut waits = Vec::new();
    let mut asked: Vec<_> = (0..asking)
        .map(|page| (Ask { page, number: 0 }, begin))
        .collect();
    for (ask, _) in &asked {
        pages.say(ask.page, &serde_json::to_string(ask)?)?;
    }
    let mut outstanding = asking;
    pages.hear(|page, text| {
        let answer: Answer = serde_json::from_slice(text)
            .with_context(|| String::from_utf8_lossy(text).into_owned())?;
        let (ask, since) = asked.get_mut(page.index).context("who did not ask")?;
        ensure!(answer == ask.answer(), "{answer:?} to {ask:?}");
        let now = Instant::now();
        waits.push(now - *since);
        if now - begin < duration {
            ask.number += 1;
            *since = now;
            page.say(&serde_json::to_string(ask)?)?;
        } else {
            outstanding -= 1;
        }
        Ok(outstanding == 0)
    })?;
    Ok(Count {
        waits,
        elapsed: begin.elapsed(),
    })
}
