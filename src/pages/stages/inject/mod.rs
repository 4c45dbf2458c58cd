//! The inject stage: inserts the scripts of Pagewire into HTML that is requested as a page or in a frame
//! ([`PageRequest::is_navigation`]). HTML for anything else stays byte for byte as it is.
//!
//! The client goes before the last `</body>`, otherwise before the last `</head>`, otherwise at the end, as a
//! module. A module that starts to load before the page's import map would disable the map in many
//! browsers. So in streamed pages, and in pages at whose end a script would not run, a deferred classic script
//! in the head loads the module when the page is parsed. The recorder, a classic script, goes to the start of
//! the head. No other byte changes, so every ASCII-compatible encoding is preserved.

mod head;
pub(crate) mod policy;
mod scan;
mod scripts;

use super::encode;
use super::imports::PreloadHints;
use crate::blocking::run_sized;
use crate::hub::WithoutClient;
use crate::pages::request::PageRequest;
use crate::pages::response::page_response::{PageResponse, Payload, sized_content_tag};
use axum::body::{Body, BodyDataStream};
use axum::http::{HeaderValue, StatusCode, header};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream;
use head::PageHead;
use memchr::memchr;
use scan::{PageScan, scan};
use scripts::{Scripts, has_utf_16_mark, insert_scripts};

/// Runs the stage, and counts the page. The entity tag names the inserted scripts, so that a 304 cannot bring
/// back a page without the client, or with scripts that are no longer injected.
pub(crate) async fn stage(request: &PageRequest<'_>, response: &mut PageResponse) {
    if !may_be_page(response) {
        return;
    }
    if response.status == StatusCode::NOT_MODIFIED || response.status == StatusCode::PARTIAL_CONTENT
    {
        // The browser updates a page in its cache with these headers.
        if request.service.plugins.inject_client() && !response.verbatim {
            response.vary_by_destination();
        }
        return;
    }
    let outcome = inject(request, response).await;
    if response.status.is_success() && !request.is_head() {
        request.service.hub.page_counts().count(outcome);
    }
}

/// Whether a response is a page, a part of one, or may state that one is unchanged: that needs no type.
fn may_be_page(response: &PageResponse) -> bool {
    let names_page = response.is_html()
        || response.status == StatusCode::NOT_MODIFIED
            && !response.headers.contains_key(header::CONTENT_TYPE);
    names_page
        && match response.status {
            StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT => false,
            // Nobody sees the body of a redirect.
            StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT => !response.headers.contains_key(header::LOCATION),
            status => !(is_error(status) && response.body.len() == Some(0)),
        }
}

/// Whether browsers show a message of their own with this status if the page is empty.
fn is_error(status: StatusCode) -> bool {
    status.is_client_error() || status.is_server_error()
}

/// Inserts the scripts, or returns why the page does not get them.
async fn inject(
    request: &PageRequest<'_>,
    response: &mut PageResponse,
) -> Result<(), WithoutClient> {
    let service = request.service;
    if !service.plugins.inject_client() {
        return Err(if service.plugins.never_injects_client() {
            WithoutClient::Disabled
        } else {
            WithoutClient::NotRequested
        });
    }
    if response.verbatim {
        return Err(WithoutClient::Verbatim);
    }
    response.vary_by_destination();
    if !request.is_navigation() {
        return Err(WithoutClient::NotNavigated);
    }
    if is_utf_16(response) {
        return Err(WithoutClient::Encoding);
    }
    let mut scripts = Scripts::current(request);
    let policies = response
        .headers
        .get_all(header::CONTENT_SECURITY_POLICY)
        .iter();
    let policies: Vec<_> = policies.filter_map(|value| value.to_str().ok()).collect();
    scripts.policies = policies.join(",");
    if !encode::decode(response) {
        let path = request.parts.uri.path();
        let coding = response.header(header::CONTENT_ENCODING);
        tracing::warn!(target: "pagewire::pages", path, coding, "cannot inject the client into a page with this content coding");
        return Err(WithoutClient::ContentCoding);
    }
    let mut tag = response.tag.clone();
    if let Payload::Bytes(body) = &response.body {
        let body = body.clone();
        if tag.is_none() {
            tag = sized_content_tag(&body).await;
        }
        if let Some(tag) = &tag {
            scripts.preloads = service.modules.preloads(request, &body, tag).await;
        }
    }
    let variant = scripts.variant();
    let injection = Injection {
        request,
        scripts,
        is_error: is_error(response.status),
    };
    match std::mem::replace(&mut response.body, Bytes::new().into()) {
        Payload::Bytes(body) => {
            let derived = match &tag {
                Some(tag) => {
                    let derive = injection.apply(&body);
                    service.derived.get_or_derive(tag, variant, derive).await
                }
                None => None,
            };
            match derived {
                Some(derived) => response.set_derived_body(derived, variant),
                None => response.body = body.into(),
            }
        }
        // A backend's response to HEAD has no body, but its headers must be those of the GET response.
        Payload::Stream(body) if request.is_head() => {
            response.set_derived_stream(Payload::Stream(body), variant);
        }
        stream => {
            let body = Box::pin(injection.apply_to_stream(stream.into_body())).await;
            response.set_derived_stream(Payload::Stream(body), variant);
        }
    }
    if response.body_file.is_none() {
        // The date of the file does not cover the inserted scripts.
        response.headers.remove(header::LAST_MODIFIED);
    }
    Ok(())
}

