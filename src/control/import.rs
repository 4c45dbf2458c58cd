//! `SendImport`: pages import a module and call its default export.

use super::status::invalid;
use super::{Control, convert, proto, send, status};
use crate::hub::{Frame, ImportOutcome, Socket};
use crate::ids;
use crate::message::{Down, Import, PageException, PageResult, PageValue};
use futures_util::future::join_all;
use proto::import_result::Outcome;
use proto::js_exception::Phase;
use proto::js_value::Kind;
use proto::{DeliveryStatus, ImportResult, SendImportRequest, SendImportResponse};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tonic::Status;

/// How long pages have when the caller names no time. Default 10 s.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// Largest result of one page unless the caller asks for another. Default 1 MiB.
const DEFAULT_RESULT_BYTES: u32 = 1024 * 1024;

/// All results of one call together.
const ALL_RESULTS_BYTES: usize = 3 * 1024 * 1024 - 256 * 1024;

/// What is kept of a result that is too large.
const BEGINNING_CHARS: usize = 1000;

/// What a page's script must have to be awaited.
const AWAIT_FEATURE: &str = "import.await";

pub(super) async fn send(
    control: &Arc<Control>,
    request: SendImportRequest,
    left: Option<Duration>,
) -> Result<SendImportResponse, Status> {
    use proto::send_import_request::Module;
    let (target, excluded) = convert::sockets_target(request.target)?;
    let import_path = match request.module {
        Some(Module::ImportPath(path)) => path,
        Some(Module::Code(_)) => return Err(status::not_yet("SendImport.code")),
        None => return Err(invalid("module", "is not set (set import_path)")),
    };
    check_import_path(&import_path)?;
    let fresh = match proto::ImportMode::try_from(request.mode) {
        Ok(proto::ImportMode::Unspecified | proto::ImportMode::Reuse) => false,
        Ok(proto::ImportMode::Fresh) => true,
        Err(_) => {
            return Err(invalid(
                "mode",
                format!("{} is no ImportMode", request.mode),
            ));
        }
    };
    let timeout = convert::given_duration("timeout", request.timeout)?;
    let max_result_bytes = match request.max_result_bytes {
        0 => DEFAULT_RESULT_BYTES,
        bytes => bytes,
    };
    let call_id = ids::random();
    let text = Down::Import {
        data: Import {
            import_path: &import_path,
            args: send::args(&request.args_json)?,
            call_id: request.await_result.then_some(call_id.as_str()),
            fresh,
            max_result_bytes: request.await_result.then_some(max_result_bytes),
        },
    }
    .encode();
    send::check_size("args_json", text.len())?;
    let frame = Frame::Text(text.into());
    let selection = control.hub.select(&target, &excluded);
    if !request.await_result {
        let report = send::report(&selection, false, |socket| {
            socket
                .outbox()
                .push(frame.clone())
                .map_err(convert::delivery_status)
        });
        return Ok(SendImportResponse {
            report: Some(report),
            results: Vec::new(),
        });
    }

    let budget = timeout
        .or(left)
        .unwrap_or(DEFAULT_TIMEOUT)
        .min(left.unwrap_or(Duration::MAX));
    let begin = Instant::now();
    let deadline = begin + budget;
    let answers = selection.sockets.iter().map(|socket| async {
        let answer = await_page(control, socket, &call_id, frame.clone(), deadline).await;
        (answer, begin.elapsed())
    });
    let answers = join_all(answers).await;
    let mut unsent = answers.iter().map(|(answer, _)| match answer {
        Err(Unanswered::Unsent(status)) => Err(*status),
        _ => Ok(()),
    });
    let report = send::report(&selection, false, |_| unsent.next().unwrap_or(Ok(())));

    let mut room = ALL_RESULTS_BYTES;
    let mut results: Vec<_> = selection
        .unknown
        .iter()
        .map(|id| ImportResult {
            socket_id: id.clone(),
            outcome: Some(Outcome::Unanswered(DeliveryStatus::NotFound.into())),
            elapsed: None,
        })
        .collect();
    results.extend(
        selection
            .sockets
            .iter()
            .zip(answers)
            .map(|(socket, (answer, elapsed))| {
                let outcome = match answer {
                    Ok(result) => outcome(result, max_result_bytes as usize, &mut room),
                    Err(Unanswered::Unsent(status) | Unanswered::Sent(status)) => {
                        Outcome::Unanswered(status.into())
                    }
                };
                ImportResult {
                    socket_id: socket.id().to_owned(),
                    outcome: Some(outcome),
                    elapsed: Some(convert::duration(elapsed)),
                }
            }),
    );
    Ok(SendImportResponse {
        report: Some(report),
        results,
    })
}

