//! From the contract's types to the core's and back.

use super::proto;
use super::status::invalid;
use crate::hub;
use prost_types::Timestamp;
use std::time::{Duration, SystemTime};
use tonic::Status;

pub(super) fn timestamp(time: SystemTime) -> Timestamp {
    Timestamp::from(time)
}

/// Whole durations of ours always fit.
pub(super) fn duration(duration: Duration) -> prost_types::Duration {
    prost_types::Duration::try_from(duration).unwrap_or_default()
}

/// Unset and zero are the default; a negative one is refused.
pub(super) fn given_duration(
    field: &str,
    given: Option<prost_types::Duration>,
) -> Result<Option<Duration>, Status> {
    let Some(given) = given else { return Ok(None) };
    let duration = Duration::try_from(given)
        .map_err(|_| invalid(field, "a duration must not be negative (0 is the default)"))?;
    Ok(Some(duration).filter(|duration| !duration.is_zero()))
}

pub(super) fn position(position: hub::Position) -> proto::Position {
    proto::Position {
        epoch: position.epoch,
        sequence: position.sequence,
    }
}

pub(super) fn socket(info: &hub::SocketInfo) -> proto::Socket {
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
        connect_time: Some(timestamp(info.connect_time)),
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

/// Whom a send is for.
pub(super) enum Addressee {
    /// A selection of sockets, without the excluded ones.
    Sockets(hub::Target, Vec<String>),
    /// The page that made this request.
    Requester(String),
}

/// An unset or empty target is refused: an empty reply list must never become a broadcast.
pub(super) fn target(target: Option<proto::Target>) -> Result<Addressee, Status> {
    use proto::target::Selector;
    let unset = || invalid("target", "no selector is set (set all to reach every page)");
    let target = target.ok_or_else(unset)?;
    let ids = |field: &str, ids: Vec<String>| {
        if ids.is_empty() || ids.iter().any(String::is_empty) {
            let text = "an empty id or list selects nobody (set all to reach every page)";
            return Err(invalid(field, text));
        }
        Ok(ids)
    };
    let selected = match target.selector.ok_or_else(unset)? {
        Selector::Ids(list) => hub::Target::Sockets(ids("target.ids", list.socket_ids)?),
        Selector::Tabs(list) => hub::Target::Tabs(ids("target.tabs", list.tab_ids)?),
        Selector::Pages(list) => hub::Target::Pages(ids("target.pages", list.page_ids)?),
        Selector::Filter(filter) => {
            let filter = socket_filter("target.filter", filter)?;
            if filter.is_empty() {
                let text = "no field is set (set all to reach every page)";
                return Err(invalid("target.filter", text));
            }
            hub::Target::Filter(filter)
        }
        Selector::All(proto::AllSockets {}) => hub::Target::All,
        Selector::ReplyTo(request_id) => return Ok(Addressee::Requester(request_id)),
    };
    Ok(Addressee::Sockets(selected, target.exclude_socket_ids))
}

/// As [`target`], where no request can be answered.
pub(super) fn sockets_target(
    given: Option<proto::Target>,
) -> Result<(hub::Target, Vec<String>), Status> {
    match target(given)? {
        Addressee::Sockets(target, excluded) => Ok((target, excluded)),
        Addressee::Requester(_) => Err(invalid(
            "target.reply_to",
            "only Send and SendStream answer requests",
        )),
    }
}

pub(super) fn socket_filter(
    field: &str,
    filter: proto::SocketFilter,
) -> Result<hub::SocketFilter, Status> {
    let visibility = match proto::Visibility::try_from(filter.visibility) {
        Ok(proto::Visibility::Unspecified) => None,
        Ok(proto::Visibility::Visible) => Some(hub::Visibility::Visible),
        Ok(proto::Visibility::Hidden) => Some(hub::Visibility::Hidden),
        Err(_) => {
            let text = format!("{} is no Visibility", filter.visibility);
            return Err(invalid(&format!("{field}.visibility"), text));
        }
    };
    hub::SocketFilter::new(
        &filter.url_regex,
        &filter.user_agent_regex,
        visibility,
        filter.top_level_only,
    )
    .map_err(|error| invalid(field, error))
}

pub(super) fn delivery_status(error: hub::PushError) -> proto::DeliveryStatus {
    match error {
        hub::PushError::Full => proto::DeliveryStatus::DroppedSlow,
        hub::PushError::Closed => proto::DeliveryStatus::Gone,
    }
}

/// A name that is no UTF-8 has no URL, and is not watched.
pub(super) fn file_changed(change: &hub::FileChange) -> proto::FileChanged {
    use proto::file_changed::Kind;
    proto::FileChanged {
        file_path: change.file_path.to_string_lossy().into_owned(),
        url_path: change.url_path.clone(),
        kind: match change.kind {
            hub::FileChangeKind::Created => Kind::Created,
            hub::FileChangeKind::Modified => Kind::Modified,
            hub::FileChangeKind::Removed => Kind::Removed,
        }
        .into(),
    }
}

pub(super) fn close_cause(cause: hub::CloseCause) -> proto::socket_closed::Cause {
    use proto::socket_closed::Cause;
    match cause {
        hub::CloseCause::PageUnloaded => Cause::PageUnloaded,
        hub::CloseCause::ConnectionLost => Cause::ConnectionLost,
        hub::CloseCause::NoPong => Cause::NoPong,
        hub::CloseCause::Slow => Cause::Slow,
        hub::CloseCause::ClosedByApi => Cause::ClosedByApi,
        hub::CloseCause::ServerStopping => Cause::ServerStopping,
        hub::CloseCause::ProtocolError => Cause::ProtocolError,
    }
}
