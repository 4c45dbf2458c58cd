//! `SendStream`: a stream of sends, with a report for each.

use super::delivery::Sent;
use crate::control::limits::SEND_BATCH;
use crate::control::status::{self, invalid};
use crate::control::{BoxStream, Control, proto};
use futures_util::future::ready;
use futures_util::{StreamExt, stream};
use proto::{AckLevel, DeliveryReport};
use std::sync::Arc;
use tonic::{Status, Streaming};

/// Returns the stream of reports to a stream of sends. The transport polls it: there is no task and no
/// queue in between.
pub(in crate::control) fn open(
    control: &Arc<Control>,
    requests: Streaming<proto::SendStreamRequest>,
) -> BoxStream<proto::SendStreamResponse> {
    let control = control.clone();
    // Ends when the caller ends its side or disconnects.
    let requests = requests.scan((), |(), request| ready(request.ok()));
    let batches = requests.ready_chunks(SEND_BATCH);
    let reports = stream::unfold(Some(batches), move |batches| {
        let control = control.clone();
        async move {
            let mut batches = batches?;
            let batch = tokio::select! {
                () = control.force_stop.cancelled() => {
                    return Some((vec![Err(status::stopping())], None));
                }
                batch = batches.next() => batch?.into_iter(),
            };
            let mut reports = Vec::with_capacity(batch.len());
            for request in batch {
                reports.push(Ok(respond(&control, request).await));
            }
            // Lets the sockets' tasks write to the pages before the reports are sent.
            tokio::task::yield_now().await;
            Some((reports, Some(batches)))
        }
    });
    Box::pin(reports.flat_map(stream::iter))
}

/// Performs one send. An error is the response to this send and does not end the stream.
async fn respond(
    control: &Control,
    request: proto::SendStreamRequest,
) -> proto::SendStreamResponse {
    use proto::send_stream_response::Outcome;
    let sent = match request.send {
        Some(request) => send_unconfirmed(control, request).await,
        None => Err(invalid("send", "is not set")),
    };
    let outcome = match sent {
        Ok(report) => Outcome::Report(report),
        Err(error) => Outcome::Error(proto::SendError {
            code: error.code().into(),
            reason: status::reason(&error),
            message: error.message().to_owned(),
        }),
    };
    proto::SendStreamResponse {
        outcome: Some(outcome),
    }
}

/// Performs a send without waiting for pages, so that it does not delay the sends after it.
async fn send_unconfirmed(
    control: &Control,
    request: proto::SendRequest,
) -> Result<DeliveryReport, Status> {
    if request
        .delivery
        .is_some_and(|options| options.ack_level() == AckLevel::Received)
    {
        let text = "RECEIVED is not available in a stream (use Send)";
        return Err(invalid("send.delivery.ack_level", text));
    }
    super::send(control, request).await.map(Sent::report_now)
}
