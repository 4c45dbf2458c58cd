//! Scan of an HTML page for what injection depends on: where its parts begin and end, which scripts it
//! loads, and its content security policies.

use super::policy;
use crate::message::{CLIENT_PATH, RECORDER_PATH, WDS_CLIENT_PATH};
use crate::pages::html::{StartTag, Tag, walk_tags};
use memchr::memchr;

/// Content security policies of a page that are checked for blocking the client. Of the others only the
/// number is logged. Default 16.
const MAX_POLICIES: usize = 16;

/// The byte order mark of UTF-8.
pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Returns where a page begins: after its byte order mark, and after an XML declaration, which browsers
/// recognize only in front of everything else.
fn content_start(page: &[u8]) -> usize {
    let rest = page.strip_prefix(BYTE_ORDER_MARK).unwrap_or(page);
    let declaration = if rest.starts_with(b"<?xml") {
        memchr(b'>', rest).map_or(0, |end| end + 1)
    } else {
        0
    };
    page.len() - rest.len() + declaration
}

/// Things that the start of the head can follow, in ascending order of precedence.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum HeadAnchor {
    /// The start of the page, see [`content_start`].
    #[default]
    Page,
    Doctype,
    Html,
    Head,
}

/// Result of scanning a page. Offsets are in bytes.
#[derive(Default)]
pub(super) struct PageScan {
    /// Start of the last `</body>`.
    pub(super) body_end: Option<usize>,
    /// Start of the last `</head>`.
    pub(super) head_end: Option<usize>,
    pub(super) head_start: usize,
    /// End of the last import map. A module that begins to load before an import map disables it in many
    /// browsers: those without support for several maps.
    pub(super) import_map_end: Option<usize>,
    head_anchor: HeadAnchor,
    /// Nonce of a policy in a meta element, or of the page's own scripts.
    pub(super) nonce: Option<String>,
    /// The first [`MAX_POLICIES`] content security policies in meta elements, each once.
    pub(super) policies: Vec<String>,
    /// Number of further policies.
    pub(super) unchecked_policies: usize,
    pub(super) has_client: bool,
    pub(super) has_recorder: bool,
    /// Whether the page has frames instead of a body. Scripts after the frameset do not run.
    pub(super) has_frameset: bool,
    /// Whether a `base` element directs URLs that begin with `/` to another host.
    pub(super) has_foreign_base: bool,
}

/// Attributes that the scan looks at.
const ATTRIBUTES: [&str; 6] = ["src", "nonce", "http-equiv", "content", "href", "type"];

/// Scans a page, or the beginning of one.
pub(super) fn scan(page: &[u8]) -> PageScan {
    let mut found = PageScan {
        head_start: content_start(page),
        ..PageScan::default()
    };
    // Tags inside a template are not part of the document's structure.
    let mut template_depth = 0_usize;
    let mut is_in_import_map = false;
    walk_tags(page, &ATTRIBUTES, |tag| match tag {
        Tag::Doctype { end } => found.set_head_start(end, HeadAnchor::Doctype),
        // HTML elements of these names are meant.
        Tag::Start { tag, .. } if tag.is_foreign => {}
        Tag::Text(_)
        | Tag::End {
            is_foreign: true, ..
        } => {}
        Tag::Start { tag, end } => {
            if template_depth == 0 {
                found.visit_structure(tag, end);
            }
            found.visit_content(tag, template_depth == 0);
            is_in_import_map = template_depth == 0 && is_import_map(tag);
            template_depth += usize::from(tag.name == b"template");
        }
        Tag::End {
            name, start, end, ..
        } => match name {
            b"template" => template_depth = template_depth.saturating_sub(1),
            b"script" if is_in_import_map => found.import_map_end = Some(end),
            b"body" if template_depth == 0 => found.body_end = Some(start),
            b"head" if template_depth == 0 => found.head_end = Some(start),
            _ => {}
        },
    });
    found
}

fn is_import_map(tag: &StartTag) -> bool {
    let script_type = tag.attribute("type").unwrap_or_default();
    tag.name == b"script" && script_type.trim().eq_ignore_ascii_case("importmap")
}

impl PageScan {
    fn set_head_start(&mut self, offset: usize, anchor: HeadAnchor) {
        if anchor > self.head_anchor {
            (self.head_start, self.head_anchor) = (offset, anchor);
        }
    }

    fn visit_structure(&mut self, tag: &StartTag, end: usize) {
        match tag.name.as_slice() {
            b"html" => self.set_head_start(end, HeadAnchor::Html),
            b"head" => self.set_head_start(end, HeadAnchor::Head),
            b"frameset" => self.has_frameset = true,
            b"base" => {
                let href = tag.attribute("href");
                self.has_foreign_base |= href.is_some_and(|href| href.contains("//"));
            }
            _ => {}
        }
    }

    /// A script in a template does not run.
    fn visit_content(&mut self, tag: &StartTag, runs: bool) {
        let attribute = |name| tag.attribute(name).unwrap_or_default();
        match tag.name.as_slice() {
            b"script" => {
                let src = attribute("src").split(['?', '#']).next();
                // Any base path may precede the client's path.
                let loads = |path| src.is_some_and(|src| src.ends_with(path));
                self.has_client |= runs && (loads(CLIENT_PATH) || loads(WDS_CLIENT_PATH));
                self.has_recorder |= runs && loads(RECORDER_PATH);
                let nonce = attribute("nonce");
                if self.nonce.is_none() && policy::is_nonce(nonce) {
                    self.nonce = Some(nonce.to_owned());
                }
            }
            b"meta" if attribute("http-equiv").eq_ignore_ascii_case("content-security-policy") => {
                let policy = attribute("content");
                if let Some(nonce) = policy::find_nonce(policy) {
                    self.nonce = Some(nonce.to_owned());
                }
                if self.policies.len() == MAX_POLICIES {
                    self.unchecked_policies += 1;
                } else if !self.policies.iter().any(|known| known == policy) {
                    self.policies.push(policy.to_owned());
                }
            }
            _ => {}
        }
    }
}
