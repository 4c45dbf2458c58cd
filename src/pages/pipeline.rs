//! The stages of a page request, in order.

use super::answer::Answer;
use super::serve::Asked;
use super::{Pages, failure, files, inject, reply, serve};
use crate::paths::{Found, UrlPath};
use axum::extract::Request;
use axum::http::{Method, StatusCode, header};
use axum::response::Response;

/// resolve -> serve hook | file | serve hook -> inject -> reply
pub(super) async fn respond(pages: &Pages, request: Request) -> Response {
    let (request, body) = request.into_parts();
    let has_body = !axum::body::HttpBody::is_end_stream(&body);
    let answer = match UrlPath::parse(request.uri.path()) {
        Err(error) => failure::refused(&request, StatusCode::BAD_REQUEST, &error.to_string()),
        Ok(path) => {
            let found = files::find(&pages.root, &path).await;
            let asked = Asked::new(&request, &path, &found, has_body);
            answer(pages, &request, &path, found, asked).await
        }
    };
    let answer = inject::stage(answer, pages.scripts(), &pages.hub);
    reply::reply(&request, answer)
}

async fn answer(
    pages: &Pages,
    request: &axum::http::request::Parts,
    path: &UrlPath,
    found: Found,
    mut asked: Asked<'_>,
) -> Answer {
    let hooks = pages.plugins.serve_hooks();
    if let Some(answer) = serve::before_files(&hooks, &mut asked).await {
        return answer;
    }
    if matches!(found, Found::Nothing)
        && let Some(answer) = serve::after_files(&hooks, &mut asked).await
    {
        return answer;
    }
    let mut answer = if request.method == Method::GET || request.method == Method::HEAD {
        file(request, path, found).await
    } else {
        let text = format!(
            "{} is not allowed here: files answer GET and HEAD",
            request.method
        );
        let mut answer = failure::refused(request, StatusCode::METHOD_NOT_ALLOWED, &text);
        answer
            .headers
            .insert(header::ALLOW, header::HeaderValue::from_static("GET, HEAD"));
        answer
    };
    asked.say_skipped(&mut answer);
    answer
}

async fn file(request: &axum::http::request::Parts, path: &UrlPath, found: Found) -> Answer {
    match found {
        Found::File(file) => match files::read(file).await {
            Ok(answer) => answer,
            Err(error) => {
                tracing::warn!(target: "pagewire::pages", %path, %error, "file cannot be read");
                let text = format!("{path} cannot be read: {}", error.kind());
                failure::refused(request, files::status_of(&error), &text)
            }
        },
        Found::FolderWithoutSlash => Answer::redirect(&path.folder_url(), request.uri.query()),
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
