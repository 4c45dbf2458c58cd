//! Puts the socket client into HTML pages.
//!
//! The rules of place are the ancestor's: fragments are left alone; before the last `</body>`,
//! else before the last `</head>`, else at the end. One contiguous piece is added and no other
//! byte changes, so any ASCII-compatible encoding survives.

use super::answer::{Answer, Payload};
use axum::http::header;
use bytes::Bytes;
use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Span, State, Tokenizer};

/// Where the daemon serves the socket client.
pub const CLIENT_PATH: &str = "/__pagewire__/client.js";

/// Where the ancestor serves it; an alias.
const ANCESTOR_CLIENT_PATH: &str = "/__web-dev-server__web-socket.js";

/// The stage: injects into HTML when `wanted`. The tag says so, so that a 304 cannot bring back
/// a page without the client, or with one that nobody asks for any more.
pub(super) fn stage(mut answer: Answer, wanted: bool) -> Answer {
    if !wanted || answer.verbatim || answer.essence() != "text/html" {
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
    if let Some(injected) = inject(body, policy) {
        answer.body = Payload::Bytes(injected);
        answer.tag = answer.tag.map(|tag| format!("{tag}-client"));
    }
    answer
}

/// The page with the client in it; none when it is a fragment, has the client already, or is in
/// an encoding that is not ASCII-compatible.
fn inject(page: &Bytes, policy: &str) -> Option<Bytes> {
    if !is_document(page) {
        return None;
    }
    let found = scan(page);
    if found.has_client {
        return None;
    }
    let at = found.body_end.or(found.head_end).unwrap_or(page.len());
    let nonce = nonce_of(policy).map(str::to_owned).or(found.nonce);
    let nonce = nonce
        .map(|nonce| format!(" nonce=\"{nonce}\""))
        .unwrap_or_default();
    let script = format!(
        "<!-- injected by pagewire -->\n<script type=\"module\" src=\"{CLIENT_PATH}\"{nonce}></script>"
    );
    let mut injected = Vec::with_capacity(page.len() + script.len());
    injected.extend_from_slice(&page[..at]);
    injected.extend_from_slice(script.as_bytes());
    injected.extend_from_slice(&page[at..]);
    Some(injected.into())
}

/// The ancestor's rule: behind comments and white space stands a doctype, `html`, `head` or
/// `body` tag.
fn is_document(page: &[u8]) -> bool {
    let mut rest = page.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(page);
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

#[derive(Default)]
struct Scan {
    /// Where the last `</body>` begins.
    body_end: Option<usize>,
    /// Where the last `</head>` begins.
    head_end: Option<usize>,
    /// The nonce of a policy in a meta element, or of the page's own scripts.
    nonce: Option<String>,
    /// The page loads the client by itself.
    has_client: bool,
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
    let mut found = Scan::default();
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
                    CallbackEvent::CloseStartTag { .. } => {
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
    fn start_tag(&mut self, tag: &Tag) {
        match tag.name.as_slice() {
            b"script" => {
                let src = tag.src.split(['?', '#']).next().unwrap_or_default();
                self.has_client |= [CLIENT_PATH, ANCESTOR_CLIENT_PATH].contains(&src);
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
        let page = inject(&Bytes::copy_from_slice(page.as_bytes()), "")?;
        Some(String::from_utf8(page.to_vec()).unwrap())
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
            let page = inject(&Bytes::copy_from_slice(page.as_bytes()), policy).unwrap();
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
