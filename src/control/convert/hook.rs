//! Messages of hook streams: what all hook types have in common.

use super::list::{check_list, excess};
use crate::control::limits::{
    DEFAULT_CALL_TIMEOUT, DEFAULT_CONCURRENT_CALLS, MAX_BODY_BYTES, MAX_CALL_TIMEOUT,
    MAX_CONCURRENT_CALLS, MAX_DEPENDS_ON, MAX_DEPENDS_ON_BYTES, MAX_FAILURE_BYTES,
    MAX_FILTER_ENTRIES, MAX_FILTER_FILES, MAX_FILTER_TEXT_BYTES, MAX_FORWARDED_BYTES,
    MAX_FORWARDED_HEADERS,
};
use crate::control::proto;
use crate::control::status::{self, invalid, pattern_error, unknown_value};
use crate::message::truncate;
use crate::plugins::{
    CallMessage, CancelReason, FailureMode, HookFailure, HookOptions, HookType, RegisteredHookType,
    RequestContext, RequestFilter, RequestFilters, Session, SourceLocation,
};
use std::path::PathBuf;
use std::time::Duration;
use tonic::Status;
use tonic_types::StatusExt as _;

/// Hook type with its message types in the contract.
pub(in crate::control) trait WireHook: RegisteredHookType {
    /// Message from the plugin.
    type Request: Send + 'static;
    /// Message to the plugin.
    type Response: Send + 'static;
    /// First message from the plugin.
    type Open: Send;
    /// Result of a call.
    type Result: prost::Message + 'static;

    /// Whether filters may select by the type of the response.
    const HAS_RESPONSE: bool = false;

    /// Converts a message from the plugin. None when its `oneof` is not set.
    fn from_plugin(request: Self::Request) -> Option<FromPlugin<Self::Open, Self::Result>>;

    /// Converts a message to the plugin.
    fn to_plugin(message: ToPlugin<Self::Call>) -> Self::Response;

    /// Converts the plugin's first message.
    fn opening(
        open: Self::Open,
        session: &Session,
    ) -> impl Future<Output = Result<Opening<Self>, Status>> + Send;

    /// Converts the result of a call. Returns the call's id and its outcome; a result that breaks the
    /// contract is a failure of the plugin.
    fn outcome(result: Self::Result) -> (u64, Self::Outcome);
}

/// Defines the message types and the message conversions of a [`WireHook`]. The types of all hooks have
/// the same structure under names of their own. The calling module's function `call` converts a call.
macro_rules! wire_messages {
    ($request:ident, $from_plugin:ident, $response:ident, $to_plugin:ident, $open:ident, $result:ident) => {
        type Request = proto::$request;
        type Response = proto::$response;
        type Open = proto::$open;
        type Result = proto::$result;

        fn from_plugin(
            request: proto::$request,
        ) -> Option<$crate::control::convert::hook::FromPlugin<proto::$open, proto::$result>> {
            use proto::$from_plugin::Message;
            use $crate::control::convert::hook::FromPlugin;
            Some(match request.message? {
                Message::Open(open) => FromPlugin::Open(open),
                Message::Result(result) => FromPlugin::Result(result),
                Message::UpdateFilters(update) => FromPlugin::UpdateFilters(update),
            })
        }

        fn to_plugin(
            message: $crate::control::convert::hook::ToPlugin<Self::Call>,
        ) -> proto::$response {
            use proto::$to_plugin::Message;
            use $crate::control::convert::hook::ToPlugin;
            let message = Some(match message {
                ToPlugin::Opened(opened) => Message::Opened(opened),
                ToPlugin::Call {
                    call_id,
                    call: content,
                    time_remaining,
                } => Message::Call(call(call_id, content, time_remaining)),
                ToPlugin::Cancel(cancel) => Message::Cancel(cancel),
                ToPlugin::FiltersUpdated(updated) => Message::FiltersUpdated(updated),
            });
            proto::$response { message }
        }
    };
}
pub(super) use wire_messages;

/// Message from a plugin on a hook's stream.
pub(in crate::control) enum FromPlugin<Open, Result> {
    Open(Open),
    Result(Result),
    UpdateFilters(proto::UpdateFilters),
}

/// Message to a plugin on a hook's stream.
pub(in crate::control) enum ToPlugin<Call> {
    Opened(proto::HookOpened),
    Call {
        call_id: u64,
        call: Call,
        time_remaining: Option<prost_types::Duration>,
    },
    Cancel(proto::CallCancel),
    FiltersUpdated(proto::FiltersUpdated),
}

/// First message of a plugin. Its filters and common options are converted later.
pub(in crate::control) struct Opening<K: HookType> {
    pub(super) filters: Vec<proto::RequestFilter>,
    pub(super) options: Option<proto::HookOptions>,
    pub(super) type_options: K::Options,
}

