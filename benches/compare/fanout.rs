//! What one page has sent to all: many messages at once, and one message to very many pages. With so
//! many pages also what a page costs that is only there.

use crate::pages::Pages;
use crate::plugins::Plugins;
use crate::server::{Peer, Server, Setup};
use crate::table::Figure;
use crate::talk::Burst;
use crate::{Case, Effort, Rounds, process};
use anyhow::{Context, ensure};
use std::time::{Duration, Instant};

/// Size of a message.
const MESSAGE_BYTES: usize = 128;

const BURST_PAGES: usize = 1000;
const BURST_MESSAGES: usize = 100;
/// In one burst of a warm-up.
const WARM_UP_MESSAGES: usize = 10;

const MANY_PAGES: usize = 10_000;
/// Messages of which the median counts.
const SINGLE_MESSAGES: usize = 5;

const BURST_FIGURES: &[Figure] = &[
    Figure::more("deliveries/s"),
    Figure::less("CPU us/delivery"),
];

const MANY_FIGURES: &[Figure] = &[
    Figure::less("idle MiB"),
    Figure::less("KiB per idle socket"),
    Figure::less("ms to the last page"),
    Figure::less("CPU us/delivery"),
];

pub(crate) fn cases() -> Vec<Case> {
    let setup = Setup {
        plugins: Plugins::Talk,
        ..Setup::default()
    };
    vec![
        Case {
            name: "100 messages to 1,000 pages",
            peers: &[Peer::Pagewire, Peer::Ancestor, Peer::Ws, Peer::Bare],
            setup,
            rounds: Rounds::Long,
            figures: BURST_FIGURES,
            run: Box::new(bursts),
        },
        Case {
            name: "10,000 pages",
            peers: &[Peer::Pagewire, Peer::Ancestor, Peer::Bare],
            setup,
            rounds: Rounds::Fresh,
            figures: MANY_FIGURES,
            run: Box::new(|server, _| very_many_pages(server)),
        },
    ]
}

fn bursts(server: &Server, effort: Effort) -> anyhow::Result<Vec<f64>> {
    let mut pages = Pages::open(server, BURST_PAGES)?;
    let mut bursts = |messages, duration| -> anyhow::Result<_> {
        let begin = Instant::now();
        let mut times = Vec::new();
        while times.is_empty() || begin.elapsed() < duration {
            times.push(burst(&mut pages, messages)?);
        }
        Ok(times)
    };
    bursts(WARM_UP_MESSAGES, effort.warm_up)?;
    let (times, cpu) = with_cpu(server, || bursts(BURST_MESSAGES, effort.measure))?;
    pages.close(server)?;
    let deliveries = as_float(times.len() * BURST_MESSAGES * BURST_PAGES);
    let seconds = times.iter().sum::<Duration>().as_secs_f64();
    Ok(vec![deliveries / seconds, cpu / deliveries])
}

/// The memory is that of the daemon alone, whose plugin is connected.
fn very_many_pages(server: &Server) -> anyhow::Result<Vec<f64>> {
    let daemon = server.daemon();
    let idle = process::resident_bytes(&daemon)?;
    let mut pages = Pages::open(server, MANY_PAGES)?;
    pages.settle(server)?;
    let with_pages = process::resident_bytes(&daemon)?;
    let kib = |bytes: u64| as_float(bytes as usize) / 1024.0;
    burst(&mut pages, 1)?;
    let (mut times, cpu) = with_cpu(server, || {
        (0..SINGLE_MESSAGES)
            .map(|_| burst(&mut pages, 1))
            .collect::<anyhow::Result<Vec<_>>>()
    })?;
    times.sort_unstable();
    pages.close(server)?;
    Ok(vec![
        kib(idle) / 1024.0,
        kib(with_pages.saturating_sub(idle)) / as_float(MANY_PAGES),
        times[SINGLE_MESSAGES / 2].as_secs_f64() * 1e3,
        cpu / as_float(SINGLE_MESSAGES * MANY_PAGES),
    ])
}

/// What comes of some work, and the CPU time that the server and its plugins used meanwhile, in
/// microseconds.
fn with_cpu<T>(
    server: &Server,
    work: impl FnOnce() -> anyhow::Result<T>,
) -> anyhow::Result<(T, f64)> {
    let processes = server.processes();
    let before = process::cpu_time(&processes)?;
    let done = work()?;
    let used = process::cpu_time(&processes)?.saturating_sub(before);
    Ok((done, used.as_secs_f64() * 1e6))
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn as_float(number: usize) -> f64 {
    number as f64
}

/// One page has a message sent to all, so many times; gives the time until the last page has the last of
/// them.
fn burst(pages: &mut Pages, count: usize) -> anyhow::Result<Duration> {
    let mut text = r#"{"type":"tick","padding":""#.to_owned();
    text.extend(std::iter::repeat_n('x', MESSAGE_BYTES - text.len() - 2));
    text.push_str(r#""}"#);
    let order = serde_json::to_string(&Burst {
        count,
        text: text.clone(),
    })?;
    let mut missing = vec![count; pages.len()];
    let mut outstanding = count * pages.len();
    let begin = Instant::now();
    pages.say(0, &order)?;
    pages.hear(|page, heard| {
        ensure!(heard == text.as_bytes(), "a message that is not right");
        let missing = &mut missing[page.index];
        *missing = missing.checked_sub(1).context("one message too many")?;
        outstanding -= 1;
        Ok(outstanding == 0)
    })?;
    Ok(begin.elapsed())
}
