//! The inject stage: inserts the script of the socket client into HTML pages.
//!
//! The place follows the rules of `@web/dev-server`: before the last `</body>`, otherwise before the last
//! `</head>`, otherwise at the end; fragments are not changed. Streamed pages, and pages at whose end a
//! script would not run, get it at the start of the head. One contiguous piece is inserted and no other
//! byte changes, so every ASCII-compatible encoding is preserved.

mod head;
pub(crate) mod policy;
mod scan;

use super::encode;
use super::imports::PreloadHints;
use crate::blocking::run_sized;
use crate::message::{CLIENT_PATH, RECORDER_PATH};
use crate::pages::PageService;
use crate::pages::html::escape;
use crate::pages::request::PageRequest;
use crate::pages::response::derived_cache::Variant;
use crate::pages::response::page_response::{PageResponse, Payload, sized_content_tag};
use axum::body::{Body, BodyDataStream};
use axum::http::{StatusCode, header};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream;
use head::PageHead;
use scan::{PageScan, is_document, scan};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Comment that explains the inserted scripts to readers of the page's source.
const MARKER: &str = "<!-- injected by pagewire -->";

/// Scripts to be inserted into a page.
#[derive(Clone)]
pub(crate) struct Scripts {
    client: bool,
    /// The recorder must run before the page's own scripts, so it is placed at the start of the head.
    recorder: bool,
    /// Base path of the daemon's URLs; empty or without a trailing slash.
    base: String,
    /// Content security policies in the response headers, separated by commas.
    policies: String,
    preloads: PreloadHints,
}

impl Scripts {
    /// Returns the scripts that pages get at the moment.
    fn current(service: &PageService) -> Self {
        let client = service.plugins.inject_client();
        let recorder = client && service.hub.report_mode().any();
        Self::new(client, recorder, &service.base)
    }

    fn new(client: bool, recorder: bool, base: &str) -> Self {
        Self {
            client,
            recorder,
            base: base.to_owned(),
            policies: String::new(),
            preloads: PreloadHints::default(),
        }
    }

    /// Returns the nonce with which the page's policies allow scripts.
    fn nonce<'a>(&'a self, page: &'a PageScan) -> Option<&'a str> {
        policy::find_nonce(&self.policies).or(page.nonce.as_deref())
    }

    /// Returns the variant of the page with these scripts.
    fn variant(&self) -> Variant {
        Variant {
            name: if self.recorder { "recorder" } else { "client" },
            input_hash: match self.policies.as_bytes() {
                [] => self.preloads.hash,
                policies => xxh3_64_with_seed(policies, self.preloads.hash),
            },
        }
    }
}

/// Runs the stage. The entity tag names the inserted scripts, so that a 304 cannot bring back a page
/// without the client, or with scripts that are no longer injected.
pub(crate) async fn stage(request: &PageRequest<'_>, response: &mut PageResponse) {
    let is_whole =
        ![StatusCode::PARTIAL_CONTENT, StatusCode::NOT_MODIFIED].contains(&response.status);
    if response.verbatim || !response.is_html() || !is_whole {
        return;
    }
    let service = request.service;
    let mut scripts = Scripts::current(service);
    if response.status.is_success() {
        service.hub.count_page(scripts.client);
    }
    if !scripts.client {
        return;
    }
    let policies = response
        .headers
        .get_all(header::CONTENT_SECURITY_POLICY)
        .iter();
    let policies: Vec<_> = policies.filter_map(|value| value.to_str().ok()).collect();
    scripts.policies = policies.join(",");
    let path = request.parts.uri.path();
    if !encode::decode(response) {
        let coding = response.header(header::CONTENT_ENCODING);
        tracing::warn!(target: "pagewire::pages", path, coding, "cannot inject the client into a page with this content coding");
        return;
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
        service,
        scripts,
        path,
        host: request.header(header::HOST),
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
}

/// Inserts scripts into one page.
struct Injection<'a> {
    service: &'a PageService,
    scripts: Scripts,
    path: &'a str,
    host: &'a str,
}

