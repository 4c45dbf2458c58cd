//! `Send`, `SendStream`, `SendConsoleLog` and `SendCommand`: frames for pages, and a report that
//! accounts for every selected one.

use super::convert::Addressee;
use super::status::{error, invalid};
use super::{BoxStream, Control, MAX_DOWN_FRAME_BYTES, convert, proto, status};
use crate::hub::{ClientSupport, Confirmation, Frame, Reply, ReplyError, Selection, Socket};
use crate::message::{Command, Import, ServerMessage, check_json};
use futures_util::future::ready;
use futures_util::{StreamExt, stream};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proto::send_request::Payload;
use proto::{AckLevel, DeliveryOptions, DeliveryReport, DeliveryStatus};
use serde_json::value::RawValue;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tonic::{Code, Status, Streaming};

/// How long pages have to confirm when the caller sets no deadline. Default 10 s.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(10);

/// Sends of a stream that are done one after the other before their pages are written to. Default 64.
const SENDS_AT_ONCE: usize = 64;

pub(super) fn send(control: &Control, request: proto::SendRequest) -> Result<Sent, Status> {
    let options = delivery_options(request.delivery)?;
    let payload = request.payload.ok_or_else(|| {
        invalid(
            "payload",
            "nothing to send is set (set json, text, binary or error)",
        )
    })?;
    match convert::target(request.target)? {
        Addressee::Requester(request_id) => answer(control, &request_id, payload, &options),
        Addressee::Sockets(target, excluded) => {
            let frame = frame(payload)?;
            let selection = control.hub.select(&target, &excluded);
            Ok(send_to(&selection, &options, |socket| push(socket, &frame)))
        }
    }
}

fn frame(payload: Payload) -> Result<Frame, Status> {
    let (field, size) = match &payload {
        Payload::Json(text) => ("json", text.len()),
        Payload::Text(text) => ("text", text.len()),
        Payload::Binary(bytes) => ("binary", bytes.len()),
        Payload::Error(text) => ("error", text.len()),
    };
    check_size(field, size)?;
    match payload {
        Payload::Json(text) => {
            check_json(&text).map_err(|fault| invalid("json", format!("is not JSON: {fault}")))?;
            Ok(Frame::Text(text.into()))
        }
        Payload::Text(text) => Ok(Frame::Text(text.into())),
        Payload::Binary(bytes) => Ok(Frame::Binary(bytes)),
        Payload::Error(_) => Err(invalid(
            "error",
            "only a page's request can fail (set target.reply_to)",
        )),
    }
}

fn answer(
    control: &Control,
    request_id: &str,
    payload: Payload,
    options: &DeliveryOptions,
) -> Result<Sent, Status> {
    let answer = match &payload {
        Payload::Json(text) => {
            check_json(text).map_err(|fault| invalid("json", format!("is not JSON: {fault}")))?;
            check_size("json", text.len())?;
            Reply::Response(text)
        }
        Payload::Error(text) => {
            check_size("error", text.len())?;
            Reply::Error(text)
        }
        Payload::Text(_) | Payload::Binary(_) => {
            return Err(invalid(
                "payload",
                "a request is answered with json or error",
            ));
        }
    };
    let (socket, sent) = control.hub.reply(request_id, &answer).map_err(|fault| {
        let (code, reason) = match fault {
            ReplyError::NotFound => (Code::NotFound, "REQUEST_NOT_FOUND"),
            ReplyError::AlreadyAnswered => (Code::FailedPrecondition, "ALREADY_ANSWERED"),
            ReplyError::Expired => (Code::FailedPrecondition, "REQUEST_EXPIRED"),
        };
        error(code, reason, format!("{fault}: {request_id}"))
    })?;
    let selection = Selection {
        sockets: vec![socket],
        unknown: Vec::new(),
        position: control.hub.position(),
    };
    Ok(send_to(&selection, options, |_| {
        sent.map_err(convert::delivery_status)
    }))
}

/// A stream of sends goes on at once: none of them waits for its page.
fn send_unconfirmed(
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
    send(control, request).map(Sent::report_now)
}

