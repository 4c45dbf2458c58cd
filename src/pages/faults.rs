//! Plugins that failed at a request: what the log says, and what the page gets.

use super::answer::{Answer, By};
use super::{Pages, failure};
use crate::paths::UrlPath;
use crate::plugins::{CallError, FailureMode, Hook, HookFailure, HookType};
use axum::http::header::{HeaderName, HeaderValue};
use axum::http::request::Parts;

/// Names the plugins that were passed over, although they wanted the request.
const SKIPPED: HeaderName = HeaderName::from_static("pagewire-skipped");

/// The plugin says that it failed, or its result breaks the contract.
pub(super) fn reported(
    request: &Parts,
    plugin: &str,
    path: &UrlPath,
    failure: &HookFailure,
) -> Answer {
    tracing::warn!(target: "pagewire::pages", plugin, %path, message = failure.message, "plugin reported a failure");
    let answer = failure::reported(request, plugin, failure);
    by_plugin(answer, plugin)
}

/// The same for a result that the edge cannot use.
pub(super) fn broken(request: &Parts, plugin: &str, path: &UrlPath, message: String) -> Answer {
    let failure = HookFailure {
        message,
        ..HookFailure::default()
    };
    reported(request, plugin, path, &failure)
}

/// What becomes of a request that a plugin did not answer.
pub(super) enum Unanswered {
    /// It goes on as if the plugin were not there, which it was not any more.
    NotThere,
    /// It goes on without the plugin, which a header says.
    PassedBy,
    /// The page gets this.
    Shown(Box<Answer>),
}

/// The plugin did not answer.
pub(super) fn unanswered<K: HookType>(
    pages: &Pages,
    request: &Parts,
    hook: &Hook<K>,
    path: &UrlPath,
    error: CallError,
) -> Unanswered {
    let plugin = hook.plugin();
    if error == CallError::NotSent {
        // One that is required is not done without.
        return match pages.plugins.not_ready(path.as_str()) {
            Some(missing) => Unanswered::Shown(Box::new(failure::not_ready(request, &missing))),
            None => Unanswered::NotThere,
        };
    }
    tracing::warn!(target: "pagewire::pages", plugin, %path, ?error, "plugin did not answer");
    match hook.failure_mode() {
        FailureMode::Skip => Unanswered::PassedBy,
        FailureMode::Fail => {
            let answer = failure::unanswered(request, plugin, error);
            Unanswered::Shown(Box::new(by_plugin(answer, plugin)))
        }
    }
}

/// A plugin failed at an answer: what the page gets in its stead still names who was passed over.
pub(super) fn show_instead(failed: Answer, answer: &mut Answer) {
    let skipped = answer.headers.remove(SKIPPED);
    *answer = failed;
    if let Some(skipped) = skipped {
        answer.headers.insert(SKIPPED, skipped);
    }
}

fn by_plugin(mut answer: Answer, plugin: &str) -> Answer {
    answer.by = By::Plugin(plugin.to_owned());
    answer
}

/// Who was passed over stays visible.
pub(super) fn say_skipped(skipped: &[String], answer: &mut Answer) {
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
