//! The stages of a page request, in order.

use super::answer::{Answer, By};
use super::files::{self, Located};
use super::serve::Asked;
use super::{Pages, encode, failure, inject, listing, proxy, reply, serve};
use crate::config::ProxyRule;
use crate::paths::{Found, UrlPath};
use axum::body::Body;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use std::time::Instant;

/// Answers every path that is not the daemon's own.
///
/// resolve -> required plugins are ready -> serve hook | file | serve hook | proxy | app index ->
/// inject -> encode -> reply
pub async fn respond(pages: &Pages, request: Request) -> Response {
    let since = Instant::now();
    let (request, body) = request.into_parts();
    let mut answer = match UrlPath::parse(request.uri.path()) {
        Err(error) => failure::refused(&request, StatusCode::BAD_REQUEST, &error.to_string()),
        Ok(path) => answer(pages, &request, &path, body).await,
    };
    inject::stage(pages, &request, &mut answer).await;
    encode::stage(&request, &mut answer, &pages.derived).await;
    let by = answer.by.clone();
    let response = reply::reply(&request, answer);
    pages
        .requests
        .answered(&request, response.status(), &by, since);
    response
}

async fn answer(pages: &Pages, request: &Parts, path: &UrlPath, body: Body) -> Answer {
    let rule = pages.proxy.rule(path);
    // Neither plugins nor files can answer an upgrade.
    if let Some(rule) = rule
        && proxy::is_upgrade(request)
    {
        return backend(pages, rule, request, path, body).await;
    }
    if let Err(missing) = pages.plugins.until_required(path.as_str()).await {
        return failure::not_ready(request, &missing);
    }
    let located = locate(pages, path, rule).await;
    let has_body = !axum::body::HttpBody::is_end_stream(&body);
    let mut asked = Asked::new(request, path, &pages.types, &located, has_body);
    let hooks = pages.plugins.serve_hooks();
    if !hooks.is_empty()
        && let Some(answer) = Box::pin(serve::before_files(&hooks, &mut asked)).await
    {
        return answer;
    }
    let is_missing = matches!(located, Located::Disk(Found::Nothing | Found::Folder(_)));
    if is_missing && let Some(answer) = Box::pin(serve::after_files(&hooks, &mut asked)).await {
        return answer;
    }
    let reads = request.method == Method::GET || request.method == Method::HEAD;
    let mut answer = if let Some(rule) = rule.filter(|_| is_missing || !reads) {
        backend(pages, rule, request, path, body).await
    } else if reads {
        match app_index(pages, request, path, &located) {
            Some(index) => {
                let located = pages.files.find(&index).await;
                file(pages, request, &index, located).await
            }
            None => file(pages, request, path, located).await,
        }
    } else {
        let text = format!(
            "{} is not allowed here: files answer GET and HEAD",
            request.method
        );
        let mut answer = failure::refused(request, StatusCode::METHOD_NOT_ALLOWED, &text);
        answer
            .headers
            .insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        answer
    };
    asked.say_skipped(&mut answer);
    answer
}

async fn backend(
    pages: &Pages,
    rule: &ProxyRule,
    request: &Parts,
    path: &UrlPath,
    body: Body,
) -> Answer {
    let injects = pages.plugins.inject_client();
    // Boxed, as what follows: the future of a request is moved several times, so what a file in memory
    // does not need has its room elsewhere.
    Box::pin(pages.proxy.ask(rule, request, path, body, injects)).await
}

/// Looks for the file, unless a rule of the proxy names a prefix around it. A folder whose page nobody
/// wrote is not in the way of the rule that answers what is missing.
async fn locate(pages: &Pages, path: &UrlPath, rule: Option<&ProxyRule>) -> Located {
    let Some(rule) = rule else {
        return pages.files.find(path).await;
    };
    if !rule.prefix.as_str().is_empty() {
        return Located::Disk(Found::Nothing);
    }
    let located = pages.files.find(path).await;
    if matches!(located, Located::Disk(Found::FolderWithoutSlash))
        && let Located::Disk(folder @ Found::Folder(_)) = pages.files.find(&path.to_folder()).await
    {
        return Located::Disk(folder);
    }
    located
}

/// The page of a single-page app, for what is one of its own routes (the ancestor's rule): a page
/// is asked for, in its folder, by a name without an extension, and nothing else is there.
fn app_index(pages: &Pages, request: &Parts, path: &UrlPath, located: &Located) -> Option<UrlPath> {
    let index = pages.app_index.as_ref()?;
    let is_missing = match located {
        Located::Disk(Found::Nothing) => true,
        Located::Disk(Found::Folder(_)) => !pages.listing,
        _ => false,
    };
    let accept = request
        .headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok());
    let wants_page = accept.is_some_and(|accept| {
        (accept.contains("text/html") || accept.contains("*/*"))
            && !accept.contains("application/json")
    });
    let name = path.as_str().rsplit('/').next().unwrap_or_default();
    let is_route = !name.contains('.') && path.as_str().starts_with(&index.folder);
    (is_missing && wants_page && is_route).then(|| UrlPath::parse(&index.page).ok())?
}

async fn file(pages: &Pages, request: &Parts, path: &UrlPath, located: Located) -> Answer {
    let found = match located {
        Located::Memory(hot) => return hot.answer(By::Memory),
        Located::Disk(found) => found,
    };
    Box::pin(from_disk(pages, request, path, found)).await
}

async fn from_disk(pages: &Pages, request: &Parts, path: &UrlPath, found: Found) -> Answer {
    match found {
        Found::File(file) => match pages.files.read(path, file).await {
            Ok(answer) => answer,
            Err(error) => {
                tracing::warn!(target: "pagewire::pages", %path, %error, "file cannot be read");
                let text = format!("{path} cannot be read: {error}");
                failure::refused(request, files::status_of(&error), &text)
            }
        },
        Found::FolderWithoutSlash => {
            let folder = format!("{}{}", pages.base, path.to_folder().url());
            Answer::redirect(&folder, request.uri.query())
        }
        Found::Folder(folder) if pages.listing => {
            match listing::answer(&pages.files, path, folder).await {
                Ok(answer) => answer,
                Err(error) => {
                    let text = format!("{path} cannot be listed: {}", error.kind());
                    failure::refused(request, files::status_of(&error), &text)
                }
            }
        }
        Found::Folder(_) => {
            let text = format!(
                "nothing is served at {path}: no plugin answered, and the folder has no index.html (start pagewire with --listing to see its files)"
            );
            failure::refused(request, StatusCode::NOT_FOUND, &text)
        }
        Found::Nothing => {
            let text = format!("nothing is served at {path}: no plugin answered, and no such file");
            failure::refused(request, StatusCode::NOT_FOUND, &text)
        }
        Found::DeniedName(name) => {
            let text = format!(
                "{name} is on the list of names that are never served (start pagewire with --allow-file {name})"
            );
            failure::refused(request, StatusCode::FORBIDDEN, &text)
        }
        Found::OutsideRoot(real) => {
            let folder = real.parent().unwrap_or(&real).display().to_string();
            tracing::warn!(target: "pagewire::pages", %path, %folder, "link out of the root refused (start pagewire with --allow-dir and the folder)");
            let text = format!(
                "{path} is a link that leads out of the root (start pagewire with --allow-dir DIR for the folder it leads to)"
            );
            failure::refused(request, StatusCode::FORBIDDEN, &text)
        }
    }
}