/// Options of a hook, and the limits of its calls.
pub(in crate::control) struct OpenOptions<K: HookType> {
    pub(in crate::control) hook: HookOptions<K>,
    pub(in crate::control) max_concurrent_calls: usize,
    pub(in crate::control) call_timeout: Duration,
}

/// Validates and converts what a plugin opens a hook with.
pub(in crate::control) async fn open_options<K: WireHook>(
    opening: Opening<K>,
) -> Result<OpenOptions<K>, Status> {
    let options = opening.options.unwrap_or_default();
    let max_concurrent_calls = match options.max_concurrent_calls as usize {
        0 => DEFAULT_CONCURRENT_CALLS,
        calls => calls.min(MAX_CONCURRENT_CALLS),
    };
    let call_timeout = super::optional_duration("options.call_timeout", options.call_timeout)?
        .unwrap_or(DEFAULT_CALL_TIMEOUT)
        .min(MAX_CALL_TIMEOUT);
    let failure_mode = match proto::FailureMode::try_from(options.failure_mode) {
        Ok(proto::FailureMode::Unspecified | proto::FailureMode::Fail) => FailureMode::Fail,
        Ok(proto::FailureMode::Skip) => FailureMode::Skip,
        Err(_) => {
            let mode = options.failure_mode;
            return Err(unknown_value("options.failure_mode", mode, "FailureMode"));
        }
    };
    check_list(
        "options.forward_request_headers",
        &options.forward_request_headers,
        MAX_FORWARDED_HEADERS,
        MAX_FORWARDED_BYTES,
    )?;
    let forward_headers = options
        .forward_request_headers
        .iter()
        .map(|name| name.to_ascii_lowercase())
        .collect();
    Ok(OpenOptions {
        hook: HookOptions {
            filters: filters::<K>(opening.filters).await?,
            failure_mode,
            forward_headers,
            type_options: opening.type_options,
        },
        max_concurrent_calls,
        call_timeout,
    })
}

/// Checks the number and the bytes of what filters list. Regular expressions have limits of their own.
fn check_filters(filters: &[proto::RequestFilter]) -> Result<(), Status> {
    let files: usize = filters.iter().map(|filter| filter.file_paths.len()).sum();
    if files > MAX_FILTER_FILES {
        let text = format!(
            "{files} files are too many together (the limit is {MAX_FILTER_FILES}; use exact_paths or path_prefixes)"
        );
        return Err(invalid("filters.file_paths", text));
    }
    // Each filter counts too, even an empty one.
    let itself = String::new();
    let entries = filters.iter().flat_map(|filter| {
        let lists = [
            &filter.exact_paths,
            &filter.path_prefixes,
            &filter.methods,
            &filter.mime_types,
            &filter.file_paths,
        ];
        lists.into_iter().flatten().chain([&itself])
    });
    check_list(
        "filters",
        entries,
        MAX_FILTER_ENTRIES,
        MAX_FILTER_TEXT_BYTES,
    )
}

/// Resolves the links in lists of files, on a blocking thread.
async fn real_paths(files: Vec<Vec<String>>) -> Result<Vec<Vec<PathBuf>>, Status> {
    if files.iter().all(Vec::is_empty) {
        return Ok(vec![Vec::new(); files.len()]);
    }
    let resolve = |files: &Vec<String>| files.iter().map(real_path).collect();
    let resolved = tokio::task::spawn_blocking(move || files.iter().map(resolve).collect());
    // Fails only when the runtime shuts down.
    resolved.await.map_err(|_| status::stopping())
}

/// Converts the error of an update of filters.
pub(in crate::control) fn filters_error(error: &Status) -> proto::FiltersError {
    let details = error.get_error_details();
    let violations = details.bad_request().map(|fields| &fields.field_violations);
    proto::FiltersError {
        code: error.code().into(),
        reason: status::reason(error),
        message: error.message().to_owned(),
        field_violations: violations
            .into_iter()
            .flatten()
            .map(|violation| proto::FieldViolation {
                field: violation.field.clone(),
                description: violation.description.clone(),
            })
            .collect(),
    }
}

/// Compiles the filters of a hook.
pub(in crate::control) async fn filters<K: WireHook>(
    mut filters: Vec<proto::RequestFilter>,
) -> Result<RequestFilters, Status> {
    check_filters(&filters)?;
    let files = filters.iter_mut();
    let files = files.map(|filter| std::mem::take(&mut filter.file_paths));
    let files = real_paths(files.collect()).await?;
    let filters = filters
        .into_iter()
        .zip(files)
        .enumerate()
        .map(|(index, (filter, file_paths))| {
            let field = format!("filters[{index}]");
            if !filter.mime_types.is_empty() && !K::HAS_RESPONSE {
                return Err(invalid(
                    &format!("{field}.mime_types"),
                    "are for Transform only",
                ));
            }
            let filter = RequestFilter {
                match_all: filter.match_all,
                exact_paths: filter.exact_paths,
                path_prefixes: filter.path_prefixes,
                methods: filter.methods,
                file_paths,
                mime_types: filter.mime_types,
                path_regexes: filter.path_regexes,
                exclude_path_regexes: filter.exclude_path_regexes,
            };
            let checked = filter.check().map(|()| filter);
            checked.map_err(|error| invalid(&field, error))
        })
        .collect::<Result<_, _>>()?;
    let compiled = RequestFilters::compile(filters).await;
    compiled.map_err(|(index, error)| match index {
        Some(index) => pattern_error(&format!("filters[{index}]"), &error),
        None => pattern_error("filters", &error),
    })
}

