//! Sockets, and the targets and filters that select them.

use super::check_list;
use crate::control::limits::{MAX_TARGET_ID_BYTES, MAX_TARGET_IDS};
use crate::control::proto;
use crate::control::status::{self, invalid, unknown_value};
use crate::hub;
use tonic::Status;

pub(in crate::control) fn socket(info: &hub::SocketInfo) -> proto::Socket {
    use proto::socket::DocumentState;
    proto::Socket {
        socket_id: info.socket_id.clone(),
        page_id: info.page_id.clone(),
        tab_id: info.tab_id.clone(),
        url: info.url.clone(),
        title: info.title.clone(),
        user_agent: info.user_agent.to_string(),
        visibility: match info.visibility {
            hub::Visibility::Unknown => proto::Visibility::Unspecified,
            hub::Visibility::Visible => proto::Visibility::Visible,
            hub::Visibility::Hidden => proto::Visibility::Hidden,
        }
        .into(),
        top_level: info.top_level,
        remote_address: info.remote_address.to_string(),
        connect_time: Some(super::timestamp(info.connect_time)),
        ready: info.ready,
        document_state: match info.document_state {
            hub::DocumentState::Unknown => DocumentState::Unspecified,
            hub::DocumentState::Loading => DocumentState::Loading,
            hub::DocumentState::Interactive => DocumentState::Interactive,
            hub::DocumentState::Complete => DocumentState::Complete,
        }
        .into(),
        client_features: info.features.to_vec(),
    }
}

/// Destination of a send.
pub(in crate::control) enum Addressee {
    /// A target and the ids of excluded sockets.
    Sockets(hub::Target, Vec<String>),
    /// The page that sent the request with this id.
    Requester(String),
}

/// Converts a target. An unset or empty one is refused, so that an empty list never becomes a broadcast.
pub(in crate::control) async fn target(target: Option<proto::Target>) -> Result<Addressee, Status> {
    use proto::target::Selector;
    let unset = || invalid("target", "no selector is set (set all to reach every page)");
    let target = target.ok_or_else(unset)?;
    let ids = |field: &str, ids: Vec<String>| {
        if ids.is_empty() || ids.iter().any(String::is_empty) {
            let text = "an empty id or list selects no page (set all to reach every page)";
            return Err(invalid(field, text));
        }
        check_list(field, &ids, MAX_TARGET_IDS, MAX_TARGET_ID_BYTES)?;
        Ok(ids)
    };
    let excluded = target.exclude_socket_ids;
    let field = "target.exclude_socket_ids";
    check_list(field, &excluded, MAX_TARGET_IDS, MAX_TARGET_ID_BYTES)?;
    let selected = match target.selector.ok_or_else(unset)? {
        Selector::Ids(list) => hub::Target::Sockets(ids("target.ids", list.socket_ids)?),
        Selector::Tabs(list) => hub::Target::Tabs(ids("target.tabs", list.tab_ids)?),
        Selector::Pages(list) => hub::Target::Pages(ids("target.pages", list.page_ids)?),
        Selector::Filter(filter) => {
            let filter = socket_filter("target.filter", filter).await?;
            if filter.is_empty() {
                let text = "no field is set (set all to reach every page)";
                return Err(invalid("target.filter", text));
            }
            hub::Target::Filter(filter)
        }
        Selector::All(proto::AllSockets {}) => hub::Target::All,
        Selector::ReplyTo(request_id) => return Ok(Addressee::Requester(request_id)),
    };
    Ok(Addressee::Sockets(selected, excluded))
}

/// Like [`target`], for methods that cannot reply to a request.
pub(in crate::control) async fn sockets_target(
    target: Option<proto::Target>,
) -> Result<(hub::Target, Vec<String>), Status> {
    match self::target(target).await? {
        Addressee::Sockets(target, excluded) => Ok((target, excluded)),
        Addressee::Requester(_) => Err(invalid(
            "target.reply_to",
            "only Send and SendStream can reply to a request",
        )),
    }
}

pub(in crate::control) async fn socket_filter(
    field: &str,
    filter: proto::SocketFilter,
) -> Result<hub::SocketFilter, Status> {
    let visibility = match proto::Visibility::try_from(filter.visibility) {
        Ok(proto::Visibility::Unspecified) => None,
        Ok(proto::Visibility::Visible) => Some(hub::Visibility::Visible),
        Ok(proto::Visibility::Hidden) => Some(hub::Visibility::Hidden),
        Err(_) => {
            let field = format!("{field}.visibility");
            return Err(unknown_value(&field, filter.visibility, "Visibility"));
        }
    };
    hub::SocketFilter::new(
        filter.url_regex,
        filter.user_agent_regex,
        visibility,
        filter.top_level_only,
    )
    .await
    .map_err(|error| status::pattern_error(field, &error))
}

pub(in crate::control) fn delivery_status(error: hub::PushError) -> proto::DeliveryStatus {
    match error {
        hub::PushError::Full => proto::DeliveryStatus::DroppedSlow,
        hub::PushError::Closed => proto::DeliveryStatus::Gone,
    }
}