pub(super) fn stream(
    control: &Arc<Control>,
    requests: Streaming<proto::SendStreamRequest>,
) -> BoxStream<proto::SendStreamResponse> {
    let control = control.clone();
    // Until the caller has ended its side, or has gone.
    let waiting = requests.scan((), |(), request| ready(request.ok()));
    let waiting = waiting.ready_chunks(SENDS_AT_ONCE);
    let reports = stream::unfold(Some(waiting), move |waiting| {
        let control = control.clone();
        async move {
            let mut waiting = waiting?;
            let sends = tokio::select! {
                () = control.force_stop.cancelled() => {
                    return Some((vec![Err(status::stopping())], None));
                }
                sends = waiting.next() => sends?.into_iter(),
            };
            let reports = sends.map(|request| Ok(answer_in_stream(&control, request)));
            let reports = reports.collect::<Vec<_>>();
            // The pages are written to first: they are who waits.
            tokio::task::yield_now().await;
            Some((reports, Some(waiting)))
        }
    });
    Box::pin(reports.flat_map(stream::iter))
}

fn answer_in_stream(
    control: &Control,
    request: proto::SendStreamRequest,
) -> proto::SendStreamResponse {
    use proto::send_stream_response::Outcome;
    let sent = request
        .send
        .ok_or_else(|| invalid("send", "is not set"))
        .and_then(|request| send_unconfirmed(control, request));
    let outcome = match sent {
        Ok(report) => Outcome::Report(report),
        Err(fault) => Outcome::Error(proto::SendError {
            code: fault.code().into(),
            reason: status::reason(&fault),
            message: fault.message().to_owned(),
        }),
    };
    proto::SendStreamResponse {
        outcome: Some(outcome),
    }
}

pub(super) fn console_log(
    control: &Control,
    request: proto::SendConsoleLogRequest,
) -> Result<Sent, Status> {
    use proto::ConsoleLevel;
    let options = delivery_options(request.delivery)?;
    let (target, excluded) = convert::sockets_target(request.target)?;
    let level = match ConsoleLevel::try_from(request.level) {
        Ok(ConsoleLevel::Unspecified | ConsoleLevel::Log) => "log",
        Ok(ConsoleLevel::Debug) => "debug",
        Ok(ConsoleLevel::Info) => "info",
        Ok(ConsoleLevel::Warn) => "warn",
        Ok(ConsoleLevel::Error) => "error",
        Err(_) => {
            return Err(invalid(
                "level",
                format!("{} is no ConsoleLevel", request.level),
            ));
        }
    };
    let log = ServerMessage::Log {
        level,
        source: &request.source,
        text: &request.text,
        args: args(&request.args_json)?,
    }
    .encode();
    check_size("text", log.len())?;
    let printed = if request.source.is_empty() {
        request.text.clone()
    } else {
        format!("[{}] {}", request.source, request.text)
    };
    let call = std::iter::once(quote("%s"))
        .chain([quote(&printed)])
        .chain(request.args_json.iter().cloned())
        .collect::<Vec<_>>()
        .join(",");
    let fallback = run(&format!("console.{level}({call})"));
    let selection = control.hub.select(&target, &excluded);
    Ok(send_own(
        control,
        &selection,
        &options,
        ("log", log),
        Some(&fallback),
    ))
}

pub(super) fn command(
    control: &Control,
    request: proto::SendCommandRequest,
) -> Result<Sent, Status> {
    use proto::send_command_request::Command as Asked;
    let options = delivery_options(request.delivery)?;
    let (target, excluded) = convert::sockets_target(request.target)?;
    let asked = request.command.ok_or_else(|| {
        invalid(
            "command",
            "is not set (reload, navigate or swap_stylesheets)",
        )
    })?;
    let (command, fallback) = match &asked {
        Asked::Reload(proto::Reload {}) => (Command::Reload, Some(run("location.reload()"))),
        Asked::Navigate(proto::Navigate { url }) if url.is_empty() => {
            return Err(invalid("navigate.url", "is empty"));
        }
        Asked::Navigate(proto::Navigate { url }) => {
            let fallback = run(&format!("location.assign({})", quote(url)));
            (Command::Navigate { url }, Some(fallback))
        }
        Asked::SwapStylesheets(swap) => {
            if let Some(path) = swap.paths.iter().find(|path| !path.starts_with('/')) {
                let text = format!("path {path:?} does not begin with / (write \"/{path}\")");
                return Err(invalid("swap_stylesheets.paths", text));
            }
            (Command::Styles { paths: &swap.paths }, None)
        }
    };
    let selection = control.hub.select(&target, &excluded);
    let frame = (command.feature(), ServerMessage::Command(command).encode());
    Ok(send_own(
        control,
        &selection,
        &options,
        frame,
        fallback.as_ref(),
    ))
}

