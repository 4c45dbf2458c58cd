//! What injection needs to know of an HTML page: where its parts begin and end, in octets, and what
//! its policies say. The tokenizer is html5gum's; any ASCII-compatible encoding will do.

use crate::message::{CLIENT_PATH, RECORDER_PATH, WDS_CLIENT_PATH};
use crate::pages::stages::inject::policy;
use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Span, State, Tokenizer};

/// The page without the byte order mark of UTF-8.
fn without_mark(page: &[u8]) -> &[u8] {
    page.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(page)
}

/// The ancestor's rule: behind comments and white space stands a doctype, `html`, `head` or
/// `body` tag.
pub(crate) fn is_document(page: &[u8]) -> bool {
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

/// What was found.
#[derive(Default)]
pub(crate) struct Scan {
    /// Where the last `</body>` begins.
    pub(crate) body_end: Option<usize>,
    /// Where the last `</head>` begins.
    pub(crate) head_end: Option<usize>,
    /// The front of the head, and what it is behind.
    pub(crate) head_start: usize,
    head_follows: HeadStart,
    /// The head is over: what follows changes none of the above but `body_end`.
    pub(crate) is_past_head: bool,
    /// The nonce of a policy in a meta element, or of the page's own scripts.
    pub(crate) nonce: Option<String>,
    /// The policies of its meta elements.
    pub(crate) policies: Vec<String>,
    /// The page loads the client by itself.
    pub(crate) has_client: bool,
    /// The page has the recorder.
    pub(crate) has_recorder: bool,
    /// Frames instead of a body: scripts behind its beginning are no scripts.
    pub(crate) has_frameset: bool,
    /// A `base` element sends URLs that begin with `/` to another host.
    pub(crate) has_foreign_base: bool,
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
    href: String,
}

/// Reads a page, or the beginning of one.
pub(crate) fn scan(page: &[u8]) -> Scan {
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
                            b"href" => tag.href.push_str(&value),
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
                            b"body" => found.is_past_head = true,
                            b"frameset" => {
                                found.has_frameset = true;
                                found.is_past_head = true;
                            }
                            b"base" => found.has_foreign_base |= tag.href.contains("//"),
                            _ => {}
                        }
                        found.start_tag(&tag);
                        templates += usize::from(tag.name == b"template");
                    }
                    CallbackEvent::EndTag { name } => match name {
                        b"template" => templates = templates.saturating_sub(1),
                        b"body" if templates == 0 => found.body_end = Some(span.start),
                        b"head" if templates == 0 => {
                            found.head_end = Some(span.start);
                            found.is_past_head = true;
                        }
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
                // Whatever the base path is.
                self.has_client |= [CLIENT_PATH, WDS_CLIENT_PATH]
                    .iter()
                    .any(|path| src.ends_with(path));
                self.has_recorder |= src.ends_with(RECORDER_PATH);
                if self.nonce.is_none() && policy::is_nonce(&tag.nonce) {
                    self.nonce = Some(tag.nonce.clone());
                }
            }
            b"meta"
                if tag
                    .http_equiv
                    .eq_ignore_ascii_case("content-security-policy") =>
            {
                if let Some(nonce) = policy::nonce_of(&tag.content) {
                    self.nonce = Some(nonce.to_owned());
                }
                self.policies.push(tag.content.clone());
            }
            _ => {}
        }
    }
}