/// Whether a page is in UTF-16, by its byte order mark if its content is in memory, or by its content type. A
/// page cannot declare this encoding itself.
fn is_utf_16(response: &PageResponse) -> bool {
    const CHARSET: &[u8] = b"charset=utf-16";
    let starts_as_utf_16 = match &response.body {
        Payload::Bytes(page) => has_utf_16_mark(page),
        _ => false,
    };
    let content_type = response.headers.get(header::CONTENT_TYPE);
    let content_type = content_type.map_or(&[][..], HeaderValue::as_bytes);
    let parameters = memchr(b';', content_type).map_or(&[][..], |end| &content_type[end..]);
    let mut parts = parameters.windows(CHARSET.len());
    starts_as_utf_16 || parts.any(|part| part.eq_ignore_ascii_case(CHARSET))
}

/// Inserts scripts into one page.
struct Injection<'a> {
    request: &'a PageRequest<'a>,
    scripts: Scripts,
    is_error: bool,
}

impl Injection<'_> {
    fn host(&self) -> &str {
        self.request.header(header::HOST)
    }

    /// Returns the complete page with the scripts; `None` when there is nothing to insert.
    async fn apply(&self, page: &Bytes) -> Option<Bytes> {
        let (scripts, host) = (self.scripts.clone(), self.host().to_owned());
        let whole = page.clone();
        let insert = move || Insertion::new(&whole, &scan(&whole), &scripts, &host, true);
        let inserted = run_sized(page.len(), insert).await.ok()?;
        self.report(inserted)
    }

    /// Logs the policies that would block the scripts. Returns the page with the scripts.
    fn report(&self, inserted: Option<Insertion>) -> Option<Bytes> {
        let inserted = inserted?;
        let reports = &self.request.service.policy_reports;
        let path = self.request.parts.uri.path();
        reports.report(path, &inserted.blocking, inserted.unchecked);
        Some(inserted.page)
    }

    /// Returns a streamed page with the scripts at the start of its head.
    async fn apply_to_stream(&self, body: Body) -> Body {
        let mut chunks = body.into_data_stream();
        let (head, error) = self.read_head(&mut chunks).await;
        let rest = stream::iter(error.map(Err)).chain(chunks);
        Body::from_stream(stream::iter([Ok(head)]).chain(rest))
    }

    /// Reads chunks until the head is complete. Returns them with the scripts, and the error that ended
    /// the stream, if any.
    async fn read_head(&self, chunks: &mut BodyDataStream) -> (Bytes, Option<axum::Error>) {
        let mut head = PageHead::default();
        loop {
            match chunks.next().await {
                None => {
                    let page = head.into_bytes();
                    if self.is_error && page.is_empty() {
                        return (page, None);
                    }
                    return (self.apply(&page).await.unwrap_or(page), None);
                }
                Some(Err(error)) => return (head.into_bytes(), Some(error)),
                Some(Ok(chunk)) => {
                    if let Some(found) = head.push(&chunk) {
                        let head = head.into_bytes();
                        let inserted =
                            Insertion::new(&head, &found, &self.scripts, self.host(), false);
                        return (self.report(inserted).unwrap_or(head), None);
                    }
                }
            }
        }
    }
}

/// A page, or the beginning of one, with the scripts.
struct Insertion {
    page: Bytes,
    /// Policies that block the scripts, with the directives that are missing from them.
    blocking: Vec<(String, Vec<&'static str>)>,
    /// Number of policies that were not checked.
    unchecked: usize,
}

impl Insertion {
    /// Returns `None` when there is nothing to insert.
    fn new(
        page: &Bytes,
        found: &PageScan,
        scripts: &Scripts,
        host: &str,
        is_whole: bool,
    ) -> Option<Self> {
        let nonce = scripts.nonce(found);
        let all_policies = std::iter::once(&scripts.policies).chain(&found.policies);
        let blocking = all_policies.map(|policies| {
            let missing = policy::missing_directives(policies, nonce, host);
            (policies.clone(), missing)
        });
        let blocking: Vec<_> = blocking
            .filter(|(_, missing)| !missing.is_empty())
            .collect();
        // Preload hints that a policy blocks would only be errors in the console.
        let mut scripts = scripts.clone();
        if !blocking.is_empty() {
            scripts.preloads = PreloadHints::default();
        }
        Some(Self {
            page: insert_scripts(page, found, &scripts, is_whole)?,
            blocking,
            unchecked: found.unchecked_policies,
        })
    }
}
