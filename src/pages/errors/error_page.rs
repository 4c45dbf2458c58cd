//! Error pages: a small HTML page for browsers, which reloads itself once the cause is gone, and plain
//! text for programs. All variable text is escaped.

use super::failed_resource::{place, record};
use crate::message::FailedHook;
use crate::pages::html::escape;
use crate::pages::request::PageRequest;
use crate::pages::response::page_response::PageResponse;
use crate::plugins::{CallError, HookFailure, NotReady};
use axum::http::StatusCode;
use axum::http::header::{self, HeaderName, HeaderValue};
use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;

const PLUGIN: HeaderName = HeaderName::from_static("pagewire-plugin");
const REASON: HeaderName = HeaderName::from_static("pagewire-reason");

/// Identifies the error: an error page polls until its URL no longer returns the same one.
const FAILURE: HeaderName = HeaderName::from_static("pagewire-failure");

/// `Retry-After` of responses for which a limit was reached, or a plugin was missing.
const RETRY_AFTER_SECONDS: u16 = 1;

/// Whether a response is one of these error pages.
pub(crate) fn is_error_page(response: &PageResponse) -> bool {
    response.headers.contains_key(FAILURE)
}

/// Returns the error page of the daemon with this status and text.
pub(crate) fn error_page(
    request: &PageRequest<'_>,
    status: StatusCode,
    text: &str,
) -> PageResponse {
    render(request, status, text, "")
}

/// Returns the error page for a required plugin that is not ready.
pub(crate) fn plugin_not_ready(request: &PageRequest<'_>, missing: &NotReady) -> PageResponse {
    let NotReady { plugin, failure } = missing;
    // The reason, and the last output of the process.
    let failure = failure.as_deref().unwrap_or_default();
    let (reason, output) = failure.split_once('\n').unwrap_or((failure, ""));
    let text = match reason {
        "" => format!("plugin {plugin} is required, but not ready yet"),
        reason => format!("plugin {plugin} is required, but not available: {reason}"),
    };
    let mut response = render(request, StatusCode::SERVICE_UNAVAILABLE, &text, output);
    set_plugin(&mut response, plugin, "not-ready");
    let failure = HookFailure {
        message: text,
        ..HookFailure::default()
    };
    record(request, &mut response, plugin, None, &failure);
    set_retry_after(&mut response);
    response
}

/// Returns the error page for a failure that a plugin reported.
pub(crate) fn plugin_failure(
    request: &PageRequest<'_>,
    plugin: &str,
    hook: Option<FailedHook>,
    failure: &HookFailure,
) -> PageResponse {
    let status = StatusCode::from_u16(failure.status)
        .ok()
        .filter(|status| status.is_client_error() || status.is_server_error())
        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut detail = String::new();
    if let Some(location) = &failure.location {
        detail.push_str(&place(location));
        detail.push('\n');
        detail.push_str(&location.frame);
        detail.push('\n');
    }
    detail.push_str(&failure.stack);
    let text = format!("plugin {plugin} failed: {}", failure.message);
    let mut response = render(request, status, &text, detail.trim_end());
    set_plugin(&mut response, plugin, "failure");
    record(request, &mut response, plugin, hook, failure);
    response
}

/// Returns the error page for a call that a plugin did not answer.
pub(crate) fn call_error(
    request: &PageRequest<'_>,
    plugin: &str,
    hook: Option<FailedHook>,
    error: CallError,
) -> PageResponse {
    let (status, reason) = match error {
        CallError::TimedOut => (StatusCode::GATEWAY_TIMEOUT, "timeout"),
        CallError::Disconnected | CallError::NotSent => (StatusCode::BAD_GATEWAY, "gone"),
        CallError::Overloaded => (StatusCode::SERVICE_UNAVAILABLE, "overload"),
    };
    let text = format!("plugin {plugin} {}", call_error_text(error));
    let mut response = render(request, status, &text, "");
    set_plugin(&mut response, plugin, reason);
    let failure = HookFailure {
        message: text,
        ..HookFailure::default()
    };
    record(request, &mut response, plugin, hook, &failure);
    if error == CallError::Overloaded {
        set_retry_after(&mut response);
    }
    response
}

