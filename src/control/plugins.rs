//! `ListPlugins`.

use super::{Control, convert, proto, sockets};
use tonic::Status;

/// Lists plugins in their order of serving; then the others, configured ones first, by name.
///
/// The page token is the last name on the page, so plugins that connect or disconnect between two pages
/// do not shift the rest.
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
    let serve_index = |name: &str| order.iter().position(|other| other == name);
    let mut plugins = control.plugins.list();
    let rank = |name: &str, slot: Option<usize>| {
        let after_all = (order.len(), slot.unwrap_or(usize::MAX));
        let index = serve_index(name).map_or(after_all, |index| (index, 0));
        (index, name.to_owned())
    };
    plugins.sort_by_cached_key(|plugin| rank(&plugin.name, plugin.slot));
    let token = &request.page_token;
    let last = plugins.iter().find(|plugin| plugin.name == *token);
    let last = rank(token, last.and_then(|plugin| plugin.slot));
    plugins.retain(|plugin| token.is_empty() || rank(&plugin.name, plugin.slot) > last);
    let more = plugins.len() > limit;
    let plugins: Vec<_> = plugins
        .iter()
        .take(limit)
        .map(|status| convert::plugin(status, serve_index(&status.name)))
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
