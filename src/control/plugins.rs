//! `ListPlugins`.

use super::{Control, convert, proto, sockets};
use crate::plugins::{HookKind, Session};
use tonic::Status;

/// Plugins in the order in which they are asked to serve, then the others by name. The token of
/// the next page is the last name of this one: a plugin that comes or goes meanwhile moves no
/// other.
pub(super) fn list(
    control: &Control,
    request: &proto::ListPluginsRequest,
) -> Result<proto::ListPluginsResponse, Status> {
    let limit = sockets::page_size(request.page_size)?;
    let order: Vec<String> = control
        .plugins
        .serve_order()
        .hooks()
        .iter()
        .map(|hook| hook.plugin().to_owned())
        .collect();
    let place = |name: &str| order.iter().position(|other| other == name);
    let mut sessions = control.plugins.sessions();
    let rank = |name: &str| (place(name).unwrap_or(order.len()), name.to_owned());
    sessions.sort_by_cached_key(|(session, _)| rank(session.name()));
    let last = rank(&request.page_token);
    sessions.retain(|(session, _)| request.page_token.is_empty() || rank(session.name()) > last);
    let more = sessions.len() > limit;
    sessions.truncate(limit);
    let plugins: Vec<_> = sessions
        .iter()
        .map(|(session, ready)| plugin(session, *ready, place(session.name())))
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

fn plugin(session: &Session, ready: bool, place: Option<usize>) -> proto::Plugin {
    use proto::plugin::State;
    let counts = session.counters().read();
    proto::Plugin {
        plugin_name: session.name().to_owned(),
        plugin_version: session.version().to_owned(),
        state: if ready { State::Ready } else { State::Starting }.into(),
        hooks: session
            .hooks()
            .iter()
            .map(|hook| match hook {
                HookKind::Serve => proto::Hook::Serve.into(),
                HookKind::SubscribeMessages => proto::Hook::SubscribeMessages.into(),
            })
            .collect(),
        serve_order_index: place
            .and_then(|place| u32::try_from(place).ok())
            .unwrap_or_default(),
        // Plugins come by themselves; this version starts none.
        pid: 0,
        restarts: 0,
        calls: counts.calls,
        passes: counts.passes,
        failures: counts.failures,
        timeouts: counts.timeouts,
        late_results: counts.late_results,
        call_latency_p99: counts.latency_p99.map(convert::duration),
    }
}
