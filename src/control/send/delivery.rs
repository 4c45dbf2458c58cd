//! Delivery of frames to selected sockets, and the report that accounts for each of them.

use crate::control::limits::CONFIRM_TIMEOUT;
use crate::control::status::unknown_value;
use crate::control::{convert, proto};
use crate::hub::{Confirmation, Frame, Selection, Socket};
use proto::{AckLevel, DeliveryOptions, DeliveryReport, DeliveryStatus};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tonic::Status;

/// Send whose frames are queued, with its report so far.
pub(in crate::control) struct Sent {
    report: DeliveryReport,
    list_reached: bool,
    /// Sockets that count as reached once they have confirmed.
    unconfirmed: Vec<(Arc<Socket>, Option<Confirmation>)>,
}

/// Sends to every selected socket. The report accounts for each of them exactly once: it counts the
/// reached sockets and lists the others.
pub(in crate::control) fn send_to(
    selection: &Selection,
    options: &DeliveryOptions,
    mut send: impl FnMut(&Arc<Socket>) -> Result<(), DeliveryStatus>,
) -> Sent {
    let confirm = options.ack_level() == AckLevel::Received;
    let unknown = selection.unknown.iter();
    let mut sent = Sent {
        report: DeliveryReport {
            position: Some(convert::position(selection.position.clone())),
            unreached: unknown
                .map(|id| delivery(id, DeliveryStatus::NotFound))
                .collect(),
            ..DeliveryReport::default()
        },
        list_reached: options.list_reached,
        unconfirmed: Vec::new(),
    };
    for socket in &selection.sockets {
        match send(socket) {
            Ok(()) if confirm => sent.unconfirmed.push((socket.clone(), socket.confirm())),
            result => sent.record(socket, result),
        }
    }
    sent
}

impl Sent {
    fn record(&mut self, socket: &Socket, result: Result<(), DeliveryStatus>) {
        match result {
            Ok(()) => {
                self.report.reached += 1;
                if self.list_reached {
                    self.report.reached_socket_ids.push(socket.id().to_owned());
                }
            }
            Err(status) => self.report.unreached.push(delivery(socket.id(), status)),
        }
    }

    /// Returns the report once every page has confirmed or disconnected, or the time is over.
    pub(in crate::control) async fn report(
        mut self,
        time_left: Option<Duration>,
    ) -> DeliveryReport {
        let deadline = Instant::now() + time_left.unwrap_or(CONFIRM_TIMEOUT);
        for (socket, confirmation) in std::mem::take(&mut self.unconfirmed) {
            let arrived = async {
                match confirmation {
                    Some(confirmation) => confirmation.arrived().await,
                    None => false,
                }
            };
            let result = match tokio::time::timeout_at(deadline, arrived).await {
                Ok(true) => Ok(()),
                Ok(false) => Err(DeliveryStatus::Gone),
                Err(_) => Err(DeliveryStatus::TimedOut),
            };
            self.record(&socket, result);
        }
        self.report
    }

    /// Returns the report of a send that needs no confirmation.
    pub(in crate::control) fn report_now(self) -> DeliveryReport {
        self.report
    }
}

fn delivery(socket_id: &str, status: DeliveryStatus) -> proto::Delivery {
    proto::Delivery {
        socket_id: socket_id.to_owned(),
        status: status.into(),
    }
}

/// Queues a frame for one page.
pub(in crate::control) fn push(socket: &Socket, frame: &Frame) -> Result<(), DeliveryStatus> {
    socket
        .outbox()
        .push(frame.clone())
        .map_err(convert::delivery_status)
}

/// Validates the delivery options of a request.
pub(super) fn options(options: Option<DeliveryOptions>) -> Result<DeliveryOptions, Status> {
    let options = options.unwrap_or_default();
    match AckLevel::try_from(options.ack_level) {
        Ok(_) => Ok(options),
        Err(_) => {
            let level = options.ack_level;
            Err(unknown_value("delivery.ack_level", level, "AckLevel"))
        }
    }
}
