//! `SendImport`: pages import a module and call its default export.

use super::convert::value;
use super::limits::{
    ALL_RESULTS_BYTES, DEFAULT_RESULT_BYTES, IMPORT_TIMEOUT, MAX_WAIT, RESULT_ROW_BYTES,
};
use super::send::delivery::{push, send_to};
use super::send::{check_size, compute, parse_args};
use super::status::invalid;
use super::{Control, convert, proto, status};
use crate::hub::{Frame, ImportOutcome, Selection, Socket};
use crate::ids;
use crate::message::{Import, PageResult, ServerMessage};
use futures_util::future::join_all;
use proto::import_result::Outcome;
use proto::{DeliveryOptions, DeliveryStatus, ImportResult, SendImportRequest, SendImportResponse};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use tonic::Status;

/// Feature of a client script that reports results of imports.
const AWAIT_FEATURE: &str = "import.await";

pub(super) async fn send(
    control: &Arc<Control>,
    request: SendImportRequest,
    time_left: Option<Duration>,
) -> Result<SendImportResponse, Status> {
    use proto::send_import_request::Module;
    let (target, excluded) = convert::sockets_target(request.target).await?;
    // Guard of published code, which is served until the end of this call.
    let mut published = None;
    let import_path = match request.module {
        Some(Module::ImportPath(path)) => {
            check_import_path(&path)?;
            path
        }
        Some(Module::Code(source)) => {
            check_size("code", source.len())?;
            let code = control.hub.publish_code(source);
            let code = code.map_err(status::limit_reached)?;
            published.insert(code).path()
        }
        None => return Err(invalid("module", "is not set (set import_path or code)")),
    };
    let fresh = convert::is_fresh(request.mode)?;
    let timeout = convert::optional_duration("timeout", request.timeout)?;
    if let Some(timeout) = timeout.filter(|timeout| *timeout > MAX_WAIT) {
        let (seconds, max) = (timeout.as_secs(), MAX_WAIT.as_secs());
        let text = format!("{seconds} s are too many (the limit is {max})");
        return Err(invalid("timeout", text));
    }
    let max_result_bytes = match request.max_result_bytes {
        0 => DEFAULT_RESULT_BYTES,
        bytes => bytes,
    };
    let call_id = ids::random();
    let (args, awaited_id) = (
        request.args_json,
        request.await_result.then(|| call_id.clone()),
    );
    let bytes = args.iter().map(String::len).sum();
    let encode = move || {
        let data = Import {
            url: &import_path,
            args: parse_args(&args)?,
            call_id: awaited_id.as_deref(),
            fresh,
            max_result_bytes: awaited_id.as_ref().map(|_| max_result_bytes),
        };
        Ok(ServerMessage::Import { data }.encode())
    };
    let text = compute(bytes, encode).await?;
    check_size("args_json", text.len())?;
    let frame = Frame::Text(text.into());
    let selection = control.hub.select(&target, &excluded);
    if !request.await_result {
        let sent = send_to(&selection, &DeliveryOptions::default(), |socket| {
            push(socket, &frame)
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
        .or(time_left)
        .unwrap_or(IMPORT_TIMEOUT)
        .min(time_left.unwrap_or(Duration::MAX));
    let start = Instant::now();
    let deadline = start + budget;
    // Results are converted as they arrive, so that together they take no more memory than the response.
    let room = Mutex::new(ALL_RESULTS_BYTES.saturating_sub(rows_size(&selection)));
    let waits = selection.sockets.iter().map(|socket| async {
        let result = await_page(control, socket, &call_id, frame.clone(), deadline).await;
        let outcome = result.map(|result| {
            let mut room = room.lock().unwrap_or_else(PoisonError::into_inner);
            value::import_outcome(result, max_result_bytes as usize, &mut room)
        });
        (outcome, start.elapsed())
    });
    let page_results = join_all(waits).await;
    let mut unsent = page_results.iter().map(|(result, _)| match result {
        Err(Unanswered::Unsent(status)) => Err(*status),
        _ => Ok(()),
    });
    let options = DeliveryOptions::default();
    let sent = send_to(&selection, &options, |_| unsent.next().unwrap_or(Ok(())));
    let report = sent.report_now();

    Ok(SendImportResponse {
        report: Some(report),
        results: result_rows(&selection, page_results),
    })
}

/// Returns the bytes of the response without results: a page that was not reached is in the report too.
fn rows_size(selection: &Selection) -> usize {
    let selected = selection.sockets.iter().map(|socket| socket.id().len());
    let unknown = selection.unknown.iter().map(String::len);
    let rows = selected.chain(unknown);
    rows.map(|id| 2 * id + RESULT_ROW_BYTES).sum()
}

/// Returns the rows of the response: first one for each unknown id, then one for each selected socket, in the
/// order of the selection.
fn result_rows(
    selection: &Selection,
    page_results: Vec<(Result<Outcome, Unanswered>, Duration)>,
) -> Vec<ImportResult> {
    let unknown = selection.unknown.iter().map(|id| ImportResult {
        socket_id: id.clone(),
        outcome: Some(Outcome::Unanswered(DeliveryStatus::NotFound.into())),
        elapsed: None,
    });
    let sockets = selection.sockets.iter().zip(page_results);
    let selected = sockets.map(|(socket, (result, elapsed))| {
        let outcome = match result {
            Ok(outcome) => outcome,
            Err(Unanswered::Unsent(status) | Unanswered::Sent(status)) => {
                Outcome::Unanswered(status.into())
            }
        };
        ImportResult {
            socket_id: socket.id().to_owned(),
            outcome: Some(outcome),
            elapsed: Some(convert::duration(elapsed)),
        }
    });
    unknown.chain(selected).collect()
}

/// Why a page has no result.
#[derive(Clone, Copy)]
enum Unanswered {
    /// The import was not sent to the page.
    Unsent(DeliveryStatus),
    /// The import was sent, but no result arrived.
    Sent(DeliveryStatus),
}

/// Sends an import to a page and waits for its result.
async fn await_page(
    control: &Arc<Control>,
    socket: &Socket,
    call_id: &str,
    frame: Frame,
    deadline: Instant,
) -> Result<PageResult, Unanswered> {
    let unsent = |status| Err(Unanswered::Unsent(status));
    // The hello says whether the page can report results.
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

/// Checks that a page can import this URL: an absolute path, or a URL with a scheme.
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
            "{path:?} is not a URL that a page can import (begin it with /, or write a full URL)"
        );
        Err(invalid("import_path", text))
    }
}
