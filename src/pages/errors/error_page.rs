//! What a page gets instead of what it asked for: a small HTML page for browsers, which reloads itself
//! once the cause is gone, and a line of text for programs. Everything in it is escaped.

use crate::pages::response::page_response::PageResponse;
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;

use crate::plugins::{CallError, HookFailure, NotReady};

const PLUGIN: HeaderName = HeaderName::from_static("pagewire-plugin");
const REASON: HeaderName = HeaderName::from_static("pagewire-reason");

/// Names the failure: a page that shows it asks until there is another answer.
const FAILURE: HeaderName = HeaderName::from_static("pagewire-failure");

/// How long a page should wait before it asks again what there was too much of, or what is not there.
const RETRY_AFTER_SECONDS: u16 = 1;

/// A required plugin that is not there.
pub(crate) fn not_ready(request: &Parts, missing: &NotReady) -> PageResponse {
    let NotReady { plugin, failure } = missing;
    let text = match failure {
        None => format!("plugin {plugin} is required, and is not ready yet"),
        Some(why) => format!("plugin {plugin} is required, and is not there: {why}"),
    };
    let answer = say(request, StatusCode::SERVICE_UNAVAILABLE, &text, "");
    let mut answer = blame(answer, plugin, "not-ready");
    ask_again(&mut answer);
    answer
}

/// A refusal by the daemon itself.
pub(crate) fn refused(request: &Parts, status: StatusCode, text: &str) -> PageResponse {
    say(request, status, text, "")
}

/// A failure that the plugin reported.
pub(crate) fn reported(request: &Parts, plugin: &str, failure: &HookFailure) -> PageResponse {
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
pub(crate) fn unanswered(request: &Parts, plugin: &str, error: CallError) -> PageResponse {
    let (status, reason, what) = match error {
        CallError::TimedOut => (
            StatusCode::GATEWAY_TIMEOUT,
            "timeout",
            "did not answer in time",
        ),
        CallError::Disconnected | CallError::NotSent => {
            (StatusCode::BAD_GATEWAY, "gone", "left before it answered")
        }
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
        ask_again(&mut answer);
    }
    answer
}

/// Says when it may be tried once more.
pub(crate) fn ask_again(answer: &mut PageResponse) {
    answer
        .headers
        .insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS));
}

fn blame(mut answer: PageResponse, plugin: &str, reason: &'static str) -> PageResponse {
    // A plugin's name is letters, digits and dashes.
    if let Ok(plugin) = HeaderValue::from_str(plugin) {
        answer.headers.insert(PLUGIN, plugin);
    }
    answer
        .headers
        .insert(REASON, HeaderValue::from_static(reason));
    answer
}

fn say(request: &Parts, status: StatusCode, text: &str, detail: &str) -> PageResponse {
    let wants_html = request
        .headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    let id = format!(
        "{:x}",
        xxh3_64(format!("{status}{text}{detail}").as_bytes())
    );
    let mut answer = if wants_html {
        let detail = match detail {
            "" => String::new(),
            detail => format!("<pre>{}</pre>", escape(detail)),
        };
        // What was sent with the request is not sent again unasked.
        let recover = if request.method == Method::GET {
            RECOVER.replace("FAILURE", &id)
        } else {
            String::new()
        };
        let page = format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\"><title>{status}</title>\
             <style>{STYLE}</style></head>\n<body><h1>{status}</h1><p>{text}</p>{detail}{recover}</body></html>\n",
            text = escape(text),
        );
        PageResponse::new(status, "text/html; charset=utf-8", Bytes::from(page))
    } else {
        let separator = if detail.is_empty() { "" } else { "\n" };
        let line = format!("{text}{separator}{detail}\n");
        PageResponse::new(status, "text/plain; charset=utf-8", Bytes::from(line))
    };
    answer
        .headers
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(&id) {
        answer.headers.insert(FAILURE, id);
    }
    answer
}

const STYLE: &str = "\
    :root{color-scheme:light dark}\
    body{font:16px/1.5 system-ui,sans-serif;margin:12vh auto;max-width:46rem;padding:0 1.5rem;overflow-wrap:anywhere}\
    h1{font-size:1.1rem;border-left:.3rem solid #d33;padding-left:.7rem}\
    pre{overflow:auto;padding:1rem;background:#8882;border-radius:.4rem}";

/// Asks again while the page is seen, at first twice a second and then ever more slowly up to every
/// five, and reloads it once the answer is no longer this failure.
const RECOVER: &str = "<script>(() => {\
    const first = 500, last = 5000;\
    let wait = first, timer;\
    const ask = async () => {\
      clearTimeout(timer);\
      if (document.visibilityState === 'hidden') return;\
      try {\
        const { headers, body } = await fetch(location.href, { cache: 'no-store', headers: { accept: 'text/html' } });\
        if (headers.get('pagewire-failure') !== 'FAILURE') return location.reload();\
        body?.cancel();\
      } catch { /* The daemon itself is away. */ }\
      timer = setTimeout(ask, wait = Math.min(wait * 1.3, last));\
    };\
    timer = setTimeout(ask, wait);\
    for (const type of ['visibilitychange', 'focus']) addEventListener(type, () => { wait = first; ask(); }, true);\
  })();</script>";

/// Text as HTML, in an element or an attribute.
pub(crate) fn escape(text: &str) -> String {
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
