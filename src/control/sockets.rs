//! `ListSockets` and `CloseSockets`.

use super::status::invalid;
use super::{Control, convert, proto, send};
use crate::hub::{Close, CloseCause, SocketFilter, SocketInfo};
use prost::Message;
use proto::DeliveryOptions;
use std::sync::Arc;
use tonic::Status;

const DEFAULT_PAGE: usize = 100;
const MAX_PAGE: usize = 1000;

/// Bytes of one page of a list: every gRPC library takes 4 MiB.
const MAX_PAGE_BYTES: usize = 3 * 1024 * 1024 - 64 * 1024;

/// Longest close reason (RFC 6455, section 5.5: a control frame holds 125 bytes).
const MAX_CLOSE_REASON_BYTES: usize = 123;

pub(super) fn list(
    control: &Control,
    request: proto::ListSocketsRequest,
) -> Result<proto::ListSocketsResponse, Status> {
    let filter = match request.filter {
        Some(filter) => convert::socket_filter("filter", filter)?,
        None => SocketFilter::default(),
    };
    let limit = page_size(request.page_size)?;
    let begin = Token::parse(control, &request.page_token)?;
    let (found, more, position) = control.hub.list_sockets(
        begin.as_ref().map_or(0, |token| token.number),
        limit,
        |socket| {
            // A filter sees ready sockets only: what it asks about is not known before.
            filter.is_empty() || (socket.ready && filter.matches(socket))
        },
    );
    let numbers: Vec<u64> = found.iter().map(|socket| socket.number).collect();
    let (sockets, cut_short) = within_bounds(found);
    // All pages carry the first one's instant: what came since is in the log behind it.
    let sequence = begin.map_or(position.sequence, |token| token.sequence);
    let last = sockets
        .len()
        .checked_sub(1)
        .and_then(|last| numbers.get(last));
    let next_page_token = match last {
        Some(number) if more || cut_short => Token {
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

/// Entries of one page of a list: 0 is the default, and no more than [`MAX_PAGE`] are given.
pub(super) fn page_size(asked: i32) -> Result<usize, Status> {
    match usize::try_from(asked) {
        Ok(0) => Ok(DEFAULT_PAGE),
        Ok(size) => Ok(size.min(MAX_PAGE)),
        Err(_) => Err(invalid(
            "page_size",
            format!("{asked} is negative (0 is the default)"),
        )),
    }
}

/// Where a list goes on, and the instant it began.
struct Token {
    number: u64,
    sequence: u64,
}

impl Token {
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
            .ok_or_else(|| invalid("page_token", format!("{text:?} is no token of this daemon")))
    }
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.number, self.sequence)
    }
}

/// As many as one message may hold, and whether some are left.
pub(super) fn within_bounds(found: Vec<Arc<SocketInfo>>) -> (Vec<proto::Socket>, bool) {
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

pub(super) fn close(
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
    let (target, excluded) = convert::sockets_target(request.target)?;
    let selection = control.hub.select(&target, &excluded);
    let close = Close {
        code,
        reason: request.close_reason,
        cause: CloseCause::ClosedByApi,
    };
    let report = send::send_to(&selection, &DeliveryOptions::default(), |socket| {
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
