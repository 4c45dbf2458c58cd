//! Plugins that failed at a request: what the log says, and what the page gets.

use crate::pages::PageService;
use crate::pages::errors::error_page;
use crate::pages::response::page_response::{PageResponse, Responder};

use crate::paths::UrlPath;
use crate::plugins::{CallError, FailureMode, Hook, HookFailure, HookType};
use axum::http::header::{HeaderName, HeaderValue};
use axum::http::request::Parts;

/// Names the plugins that were passed over, although they wanted the request.
const SKIPPED: HeaderName = HeaderName::from_static("pagewire-skipped");

/// The plugin says that it failed, or its result breaks the contract.
pub(crate) fn reported(
    request: &Parts,
    plugin: &str,
    path: &UrlPath,
    failure: &HookFailure,
) -> PageResponse {
    tracing::warn!(target: "pagewire::pages", plugin, %path, message = failure.message, "plugin reported a failure");
    let answer = error_page::reported(request, plugin, failure);
    by_plugin(answer, plugin)
}

/// The same for a result that the edge cannot use.
pub(crate) fn broken(
    request: &Parts,
    plugin: &str,
    path: &UrlPath,
    message: String,
) -> PageResponse {
    let failure = HookFailure {
        message,
        ..HookFailure::default()
    };
    reported(request, plugin, path, &failure)
}

/// What becomes of a request that a plugin did not answer.
pub(crate) enum CallFailure {
    /// It goes on as if the plugin were not there, which it was not any more.
    NotThere,
    /// It goes on without the plugin, which a header says.
    PassedBy,
    /// The page gets this.
    Shown(Box<PageResponse>),
}

/// The plugin did not answer.
pub(crate) fn unanswered<K: HookType>(
    pages: &PageService,
    request: &Parts,
    hook: &Hook<K>,
    path: &UrlPath,
    error: CallError,
) -> CallFailure {
    let plugin = hook.plugin();
    if error == CallError::NotSent {
        // One that is required is not done without.
        return match pages.plugins.not_ready(path.as_str()) {
            Some(missing) => CallFailure::Shown(Box::new(error_page::not_ready(request, &missing))),
            None => CallFailure::NotThere,
        };
    }
    tracing::warn!(target: "pagewire::pages", plugin, %path, ?error, "plugin did not answer");
    match hook.failure_mode() {
        FailureMode::Skip => CallFailure::PassedBy,
        FailureMode::Fail => {
            let answer = error_page::unanswered(request, plugin, error);
            CallFailure::Shown(Box::new(by_plugin(answer, plugin)))
        }
    }
}

/// A plugin failed at an answer: what the page gets in its stead still names who was passed over.
pub(crate) fn show_instead(failed: PageResponse, answer: &mut PageResponse) {
    let skipped = answer.headers.remove(SKIPPED);
    *answer = failed;
    if let Some(skipped) = skipped {
        answer.headers.insert(SKIPPED, skipped);
    }
}

fn by_plugin(mut answer: PageResponse, plugin: &str) -> PageResponse {
    answer.responder = Responder::Plugin(plugin.to_owned());
    answer
}

/// Who was passed over stays visible.
pub(crate) fn say_skipped(skipped: &[String], answer: &mut PageResponse) {
    if skipped.is_empty() {
        return;
    }
    let mut names = answer.header(SKIPPED).to_owned();
    for name in skipped {
        if !names.is_empty() {
            names.push_str(", ");
        }
        names.push_str(name);
    }
    if let Ok(names) = HeaderValue::try_from(names) {
        answer.headers.insert(SKIPPED, names);
    }
}
