//! `ListPlugins`.

use super::{Control, convert, proto, sockets};
use crate::plugins::{HookKind, PluginState, PluginStatus};
use tonic::Status;

/// Plugins in the order in which they are asked to serve, then the others: those that are configured,
/// then by name. The token of the next page is the last name of this one: a plugin that comes or
/// goes meanwhile moves no other.
pub(super) fn list(
    control: &Control,
    request: &proto::ListPluginsRequest,
) -> Result<proto::ListPluginsResponse, Status> {
    let limit = sockets::page_size(request.page_size)?;
    let order: Vec<String> = control
        .plugins
        .serve()
        .order
        .snapshot()
        .hooks()
        .iter()
        .map(|hook| hook.plugin().to_owned())
        .collect();
    let serve_place = |name: &str| order.iter().position(|other| other == name);
    let mut plugins = control.plugins.list();
    let rank = |name: &str, place: Option<usize>| {
        let after_all = (order.len(), place.unwrap_or(usize::MAX));
        let place = serve_place(name).map_or(after_all, |place| (place, 0));
        (place, name.to_owned())
    };
    plugins.sort_by_cached_key(|plugin| rank(&plugin.name, plugin.slot));
    let last = &request.page_token;
    let last_place = plugins.iter().find(|plugin| plugin.name == *last);
    let last = rank(last, last_place.and_then(|plugin| plugin.slot));
    plugins
        .retain(|plugin| request.page_token.is_empty() || rank(&plugin.name, plugin.slot) > last);
    let more = plugins.len() > limit;
    let plugins: Vec<_> = plugins
        .iter()
        .take(limit)
        .map(|status| plugin(status, serve_place(&status.name)))
        .collect();
    let next_page_token = match plugins.last() {
        Some(last) if more => last.plugin_name.clone(),
        _ => String::new(),
    };
    Ok(proto::ListPluginsResponse {
        plugins,
        next_page_token,
    })
}

fn plugin(status: &PluginStatus, serve_place: Option<usize>) -> proto::Plugin {
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
        serve_order_index: serve_place
            .and_then(|place| u32::try_from(place).ok())
            .unwrap_or_default(),
        pid: status.pid.unwrap_or_default(),
        restarts: status.restarts,
        calls: counts.calls,
        passes: counts.passes,
        failures: counts.failures,
        timeouts: counts.timeouts,
        late_results: counts.late_results,
        call_latency_p99: counts.latency_p99.map(convert::duration),
    }
}