/// Converts a call or a cancellation.
pub(in crate::control) fn call_message<Call>(message: CallMessage<Call>) -> ToPlugin<Call> {
    match message {
        CallMessage::Cancel { id, reason } => {
            use proto::call_cancel::Reason;
            let reason = match reason {
                CancelReason::ClientDisconnected => Reason::ClientGone,
                CancelReason::Deadline => Reason::Deadline,
            };
            ToPlugin::Cancel(proto::CallCancel {
                call_id: id,
                reason: reason.into(),
            })
        }
        CallMessage::Call {
            id,
            call,
            time_remaining,
        } => ToPlugin::Call {
            call_id: id,
            call,
            time_remaining: time_remaining.map(super::duration),
        },
    }
}

/// Resolves the links in a file's path, because requests are matched by the real path of their file. A
/// file that does not exist keeps its path. Blocks: some microseconds, or a millisecond for a deep path.
pub(in crate::control) fn real_path(file: &String) -> PathBuf {
    let file = PathBuf::from(file);
    file.canonicalize().unwrap_or(file)
}

pub(super) fn request_context(request: RequestContext) -> proto::RequestContext {
    proto::RequestContext {
        method: request.method,
        path: request.path,
        query: request.query,
        headers: to_headers(request.headers),
        traceparent: request.traceparent,
        raw_target: request.raw_target,
        host: request.host,
        file_path: request
            .file
            .map(|file| file.display().to_string())
            .unwrap_or_default(),
    }
}

pub(super) fn to_headers(headers: Vec<(String, bytes::Bytes)>) -> Vec<proto::Header> {
    let headers = headers.into_iter();
    headers
        .map(|(name, value)| proto::Header { name, value })
        .collect()
}

pub(super) fn from_headers(headers: Vec<proto::Header>) -> Vec<(String, bytes::Bytes)> {
    let headers = headers.into_iter();
    // A part of a connection's buffer would keep the whole buffer in memory.
    let own = |value: bytes::Bytes| bytes::Bytes::copy_from_slice(&value);
    headers
        .map(|header| (header.name, own(header.value)))
        .collect()
}

/// Converts the files that a result names, which must be absolute paths.
pub(super) fn absolute_paths(field: &str, files: Vec<String>) -> Result<Vec<PathBuf>, String> {
    if let Some(error) = excess(&files, MAX_DEPENDS_ON, MAX_DEPENDS_ON_BYTES) {
        return Err(format!("the result is not valid: in {field}, {error}"));
    }
    let absolute = |file: String| {
        let path = PathBuf::from(&file);
        let error =
            || format!("the result names {file:?} in {field}, but the path must be absolute");
        path.is_absolute().then_some(path).ok_or_else(error)
    };
    files.into_iter().map(absolute).collect()
}

/// Checks the size of a result's body. The remedy is appended to the error.
pub(super) fn check_body_size(body: &[u8], remedy: &str) -> Result<(), String> {
    if body.len() > MAX_BODY_BYTES {
        return Err(format!(
            "the result has an inline body of {} bytes, and the limit is {MAX_BODY_BYTES}{remedy}",
            body.len()
        ));
    }
    Ok(())
}

/// Returns the failure for a result that breaks the contract.
pub(super) fn contract_failure(message: String) -> HookFailure {
    HookFailure {
        message,
        ..HookFailure::default()
    }
}

pub(super) fn missing_outcome() -> HookFailure {
    contract_failure("the result has no outcome".to_owned())
}

pub(super) fn failure(mut failure: proto::HookFailure) -> HookFailure {
    truncate(&mut failure.message, MAX_FAILURE_BYTES);
    truncate(&mut failure.stack, MAX_FAILURE_BYTES);
    if let Some(location) = &mut failure.location {
        truncate(&mut location.file, MAX_FAILURE_BYTES);
        truncate(&mut location.frame, MAX_FAILURE_BYTES);
    }
    let depends_on = match absolute_paths("depends_on_files", failure.depends_on_files) {
        Ok(files) => files,
        Err(error) => return contract_failure(error),
    };
    HookFailure {
        depends_on,
        status: u16::try_from(failure.status).unwrap_or_default(),
        message: failure.message,
        stack: failure.stack,
        location: failure.location.map(|location| SourceLocation {
            file: location.file,
            line: location.line,
            column: location.column,
            frame: location.frame,
        }),
    }
}
