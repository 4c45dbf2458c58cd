//! `pagewire plugins`: lists the plugins that are configured or connected.

use super::args::QueryArgs;
use super::connection::run;
use super::exit::Outcome;
use super::output::{print_json, print_table, word};
use clap::Args;
use pagewire_client::PluginInfo;
use pagewire_client::proto::Hook;
use serde_json::{Value, json};
use std::process::ExitCode;
use std::time::Duration;

/// List the plugins, in the order in which their serve hooks are called.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    query: QueryArgs,
}

pub(super) fn main(Arguments { query }: &Arguments) -> ExitCode {
    run(&query.daemon, |client| async move {
        let plugins = client.plugins().await?;
        if query.json {
            for plugin in &plugins {
                print_json(&as_json(plugin).to_string());
            }
        } else {
            let head = [
                "PLUGIN", "STATE", "ORDER", "PID", "RESTARTS", "CALLS", "PASSES", "FAILURES",
                "TIMEOUTS", "P99",
            ];
            print_table(head, plugins.iter().map(row));
        }
        Ok(Outcome::Done)
    })
}

fn p99(plugin: &PluginInfo) -> Option<Duration> {
    plugin.call_latency_p99.and_then(|p99| p99.try_into().ok())
}

fn state(plugin: &PluginInfo) -> String {
    word(plugin.state().as_str_name(), "STATE_")
}

/// Returns the plugin's place in the order of serve hooks, or `None` if it has no serve
/// hook.
fn order(plugin: &PluginInfo) -> Option<u32> {
    plugin
        .hooks()
        .any(|hook| hook == Hook::Serve)
        .then_some(plugin.serve_order_index)
}

/// Returns the process id of a plugin that the daemon started.
fn pid(plugin: &PluginInfo) -> Option<u32> {
    Some(plugin.pid).filter(|pid| *pid > 0)
}

fn row(plugin: &PluginInfo) -> [String; 10] {
    let or_dash = |number: Option<u32>| number.map_or_else(|| "-".to_owned(), |n| n.to_string());
    [
        plugin.plugin_name.clone(),
        state(plugin),
        or_dash(order(plugin)),
        or_dash(pid(plugin)),
        plugin.restarts.to_string(),
        plugin.calls.to_string(),
        plugin.passes.to_string(),
        plugin.failures.to_string(),
        plugin.timeouts.to_string(),
        p99(plugin).map_or_else(|| "-".to_owned(), |p99| format!("{p99:.1?}")),
    ]
}

fn as_json(plugin: &PluginInfo) -> Value {
    let hooks: Vec<_> = plugin
        .hooks()
        .map(|hook| word(hook.as_str_name(), "HOOK_"))
        .collect();
    json!({
        "plugin_name": plugin.plugin_name,
        "plugin_version": plugin.plugin_version,
        "state": state(plugin),
        "hooks": hooks,
        "serve_order_index": plugin.serve_order_index,
        "pid": pid(plugin),
        "restarts": plugin.restarts,
        "calls": plugin.calls,
        "passes": plugin.passes,
        "failures": plugin.failures,
        "timeouts": plugin.timeouts,
        "late_results": plugin.late_results,
        "call_latency_p99_ms": p99(plugin).map(|p99| p99.as_secs_f64() * 1e3),
    })
}
