//! Records which document or script requested which URL path, for notifications of changes.

use super::request::PageRequest;
use crate::pages::fetch_metadata::{SEC_FETCH_DEST, SEC_FETCH_SITE};
use crate::paths::UrlPath;
use axum::http::header;
use std::borrow::Cow;

/// Records a request.
pub(super) fn record(request: &PageRequest<'_>) {
    let hub = &request.service.hub;
    if !hub.records_served() || !request.is_read() {
        return;
    }
    let destination = request.header(&SEC_FETCH_DEST);
    let user = match destination {
        // A frame is a page of its own, and a link to a page does not use it.
        "document" | "iframe" | "frame" | "fencedframe" => None,
        // A browser omits the header in insecure contexts.
        "" if request.header(header::ACCEPT).starts_with("text/html") => None,
        _ => match request.header(&SEC_FETCH_SITE) {
            "" | "same-origin" => {
                let referrer =
                    referrer_path(request.header(header::REFERER), &request.service.base);
                // A program that is no browser has neither.
                referrer.or((!destination.is_empty()).then_some(Cow::Borrowed("")))
            }
            // A sandboxed frame of one of our pages names nothing, a page of another origin its origin.
            _ => request
                .header(header::REFERER)
                .is_empty()
                .then_some(Cow::Borrowed("")),
        },
    };
    hub.add_served(request.path.as_str(), user.as_deref());
}

/// Records that a request is answered with the app index: the document at the request's path uses that file.
/// For a folder this is not needed, since its path leads to its `index.html`.
pub(super) fn record_app_index(request: &PageRequest<'_>, index: &UrlPath) {
    let hub = &request.service.hub;
    if hub.records_served() {
        hub.add_served(index.as_str(), Some(request.path.as_str()));
    }
}

/// Returns the decoded path of a referrer below the base path.
fn referrer_path<'a>(referrer: &'a str, base: &str) -> Option<Cow<'a, str>> {
    let (_, rest) = referrer.split_once("://")?;
    let path = &rest[rest.find('/')?..];
    let path = path.split(['?', '#']).next()?;
    let path = path
        .strip_prefix(base)
        .filter(|rest| rest.starts_with('/'))
        .unwrap_or(path);
    if !path.contains('%') {
        return Some(Cow::Borrowed(path));
    }
    let path = UrlPath::parse(path).ok()?;
    Some(Cow::Owned(path.as_str().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_referrer_is_the_path_that_it_is_served_at() {
        for (referrer, base, path) in [
            ("http://localhost:8000/a.html?x=/y#z", "", Some("/a.html")),
            ("http://localhost:8000/", "", Some("/")),
            ("https://h/app/a%20b/", "/app", Some("/a b/")),
            ("https://h/apple/w.js", "/app", Some("/apple/w.js")),
            ("https://h", "", None),
            ("about:blank", "", None),
            ("", "", None),
        ] {
            assert_eq!(referrer_path(referrer, base).as_deref(), path, "{referrer}");
        }
    }
}