impl Injection<'_> {
    /// Returns the complete page with the scripts; `None` when there is nothing to insert.
    async fn apply(&self, page: &Bytes) -> Option<Bytes> {
        let (scripts, host) = (self.scripts.clone(), self.host.to_owned());
        let whole = page.clone();
        let insert = move || Insertion::new(&whole, &scan(&whole), &scripts, &host, true);
        let inserted = run_sized(page.len(), insert).await.ok()?;
        self.report(inserted)
    }

    /// Logs the policies that would block the scripts. Returns the page with the scripts.
    fn report(&self, inserted: Option<Insertion>) -> Option<Bytes> {
        let inserted = inserted?;
        let reports = &self.service.policy_reports;
        reports.report(self.path, &inserted.blocking, inserted.unchecked);
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
                    return (self.apply(&page).await.unwrap_or(page), None);
                }
                Some(Err(error)) => return (head.into_bytes(), Some(error)),
                Some(Ok(chunk)) => {
                    if let Some(found) = head.push(&chunk) {
                        let head = head.into_bytes();
                        let inserted =
                            Insertion::new(&head, &found, &self.scripts, self.host, false);
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

/// Returns the page, or the beginning of one, with the scripts. Returns `None` when it is a fragment,
/// already has the scripts, or is in an encoding that is not ASCII-compatible.
fn insert_scripts(
    page: &Bytes,
    found: &PageScan,
    scripts: &Scripts,
    is_whole: bool,
) -> Option<Bytes> {
    let recorder = scripts.recorder && !found.has_recorder;
    let client = scripts.client && !found.has_client;
    if !is_document(page) || (!recorder && !client) {
        return None;
    }
    let nonce = scripts.nonce(found);
    let nonce = nonce
        .map(|nonce| format!(" nonce=\"{nonce}\""))
        .unwrap_or_default();
    let base = &scripts.base;
    let mut tags = String::new();
    if recorder {
        tags.push_str(&format!(
            "<script src=\"{base}{RECORDER_PATH}\"{nonce}></script>"
        ));
    }
    if client {
        for url in scripts.preloads.urls.iter() {
            let url = escape(url);
            tags.push_str(&format!(
                "<link rel=\"modulepreload\" href=\"{base}{url}\"{nonce}>"
            ));
        }
        tags.push_str(&format!(
            "<script type=\"module\" src=\"{base}{CLIENT_PATH}\"{nonce}></script>"
        ));
    }
    // Inserts no line break, so that the line numbers in the page's own errors stay correct.
    let at_head_start = || splice(page, found.head_start, &format!("{MARKER}{tags}"));
    if !is_whole || recorder || found.has_foreign_base {
        return Some(at_head_start());
    }
    let before_end = |offset| splice(page, offset, &format!("{MARKER}\n{tags}"));
    if let Some(offset) = found.body_end.or(found.head_end) {
        return Some(before_end(offset));
    }
    // After a frameset, or within an unclosed element such as a title, the script would not run.
    let appended = before_end(page.len());
    let would_run = !found.has_frameset && scan(&appended).has_client;
    Some(if would_run { appended } else { at_head_start() })
}

fn splice(page: &[u8], offset: usize, piece: &str) -> Bytes {
    [&page[..offset], piece.as_bytes(), &page[offset..]]
        .concat()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SCRIPT: &str = "<!-- injected by pagewire -->\n<script type=\"module\" src=\"/__pagewire__/client.js\"></script>";

    fn inject(page: &str, recorder: bool, policies: &str) -> Option<String> {
        let mut scripts = Scripts::new(true, recorder, "");
        scripts.policies = policies.to_owned();
        let page = Bytes::copy_from_slice(page.as_bytes());
        let inserted = insert_scripts(&page, &scan(&page), &scripts, true)?;
        Some(String::from_utf8(inserted.to_vec()).unwrap())
    }

    fn injected(page: &str) -> Option<String> {
        inject(page, false, "")
    }

    #[test]
    fn the_recorder_and_the_client_are_placed_at_the_start_of_the_head() {
        let both = SCRIPT.replace(
            "\n<script",
            "<script src=\"/__pagewire__/recorder.js\"></script><script",
        );
        for page in [
            "<!doctype html><html lang=en><head>|<script>early()</script></head><body></body></html>",
            "<!doctype html><html>|<body></body></html>",
            "<!doctype html>|<p>x</p></body>",
            "<!-- a --><html a='>'>|<template><head></head></template>",
            // Without a head element, the head is implied before the body.
            "|<body><p>",
        ] {
            let expected = page.replace('|', &both);
            let once = inject(&page.replace('|', ""), true, "").unwrap();
            assert_eq!(once, expected, "{page}");
            assert_eq!(inject(&once, true, ""), None);
        }
        let marked = inject("\u{FEFF}<body>", true, "").unwrap();
        assert!(marked.starts_with("\u{FEFF}<!-- injected"));
    }

    #[test]
    fn the_client_is_placed_before_the_end_of_the_body_or_head_or_at_the_end() {
        for page in [
            "<!doctype html><body><p>x</p>|</body></html>",
            "<html><head></head><body></body x><p>late</p>|</body></html>",
            "<!doctype html><p>no body tag|</body>",
            "<html><head><title>t</title>|</head><p>noend",
            "<!doctype html><p>nothing closed|",
            "<body><script>const s = '</body>';</script>|</body>",
            "<body><!-- </body> --><textarea></body></textarea><title></body></title>|</body>",
            "<body><template></body></template>|</BODY >",
            "<body><a title='</body>'>|</body>",
            "<html><head>|</head><frameset></frameset></html>",
            "\u{FEFF}<!-- a -->\n<!-- <p> --> <!DOCTYPE html>|",
        ] {
            let expected = page.replace('|', SCRIPT);
            assert_eq!(injected(&page.replace('|', "")), Some(expected), "{page}");
        }
    }

    #[test]
    fn the_client_is_placed_at_the_start_of_the_head_if_it_would_not_run_at_the_end() {
        for page in [
            "<html>|<frameset></frameset></html>",
            "<!doctype html>|<title>never closed",
            "<html><head>|<base href='https://cdn.example/'></head><body></body></html>",
            "<html><head>|<base href='//cdn.example/'></head><body></body></html>",
        ] {
            let expected = page.replace('|', &SCRIPT.replace('\n', ""));
            assert_eq!(injected(&page.replace('|', "")), Some(expected), "{page}");
        }
        // A base on the same host is harmless.
        let page = "<html><head><base href='/docs/'></head><body>|</body></html>";
        let expected = page.replace('|', SCRIPT);
        assert_eq!(injected(&page.replace('|', "")), Some(expected));
    }

    #[test]
    fn script_urls_include_the_base_path() {
        let page = Bytes::from_static(b"<html>");
        let scripts = Scripts::new(true, true, "/app");
        let page = insert_scripts(&page, &scan(&page), &scripts, true).unwrap();
        let text = String::from_utf8(page.to_vec()).unwrap();
        assert!(text.contains("src=\"/app/__pagewire__/client.js\""));
        assert!(text.contains("src=\"/app/__pagewire__/recorder.js\""));
        assert_eq!(insert_scripts(&page, &scan(&page), &scripts, true), None);
    }

    #[test]
    fn fragments_and_pages_with_the_client_are_unchanged() {
        for page in [
            "",
            "<p>x</p></body>",
            "text",
            "<!-- <html> --><p>x",
            "<htmlx>",
            "<bodyguard>",
            "<!-- open <html>",
            "\u{FEFF}<p>",
            "<html><script type=module src=/__pagewire__/client.js></script>",
            "<html><script type=module src='/__web-dev-server__web-socket.js'></script>",
        ] {
            assert_eq!(injected(page), None, "{page}");
        }
    }

    #[test]
    fn the_nonce_is_copied_from_the_policy_or_the_page() {
        let tag = |page: &str, policy: &str| {
            let page = inject(page, false, policy).unwrap();
            page.split("client.js\"")
                .nth(1)
                .unwrap()
                .split('>')
                .next()
                .unwrap()
                .to_owned()
        };
        let meta = "<html><meta http-equiv=Content-Security-Policy content=\"script-src 'self' 'nonce-bWV0YQ=='\">";
        assert_eq!(
            tag(
                "<html>",
                "default-src 'nonce-a'; script-src 'self' 'nonce-b+/='"
            ),
            " nonce=\"b+/=\""
        );
        assert_eq!(tag("<html>", "default-src 'nonce-a'"), " nonce=\"a\"");
        assert_eq!(tag("<html>", "script-src 'nonce-\"onload=x'"), "");
        assert_eq!(tag(meta, ""), " nonce=\"bWV0YQ==\"");
        assert_eq!(
            tag("<html><script nonce=abc></script>", ""),
            " nonce=\"abc\""
        );
        assert_eq!(tag("<html><script nonce='\"><b>'></script>", ""), "");
    }

    proptest! {
        #[test]
        fn injection_inserts_one_contiguous_piece(
            page in "(<!doctype html>|<html>|\u{FEFF}<body>)(<(/)?(head|body|script|template|title|p|svg)( a=['\"]?)?>?|<!--|-->|é|\\PC| |\"){0,24}"
        ) {
            let once = injected(&page).unwrap();
            let piece = [SCRIPT.to_owned(), SCRIPT.replace('\n', "")]
                .into_iter()
                .find(|piece| once.contains(piece.as_str()))
                .unwrap();
            prop_assert_eq!(once.replacen(&piece, "", 1), page);
            prop_assert_eq!(injected(&once), None);
        }
    }
}
