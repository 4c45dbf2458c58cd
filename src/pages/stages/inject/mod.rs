//! Puts the socket client into HTML pages.
//!
//! The rules of place are the ancestor's: fragments are left alone; before the last `</body>`,
//! else before the last `</head>`, else at the end. Where a page comes in pieces, or its end is no
//! place for scripts, the front of its head is taken. One contiguous piece is added and no other
//! byte changes, so any ASCII-compatible encoding survives.

use crate::pages::errors::error_page::escape;
use crate::pages::response::derived_cache::Variant;
use crate::pages::response::page_response::{PageResponse, Payload, content_tag};
use crate::pages::stages::imports::PreloadHints;
pub(crate) mod policy;
mod scan;
use crate::pages::PageService;
use crate::pages::stages::encode;
use scan::{Scan, is_document, scan};

use crate::message::{CLIENT_PATH, RECORDER_PATH};
use axum::body::{Body, BodyDataStream};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::stream;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// How much of a page that comes in pieces is held back until its head is over. Beyond, it is
/// searched as far as it is there. Default 64 KiB.
const HEAD_BYTES: usize = 64 * 1024;

/// Says to a reader of the page's source what follows.
const MARK: &str = "<!-- injected by pagewire -->";

/// What is to be put into a page.
#[derive(Clone)]
pub(crate) struct Scripts {
    pub(crate) client: bool,
    /// Must run before the page's own scripts, so it goes to the front of the head.
    pub(crate) recorder: bool,
    /// What our URL paths begin with; empty or without a trailing slash.
    pub(crate) base: String,
    /// The policies of the response's header.
    policies: String,
    /// URLs of modules that the page will load.
    preloads: PreloadHints,
}

impl Scripts {
    pub(crate) fn new(client: bool, recorder: bool, base: &str) -> Self {
        Self {
            client,
            recorder,
            base: base.to_owned(),
            policies: String::new(),
            preloads: PreloadHints::default(),
        }
    }

    /// The nonce that lets them in.
    fn nonce<'a>(&'a self, found: &'a Scan) -> Option<&'a str> {
        policy::nonce_of(&self.policies).or(found.nonce.as_deref())
    }

    /// Tells apart what the same page may become.
    fn variant(&self) -> Variant {
        Variant {
            name: if self.recorder { "recorder" } else { "client" },
            detail: match self.policies.as_bytes() {
                [] => self.preloads.hash,
                policies => xxh3_64_with_seed(policies, self.preloads.hash),
            },
        }
    }
}

/// The stage: injects into HTML what is wanted. The tag says so, so that a 304 cannot bring back
/// a page without the client, or with one that nobody asks for any more.
pub(crate) async fn stage(pages: &PageService, request: &Parts, answer: &mut PageResponse) {
    let whole = ![StatusCode::PARTIAL_CONTENT, StatusCode::NOT_MODIFIED].contains(&answer.status);
    if answer.verbatim || !answer.is_html() || !whole {
        return;
    }
    let mut scripts = pages.scripts();
    if answer.status.is_success() {
        pages.hub.count_page(scripts.client);
    }
    if !scripts.client {
        return;
    }
    let policies = answer
        .headers
        .get_all(header::CONTENT_SECURITY_POLICY)
        .iter();
    let policies: Vec<_> = policies.filter_map(|value| value.to_str().ok()).collect();
    scripts.policies = policies.join(",");
    let path = request.uri.path();
    if !encode::decode(answer) {
        let coding = answer.header(header::CONTENT_ENCODING);
        tracing::warn!(target: "pagewire::pages", path, coding, "the client is not put into a page that is compressed in this way");
        return;
    }
    let host = request
        .headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    if let Payload::Bytes(body) = &answer.body {
        let body = body.clone();
        let (modules, tag) = (&pages.modules, answer.tag.as_ref());
        scripts.preloads = modules.preloads(pages, request, &body, tag).await;
    }
    let page = Page {
        pages,
        scripts: &scripts,
        path,
        host: host.unwrap_or_default(),
    };
    let variant = scripts.variant();
    match std::mem::replace(&mut answer.body, Bytes::new().into()) {
        Payload::Bytes(body) => {
            let tag = answer.tag.clone().or_else(|| content_tag(&body));
            let made = match &tag {
                Some(tag) => {
                    let make = async { page.whole(&body) };
                    pages.derived.get(tag, variant, make).await
                }
                None => None,
            };
            match made {
                Some(made) => answer.become_made(made, variant),
                None => answer.body = body.into(),
            }
        }
        // A proxied answer to HEAD has no body; it says what GET would get.
        Payload::Stream(body) if request.method == Method::HEAD => {
            answer.become_stream(Payload::Stream(body), variant);
        }
        stream => {
            let body = Box::pin(page.front(stream.into_stream())).await;
            answer.become_stream(Payload::Stream(body), variant);
        }
    }
    if answer.file.is_none() {
        // The file's date says nothing of the client.
        answer.headers.remove(header::LAST_MODIFIED);
    }
}

/// A page and what is to be put into it.
struct Page<'a> {
    pages: &'a PageService,
    scripts: &'a Scripts,
    path: &'a str,
    host: &'a str,
}

