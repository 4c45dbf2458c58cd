//! Messages to all pages: many messages in a burst, and one message to very many pages. The second case
//! also measures what an idle page costs.

use super::cost::with_cpu_time;
use crate::case::{Case, Effort, Rounds};
use crate::load::Pages;
use crate::peers::{BurstOrder, Peer, PluginSet, Server, Setup};
use crate::process;
use crate::table::Figure;
use anyhow::{Context, ensure};
use std::time::{Duration, Instant};

const MESSAGE_BYTES: usize = 128;

const BURST_PAGES: usize = 1000;
const BURST_MESSAGES: usize = 100;
/// Messages in each burst of the warm-up.
const WARM_UP_MESSAGES: usize = 10;

const MANY_PAGES: usize = 10_000;
/// Messages to many pages in each run; the median of their times is reported.
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
        plugins: PluginSet::Messages,
        ..Setup::default()
    };
    vec![
        Case {
            name: "100 messages to 1,000 pages",
            peers: &[
                Peer::Pagewire,
                Peer::WebDevServer,
                Peer::Ws,
                Peer::BareStack,
            ],
            setup,
            rounds: Rounds::Long,
            figures: BURST_FIGURES,
            run: Box::new(bursts),
        },
        Case {
            name: "10,000 pages",
            peers: &[Peer::Pagewire, Peer::WebDevServer, Peer::BareStack],
            setup,
            rounds: Rounds::Fresh,
            figures: MANY_FIGURES,
            run: Box::new(|server, _| many_pages(server)),
        },
    ]
}

fn bursts(server: &Server, effort: Effort) -> anyhow::Result<Vec<f64>> {
    let mut pages = Pages::open(server, BURST_PAGES)?;
    let mut bursts = |messages, duration| -> anyhow::Result<_> {
        let start = Instant::now();
        let mut times = Vec::new();
        while times.is_empty() || start.elapsed() < duration {
            times.push(burst(&mut pages, messages)?);
        }
        Ok(times)
    };
    bursts(WARM_UP_MESSAGES, effort.warm_up)?;
    let (times, cpu) = with_cpu_time(server, || bursts(BURST_MESSAGES, effort.measure))?;
    pages.close(server)?;
    let deliveries = as_float(times.len() * BURST_MESSAGES * BURST_PAGES);
    let seconds = times.iter().sum::<Duration>().as_secs_f64();
    Ok(vec![deliveries / seconds, micros(cpu) / deliveries])
}

/// Measures the memory of idle pages and the time of single messages to all of them. The memory is that of
/// the daemon without its plugin.
fn many_pages(server: &Server) -> anyhow::Result<Vec<f64>> {
    let daemon = server.daemon_processes();
    let idle = process::resident_bytes(&daemon)?;
    let mut pages = Pages::open(server, MANY_PAGES)?;
    pages.settle(server)?;
    let with_pages = process::resident_bytes(&daemon)?;
    let kib = |bytes: u64| as_float(bytes as usize) / 1024.0;
    burst(&mut pages, 1)?;
    let (mut times, cpu) = with_cpu_time(server, || {
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
        micros(cpu) / as_float(SINGLE_MESSAGES * MANY_PAGES),
    ])
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn as_float(number: usize) -> f64 {
    number as f64
}

/// Page 0 orders a burst of `count` messages to all pages. Returns the time until the last page has
/// received the last of them.
fn burst(pages: &mut Pages, count: usize) -> anyhow::Result<Duration> {
    let mut text = r#"{"type":"tick","padding":""#.to_owned();
    text.extend(std::iter::repeat_n('x', MESSAGE_BYTES - text.len() - 2));
    text.push_str(r#""}"#);
    let order = serde_json::to_string(&BurstOrder {
        count,
        text: text.clone(),
    })?;
    let mut missing = vec![count; pages.len()];
    let mut outstanding = count * pages.len();
    let start = Instant::now();
    pages.send(0, &order)?;
    pages.receive(|page, received| {
        ensure!(received == text.as_bytes(), "a message with another text");
        let missing = &mut missing[page.index];
        *missing = missing
            .checked_sub(1)
            .context("more messages than were sent")?;
        outstanding -= 1;
        Ok(outstanding == 0)
    })?;
    Ok(start.elapsed())
}
