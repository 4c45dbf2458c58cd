//! Puts the socket client into HTML pages.
//!
//! The rules of place are the ancestor's: fragments are left alone; before the last `</body>`,
//! else before the last `</head>`, else at the end. One contiguous piece is added and no other
//! byte changes, so any ASCII-compatible encoding survives.

use super::answer::{Answer, Payload};
use crate::hub::Hub;
use crate::message::{ANCESTOR_CLIENT_PATH, CLIENT_PATH, RECORDER_PATH};
use axum::http::header;
use bytes::Bytes;
use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Span, State, Tokenizer};

/// What is to be put into pages.
#[derive(Clone, Copy)]
pub(super) struct Scripts {
    pub(super) client: bool,
    /// Must run before the page's own scripts, so it goes to the front of the head.
    pub(super) recorder: bool,
}

/// The stage: injects into HTML what is wanted. The tag says so, so that a 304 cannot bring back
/// a page without the client, or with one that nobody asks for any more.
pub(super) fn stage(mut answer: Answer, scripts: Scripts, hub: &Hub) -> Answer {
    if answer.verbatim || answer.essence() != "text/html" {
        return answer;
    }
    hub.count_page(scripts.client);
    if !scripts.client {
        return answer;
    }
    let Payload::Bytes(body) = &answer.body else {
        return answer;
    };
    let policy = answer
        .headers
        .get(header::CONTENT_SECURITY_POLICY)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if let Some(injected) = inject(body, policy, scripts) {
        let variant = if scripts.recorder {
            "recorder"
        } else {
            "client"
        };
        answer.body = Payload::Bytes(injected);
        answer.tag = answer.tag.map(|tag| format!("{tag}-{variant}"));
    }
    answer
}

/// The page with the scripts in it, as one piece; none when it is a fragment, has them already,
/// or is in an encoding that is not ASCII-compatible.
fn inject(page: &Bytes, policy: &str, scripts: Scripts) -> Option<Bytes> {
    if !is_document(page) {
        return None;
    }
    let found = scan(page);
    let recorder = scripts.recorder && !found.has_recorder;
    let client = scripts.client && !found.has_client;
    if !recorder && !client {
        return None;
    }
    let nonce = nonce_of(policy).map(str::to_owned).or(found.nonce);
    let nonce = nonce
        .map(|nonce| format!(" nonce=\"{nonce}\""))
        .unwrap_or_default();
    let (at, separator) = if recorder {
        // No line is added in front of the page's own: its errors keep their places.
        (found.head_start, "")
    } else {
        (
            found.body_end.or(found.head_end).unwrap_or(page.len()),
            "\n",
        )
    };
    let mut piece = format!("<!-- injected by pagewire -->{separator}");
    if recorder {
        piece.push_str(&format!("<script src=\"{RECORDER_PATH}\"{nonce}></script>"));
    }
    if client {
        piece.push_str(&format!(
            "<script type=\"module\" src=\"{CLIENT_PATH}\"{nonce}></script>"
        ));
    }
    let mut injected = Vec::with_capacity(page.len() + piece.len());
    injected.extend_from_slice(&page[..at]);
    injected.extend_from_slice(piece.as_bytes());
    injected.extend_from_slice(&page[at..]);
    Some(injected.into())
}

/// The page without the byte order mark of UTF-8.
fn without_mark(page: &[u8]) -> &[u8] {
    page.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(page)
}

/// The ancestor's rule: behind comments and white space stands a doctype, `html`, `head` or
/// `body` tag.
fn is_document(page: &[u8]) -> bool {
    let mut rest = without_mark(page);
    loop {
        rest = rest.trim_ascii_start();
        let Some(comment) = rest.strip_prefix(b"<!--") else {
            break;
        };
        let Some(end) = comment.windows(3).position(|window| window == b"-->") else {
            return false;
        };
        rest = &comment[end + 3..];
    }
    [&b"<!doctype"[..], b"<html", b"<head", b"<body"]
        .iter()
        .any(|tag| {
            rest.len() >= tag.len()
                && rest[..tag.len()].eq_ignore_ascii_case(tag)
                && !rest
                    .get(tag.len())
                    .is_some_and(|next| next.is_ascii_alphanumeric() || *next == b'_')
        })
}

/// What the front of a head is behind: the last of these that a page has.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum HeadStart {
    /// The page's beginning, or its byte order mark.
    #[default]
    Page,
    Doctype,
    Html,
    Head,
}

#[derive(Default)]
struct Scan {
    /// Where the last `</body>` begins.
    body_end: Option<usize>,
    /// Where the last `</head>` begins.
    head_end: Option<usize>,
    /// The front of the head, and what it is behind.
    head_start: usize,
    head_follows: HeadStart,
    /// The nonce of a policy in a meta element, or of the page's own scripts.
    nonce: Option<String>,
    /// The page loads the client by itself.
    has_client: bool,
    /// The page has the recorder.
    has_recorder: bool,
}

/// Attributes of the tag being read, as far as they matter here.
#[derive(Default)]
struct Tag {
    name: Vec<u8>,
    attribute: Vec<u8>,
    src: String,
    nonce: String,
    http_equiv: String,
    content: String,
}

