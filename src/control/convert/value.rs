//! JavaScript values and errors from pages. Sizes are enforced here, because a page's script is not
//! trusted.

use crate::control::proto;
use crate::message::{
    self, FailedHook, FailedResource, PageConsole, PageError, PageErrorKind, PageException,
    PageResult, PageValue,
};
use proto::import_result::Outcome;
use proto::js_exception::Phase;
use proto::js_value::Kind;

/// Characters that remain of a text that is too large.
const BEGINNING_CHARS: usize = 1000;

/// Characters of it that remain when there is no room for more, so that many rows stay small.
const MIN_BEGINNING_CHARS: usize = 32;

/// Converts the result of an import. See [`value`] for the limits.
pub(in crate::control) fn import_outcome(
    result: PageResult,
    max_bytes: usize,
    room: &mut usize,
) -> Outcome {
    match (result.value, result.exception) {
        (_, Some(thrown)) => Outcome::Exception(exception(&thrown, room)),
        (value, None) => Outcome::Value(self::value(&value.unwrap_or_default(), max_bytes, room)),
    }
}

/// Converts a value. A value that exceeds `max_bytes` or `room`, the bytes that are left for all
/// values, is replaced by its beginning.
fn value(value: &PageValue, max_bytes: usize, room: &mut usize) -> proto::JsValue {
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
        Kind::Unserializable(truncate(text, room, &mut truncated))
    } else if let Some(text) = &value.description {
        Kind::Description(truncate(text, room, &mut truncated))
    } else {
        Kind::IsUndefined(true)
    };
    proto::JsValue {
        kind: Some(kind),
        truncated,
    }
}

/// Converts an error. Texts that exceed `room` are truncated as in [`value`].
fn exception(exception: &PageException, room: &mut usize) -> proto::JsException {
    let phase = match exception.phase {
        message::Phase::Load => Phase::Load,
        message::Phase::Call => Phase::Call,
        message::Phase::Serialize => Phase::Serialize,
        message::Phase::None => Phase::Unspecified,
    };
    // Omitted rather than truncated: half a JSON text is not JSON.
    let thrown = exception.thrown.as_ref().map(|json| json.get());
    let thrown_json = thrown
        .filter(|json| json.len() <= *room)
        .unwrap_or_default()
        .to_owned();
    *room -= thrown_json.len();
    let mut fit = |text: &str| truncate(text, room, &mut false);
    proto::JsException {
        phase: phase.into(),
        name: fit(&exception.name),
        message: fit(&exception.message),
        stack: fit(&exception.stack),
        url: fit(&exception.url),
        line: exception.line,
        column: exception.column,
        thrown_json,
    }
}

/// Converts a console line.
pub(super) fn console(
    socket_id: &str,
    line: &PageConsole,
    max_bytes: usize,
) -> proto::ConsoleEntry {
    use proto::ConsoleLevel;
    let mut room = max_bytes;
    let level = match line.level {
        message::ConsoleLevel::Debug => ConsoleLevel::Debug,
        message::ConsoleLevel::Info => ConsoleLevel::Info,
        message::ConsoleLevel::Warn => ConsoleLevel::Warn,
        message::ConsoleLevel::Error => ConsoleLevel::Error,
        message::ConsoleLevel::Log => ConsoleLevel::Log,
    };
    proto::ConsoleEntry {
        socket_id: socket_id.to_owned(),
        level: level.into(),
        args: line
            .args
            .iter()
            .map(|arg| value(arg, max_bytes, &mut room))
            .collect(),
        stack: truncate(&line.stack, &mut room, &mut false),
        url: line.url.clone(),
        line: line.line,
        column: line.column,
    }
}

/// Converts an error that a page reported.
pub(super) fn page_error(socket_id: &str, error: &PageError, max_bytes: usize) -> proto::PageError {
    use proto::page_error::Kind;
    let kind = match error.kind {
        PageErrorKind::Uncaught => Kind::Uncaught,
        PageErrorKind::UnhandledRejection => Kind::UnhandledRejection,
        PageErrorKind::Resource => Kind::Resource,
        PageErrorKind::Csp => Kind::Csp,
        PageErrorKind::Other => Kind::Unspecified,
    };
    let mut room = max_bytes;
    proto::PageError {
        socket_id: socket_id.to_owned(),
        exception: Some(exception(&error.exception, &mut room)),
        kind: kind.into(),
        failed_resource: error
            .failed_resource
            .as_deref()
            .map(|failed| failed_resource(failed, &mut room)),
    }
}

/// Converts the failure because of which a resource did not load. Texts that exceed `room` are truncated.
fn failed_resource(failed: &FailedResource, room: &mut usize) -> proto::FailedResource {
    let hook = match failed.hook {
        Some(FailedHook::Serve) => proto::Hook::Serve,
        Some(FailedHook::Transform) => proto::Hook::Transform,
        Some(FailedHook::ResolveImport) => proto::Hook::ResolveImport,
        None => proto::Hook::Unspecified,
    };
    let mut fit = |text: &str| truncate(text, room, &mut false);
    let has_location = !failed.file.is_empty() || failed.line > 0 || !failed.frame.is_empty();
    proto::FailedResource {
        plugin_name: failed.plugin.clone(),
        hook: hook.into(),
        url: fit(&failed.url),
        status: failed.status.into(),
        message: fit(&failed.message),
        location: has_location.then(|| proto::SourceLocation {
            file: fit(&failed.file),
            line: failed.line,
            column: failed.column,
            frame: fit(&failed.frame),
        }),
    }
}

/// Returns the text and deducts its length from `room`. A text that does not fit is truncated to its
/// first [`BEGINNING_CHARS`] characters.
fn truncate(text: &str, room: &mut usize, truncated: &mut bool) -> String {
    if text.len() <= *room {
        *room -= text.len();
        return text.to_owned();
    }
    *truncated = true;
    beginning(text, room)
}

fn beginning(text: &str, room: &mut usize) -> String {
    let chars = (*room).clamp(MIN_BEGINNING_CHARS, BEGINNING_CHARS);
    let beginning: String = text.chars().take(chars).collect();
    *room = room.saturating_sub(beginning.len());
    beginning
}
