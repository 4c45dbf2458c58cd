//! `SendImport`: pages import a module and call its default export.

use super::status::{error, invalid};
use super::{Control, convert, proto, send, values};
use crate::hub::{Frame, ImportOutcome, Socket};
use crate::ids;
use crate::message::{Import, PageResult, ServerMessage};
use futures_util::future::join_all;
use proto::import_result::Outcome;
use proto::{DeliveryOptions, DeliveryStatus, ImportResult, SendImportRequest, SendImportResponse};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tonic::{Code, Status};

/// How long pages have when the caller names no time. Default 10 s.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// Largest result of one page unless the caller asks for another. Default 1 MiB.
const DEFAULT_RESULT_BYTES: u32 = 1024 * 1024;

/// All results of one call together.
const ALL_RESULTS_BYTES: usize = 3 * 1024 * 1024 - 256 * 1024;

/// What a page's script must have to be awaited.
const AWAIT_FEATURE: &str = "import.await";

pub(super) async fn send(
    control: &Arc<Control>,
    request: SendImportRequest,
    left: Option<Duration>,
) -> Result<SendImportResponse, Status> {
    use proto::send_import_request::Module;
    let (target, excluded) = convert::sockets_target(request.target)?;
    // Served for as long as it lives: to the end of this call.
    let mut published = None;
    let import_path = match request.module {
        Some(Module::ImportPath(path)) => {
            check_import_path(&path)?;
            path
        }
        Some(Module::Code(source)) => {
            send::check_size("code", source.len())?;
            let code = control.hub.publish_code(source).map_err(|fault| {
                error(Code::ResourceExhausted, "LIMIT_REACHED", fault.to_string())
            })?;
            published.insert(code).path()
        }
        None => return Err(invalid("module", "is not set (set import_path or code)")),
    };
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
    let text = ServerMessage::Import {
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
        let sent = send::send_to(&selection, &DeliveryOptions::default(), |socket| {
            send::push(socket, &frame)
        });
        if let Some(code) = published {
            code.outlive_the_call();
        }
        return Ok(SendImportResponse {
            report: Some(sent.report_now()),
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
    let options = DeliveryOptions::default();
    let sent = send::send_to(&selection, &options, |_| unsent.next().unwrap_or(Ok(())));
    let report = sent.report_now();

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
        Ok(ImportOutcome::Result(result)) => Ok(*result),
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
        (_, Some(exception)) => Outcome::Exception(values::exception(&exception, room)),
        (value, None) => Outcome::Value(values::value(&value.unwrap_or_default(), max_bytes, room)),
    }
}
