//! JavaScript values and errors of pages, as the contract has them. What a page sent is bounded
//! here: its script is not ours to trust.

use super::proto;
use crate::message::{PageConsole, PageError, PageException, PageValue};
use proto::js_exception::Phase;
use proto::js_value::Kind;

/// What is kept of a text that is too large.
const BEGINNING_CHARS: usize = 1000;

/// A value within `max_bytes`; `room` is what is left for all of them together.
pub(super) fn value(value: &PageValue, max_bytes: usize, room: &mut usize) -> proto::JsValue {
    let mut truncated = value.truncated;
    let kind = if let Some(json) = &value.json {
        let json = json.get();
        if json.len() <= max_bytes.min(*room) {
            *room -= json.len();
            Kind::Json(json.to_owned())
        } else {
            truncated = true;
            Kind::Description(beginning(json, room))
        }
    } else if let Some(text) = &value.unserializable {
        Kind::Unserializable(cut(text, room, &mut truncated))
    } else if let Some(text) = &value.description {
        Kind::Description(cut(text, room, &mut truncated))
    } else {
        Kind::IsUndefined(true)
    };
    proto::JsValue {
        kind: Some(kind),
        truncated,
    }
}

/// An error; `room` as for [`value`].
pub(super) fn exception(exception: &PageException, room: &mut usize) -> proto::JsException {
    let phase = match exception.phase.as_str() {
        "load" => Phase::Load,
        "call" => Phase::Call,
        "serialize" => Phase::Serialize,
        _ => Phase::Unspecified,
    };
    // Half a JSON text is none.
    let thrown = exception.thrown.as_ref().map(|json| json.get());
    let thrown_json = thrown
        .filter(|json| json.len() <= *room)
        .unwrap_or_default()
        .to_owned();
    *room -= thrown_json.len();
    let mut cut = |text: &str| cut(text, room, &mut false);
    proto::JsException {
        phase: phase.into(),
        name: cut(&exception.name),
        message: cut(&exception.message),
        stack: cut(&exception.stack),
        url: cut(&exception.url),
        line: exception.line,
        column: exception.column,
        thrown_json,
    }
}

/// A console line.
pub(super) fn console(
    socket_id: &str,
    line: &PageConsole,
    max_bytes: usize,
) -> proto::ConsoleEntry {
    use proto::ConsoleLevel;
    let mut room = max_bytes;
    let level = match line.level.as_str() {
        "debug" => ConsoleLevel::Debug,
        "info" => ConsoleLevel::Info,
        "warn" => ConsoleLevel::Warn,
        "error" => ConsoleLevel::Error,
        _ => ConsoleLevel::Log,
    };
    proto::ConsoleEntry {
        socket_id: socket_id.to_owned(),
        level: level.into(),
        args: line
            .args
            .iter()
            .map(|arg| value(arg, max_bytes, &mut room))
            .collect(),
        stack: cut(&line.stack, &mut room, &mut false),
    }
}

/// An error that a page reports by itself.
pub(super) fn fault(socket_id: &str, fault: &PageError, max_bytes: usize) -> proto::PageError {
    use proto::page_error::Kind;
    let kind = match fault.kind.as_str() {
        "uncaught" => Kind::Uncaught,
        "unhandled_rejection" => Kind::UnhandledRejection,
        "resource" => Kind::Resource,
        "csp" => Kind::Csp,
        _ => Kind::Unspecified,
    };
    let mut room = max_bytes;
    proto::PageError {
        socket_id: socket_id.to_owned(),
        exception: Some(exception(&fault.exception, &mut room)),
        kind: kind.into(),
    }
}

fn cut(text: &str, room: &mut usize, truncated: &mut bool) -> String {
    if text.len() <= *room {
        *room -= text.len();
        return text.to_owned();
    }
    *truncated = true;
    beginning(text, room)
}

fn beginning(text: &str, room: &mut usize) -> String {
    let beginning: String = text.chars().take(BEGINNING_CHARS).collect();
    *room = room.saturating_sub(beginning.len());
    beginning
}
