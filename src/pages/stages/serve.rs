//! The serve stage: calls the plugins whose hooks match the request, in order, until one responds. A
//! cached result replaces the call.

use crate::config::ProxyRule;
use crate::pages::errors::error_page::{error_page, set_retry_after};
use crate::pages::errors::plugin_errors::{self, FailedCall};
use crate::pages::files::lookup::FileLookup;
use crate::pages::files::virtual_file::content_response;
use crate::pages::request::{MatchingHooks, PageRequest};
use crate::pages::response::body::{BodyError, BufferedBody};
use crate::pages::response::page_response::{CachedResponse, PageResponse, Responder};
use crate::plugins::{Hook, Phase, RequestKey, Serve, ServeBody, ServeCall, ServeOutcome};
use axum::body::Body;
use axum::http::header;
use bytes::Bytes;
use std::sync::Arc;

/// State of a request while plugins and the file system may answer it.
pub(crate) struct ServeContext<'a> {
    request: &'a PageRequest<'a>,
    rule: Option<&'a ProxyRule>,
    /// Filled on first use: a cached result needs no file system access.
    lookup: Option<FileLookup>,
    body: BufferedBody,
    /// Plugins that failed, and whose failure mode is to continue without them.
    skipped: Vec<String>,
}

/// Returns the serve hooks that match the request, in any phase; `None` if there are none.
pub(crate) fn matching_hooks(context: &mut ServeContext<'_>) -> Option<MatchingHooks<Serve>> {
    let order = &context.request.service.plugins.serve().order;
    if order.is_empty() {
        return None;
    }
    let snapshot = order.snapshot();
    if snapshot.filters_by_file() {
        context.lookup();
    }
    let hooks = context.request().matching_hooks(snapshot);
    (!hooks.is_empty()).then_some(hooks)
}

/// Calls the hooks that take precedence over files.
pub(crate) async fn before_files(
    hooks: &MatchingHooks<Serve>,
    context: &mut ServeContext<'_>,
) -> Option<PageResponse> {
    call_hooks(hooks, context, |phase| phase != Phase::AfterFiles).await
}

/// Calls the hooks that are only called when no file answers.
pub(crate) async fn after_files(
    hooks: &MatchingHooks<Serve>,
    context: &mut ServeContext<'_>,
) -> Option<PageResponse> {
    call_hooks(hooks, context, |phase| phase == Phase::AfterFiles).await
}

impl<'a> ServeContext<'a> {
    pub(crate) fn new(
        request: &'a PageRequest<'a>,
        rule: Option<&'a ProxyRule>,
        body: Body,
    ) -> Self {
        let budget = request.service.body_budget.clone();
        Self {
            request,
            rule,
            lookup: None,
            body: BufferedBody::for_request(body, budget),
            skipped: Vec::new(),
        }
    }

    /// Looks for the file of the request, once.
    pub(crate) fn lookup(&mut self) -> &FileLookup {
        self.lookup
            .get_or_insert_with(|| FileLookup::find(self.request, self.rule))
    }

    /// Returns what the following stages need: the file, the body and the skipped plugins.
    pub(crate) fn into_parts(self) -> (FileLookup, Body, Vec<String>) {
        let lookup = self
            .lookup
            .unwrap_or_else(|| FileLookup::find(self.request, self.rule));
        (lookup, self.body.into_body(), self.skipped)
    }

    /// Returns the request with its file, if that has been looked up.
    fn request(&self) -> PageRequest<'_> {
        let file = self.lookup.as_ref().and_then(FileLookup::file);
        self.request.with_source_file(file)
    }

    /// Returns the call for a hook, with the request body if the hook accepts its length.
    async fn call_for(
        &mut self,
        hook: &Hook<Serve>,
        key: &RequestKey,
    ) -> Result<ServeCall, BodyError> {
        self.lookup();
        let body = match hook.type_options().max_request_body_bytes {
            _ if self.body.is_empty() => Some(Bytes::new()),
            0 => None,
            max => self.body.read_all(max).await?,
        };
        let omitted_body_bytes = match body {
            Some(_) => 0,
            None => {
                let length = self.request.header(header::CONTENT_LENGTH);
                length.parse().unwrap_or_default()
            }
        };
        Ok(ServeCall {
            request: self.request().hook_context(key),
            body_omitted: body.is_none(),
            omitted_body_bytes,
            body: body.unwrap_or_default(),
        })
    }
}

async fn call_hooks(
    hooks: &MatchingHooks<Serve>,
    context: &mut ServeContext<'_>,
    is_due: impl Fn(Phase) -> bool,
) -> Option<PageResponse> {
    for hook in hooks.iter().filter(|hook| is_due(hook.phase())) {
        if let Some(mut response) = call_hook(hook, context).await {
            response.source_file = context.request().source_file.map(Arc::from);
            plugin_errors::report_skipped(&context.skipped, &mut response);
            return Some(response);
        }
    }
    None
}

/// Returns the plugin's response, or `None` if the next hook is to be called.
async fn call_hook(hook: &Hook<Serve>, context: &mut ServeContext<'_>) -> Option<PageResponse> {
    let (request, plugin) = (context.request, hook.plugin());
    let cache = &request.service.plugins.serve().cache;
    let key = context.request().key(hook, 0);
    let called = match cache.get(&key).filter(|_| context.body.is_empty()) {
        Some(result) => Ok(result),
        None => match context.call_for(hook, &key).await {
            Ok(call) => {
                let file = call.request.file.clone();
                let is_read = matches!(key.method.as_str(), "GET" | "HEAD");
                let may_cache = is_read && !call.body_omitted && call.body.is_empty();
                cache.call(hook, key.clone(), call, file, may_cache).await
            }
            Err(error) => return Some(unreadable_body(request, error)),
        },
    };
    let result = match called {
        Ok(result) => result,
        Err(error) => {
            let may_repeat = request.is_read();
            let next = plugin_errors::successor(request, hook, error, may_repeat).await;
            if let Some(next) = next {
                if !next.matches(context.request().facts(None)) {
                    return None;
                }
                return Box::pin(call_hook(&next, context)).await;
            }
            match plugin_errors::failed_call(request, hook, error) {
                FailedCall::Fail(response) => return Some(*response),
                FailedCall::Skip => {
                    context.skipped.push(plugin.to_owned());
                    return None;
                }
                FailedCall::Ignore => return None,
            }
        }
    };
    let responder = Responder::Plugin(plugin.to_owned());
    match result.outcome() {
        ServeOutcome::Skip { .. } => None,
        ServeOutcome::Content(content) => {
            if let Some(cached) = result.derived::<CachedResponse>() {
                return Some(cached.to_response(responder, None));
            }
            match content_response(&context.request(), hook, content).await {
                Ok(mut response) => {
                    response.responder = responder;
                    if matches!(content.body, ServeBody::Inline(_))
                        && let Some(cached) = CachedResponse::of(&response)
                    {
                        result.set_derived(cached);
                    }
                    Some(response)
                }
                Err(message) => {
                    cache.remove(&key);
                    Some(plugin_errors::invalid_result(request, hook, message))
                }
            }
        }
        ServeOutcome::Failure(failure) => {
            Some(plugin_errors::reported_failure(request, hook, failure))
        }
    }
}

/// Returns the error page for a request body that a plugin needs but cannot get.
fn unreadable_body(request: &PageRequest<'_>, error: BodyError) -> PageResponse {
    let mut response = error_page(request, error.status(), &error.to_string());
    if error == BodyError::OverBudget {
        set_retry_after(&mut response);
    }
    response
}
