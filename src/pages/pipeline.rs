//! The stages of a page request, in order.

use super::errors::error_page::{error_page, plugin_not_ready};
use super::errors::plugin_errors;
use super::request::PageRequest;
use super::request_counters::RequestCounters;
use super::response::page_response::PageResponse;
use super::stages::serve::{self, ServeContext};
use super::stages::{
    asset_modules, encode, file, headers, imports, inject, packages, reply, transform,
};
use super::{PageService, proxy, served};
use crate::config::ProxyRule;
use crate::hub::RequestKind;
use crate::paths::{UrlPath, UrlPathError};
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use std::net::SocketAddr;
use tracing::Instrument;

/// Answers a request for any path that is not reserved for the daemon.
///
/// resolve the path -> wait for required plugins -> serve hook | file | serve hook | proxy | app index ->
/// transform hook -> packages -> asset modules -> resolve imports -> set headers -> inject -> encode -> reply
pub(crate) async fn respond(service: &PageService, request: Request, peer: SocketAddr) -> Response {
    let start = RequestCounters::start();
    let (mut parts, body) = request.into_parts();
    let (path, path_error) = match UrlPath::parse(parts.uri.path()) {
        Ok(path) => (path, None),
        Err(error) => (UrlPath::root(), Some(error)),
    };
    // Backends are sent the peer's address. An extension costs allocations, so other requests have none.
    if service.proxy.rule(&path).is_some() {
        parts.extensions.insert(ConnectInfo(peer));
    }
    let request = PageRequest::new(service, &parts, &path, peer);
    served::record(&request);
    let span = tracing::debug_span!(
        target: "pagewire::pages", "request", method = %parts.method, path = parts.uri.path()
    );
    let mut response = if span.is_disabled() {
        run_stages(&request, path_error, body).await
    } else {
        // Boxed, because the future of `respond` has room for both branches: the instrumented one would enlarge
        // it even when the span is disabled.
        let stages = Box::pin(run_stages(&request, path_error, body));
        stages.instrument(span).await
    };
    record_failure(&request, &mut response);
    let responder = response.responder.clone();
    let response = reply::stage(&request, response);
    service
        .counters
        .record(&request, response.status(), &responder, start);
    response
}

/// Records whether a plugin's failure is the response, so that a page whose resource does not load can name it.
fn record_failure(request: &PageRequest<'_>, response: &mut PageResponse) {
    let hub = &request.service.hub;
    match response.failure.take() {
        Some(failure) => hub.add_failure(*failure),
        None if request.parts.method == Method::GET => hub.remove_failure(request.target()),
        None => {}
    }
}

async fn run_stages(
    request: &PageRequest<'_>,
    path_error: Option<UrlPathError>,
    body: Body,
) -> PageResponse {
    let mut response = match path_error {
        Some(error) => error_page(request, StatusCode::BAD_REQUEST, &error.to_string()),
        None => {
            let mut response = find_response(request, body).await;
            let mut is_package = false;
            if !asset_modules::imports_source(request, &response) {
                transform::stage(request, &mut response).await;
                is_package = packages::stage(request, &mut response).await;
            }
            if !asset_modules::stage(request, &mut response).await {
                if !is_package {
                    imports::check_syntax(request, &response);
                }
                imports::stage(request, &mut response).await;
            }
            response
        }
    };
    headers::stage(request, &mut response);
    inject::stage(request, &mut response).await;
    encode::stage(request, &mut response).await;
    response
}

/// Gets the response from a plugin, a file or a backend.
async fn find_response(request: &PageRequest<'_>, body: Body) -> PageResponse {
    let service = request.service;
    let rule = service.proxy.rule(request.path);
    // Neither plugins nor files can accept an upgrade.
    if let Some(rule) = rule
        && proxy::is_upgrade(request)
    {
        return forward(request, rule, body).await;
    }
    let path = request.path.as_str();
    if let Err(missing) = service.plugins.wait_for_required(path).await {
        return plugin_not_ready(request, &missing);
    }
    let response = find_source(request, rule, body).await;
    // The hooks of the next stages may be gone by now, because their plugin is restarting.
    if service.plugins.is_any_unready()
        && let Err(missing) = Box::pin(service.plugins.wait_for_required(path)).await
    {
        return plugin_not_ready(request, &missing);
    }
    response
}

/// Gets the response once required plugins are ready.
async fn find_source(
    request: &PageRequest<'_>,
    rule: Option<&ProxyRule>,
    body: Body,
) -> PageResponse {
    let mut context = ServeContext::new(request, rule, body);
    let hooks = serve::matching_hooks(&mut context);
    // Boxed, like the later stages: the future of a request is moved several times, so it should not be
    // larger than a cached file needs.
    if let Some(hooks) = &hooks
        && let Some(response) = Box::pin(serve::before_files(hooks, &mut context)).await
    {
        return response;
    }
    let is_missing = context.lookup().is_missing;
    if let Some(hooks) = hooks.filter(|_| is_missing)
        && let Some(response) = Box::pin(serve::after_files(&hooks, &mut context)).await
    {
        return response;
    }
    let (lookup, body, skipped) = context.into_parts();
    let mut response = if let Some(rule) = rule.filter(|_| is_missing || !request.is_read()) {
        forward(request, rule, body).await
    } else if request.is_read() {
        if let Some(index) = &lookup.app_index {
            served::record_app_index(request, index);
        }
        file::respond(request, lookup).await
    } else {
        method_not_allowed(request)
    };
    plugin_errors::report_skipped(&skipped, &mut response);
    response
}

/// Forwards the request to a backend.
async fn forward(request: &PageRequest<'_>, rule: &ProxyRule, body: Body) -> PageResponse {
    // Held until the backend answers.
    let _pending = request_kind(request).map(|kind| request.service.hub.begin_request(kind));
    let needs_whole = request.service.plugins.inject_client() && request.is_navigation()
        || transform::may_match(request)
        || asset_modules::may_match(request)
        || imports::may_match(request);
    Box::pin(
        request
            .service
            .proxy
            .forward(request, rule, body, needs_whole),
    )
    .await
}

/// Returns how a request matters to the notifications of changes; `None` if it does not.
fn request_kind(request: &PageRequest<'_>) -> Option<RequestKind> {
    if request.is_navigation() {
        Some(RequestKind::Navigation)
    } else if !request.is_read() {
        Some(RequestKind::Write)
    } else {
        request.names_html().then_some(RequestKind::Page)
    }
}

fn method_not_allowed(request: &PageRequest<'_>) -> PageResponse {
    let text = format!(
        "method {} is not allowed for files (use GET or HEAD; a filter of a plugin matches other methods only if it names them)",
        request.parts.method
    );
    let mut response = error_page(request, StatusCode::METHOD_NOT_ALLOWED, &text);
    response
        .headers
        .insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}
