//! Open elements of a page, as far as they decide how the page is tokenized. In foreign elements, those of SVG
//! and MathML, tags can close themselves, `title`, `style` and `script` contain tags like any other element,
//! and there are CDATA sections (HTML standard, section 13.2.6.5).

use super::StartTag;
use html5gum::State;
use xxhash_rust::xxh3::xxh3_64;

/// Most open HTML elements that are tracked, and as many foreign ones. A deeper element counts as closed, so
/// its end tag closes an outer one of its name. Default 512, the depth to which Chromium nests elements.
const MAX_OPEN_ELEMENTS: usize = 512;

/// Start tags that end foreign content. So does `font` with one of [`FONT_ATTRIBUTES`].
const BREAKOUT_TAGS: [&str; 44] = [
    "b",
    "big",
    "blockquote",
    "body",
    "br",
    "center",
    "code",
    "dd",
    "div",
    "dl",
    "dt",
    "em",
    "embed",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "hr",
    "i",
    "img",
    "li",
    "listing",
    "menu",
    "meta",
    "nobr",
    "ol",
    "p",
    "pre",
    "ruby",
    "s",
    "small",
    "span",
    "strong",
    "strike",
    "sub",
    "sup",
    "table",
    "tt",
    "u",
    "ul",
    "var",
];

const FONT_ATTRIBUTES: [&str; 3] = ["color", "face", "size"];

/// Attributes that matter here.
pub(super) const ATTRIBUTES: [&str; 4] = ["color", "face", "size", "encoding"];

/// What an element is, and how its content is parsed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ElementKind {
    Html,
    Svg,
    MathMl,
    /// Foreign element with HTML content.
    IntegrationPoint,
    /// MathML element with HTML content, except for two elements of MathML.
    MathText,
    /// MathML element with MathML content, except for `svg`.
    Annotation,
}

impl ElementKind {
    /// Returns the kind of the element of this tag in a foreign element of this kind.
    fn in_foreign(parent: Self, tag: &StartTag) -> Self {
        match (parent, tag.name.as_slice()) {
            (Self::Svg, b"foreignobject" | b"desc" | b"title") => Self::IntegrationPoint,
            (Self::Svg, _) => Self::Svg,
            (_, b"mi" | b"mo" | b"mn" | b"ms" | b"mtext") => Self::MathText,
            (_, b"annotation-xml") => {
                let encoding = tag.attribute("encoding").unwrap_or_default();
                let is_html = ["text/html", "application/xhtml+xml"]
                    .iter()
                    .any(|html| encoding.eq_ignore_ascii_case(html));
                if is_html {
                    Self::IntegrationPoint
                } else {
                    Self::Annotation
                }
            }
            _ => Self::MathMl,
        }
    }

    /// Whether HTML elements outside of this one cannot be closed in it.
    fn hides_outer_html(self) -> bool {
        matches!(
            self,
            Self::IntegrationPoint | Self::MathText | Self::Annotation
        )
    }
}

struct Element {
    /// Hash of the name.
    name: u64,
    kind: ElementKind,
}

/// Stack of open elements. Implied end tags are not tracked: the elements count as open until an element
/// around them is closed.
#[derive(Default)]
pub(super) struct OpenElements(Vec<Element>);

impl OpenElements {
    /// Opens the element of a start tag. Returns whether it is a foreign one.
    pub(super) fn open(&mut self, tag: &StartTag, is_self_closing: bool) -> bool {
        let name = tag.name.as_slice();
        if self.takes_as_foreign(name) && breaks_out(tag) {
            self.leave_foreign();
        }
        let kind = match name {
            _ if self.takes_as_foreign(name) => ElementKind::in_foreign(self.current(), tag),
            b"svg" => ElementKind::Svg,
            b"math" => ElementKind::MathMl,
            _ => ElementKind::Html,
        };
        let is_foreign = kind != ElementKind::Html;
        let (is_closed, max) = if is_foreign {
            (is_self_closing, 2 * MAX_OPEN_ELEMENTS)
        } else {
            (is_void_or_implied(name), MAX_OPEN_ELEMENTS)
        };
        if !is_closed && self.0.len() < max {
            let name = xxh3_64(name);
            self.0.push(Element { name, kind });
        }
        is_foreign
    }

    /// Closes the element of an end tag. Returns whether the tag belongs to foreign content.
    pub(super) fn close(&mut self, name: &[u8]) -> bool {
        if matches!(name, b"p" | b"br") && self.takes_as_foreign(name) {
            self.leave_foreign();
        }
        let hash = xxh3_64(name);
        let mut is_html_hidden = false;
        for (depth, element) in self.0.iter().enumerate().rev() {
            let is_foreign = element.kind != ElementKind::Html;
            if element.name == hash && (is_foreign || !is_html_hidden) {
                self.0.truncate(depth);
                return is_foreign;
            }
            is_html_hidden |= element.kind.hides_outer_html();
        }
        self.takes_as_foreign(name)
    }

    /// Whether a CDATA section may begin.
    pub(super) fn is_in_foreign(&self) -> bool {
        self.current() != ElementKind::Html
    }

    /// Whether a tag is parsed as foreign content.
    fn takes_as_foreign(&self, name: &[u8]) -> bool {
        match self.current() {
            ElementKind::Html | ElementKind::IntegrationPoint => false,
            ElementKind::MathText => matches!(name, b"mglyph" | b"malignmark"),
            ElementKind::Annotation => name != b"svg",
            ElementKind::Svg | ElementKind::MathMl => true,
        }
    }

    fn leave_foreign(&mut self) {
        while matches!(
            self.current(),
            ElementKind::Svg | ElementKind::MathMl | ElementKind::Annotation
        ) {
            self.0.pop();
        }
    }

    /// Returns the kind of the innermost open element.
    fn current(&self) -> ElementKind {
        self.0.last().map_or(ElementKind::Html, |last| last.kind)
    }
}

fn breaks_out(tag: &StartTag) -> bool {
    let is_breakout = |name: &&str| tag.name == name.as_bytes();
    let has = |name: &&str| tag.attribute(name).is_some();
    BREAKOUT_TAGS.iter().any(is_breakout)
        || (tag.name == b"font" && FONT_ATTRIBUTES.iter().any(has))
}

/// Whether an HTML element has no end tag, or one that does not close it at once.
fn is_void_or_implied(name: &[u8]) -> bool {
    matches!(
        name,
        b"html"
            | b"head"
            | b"body"
            | b"area"
            | b"base"
            | b"basefont"
            | b"bgsound"
            | b"br"
            | b"col"
            | b"embed"
            | b"frame"
            | b"hr"
            | b"img"
            | b"input"
            | b"keygen"
            | b"link"
            | b"meta"
            | b"param"
            | b"source"
            | b"track"
            | b"wbr"
    )
}

/// Returns how the content of an HTML element is tokenized, if it contains no tags.
pub(super) fn text_state(name: &[u8]) -> Option<State> {
    match name {
        b"textarea" | b"title" => Some(State::RcData),
        b"plaintext" => Some(State::PlainText),
        b"script" => Some(State::ScriptData),
        b"style" | b"iframe" | b"xmp" | b"noembed" | b"noframes" | b"noscript" => {
            Some(State::RawText)
        }
        _ => None,
    }
}