fn scan(page: &[u8]) -> Scan {
    let mut found = Scan {
        head_start: page.len() - without_mark(page).len(),
        ..Scan::default()
    };
    let mut tag = Tag::default();
    // Inside a template nothing ends the document's body.
    let mut templates = 0_usize;
    {
        let found = &mut found;
        let mut emitter = CallbackEmitter::new(
            |event: CallbackEvent<'_>, span: Span<usize>| -> Option<State> {
                match event {
                    CallbackEvent::OpenStartTag { name } => {
                        tag = Tag {
                            name: name.to_ascii_lowercase(),
                            ..Tag::default()
                        };
                    }
                    CallbackEvent::AttributeName { name } => tag.attribute = name.to_vec(),
                    CallbackEvent::AttributeValue { value } => {
                        let value = String::from_utf8_lossy(value);
                        match tag.attribute.as_slice() {
                            b"src" => tag.src.push_str(&value),
                            b"nonce" => tag.nonce.push_str(&value),
                            b"http-equiv" => tag.http_equiv.push_str(&value),
                            b"content" => tag.content.push_str(&value),
                            _ => {}
                        }
                    }
                    CallbackEvent::Doctype { .. } => {
                        found.head_starts(span.end, HeadStart::Doctype)
                    }
                    CallbackEvent::CloseStartTag { .. } => {
                        match tag.name.as_slice() {
                            _ if templates > 0 => {}
                            b"html" => found.head_starts(span.end, HeadStart::Html),
                            b"head" => found.head_starts(span.end, HeadStart::Head),
                            _ => {}
                        }
                        found.start_tag(&tag);
                        templates += usize::from(tag.name == b"template");
                    }
                    CallbackEvent::EndTag { name } => match name {
                        b"template" => templates = templates.saturating_sub(1),
                        b"body" if templates == 0 => found.body_end = Some(span.start),
                        b"head" if templates == 0 => found.head_end = Some(span.start),
                        _ => {}
                    },
                    _ => {}
                }
                None
            },
        );
        emitter.naively_switch_states(true);
        let Ok(()) =
            Tokenizer::new_with_emitter(page, emitter).try_for_each(|token| token.map(drop));
    }
    found
}

impl Scan {
    fn head_starts(&mut self, at: usize, behind: HeadStart) {
        if behind > self.head_follows {
            (self.head_start, self.head_follows) = (at, behind);
        }
    }

    fn start_tag(&mut self, tag: &Tag) {
        match tag.name.as_slice() {
            b"script" => {
                let src = tag.src.split(['?', '#']).next().unwrap_or_default();
                self.has_client |= [CLIENT_PATH, ANCESTOR_CLIENT_PATH].contains(&src);
                self.has_recorder |= src == RECORDER_PATH;
                if self.nonce.is_none() && is_nonce(&tag.nonce) {
                    self.nonce = Some(tag.nonce.clone());
                }
            }
            b"meta"
                if tag
                    .http_equiv
                    .eq_ignore_ascii_case("content-security-policy") =>
            {
                if let Some(nonce) = nonce_of(&tag.content) {
                    self.nonce = Some(nonce.to_owned());
                }
            }
            _ => {}
        }
    }
}

/// The first nonce that a content security policy gives to scripts (CSP 3, section 2.3.1).
fn nonce_of(policy: &str) -> Option<&str> {
    let sources = |name: &str| {
        policy
            .split([';', ','])
            .map(str::trim)
            .find_map(|directive| {
                let (directive, sources) = directive.split_once(char::is_whitespace)?;
                directive.eq_ignore_ascii_case(name).then_some(sources)
            })
    };
    sources("script-src-elem")
        .or_else(|| sources("script-src"))
        .or_else(|| sources("default-src"))?
        .split_ascii_whitespace()
        .filter_map(|source| source.strip_prefix("'nonce-")?.strip_suffix('\''))
        .find(|nonce| is_nonce(nonce))
}

/// Base64 letters only: what goes into our tag cannot leave its attribute.
fn is_nonce(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_' | b'='))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SCRIPT: &str = "<!-- injected by pagewire -->\n<script type=\"module\" src=\"/__pagewire__/client.js\"></script>";

    fn injected(page: &str) -> Option<String> {
        let page = inject(&Bytes::copy_from_slice(page.as_bytes()), "", CLIENT)?;
        Some(String::from_utf8(page.to_vec()).unwrap())
    }

    const CLIENT: Scripts = Scripts {
        client: true,
        recorder: false,
    };

    #[test]
    fn with_the_recorder_both_go_to_the_front_of_the_head() {
        let scripts = Scripts {
            client: true,
            recorder: true,
        };
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
            let bare = Bytes::from(page.replace('|', ""));
            let once = inject(&bare, "", scripts).unwrap();
            assert_eq!(
                String::from_utf8(once.to_vec()).unwrap(),
                expected,
                "{page}"
            );
            assert!(inject(&once, "", scripts).is_none());
        }
        let marked = Bytes::from("\u{FEFF}<body>");
        assert!(
            inject(&marked, "", scripts)
                .unwrap()
                .starts_with("\u{FEFF}<!-- injected".as_bytes())
        );
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
            let page = inject(&Bytes::copy_from_slice(page.as_bytes()), policy, CLIENT).unwrap();
            let page = String::from_utf8(page.to_vec()).unwrap();
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
            let at = once.rfind(SCRIPT).unwrap();
            prop_assert_eq!(format!("{}{}", &once[..at], &once[at + SCRIPT.len()..]), page.clone());
        }
    }
}
