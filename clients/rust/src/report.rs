//! Delivery reports.

use crate::{DeliveryStatus, Error, Position, Result, proto};

/// Delivery report of a send: the sockets counted by `reached` and those in `unreached` are together exactly
/// the selected ones.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// The number of reached sockets. 0 without rows: no socket was selected.
    pub reached: u32,
    /// One row for each selected socket that was not reached, in no particular order.
    pub unreached: Vec<Unreached>,
    /// The reached sockets, if requested with
    /// [`Client::listing_reached`](crate::Client::listing_reached).
    pub reached_socket_ids: Vec<String>,
    /// Position in the event log at the selection: events that the send causes come after it.
    pub position: Position,
}

/// A socket that was selected and not reached.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unreached {
    /// The socket id, or the unknown id from the target.
    pub socket_id: String,
    /// The reason.
    pub status: DeliveryStatus,
}

impl Report {
    /// The number of selected sockets.
    pub fn selected(&self) -> usize {
        self.reached as usize + self.unreached.len()
    }

    /// Whether at least one socket was selected and all of them were reached.
    pub fn reached_all(&self) -> bool {
        self.reached > 0 && self.unreached.is_empty()
    }

    pub(crate) fn from_proto(report: Option<proto::DeliveryReport>) -> Result<Self> {
        let report = report.ok_or(Error::Unexpected("a response without a report"))?;
        let unreached = report.unreached.into_iter().map(|row| Unreached {
            status: row.status(),
            socket_id: row.socket_id,
        });
        Ok(Self {
            reached: report.reached,
            unreached: unreached.collect(),
            reached_socket_ids: report.reached_socket_ids,
            position: report.position.unwrap_or_default(),
        })
    }
}
