//! What a page gets instead of what it asked for: a small HTML page for browsers, a line of
//! text for programs. Everything in it is escaped.

use super::answer::Answer;
use axum::http::StatusCode;
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::request::Parts;
use bytes::Bytes;

use crate::plugins::{CallError, HookFailure};

const PLUGIN: HeaderName = HeaderName::from_static("pagewire-plugin");
const REASON: HeaderName = HeaderName::from_static("pagewire-reason");

/// How long a page should wait before it asks an overloaded plugin again.
const RETRY_AFTER_SECONDS: u16 = 1;

/// A refusal by the daemon itself.
pub(super) fn refused(request: &Parts, status: StatusCode, text: &str) -> Answer {
    say(request, status, text, "")
}

/// A failure that the plugin reported.
pub(super) fn reported(request: &Parts, plugin: &str, failure: &HookFailure) -> Answer {
    let status = StatusCode::from_u16(failure.status)
        .ok()
        .filter(|status| status.is_client_error() || status.is_server_error())
        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut detail = String::new();
    if let Some(location) = &failure.location {
        detail.push_str(&location.file);
        for number in [location.line, location.column] {
            if number > 0 {
                detail.push(':');
                detail.push_str(&number.to_string());
            }
        }
        detail.push('\n');
        detail.push_str(&location.frame);
        detail.push('\n');
    }
    detail.push_str(&failure.stack);
    let text = format!("plugin {plugin} failed: {}", failure.message);
    blame(
        say(request, status, &text, detail.trim_end()),
        plugin,
        "failure",
    )
}

/// A plugin that did not answer.
pub(super) fn unanswered(request: &Parts, plugin: &str, error: CallError) -> Answer {
    let (status, reason, what) = match error {
        CallError::TimedOut => (
            StatusCode::GATEWAY_TIMEOUT,
            "timeout",
            "did not answer in time",
        ),
        CallError::Gone => (StatusCode::BAD_GATEWAY, "gone", "left before it answered"),
        CallError::Overloaded => (
            StatusCode::SERVICE_UNAVAILABLE,
            "overload",
            "has too many calls waiting",
        ),
    };
    let mut answer = blame(
        say(request, status, &format!("plugin {plugin} {what}"), ""),
        plugin,
        reason,
    );
    if error == CallError::Overloaded {
        answer
            .headers
            .insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS));
    }
    answer
}

fn blame(mut answer: Answer, plugin: &str, reason: &'static str) -> Answer {
    // A plugin's name is letters, digits and dashes.
    if let Ok(plugin) = HeaderValue::from_str(plugin) {
        answer.headers.insert(PLUGIN, plugin);
    }
    answer
        .headers
        .insert(REASON, HeaderValue::from_static(reason));
    answer
}

fn say(request: &Parts, status: StatusCode, text: &str, detail: &str) -> Answer {
    let wants_html = request
        .headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    let mut answer = if wants_html {
        let page = format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{status}</title>\
             <style>body{{font:16px/1.5 system-ui,sans-serif;margin:3rem auto;max-width:46rem;padding:0 1rem}}\
             pre{{overflow:auto;padding:1rem;background:#8882}}</style></head>\n\
             <body><h1>{status}</h1><p>{text}</p>{detail}</body></html>\n",
            text = escape(text),
            detail = if detail.is_empty() {
                String::new()
            } else {
                format!("<pre>{}</pre>", escape(detail))
            },
        );
        Answer::new(status, "text/html; charset=utf-8", Bytes::from(page))
    } else {
        let separator = if detail.is_empty() { "" } else { "\n" };
        let line = format!("{text}{separator}{detail}\n");
        Answer::new(status, "text/plain; charset=utf-8", Bytes::from(line))
    };
    answer
        .headers
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// Text as HTML, in an element or an attribute.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}
