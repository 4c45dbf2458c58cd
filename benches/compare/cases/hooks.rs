//! The cost of hooks: modules that plugins serve and transform, plugins that match nothing, many plugins,
//! and a fast plugin while another one is slow.

use super::cost::{REQUEST_FIGURES, cost};
use super::responses;
use crate::case::{Case, Effort, Rounds};
use crate::load::{self, Exchange, http};
use crate::peers::{
    APPENDED_LINE, CALLS_PATH, Peer, PluginSet, SLOW_PATH, Server, Setup, VIRTUAL_PATH,
};
use crate::table::Figure;
use crate::{process, site};
use anyhow::{Context, ensure};
use std::thread;

/// Number of modules that are requested as the warm-up; the remaining 10,000 are measured.
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
        figures: REQUEST_FIGURES,
        run: Box::new(one_module),
    };
    let uncached = &[
        Peer::Pagewire,
        Peer::PagewireUnix,
        Peer::WebDevServer,
        Peer::BareStack,
    ];
    let cached = &[
        Peer::Pagewire,
        Peer::Without,
        Peer::WebDevServer,
        Peer::BareStack,
    ];
    vec![
        module("served module", PluginSet::Serve, uncached),
        module("served module, remembered", PluginSet::Remember, cached),
        module("transformed module", PluginSet::Transform, uncached),
        module("transformed module, cached", PluginSet::Cache, cached),
        module(
            "file with 32 plugins",
            PluginSet::Bystanders,
            &[Peer::Pagewire, Peer::Without],
        ),
        Case {
            setup: Setup {
                plugins: PluginSet::Many,
                many_modules: true,
                ..Setup::default()
            },
            rounds: Rounds::Fresh,
            figures: MANY_FIGURES,
            run: Box::new(|server, _| many_modules(server)),
            ..module(
                "10,000 transformed modules, 32 plugins",
                PluginSet::Many,
                &[Peer::Pagewire, Peer::WebDevServer],
            )
        },
        Case {
            figures: SLOW_FIGURES,
            run: Box::new(fast_while_slow_is_busy),
            ..module(
                "served module with a slow plugin",
                PluginSet::Slow,
                &[Peer::Pagewire, Peer::Without, Peer::WebDevServer],
            )
        },
    ]
}

/// Requests one module repeatedly. Each connection has a query of its own, because identical concurrent
/// requests may be coalesced into one call to the plugin.
pub(crate) fn one_module(server: &Server, effort: Effort) -> anyhow::Result<Vec<f64>> {
    let exchanges = (0..load::CONNECTIONS)
        .map(|index| module_exchange(server, &format!("?{index}")))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let load = |duration| load::repeat(server.address(), &exchanges, load::CONNECTIONS, duration);
    load(effort.warm_up)?;
    let before = plugin_calls(server)?;
    let cost = cost(server, || load(effort.measure))?;
    let expected = if caches_results(server) {
        0
    } else {
        cost.responses
    };
    check_plugin_calls(server, before, expected)?;
    Ok(cost.figures())
}

/// Requests each of many modules once, then once more.
fn many_modules(server: &Server) -> anyhow::Result<Vec<f64>> {
    let exchanges = (0..site::MANY_COUNT)
        .map(|index| {
            let path = site::many_path(index);
            let body = [server.file(&path)?, APPENDED_LINE.into()].concat();
            Ok(expect_body(server, &path, body))
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    let (warm_up, exchanges) = exchanges.split_at(WARM_UP_MODULES);
    load::each(server.address(), warm_up)?;
    let processes = server.processes();
    process::reset_peak(&processes)?;
    let before = plugin_calls(server)?;
    let load = || load::each(server.address(), exchanges);
    let first = cost(server, load)?;
    let before = check_plugin_calls(server, before, exchanges.len())?;
    let again = cost(server, load)?;
    check_plugin_calls(server, before, 0)?;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let peak = process::peak_bytes(&processes)? as f64;
    Ok(vec![
        first.elapsed.as_secs_f64() * 1e3,
        first.cpu_per_response(),
        again.elapsed.as_secs_f64() * 1e3,
        again.cpu_per_response(),
        peak / (1024.0 * 1024.0),
    ])
}

/// Requests the fast plugin's module on one connection, while as many connections as a browser opens keep the slow
/// plugin busy. A server without the slow plugin is the reference.
fn fast_while_slow_is_busy(server: &Server, effort: Effort) -> anyhow::Result<Vec<f64>> {
    let fast = [module_exchange(server, "")?];
    let slow = [expect_body(server, SLOW_PATH, server.file(site::MODULE)?)];
    let address = server.address();
    let load = |duration| {
        thread::scope(|scope| {
            let busy = (server.plugins() == PluginSet::Slow)
                .then(|| scope.spawn(|| load::repeat(address, &slow, load::CONNECTIONS, duration)));
            let measurement = load::repeat(address, &fast, 1, duration);
            if let Some(busy) = busy {
                busy.join().expect("the generator does not panic")?;
            }
            measurement
        })
    };
    load(effort.warm_up)?;
    let mut measurement = load(effort.measure)?;
    Ok(vec![measurement.percentile(50), measurement.percentile(99)])
}

/// Returns the request for the module of a case, and the response expected from this server with its plugins.
fn module_exchange(server: &Server, query: &str) -> anyhow::Result<Exchange> {
    let mut path = site::MODULE;
    let mut body = server.file(path)?;
    match server.plugins() {
        PluginSet::Serve | PluginSet::Remember | PluginSet::Slow | PluginSet::Language => {
            path = VIRTUAL_PATH;
        }
        PluginSet::Transform | PluginSet::Cache => body.extend(APPENDED_LINE.bytes()),
        _ => {}
    }
    Ok(expect_body(server, &format!("{path}{query}"), body))
}

fn expect_body(server: &Server, path: &str, body: Vec<u8>) -> Exchange {
    Exchange {
        request: http::get(server.address(), path, ""),
        status: 200,
        body,
    }
}

/// Returns how often the plugin under test was called; `None` when the server has no such plugin.
fn plugin_calls(server: &Server) -> anyhow::Result<Option<usize>> {
    if matches!(server.plugins(), PluginSet::None | PluginSet::Bystanders) {
        return Ok(None);
    }
    let response = responses::fetch(server, CALLS_PATH)?;
    let calls = String::from_utf8(response.body)?.parse();
    Ok(Some(calls.context("the number of calls is not a number")?))
}

/// Fails unless the plugin was called `expected` times since `before`; returns the new total. A cached
/// result is fast and looks like a fresh one, so the response alone proves nothing.
fn check_plugin_calls(
    server: &Server,
    before: Option<usize>,
    expected: usize,
) -> anyhow::Result<Option<usize>> {
    let after = plugin_calls(server)?;
    if let Some((after, before)) = after.zip(before) {
        let calls = after - before;
        ensure!(
            calls == expected,
            "the plugin was called {calls} times instead of {expected}"
        );
    }
    Ok(after)
}

/// Whether the server caches the result of its plugin.
fn caches_results(server: &Server) -> bool {
    match server.plugins() {
        PluginSet::Cache | PluginSet::Many => true,
        // Only Pagewire caches served content.
        PluginSet::Remember => server.peer().is_pagewire(),
        _ => false,
    }
}