/// Returns what happened to a call, as a phrase that follows the plugin's name.
pub(crate) fn call_error_text(error: CallError) -> &'static str {
    match error {
        CallError::TimedOut => "did not respond in time (call_timeout)",
        CallError::Disconnected | CallError::NotSent => "disconnected before it responded",
        CallError::Overloaded => "has too many queued calls",
    }
}

pub(crate) fn set_retry_after(response: &mut PageResponse) {
    response
        .headers
        .insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS));
}

fn set_plugin(response: &mut PageResponse, plugin: &str, reason: &'static str) {
    // Always valid: the name of a plugin consists of letters, digits and dashes.
    if let Ok(plugin) = HeaderValue::from_str(plugin) {
        response.headers.insert(PLUGIN, plugin);
    }
    response
        .headers
        .insert(REASON, HeaderValue::from_static(reason));
}

fn render(request: &PageRequest<'_>, status: StatusCode, text: &str, detail: &str) -> PageResponse {
    let id = xxh3_64(format!("{status}{text}{detail}").as_bytes());
    let id = format!("{id:x}");
    let mut response = if request.header(header::ACCEPT).contains("text/html") {
        let detail = match detail {
            "" => String::new(),
            detail => format!("<pre>{}</pre>", escape(detail)),
        };
        let recovery = if request.is_read() {
            RECOVERY_SCRIPT.replace("FAILURE", &id)
        } else {
            NO_RECOVERY.to_owned()
        };
        let page = format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\"><title>{status}</title>\
             <style>{STYLESHEET}</style></head>\n<body><h1>{status}</h1><p>{text}</p>{detail}{recovery}</body></html>\n",
            text = escape(text),
        );
        PageResponse::new(status, "text/html; charset=utf-8", Bytes::from(page))
    } else {
        let separator = if detail.is_empty() { "" } else { "\n" };
        let line = format!("{text}{separator}{detail}\n");
        PageResponse::new(status, "text/plain; charset=utf-8", Bytes::from(line))
    };
    response
        .headers
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers.insert(FAILURE, id);
    }
    response
}

const STYLESHEET: &str = "\
    :root{color-scheme:light dark}\
    body{font:16px/1.5 system-ui,sans-serif;margin:12vh auto;max-width:46rem;padding:0 1.5rem;overflow-wrap:anywhere}\
    h1{font-size:1.1rem;border-left:.3rem solid #d33;padding-left:.7rem}\
    pre{overflow:auto;padding:1rem;background:#8882;border-radius:.4rem}";

/// Replaces the script after a request that it must not repeat without the user's consent.
const NO_RECOVERY: &str = "<p>What was sent may not have arrived. This page does not load again by itself, \
    since reloading it sends the same once more.</p>";

/// Polls the URL while the page is visible, with a delay that grows from 0.5 s to 5 s, and reloads the
/// page once the response is no longer this error.
const RECOVERY_SCRIPT: &str = "<script>(() => {\
    const first = 500, last = 5000;\
    let wait = first, timer;\
    const poll = async () => {\
      clearTimeout(timer);\
      if (document.visibilityState === 'hidden') return;\
      try {\
        const { headers, body } = await fetch(location.href, { cache: 'no-store', headers: { accept: 'text/html', 'pagewire-retry': '1' } });\
        if (headers.get('pagewire-failure') !== 'FAILURE') return location.reload();\
        body?.cancel();\
      } catch { /* The daemon itself is not reachable. */ }\
      timer = setTimeout(poll, wait = Math.min(wait * 1.3, last));\
    };\
    timer = setTimeout(poll, wait);\
    for (const type of ['visibilitychange', 'focus']) addEventListener(type, () => { wait = first; poll(); }, true);\
  })();</script>";
