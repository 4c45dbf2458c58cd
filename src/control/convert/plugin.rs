//! Plugins, as `ListPlugins` reports them.

use crate::control::proto;
use crate::plugins::{HookKind, PluginState, PluginStatus};

pub(in crate::control) fn plugin(
    status: &PluginStatus,
    serve_index: Option<usize>,
) -> proto::Plugin {
    use proto::plugin::State;
    let counts = status.counters.read();
    let session = status.session.as_ref();
    proto::Plugin {
        plugin_name: status.name.clone(),
        plugin_version: session.map_or_else(String::new, |session| session.version().to_owned()),
        state: match status.state {
            PluginState::Waiting => State::Waiting,
            PluginState::Starting => State::Starting,
            PluginState::Ready => State::Ready,
            PluginState::Failed => State::Failed,
        }
        .into(),
        hooks: session
            .map_or(&[][..], |session| session.hooks())
            .iter()
            .map(|hook| match hook {
                HookKind::Serve => proto::Hook::Serve.into(),
                HookKind::Transform => proto::Hook::Transform.into(),
                HookKind::ResolveImport => proto::Hook::ResolveImport.into(),
                HookKind::SubscribeMessages => proto::Hook::SubscribeMessages.into(),
            })
            .collect(),
        serve_order_index: serve_index
            .and_then(|index| u32::try_from(index).ok())
            .unwrap_or_default(),
        pid: status.pid.unwrap_or_default(),
        restarts: status.restarts,
        calls: counts.calls,
        passes: counts.passes,
        failures: counts.failures,
        timeouts: counts.timeouts,
        late_results: counts.late_results,
        call_latency_p99: counts.latency_p99.map(super::duration),
    }
}