/// A page without a result.
#[derive(Clone, Copy)]
enum Unanswered {
    /// It was not sent the import.
    Unsent(DeliveryStatus),
    /// It was.
    Sent(DeliveryStatus),
}

async fn await_page(
    control: &Arc<Control>,
    socket: &Socket,
    call_id: &str,
    frame: Frame,
    deadline: Instant,
) -> Result<PageResult, Unanswered> {
    let unsent = |status| Err(Unanswered::Unsent(status));
    // Whether it can answer is known once it said hello.
    match tokio::time::timeout_at(deadline, socket.ready()).await {
        Err(_) => return unsent(DeliveryStatus::TimedOut),
        Ok(_) if socket.outbox().is_closed() => return unsent(DeliveryStatus::Gone),
        Ok(_) if !control.hub.has_feature(socket.id(), AWAIT_FEATURE) => {
            return unsent(DeliveryStatus::Unsupported);
        }
        Ok(_) => {}
    }
    let pending = control
        .hub
        .send_import(socket, call_id, frame)
        .map_err(|error| Unanswered::Unsent(convert::delivery_status(error)))?;
    match tokio::time::timeout_at(deadline, pending.outcome()).await {
        Ok(ImportOutcome::Answered(result)) => Ok(*result),
        Ok(ImportOutcome::Gone) => Err(Unanswered::Sent(DeliveryStatus::Gone)),
        Err(_) => Err(Unanswered::Sent(DeliveryStatus::TimedOut)),
    }
}

/// A URL that a page of this server could import as it stands.
fn check_import_path(path: &str) -> Result<(), Status> {
    let has_scheme = path.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
    });
    if path.starts_with('/') || has_scheme {
        Ok(())
    } else {
        let text = format!(
            "{path:?} is not a URL that a page can import (begin it with /, or give a full URL)"
        );
        Err(invalid("import_path", text))
    }
}

fn outcome(result: PageResult, max_bytes: usize, room: &mut usize) -> Outcome {
    match (result.value, result.exception) {
        (_, Some(exception)) => Outcome::Exception(js_exception(exception, room)),
        (value, None) => Outcome::Value(js_value(value.unwrap_or_default(), max_bytes, room)),
    }
}

/// What a page sent is bounded again here: its script is not ours to trust.
fn js_value(value: PageValue, max_bytes: usize, room: &mut usize) -> proto::JsValue {
    let mut truncated = value.truncated;
    let kind = match value {
        PageValue {
            json: Some(json), ..
        } => {
            if json.len() <= max_bytes.min(*room) {
                *room -= json.len();
                Kind::Json(json)
            } else {
                truncated = true;
                Kind::Description(beginning(&json, room))
            }
        }
        PageValue {
            unserializable: Some(text),
            ..
        } => Kind::Unserializable(cut(text, room, &mut truncated)),
        PageValue {
            description: Some(text),
            ..
        } => Kind::Description(cut(text, room, &mut truncated)),
        _ => Kind::IsUndefined(true),
    };
    proto::JsValue {
        kind: Some(kind),
        truncated,
    }
}

fn js_exception(exception: PageException, room: &mut usize) -> proto::JsException {
    let mut truncated = false;
    let phase = match exception.phase.as_str() {
        "load" => Phase::Load,
        "call" => Phase::Call,
        "serialize" => Phase::Serialize,
        _ => Phase::Unspecified,
    };
    let mut cut = |text: String| cut(text, room, &mut truncated);
    proto::JsException {
        phase: phase.into(),
        name: cut(exception.name),
        message: cut(exception.message),
        stack: cut(exception.stack),
        url: cut(exception.url),
        line: exception.line,
        column: exception.column,
        // Half a JSON text is none.
        thrown_json: exception
            .thrown
            .filter(|json| json.len() <= BEGINNING_CHARS)
            .unwrap_or_default(),
    }
}

fn cut(text: String, room: &mut usize, truncated: &mut bool) -> String {
    if text.len() <= *room {
        *room -= text.len();
        return text;
    }
    *truncated = true;
    beginning(&text, room)
}

fn beginning(text: &str, room: &mut usize) -> String {
    let beginning: String = text.chars().take(BEGINNING_CHARS).collect();
    *room = room.saturating_sub(beginning.len());
    beginning
}
