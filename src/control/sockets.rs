//! `ListSockets` and `CloseSockets`.

use super::limits::{DEFAULT_PAGE_SIZE, MAX_CLOSE_REASON_BYTES, MAX_PAGE_BYTES, MAX_PAGE_SIZE};
use super::send::delivery::send_to;
use super::status::invalid;
use super::{Control, convert, proto};
use crate::hub::{Close, CloseCause, SocketFilter, SocketInfo};
use prost::Message;
use proto::DeliveryOptions;
use std::sync::Arc;
use tonic::Status;

pub(super) async fn list(
    control: &Control,
    request: proto::ListSocketsRequest,
) -> Result<proto::ListSocketsResponse, Status> {
    let filter = match request.filter {
        Some(filter) => convert::socket_filter("filter", filter).await?,
        None => SocketFilter::default(),
    };
    let limit = page_size(request.page_size)?;
    let start = PageToken::parse(control, &request.page_token)?;
    let (found, more, position) = control.hub.list_sockets(
        start.as_ref().map_or(0, |token| token.number),
        limit,
        &filter,
    );
    let numbers: Vec<u64> = found.iter().map(|socket| socket.number).collect();
    let (sockets, cut_short) = fit_in_page(found);
    // All pages have the position of the first: later changes are in the log after it.
    let sequence = start.map_or(position.sequence, |token| token.sequence);
    let last = sockets
        .len()
        .checked_sub(1)
        .and_then(|last| numbers.get(last));
    let next_page_token = match last {
        Some(number) if more || cut_short => PageToken {
            number: *number,
            sequence,
        }
        .to_string(),
        _ => String::new(),
    };
    let position = Some(convert::position(control.hub.position_at(sequence)));
    Ok(proto::ListSocketsResponse {
        sockets,
        next_page_token,
        position,
    })
}

/// Validates a page size: 0 is [`DEFAULT_PAGE_SIZE`], and a number above [`MAX_PAGE_SIZE`] is lowered to
/// it.
pub(super) fn page_size(size: i32) -> Result<usize, Status> {
    match usize::try_from(size) {
        Ok(0) => Ok(DEFAULT_PAGE_SIZE),
        Ok(size) => Ok(size.min(MAX_PAGE_SIZE)),
        Err(_) => Err(invalid(
            "page_size",
            format!("{size} is negative (0 is the default)"),
        )),
    }
}

/// Continuation of a list.
struct PageToken {
    /// Connection number of the last socket on the previous page.
    number: u64,
    /// Log position of the first page.
    sequence: u64,
}

impl PageToken {
    fn parse(control: &Control, text: &str) -> Result<Option<Self>, Status> {
        if text.is_empty() {
            return Ok(None);
        }
        text.split_once('.')
            .and_then(|(number, sequence)| {
                Some(Self {
                    number: number.parse().ok()?,
                    sequence: sequence.parse().ok()?,
                })
            })
            .filter(|token| token.sequence <= control.hub.position().sequence)
            .map(Some)
            .ok_or_else(|| invalid("page_token", format!("{text:?} is not a token of this daemon (pass next_page_token of the previous page)")))
    }
}

impl std::fmt::Display for PageToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.number, self.sequence)
    }
}

/// Converts as many sockets as fit into one page. Returns whether some are left.
pub(super) fn fit_in_page(found: Vec<Arc<SocketInfo>>) -> (Vec<proto::Socket>, bool) {
    let mut bytes = 0;
    let total = found.len();
    let sockets: Vec<_> = found
        .into_iter()
        .map(|info| convert::socket(&info))
        .take_while(|socket| {
            bytes += socket.encoded_len() + 8;
            bytes <= MAX_PAGE_BYTES
        })
        .collect();
    let cut_short = sockets.len() < total;
    (sockets, cut_short)
}

pub(super) async fn close(
    control: &Control,
    request: proto::CloseSocketsRequest,
) -> Result<proto::CloseSocketsResponse, Status> {
    let code = match request.close_code {
        0 => 1000,
        code => u16::try_from(code)
            .ok()
            .filter(|code| *code == 1000 || (4000..=4999).contains(code))
            .ok_or_else(|| {
                invalid(
                    "close_code",
                    format!("{code} is neither 1000 nor 4000 to 4999"),
                )
            })?,
    };
    if request.close_reason.len() > MAX_CLOSE_REASON_BYTES {
        let text = format!(
            "{} bytes are too many (the limit is {MAX_CLOSE_REASON_BYTES})",
            request.close_reason.len()
        );
        return Err(invalid("close_reason", text));
    }
    let (target, excluded) = convert::sockets_target(request.target).await?;
    let selection = control.hub.select(&target, &excluded);
    let close = Close {
        code,
        reason: request.close_reason,
        cause: CloseCause::ClosedByApi,
    };
    let report = send_to(&selection, &DeliveryOptions::default(), |socket| {
        if socket.outbox().close(close.clone()) {
            Ok(())
        } else {
            Err(proto::DeliveryStatus::Gone)
        }
    })
    .report_now();
    Ok(proto::CloseSocketsResponse {
        report: Some(report),
    })
}
