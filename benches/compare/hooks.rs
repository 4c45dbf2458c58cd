//! What plugins cost: modules that they serve and transform, those that nobody asks, many of them, and
//! a slow one beside a fast one.

use crate::load::{self, Exchange};
use crate::plugins::{CALLS_PATH, LINE, Plugins, SLOW_PATH, VIRTUAL_PATH};
use crate::requests::{self, FIGURES, cost};
use crate::server::{Peer, Server, Setup};
use crate::table::Figure;
use crate::{Case, Effort, Rounds, http, process, site};
use anyhow::{Context, ensure};
use std::thread;

/// The first of the many modules are to warm up with.
const WARM_UP_MODULES: usize = site::MANY_COUNT - 10_000;

const MANY_FIGURES: &[Figure] = &[
    Figure::less("ms"),
    Figure::less("CPU us/request"),
    Figure::less("ms, cached"),
    Figure::less("CPU us/request, cached"),
    Figure::less("peak memory MiB"),
];

const SLOW_FIGURES: &[Figure] = &[Figure::less("us p50"), Figure::less("us p99")];

pub(crate) fn cases() -> Vec<Case> {
    let module = |name, plugins, peers| Case {
        name,
        peers,
        setup: Setup {
            plugins,
            ..Setup::default()
        },
        rounds: Rounds::Short,
        figures: FIGURES,
        run: Box::new(one_module),
    };
    let asked = &[Peer::Pagewire, Peer::Unix, Peer::Ancestor, Peer::Bare];
    let kept = &[Peer::Pagewire, Peer::Without, Peer::Ancestor, Peer::Bare];
    vec![
        module("served module", Plugins::Serve, asked),
        module("served module, remembered", Plugins::Remember, kept),
        module("transformed module", Plugins::Transform, asked),
        module("transformed module, cached", Plugins::Cache, kept),
        module(
            "file beside 32 plugins",
            Plugins::Bystanders,
            &[Peer::Pagewire, Peer::Without],
        ),
        Case {
            setup: Setup {
                plugins: Plugins::Many,
                many_modules: true,
                ..Setup::default()
            },
            rounds: Rounds::Fresh,
            figures: MANY_FIGURES,
            run: Box::new(|server, _| many_modules(server)),
            ..module(
                "10,000 transformed modules, 32 plugins",
                Plugins::Many,
                &[Peer::Pagewire, Peer::Ancestor],
            )
        },
        Case {
            figures: SLOW_FIGURES,
            run: Box::new(beside_a_slow_one),
            ..module(
                "served module beside a slow plugin",
                Plugins::Slow,
                &[Peer::Pagewire, Peer::Without, Peer::Ancestor],
            )
        },
    ]
}

/// The same module again and again, by whoever makes it. Each connection has a query of its own: equal
/// requests at the same time may be asked of a plugin once for all.
pub(crate) fn one_module(server: &Server, effort: Effort) -> anyhow::Result<Vec<f64>> {
    let exchanges = (0..load::CONNECTIONS)
        .map(|index| the_module(server, &format!("?{index}")))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let load = |duration| load::repeat(server.address(), &exchanges, load::CONNECTIONS, duration);
    load(effort.warm_up)?;
    let before = calls(server)?;
    let cost = cost(server, || load(effort.measure))?;
    check_calls(
        server,
        before,
        if keeps(server) { 0 } else { cost.responses },
    )?;
    Ok(cost.figures())
}

/// Each of many modules once, and once more.
fn many_modules(server: &Server) -> anyhow::Result<Vec<f64>> {
    let exchanges = (0..site::MANY_COUNT)
        .map(|index| {
            let path = site::many(index);
            let body = [server.file(&path)?, LINE.into()].concat();
            Ok(right(server, &path, body))
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    let (warm_up, exchanges) = exchanges.split_at(WARM_UP_MODULES);
    load::each(server.address(), warm_up)?;
    let processes = server.processes();
    process::reset_peak(&processes)?;
    let before = calls(server)?;
    let load = || load::each(server.address(), exchanges);
    let first = cost(server, load)?;
    let before = check_calls(server, before, exchanges.len())?;
    let again = cost(server, load)?;
    check_calls(server, before, 0)?;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let peak = process::peak_bytes(&processes)? as f64;
    Ok(vec![
        first.elapsed.as_secs_f64() * 1e3,
        first.cpu_per_request(),
        again.elapsed.as_secs_f64() * 1e3,
        again.cpu_per_request(),
        peak / (1024.0 * 1024.0),
    ])
}

/// One request of the fast plugin after the other, while the slow one always has as many as a browser
/// makes; who has no slow one is the measure.
fn beside_a_slow_one(server: &Server, effort: Effort) -> anyhow::Result<Vec<f64>> {
    let fast = [the_module(server, "")?];
    let slow = [right(server, SLOW_PATH, server.file(site::MODULE)?)];
    let address = server.address();
    let load = |duration| {
        thread::scope(|scope| {
            let busy = (server.plugins() == Plugins::Slow)
                .then(|| scope.spawn(|| load::repeat(address, &slow, load::CONNECTIONS, duration)));
            let count = load::repeat(address, &fast, 1, duration);
            if let Some(busy) = busy {
                busy.join().expect("the generator does not panic")?;
            }
            count
        })
    };
    load(effort.warm_up)?;
    let mut count = load(effort.measure)?;
    Ok(vec![count.percentile(50), count.percentile(99)])
}

/// The request for the module of a case, and the response that is right with these plugins.
fn the_module(server: &Server, query: &str) -> anyhow::Result<Exchange> {
    let mut path = site::MODULE;
    let mut body = server.file(path)?;
    match server.plugins() {
        Plugins::Serve | Plugins::Remember | Plugins::Slow | Plugins::Language => {
            path = VIRTUAL_PATH;
        }
        Plugins::Transform | Plugins::Cache => body.extend(LINE.bytes()),
        _ => {}
    }
    Ok(right(server, &format!("{path}{query}"), body))
}

fn right(server: &Server, path: &str, body: Vec<u8>) -> Exchange {
    Exchange {
        request: http::get(server.address(), path, ""),
        status: 200,
        body,
    }
}

/// How often the plugin that does something was asked to; none if there is no such plugin.
fn calls(server: &Server) -> anyhow::Result<Option<usize>> {
    if matches!(server.plugins(), Plugins::None | Plugins::Bystanders) {
        return Ok(None);
    }
    let answer = requests::fetch(server, CALLS_PATH)?;
    let calls = String::from_utf8(answer.body)?.parse();
    Ok(Some(calls.context("no count of calls")?))
}

/// Fails unless the plugin was asked so often since then, and gives how often that is in all: a kept
/// answer is fast, and looks like one that was asked for.
fn check_calls(
    server: &Server,
    before: Option<usize>,
    expected: usize,
) -> anyhow::Result<Option<usize>> {
    let after = calls(server)?;
    if let Some((after, before)) = after.zip(before) {
        let asked = after - before;
        ensure!(
            asked == expected,
            "the plugin was asked {asked} times, not {expected} times"
        );
    }
    Ok(after)
}

/// Whether what the plugin makes of the module is kept.
fn keeps(server: &Server) -> bool {
    match server.plugins() {
        Plugins::Cache | Plugins::Many => true,
        // Others have no such thing.
        Plugins::Remember => server.peer().is_pagewire(),
        _ => false,
    }
}