impl Page<'_> {
    /// The page with the scripts in it; none when there is nothing to add.
    fn whole(&self, page: &Bytes) -> Option<Bytes> {
        self.add(page, &scan(page), true)
    }

    fn add(&self, page: &Bytes, found: &Scan, is_whole: bool) -> Option<Bytes> {
        let header = std::iter::once(&self.scripts.policies);
        let missing = header.chain(&found.policies).map(|policies| {
            let nonce = self.scripts.nonce(found);
            (policies, policy::missing(policies, nonce, self.host))
        });
        let missing: Vec<_> = missing.filter(|(_, missing)| !missing.is_empty()).collect();
        // PreloadHints that a policy keeps out would only be errors in the console.
        let mut scripts = self.scripts.clone();
        if !missing.is_empty() {
            scripts.preloads = PreloadHints::default();
        }
        let added = add(page, found, &scripts, is_whole)?;
        for (policies, missing) in missing {
            self.pages
                .policy_reports
                .report(self.path, policies, &missing);
        }
        Some(added)
    }

    /// A page that comes in pieces, with the scripts at the front of its head.
    async fn front(&self, body: Body) -> Body {
        let mut pieces = body.into_data_stream();
        let (head, failed) = self.head(&mut pieces).await;
        let rest = stream::iter(failed.map(Err)).chain(pieces);
        Body::from_stream(stream::iter([Ok(head)]).chain(rest))
    }

    /// What comes until the head is over, with the scripts in it, and why nothing follows.
    async fn head(&self, pieces: &mut BodyDataStream) -> (Bytes, Option<axum::Error>) {
        let mut head = BytesMut::new();
        loop {
            match pieces.next().await {
                None => {
                    let page = head.freeze();
                    return (self.whole(&page).unwrap_or(page), None);
                }
                Some(Err(error)) => return (head.freeze(), Some(error)),
                Some(Ok(piece)) => head.extend_from_slice(&piece),
            }
            let found = scan(&head);
            if found.is_past_head || head.len() >= HEAD_BYTES {
                let head = head.freeze();
                return (self.add(&head, &found, false).unwrap_or(head), None);
            }
        }
    }
}

/// The page, or its beginning, with the scripts as one piece; none when it is a fragment, has them
/// already, or is in an encoding that is not ASCII-compatible.
fn add(page: &Bytes, found: &Scan, scripts: &Scripts, is_whole: bool) -> Option<Bytes> {
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
    // No line is added in front of the page's own: its errors keep their places.
    let at_front = || splice(page, found.head_start, &format!("{MARK}{tags}"));
    if !is_whole || recorder || found.has_foreign_base {
        return Some(at_front());
    }
    let at_end = |at| splice(page, at, &format!("{MARK}\n{tags}"));
    if let Some(at) = found.body_end.or(found.head_end) {
        return Some(at_end(at));
    }
    // Behind frames, or in an element that nobody closed, it would be no script.
    let added = at_end(page.len());
    let is_script = !found.has_frameset && scan(&added).has_client;
    Some(if is_script { added } else { at_front() })
}

fn splice(page: &[u8], at: usize, piece: &str) -> Bytes {
    [&page[..at], piece.as_bytes(), &page[at..]].concat().into()
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
        let added = add(&page, &scan(&page), &scripts, true)?;
        Some(String::from_utf8(added.to_vec()).unwrap())
    }

    fn injected(page: &str) -> Option<String> {
        inject(page, false, "")
    }

    #[test]
    fn with_the_recorder_both_go_to_the_front_of_the_head() {
        let both = SCRIPT.replace(
            "\n<script",
            "<script src=\"/__pagewire__/recorder.js\"></script><script",
        );
        for page in [
            "<!doctype html><html lang=en><head>|<script>early()</script></head><body></body></html>",
            "<!doctype html><html>|<body></body></html>",
            "<!doctype html>|<p>x</p></body>",
            "<!-- a --><html a='>'>|<template><head></head></template>",
            // A body with nothing before it has its head before it.
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
    fn the_place_is_before_the_end_of_the_body_or_the_head_or_at_the_end() {
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
    fn where_the_end_is_no_place_for_scripts_the_front_of_the_head_is() {
        for page in [
            "<html>|<frameset></frameset></html>",
            "<!doctype html>|<title>never closed",
            "<html><head>|<base href='https://cdn.example/'></head><body></body></html>",
            "<html><head>|<base href='//cdn.example/'></head><body></body></html>",
        ] {
            let expected = page.replace('|', &SCRIPT.replace('\n', ""));
            assert_eq!(injected(&page.replace('|', "")), Some(expected), "{page}");
        }
        // This one leads nowhere else.
        let page = "<html><head><base href='/docs/'></head><body>|</body></html>";
        let expected = page.replace('|', SCRIPT);
        assert_eq!(injected(&page.replace('|', "")), Some(expected));
    }

    #[test]
    fn under_a_base_path_the_scripts_are_too() {
        let page = Bytes::from_static(b"<html>");
        let scripts = Scripts::new(true, true, "/app");
        let added = add(&page, &scan(&page), &scripts, true).unwrap();
        let added = String::from_utf8(added.to_vec()).unwrap();
        assert!(added.contains("src=\"/app/__pagewire__/client.js\""));
        assert!(added.contains("src=\"/app/__pagewire__/recorder.js\""));
        assert_eq!(
            add(
                &added.clone().into(),
                &scan(added.as_bytes()),
                &scripts,
                true
            ),
            None
        );
    }

    #[test]
    fn fragments_and_pages_with_the_client_are_left_alone() {
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
    fn a_nonce_is_copied_from_the_policy_or_the_page() {
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
        fn injection_adds_one_contiguous_piece(
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
