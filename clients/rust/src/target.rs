//! Targets of sends.

use crate::{
    SocketFilter,
    proto::{self, target::Selector},
};

/// The sockets that an operation selects. The selection is a snapshot: sockets that open later are not
/// included.
///
/// To prevent accidental broadcasts, the daemon refuses a list without ids and a filter without a condition
/// (`FIELD_INVALID`); [`Target::all`] selects all sockets. An unknown id is not an error: it gets a row in the
/// [`Report`](crate::Report).
#[derive(Clone, Debug, PartialEq)]
pub struct Target(proto::Target);

impl Target {
    /// One socket.
    pub fn socket(socket_id: impl Into<String>) -> Self {
        Self::sockets([socket_id])
    }

    /// These sockets.
    pub fn sockets<I: IntoIterator<Item: Into<String>>>(socket_ids: I) -> Self {
        Self::new(Selector::Ids(proto::SocketIds {
            socket_ids: strings(socket_ids),
        }))
    }

    /// All sockets of one browser tab, including those of its frames.
    pub fn tab(tab_id: impl Into<String>) -> Self {
        Self::tabs([tab_id])
    }

    /// All sockets of these browser tabs, including those of their frames.
    pub fn tabs<I: IntoIterator<Item: Into<String>>>(tab_ids: I) -> Self {
        Self::new(Selector::Tabs(proto::TabIds {
            tab_ids: strings(tab_ids),
        }))
    }

    /// The current socket of one document. Unlike a socket id, a page id stays valid when the page reconnects.
    pub fn page(page_id: impl Into<String>) -> Self {
        Self::pages([page_id])
    }

    /// The current sockets of these documents. Page ids stay valid when pages reconnect.
    pub fn pages<I: IntoIterator<Item: Into<String>>>(page_ids: I) -> Self {
        Self::new(Selector::Pages(proto::PageIds {
            page_ids: strings(page_ids),
        }))
    }

    /// All connected sockets, ready or not.
    pub fn all() -> Self {
        Self::new(Selector::All(proto::AllSockets {}))
    }

    /// The ready sockets whose URL matches this regular expression (RE2 syntax, unanchored).
    pub fn url(regex: impl Into<String>) -> Self {
        Self::filter(SocketFilter::url(regex))
    }

    /// The ready sockets that match the filter.
    pub fn filter(filter: SocketFilter) -> Self {
        Self::new(Selector::Filter(filter))
    }

    /// The target without these sockets, which get no row in the report. Unknown ids are ignored.
    #[must_use]
    pub fn excluding<I: IntoIterator<Item: Into<String>>>(mut self, socket_ids: I) -> Self {
        self.0.exclude_socket_ids.extend(strings(socket_ids));
        self
    }

    /// The socket that sent the request.
    pub(crate) fn reply_to(request_id: impl Into<String>) -> Self {
        Self::new(Selector::ReplyTo(request_id.into()))
    }

    pub(crate) fn to_proto(&self) -> proto::Target {
        self.0.clone()
    }

    fn new(selector: Selector) -> Self {
        Self(proto::Target {
            selector: Some(selector),
            exclude_socket_ids: Vec::new(),
        })
    }
}

impl From<Target> for proto::Target {
    fn from(target: Target) -> Self {
        target.0
    }
}

fn strings<I: IntoIterator<Item: Into<String>>>(values: I) -> Vec<String> {
    values.into_iter().map(Into::into).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_list_does_not_become_all_sockets() {
        let target = Target::sockets(Vec::<String>::new()).to_proto();
        assert_eq!(
            target.selector,
            Some(Selector::Ids(proto::SocketIds::default()))
        );
    }

    #[test]
    fn exclusions_accumulate() {
        let target = Target::all()
            .excluding(["a"])
            .excluding(vec!["b".to_owned()])
            .to_proto();
        assert_eq!(target.exclude_socket_ids, ["a", "b"]);
        assert_eq!(target.selector, Some(Selector::All(proto::AllSockets {})));
    }
}