/// Sends a frame that only our script understands, from this feature on; pages with another script
/// get the fallback.
fn send_own(
    control: &Control,
    selection: &Selection,
    options: &DeliveryOptions,
    (feature, text): (&str, String),
    fallback: Option<&Frame>,
) -> Sent {
    let frame = Frame::Text(text.into());
    send_to(selection, options, |socket| {
        let frame = match control.hub.client_support(socket.id(), feature) {
            ClientSupport::Supported => &frame,
            ClientSupport::TooOld => return Err(DeliveryStatus::Unsupported),
            ClientSupport::ForeignClient => fallback.ok_or(DeliveryStatus::Unsupported)?,
        };
        push(socket, frame)
    })
}

/// Queues a frame.
pub(super) fn push(socket: &Socket, frame: &Frame) -> Result<(), DeliveryStatus> {
    socket
        .outbox()
        .push(frame.clone())
        .map_err(convert::delivery_status)
}

/// For pages with the ancestor's script, which can only import: a data URL whose module does
/// this. Every character that could end or change the URL is percent-encoded.
fn run(statement: &str) -> Frame {
    // A comment that differs makes the module new: the same text prints twice.
    let module = format!("{statement};//{}", crate::ids::random());
    let url = format!(
        "data:text/javascript,{}",
        utf8_percent_encode(&module, NON_ALPHANUMERIC)
    );
    let data = Import {
        import_path: &url,
        args: Vec::new(),
        call_id: None,
        fresh: false,
        max_result_bytes: None,
    };
    Frame::Text(ServerMessage::Import { data }.encode().into())
}

fn quote(text: &str) -> String {
    serde_json::to_string(text).expect("a string always encodes")
}

/// A send whose frames are queued.
pub(super) struct Sent {
    report: DeliveryReport,
    list_reached: bool,
    /// Sockets that count as reached once they have confirmed.
    unconfirmed: Vec<(Arc<Socket>, Option<Confirmation>)>,
}

/// Sends to every selected socket: those reached and the rows of the others are exactly the
/// selection (promise P3).
pub(super) fn send_to(
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
            sent_to => sent.row(socket, sent_to),
        }
    }
    sent
}

impl Sent {
    fn row(&mut self, socket: &Socket, sent: Result<(), DeliveryStatus>) {
        match sent {
            Ok(()) => {
                self.report.reached += 1;
                if self.list_reached {
                    self.report.reached_socket_ids.push(socket.id().to_owned());
                }
            }
            Err(status) => self.report.unreached.push(delivery(socket.id(), status)),
        }
    }

    /// The report, once every page has confirmed, gone, or had its time.
    pub(super) async fn report(mut self, left: Option<Duration>) -> DeliveryReport {
        let deadline = Instant::now() + left.unwrap_or(CONFIRM_TIMEOUT);
        for (socket, confirmation) in std::mem::take(&mut self.unconfirmed) {
            let arrived = async {
                match confirmation {
                    Some(confirmation) => confirmation.arrived().await,
                    None => false,
                }
            };
            let sent = match tokio::time::timeout_at(deadline, arrived).await {
                Ok(true) => Ok(()),
                Ok(false) => Err(DeliveryStatus::Gone),
                Err(_) => Err(DeliveryStatus::TimedOut),
            };
            self.row(&socket, sent);
        }
        self.report
    }

    /// The report of a send that needs no confirmation.
    pub(super) fn report_now(self) -> DeliveryReport {
        self.report
    }
}

fn delivery(socket_id: &str, status: DeliveryStatus) -> proto::Delivery {
    proto::Delivery {
        socket_id: socket_id.to_owned(),
        status: status.into(),
    }
}

pub(super) fn delivery_options(
    options: Option<DeliveryOptions>,
) -> Result<DeliveryOptions, Status> {
    let options = options.unwrap_or_default();
    match AckLevel::try_from(options.ack_level) {
        Ok(_) => Ok(options),
        Err(_) => {
            let text = format!("{} is no AckLevel", options.ack_level);
            Err(invalid("delivery.ack_level", text))
        }
    }
}

pub(super) fn check_size(field: &str, bytes: usize) -> Result<(), Status> {
    if bytes > MAX_DOWN_FRAME_BYTES {
        let text = format!("{bytes} bytes are too many (the limit is {MAX_DOWN_FRAME_BYTES})");
        return Err(invalid(field, text));
    }
    Ok(())
}

/// Arguments as JSON, one text each.
pub(super) fn args(args_json: &[String]) -> Result<Vec<&RawValue>, Status> {
    args_json
        .iter()
        .enumerate()
        .map(|(at, text)| {
            serde_json::from_str(text).map_err(|fault| {
                invalid(&format!("args_json[{at}]"), format!("is not JSON: {fault}"))
            })
        })
        .collect()
}
