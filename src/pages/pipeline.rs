//! The stages of a page request, in order.

use super::errors::{error_page, plugin_errors};
use super::files::listing;
use super::files::store::{self, FileLocation};
use super::request_counters::RequestCounters;
use super::response::body::BufferedBody;
use super::response::page_response::{PageResponse, Responder};
use super::stages::serve::ServeContext;
use super::stages::{encode, imports, inject, reply, serve, transform};
use super::{PageService, proxy};
use crate::config::ProxyRule;
use crate::paths::{PathLookup, UrlPath};
use axum::body::Body;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;

/// Answers every path that is not the daemon's own.
///
/// resolve -> required plugins are ready -> serve hook | file | serve hook | proxy | app index ->
/// transform hook -> resolve imports -> inject -> encode -> reply
pub(crate) async fn respond(pages: &PageService, request: Request) -> Response {
    let since = RequestCounters::begin();
    let (request, body) = request.into_parts();
    let mut answer = match UrlPath::parse(request.uri.path()) {
        Err(error) => error_page::refused(&request, StatusCode::BAD_REQUEST, &error.to_string()),
        Ok(path) => {
            let mut answer = answer(pages, &request, &path, body).await;
            transform::stage(pages, &request, &path, &mut answer).await;
            imports::stage(pages, &request, &path, &mut answer).await;
            answer
        }
    };
    inject::stage(pages, &request, &mut answer).await;
    encode::stage(&request, &mut answer, &pages.derived).await;
    let by = answer.responder.clone();
    let response = reply::reply(&request, answer);
    pages
        .counters
        .answered(&request, response.status(), &by, since);
    response
}

async fn answer(pages: &PageService, request: &Parts, path: &UrlPath, body: Body) -> PageResponse {
    let rule = pages.proxy.rule(path);
    // Neither plugins nor files can answer an upgrade.
    if let Some(rule) = rule
        && proxy::is_upgrade(request)
    {
        return backend(pages, rule, request, path, body).await;
    }
    if let Err(missing) = pages.plugins.wait_for_required(path.as_str()).await {
        return error_page::not_ready(request, &missing);
    }
    let body = BufferedBody::of_request(body, pages.body_room.clone());
    let mut asked = ServeContext::new(pages, request, path, rule, body);
    let wanting = serve::wanting(&mut asked);
    // Boxed, as what follows: the future of a request is moved several times, so what a file in memory
    // does not need has its room elsewhere.
    if let Some(wanting) = &wanting
        && let Some(answer) = Box::pin(serve::before_files(wanting, &mut asked)).await
    {
        return answer;
    }
    let is_missing = asked.place().is_missing;
    if let Some(wanting) = wanting.filter(|_| is_missing)
        && let Some(answer) = Box::pin(serve::after_files(&wanting, &mut asked)).await
    {
        return answer;
    }
    let reads = request.method == Method::GET || request.method == Method::HEAD;
    let (place, body, skipped) = asked.into_rest();
    let mut answer = if let Some(rule) = rule.filter(|_| is_missing || !reads) {
        backend(pages, rule, request, path, body).await
    } else if reads {
        let path = place.index.as_ref().unwrap_or(path);
        file(pages, request, path, place.located).await
    } else {
        let text = format!(
            "{} is not allowed here: files answer GET and HEAD",
            request.method
        );
        let mut answer = error_page::refused(request, StatusCode::METHOD_NOT_ALLOWED, &text);
        answer
            .headers
            .insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        answer
    };
    plugin_errors::say_skipped(&skipped, &mut answer);
    answer
}

async fn backend(
    pages: &PageService,
    rule: &ProxyRule,
    request: &Parts,
    path: &UrlPath,
    body: Body,
) -> PageResponse {
    let wants_whole = pages.plugins.inject_client() && proxy::accepts_html(request)
        || transform::may_want(pages, request, path)
        || imports::may_want(pages, request, path);
    Box::pin(pages.proxy.forward(rule, request, path, body, wants_whole)).await
}

async fn file(
    pages: &PageService,
    request: &Parts,
    path: &UrlPath,
    located: FileLocation,
) -> PageResponse {
    let found = match located {
        FileLocation::Memory(hot) => return hot.answer(Responder::Memory),
        FileLocation::Disk(found) => found,
    };
    Box::pin(from_disk(pages, request, path, found)).await
}

async fn from_disk(
    pages: &PageService,
    request: &Parts,
    path: &UrlPath,
    found: PathLookup,
) -> PageResponse {
    match found {
        PathLookup::File(file) => match pages.files.read(path, file).await {
            Ok(answer) => answer,
            Err(error) => {
                tracing::warn!(target: "pagewire::pages", %path, %error, "file cannot be read");
                let text = format!("{path} cannot be read: {error}");
                error_page::refused(request, store::status_of(&error), &text)
            }
        },
        PathLookup::FolderWithoutSlash => {
            let folder = format!("{}{}", pages.base, path.to_folder().url());
            PageResponse::redirect(&folder, request.uri.query())
        }
        PathLookup::Folder(folder) if pages.listing => {
            match listing::answer(&pages.files, path, folder).await {
                Ok(answer) => answer,
                Err(error) => {
                    let text = format!("{path} cannot be listed: {}", error.kind());
                    error_page::refused(request, store::status_of(&error), &text)
                }
            }
        }
        PathLookup::Folder(_) => {
            let text = format!(
                "nothing is served at {path}: no plugin answered, and the folder has no index.html (start pagewire with --listing to see its files)"
            );
            error_page::refused(request, StatusCode::NOT_FOUND, &text)
        }
        PathLookup::NotFound => {
            let text = format!("nothing is served at {path}: no plugin answered, and no such file");
            error_page::refused(request, StatusCode::NOT_FOUND, &text)
        }
        PathLookup::DeniedName(name) => {
            let text = format!(
                "{name} is on the list of names that are never served (start pagewire with --allow-file {name})"
            );
            error_page::refused(request, StatusCode::FORBIDDEN, &text)
        }
        PathLookup::OutsideRoot(real) => {
            let folder = real.parent().unwrap_or(&real).display().to_string();
            tracing::warn!(target: "pagewire::pages", %path, %folder, "link out of the root refused (start pagewire with --allow-dir and the folder)");
            let text = format!(
                "{path} is a link that leads out of the root (start pagewire with --allow-dir DIR for the folder it leads to)"
            );
            error_page::refused(request, StatusCode::FORBIDDEN, &text)
        }
    }
}
