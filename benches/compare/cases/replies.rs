//! A page sends a message and a plugin replies to that page alone: latency with one page, throughput with
//! many.

use super::cost::cost;
use crate::case::{Case, Effort, Rounds};
use crate::load::{Measurement, Pages};
use crate::peers::{Answer, Peer, PluginSet, Question, Server, Setup};
use crate::table::Figure;
use anyhow::{Context, ensure};
use std::time::{Duration, Instant};

/// Pages that send at the same time.
const SENDING_PAGES: usize = 64;

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
            Peer::PagewireUnix,
            Peer::WebDevServer,
            Peer::Ws,
            Peer::BareStack,
        ],
        setup: Setup {
            plugins: PluginSet::Messages,
            ..Setup::default()
        },
        rounds: Rounds::Short,
        figures: FIGURES,
        run: Box::new(run),
    }
}

pub(crate) fn run(server: &Server, effort: Effort) -> anyhow::Result<Vec<f64>> {
    verify_only_the_sender_gets_the_reply(server)?;
    let mut one = Pages::open(server, 1)?;
    exchange(&mut one, 1, effort.warm_up)?;
    let mut latency = exchange(&mut one, 1, effort.measure)?;
    one.close(server)?;
    let mut many = Pages::open(server, SENDING_PAGES)?;
    exchange(&mut many, SENDING_PAGES, effort.warm_up)?;
    let cost = cost(server, || {
        exchange(&mut many, SENDING_PAGES, effort.measure)
    })?;
    many.close(server)?;
    let mut figures = vec![latency.percentile(50), latency.percentile(99)];
    figures.extend(cost.figures());
    Ok(figures)
}

/// One page after the other sends, while the others listen.
fn verify_only_the_sender_gets_the_reply(server: &Server) -> anyhow::Result<()> {
    let mut pages = Pages::open(server, 3)?;
    for page in 0..pages.len() {
        let question = Question {
            page,
            number: 1000 + page,
        };
        pages.send(page, &serde_json::to_string(&question)?)?;
        pages.receive(|receiver, text| {
            let answer: Answer = serde_json::from_slice(text)?;
            ensure!(
                receiver.index == page && answer == question.answer(),
                "page {} received {answer:?} to {question:?}",
                receiver.index
            );
            Ok(true)
        })?;
    }
    pages.expect_silence(Duration::from_millis(20))
}

/// The first `senders` pages send again as soon as they have a reply, until `duration` is over. Fails on
/// a reply that is wrong, or that reaches another page.
pub(crate) fn exchange(
    pages: &mut Pages,
    senders: usize,
    duration: Duration,
) -> anyhow::Result<Measurement> {
    let start = Instant::now();
    let mut latencies = Vec::new();
    let mut questions: Vec<_> = (0..senders)
        .map(|page| (Question { page, number: 0 }, start))
        .collect();
    for (question, _) in &questions {
        pages.send(question.page, &serde_json::to_string(question)?)?;
    }
    let mut outstanding = senders;
    pages.receive(|page, text| {
        let answer: Answer = serde_json::from_slice(text)
            .with_context(|| String::from_utf8_lossy(text).into_owned())?;
        let (question, sent_at) = questions
            .get_mut(page.index)
            .context("a reply to a page that sent nothing")?;
        ensure!(answer == question.answer(), "{answer:?} to {question:?}");
        let now = Instant::now();
        latencies.push(now - *sent_at);
        if now - start < duration {
            question.number += 1;
            *sent_at = now;
            page.send_text(&serde_json::to_string(question)?)?;
        } else {
            outstanding -= 1;
        }
        Ok(outstanding == 0)
    })?;
    Ok(Measurement {
        latencies,
        elapsed: start.elapsed(),
    })
}
