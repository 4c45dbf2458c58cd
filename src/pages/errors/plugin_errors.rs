//! Plugins that fail while a request is processed: what is logged, and how the request continues.

use super::error_page;
use super::failed_resource::{logged_stack, place};
use crate::message::FailedHook;
use crate::pages::request::PageRequest;
use crate::pages::response::page_response::{PageResponse, Responder};
use crate::plugins::{CallError, FailureMode, Hook, HookFailure, HookType, RegisteredHookType};
use axum::http::header::{HeaderName, HeaderValue};
use std::sync::Arc;

/// Lists the plugins whose hooks matched the request, but failed and were skipped.
const SKIPPED: HeaderName = HeaderName::from_static("pagewire-skipped");

/// Logs a failure that a plugin reported, and returns its error page.
pub(crate) fn reported_failure<H: HookType>(
    request: &PageRequest<'_>,
    hook: &Hook<H>,
    failure: &HookFailure,
) -> PageResponse {
    let (plugin, path, failed) = (hook.plugin(), request.path, H::KIND.failed());
    let hook = failed.map(FailedHook::name);
    let place = failure.location.as_ref().map(place);
    let stack = logged_stack(&failure.stack);
    // An open error page would repeat the line every few seconds.
    if !request.is_retry() {
        tracing::warn!(
            target: "pagewire::pages",
            plugin, hook, %path, error = failure.message, place, stack,
            "plugin {plugin} failed"
        );
    }
    let response = error_page::plugin_failure(request, plugin, failed, failure);
    from_plugin(response, plugin)
}

/// Logs a result that breaks the contract, and returns its error page.
pub(crate) fn invalid_result<H: HookType>(
    request: &PageRequest<'_>,
    hook: &Hook<H>,
    message: String,
) -> PageResponse {
    let failure = HookFailure {
        message,
        ..HookFailure::default()
    };
    reported_failure(request, hook, &failure)
}

/// Returns the hook to call instead, after a call that was not answered because the plugin is restarting: its
/// files changed. `may_repeat` states that the plugin may get the same call twice.
pub(crate) async fn successor<H: RegisteredHookType>(
    request: &PageRequest<'_>,
    hook: &Hook<H>,
    error: CallError,
    may_repeat: bool,
) -> Option<Arc<Hook<H>>> {
    let was_restarted =
        error == CallError::NotSent || error == CallError::Disconnected && may_repeat;
    if !was_restarted {
        return None;
    }
    let path = request.path.as_str();
    request.service.plugins.successor(hook, path).await
}

/// How a request continues after a call that the plugin did not answer.
pub(crate) enum FailedCall {
    /// As if the plugin did not exist: it had disconnected before it was called.
    Ignore,
    /// Without the plugin; a response header lists it as skipped.
    Skip,
    /// With this error page as its response.
    Fail(Box<PageResponse>),
}

/// Logs a call that the plugin did not answer. The hook's failure mode decides how the request
/// continues.
pub(crate) fn failed_call<H: HookType>(
    request: &PageRequest<'_>,
    hook: &Hook<H>,
    error: CallError,
) -> FailedCall {
    let (plugin, path) = (hook.plugin(), request.path);
    if error == CallError::NotSent {
        // A required plugin must not be left out.
        return match request.service.plugins.not_ready(path.as_str()) {
            Some(missing) => {
                FailedCall::Fail(Box::new(error_page::plugin_not_ready(request, &missing)))
            }
            None => FailedCall::Ignore,
        };
    }
    let failed = H::KIND.failed();
    tracing::warn!(
        target: "pagewire::pages",
        plugin, hook = failed.map(FailedHook::name), %path, error = error_page::call_error_text(error),
        "plugin {plugin} did not respond"
    );
    match hook.failure_mode() {
        FailureMode::Skip => FailedCall::Skip,
        FailureMode::Fail => {
            let response = error_page::call_error(request, plugin, failed, error);
            FailedCall::Fail(Box::new(from_plugin(response, plugin)))
        }
    }
}

/// Replaces a response by an error page, which still lists the skipped plugins.
pub(crate) fn replace_with_error(response: &mut PageResponse, error: PageResponse) {
    let skipped = response.headers.remove(SKIPPED);
    *response = error;
    if let Some(skipped) = skipped {
        response.headers.insert(SKIPPED, skipped);
    }
}

/// Adds skipped plugins to the header that lists them.
pub(crate) fn report_skipped(skipped: &[String], response: &mut PageResponse) {
    if skipped.is_empty() {
        return;
    }
    let mut names = response.header(SKIPPED).to_owned();
    for name in skipped {
        if !names.is_empty() {
            names.push_str(", ");
        }
        names.push_str(name);
    }
    if let Ok(names) = HeaderValue::try_from(names) {
        response.headers.insert(SKIPPED, names);
    }
}

fn from_plugin(mut response: PageResponse, plugin: &str) -> PageResponse {
    response.responder = Responder::Plugin(plugin.to_owned());
    response
}
