//! What became of a send.

use crate::{DeliveryStatus, Error, Position, Result, proto};

/// What became of a send: `reached` and the rows of `unreached` are together exactly the sockets
/// that were selected.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// How many sockets were reached. 0 without rows: nobody was selected.
    pub reached: u32,
    /// One row for each selected socket that was not reached, in no particular order.
    pub unreached: Vec<Unreached>,
    /// The sockets that were reached, if asked for with
    /// [`Client::listing_reached`](crate::Client::listing_reached).
    pub reached_socket_ids: Vec<String>,
    /// Place in the event log at selection: what the send causes comes after it.
    pub position: Position,
}

/// A socket that was selected and not reached.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unreached {
    /// The socket, or the id that was asked for.
    pub socket_id: String,
    /// Why.
    pub status: DeliveryStatus,
}

impl Report {
    /// How many sockets were selected.
    pub fn selected(&self) -> usize {
        self.reached as usize + self.unreached.len()
    }

    /// At least one socket was selected, and all that were are reached.
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
