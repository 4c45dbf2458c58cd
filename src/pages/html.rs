//! HTML as far as the stages need it: escaping, and a walk over the tags of a page.

mod open_elements;

use html5gum::emitters::callback::{Callback, CallbackEmitter, CallbackEvent};
use html5gum::{
    Emitter, ForwardingEmitter, Readable, Reader, Span, State, StringReader, Tokenizer,
};
use open_elements::OpenElements;
use std::convert::Infallible;

/// Escapes text for an element or a quoted attribute.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A tag with its byte offsets in the page, or the text between tags.
pub(super) enum Tag<'a> {
    /// Its character references are resolved.
    Text(&'a [u8]),
    Doctype {
        end: usize,
    },
    Start {
        tag: &'a StartTag,
        end: usize,
    },
    End {
        name: &'a [u8],
        /// Whether it is a tag of SVG or MathML.
        is_foreign: bool,
        start: usize,
        end: usize,
    },
}

/// Start tag with the attributes that the walk collects.
#[derive(Default)]
pub(super) struct StartTag {
    /// Lower-case.
    pub(super) name: Vec<u8>,
    /// Whether it is a tag of SVG or MathML: its element is not the HTML element of this name.
    pub(super) is_foreign: bool,
    attributes: Vec<(&'static str, String)>,
    /// Index of the attribute that is being read, if it is collected.
    current: Option<usize>,
}

impl StartTag {
    fn open(&mut self, name: &[u8]) {
        self.name.clear();
        self.name.extend(name.iter().map(u8::to_ascii_lowercase));
        self.attributes.clear();
        self.current = None;
    }

    fn start_attribute(&mut self, name: &[u8], collected: &[&'static str]) {
        let name = collected
            .iter()
            .chain(&open_elements::ATTRIBUTES)
            .find(|collected| name.eq_ignore_ascii_case(collected.as_bytes()));
        // Of attributes with the same name, the first one applies.
        let is_new = |name: &&&str| self.attribute(name).is_none();
        self.current = name.filter(is_new).map(|name| {
            self.attributes.push((name, String::new()));
            self.attributes.len() - 1
        });
    }

    fn push_value(&mut self, value: &[u8]) {
        if let Some(current) = self.current {
            let value = String::from_utf8_lossy(value);
            self.attributes[current].1.push_str(&value);
        }
    }

    /// Returns the value of a collected attribute; empty if the attribute has no value.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        let attribute = self.attributes.iter().find(|(known, _)| *known == name);
        attribute.map(|(_, value)| value.as_str())
    }
}

/// Reader that interrupts the tokenizer after each double-quoted value. The tokenizer would otherwise
/// nest a call for each such attribute of a tag, and overflow the stack. The error returns from these
/// calls, and the tokenizer continues at the same byte.
struct InterruptingReader<'a> {
    rest: StringReader<'a>,
    is_after_quote: bool,
}

#[derive(Debug, thiserror::Error)]
#[error("interrupted after an attribute value")]
struct Interrupted;

impl Reader for InterruptingReader<'_> {
    type Error = Interrupted;

    fn read_byte(&mut self) -> Result<Option<u8>, Interrupted> {
        if std::mem::take(&mut self.is_after_quote) {
            return Err(Interrupted);
        }
        let Ok(byte) = self.rest.read_byte();
        Ok(byte)
    }

    fn try_read_string(&mut self, text: &[u8], case_sensitive: bool) -> Result<bool, Interrupted> {
        self.is_after_quote = false;
        let Ok(is_read) = self.rest.try_read_string(text, case_sensitive);
        Ok(is_read)
    }

    fn read_until<'b>(
        &'b mut self,
        needle: &[u8],
        buffer: &'b mut [u8; 4],
    ) -> Result<Option<&'b [u8]>, Interrupted> {
        let Ok(chunk) = self.rest.read_until(needle, buffer);
        self.is_after_quote = chunk == Some(b"\"");
        Ok(chunk)
    }
}

/// Calls `visit` for each tag and text of a page, or of the beginning of one. Of start tags only the
/// `collected` attributes are read. Works for every ASCII-compatible encoding.
pub(super) fn walk_tags(page: &[u8], collected: &[&'static str], visit: impl FnMut(Tag<'_>)) {
    let reader = InterruptingReader {
        rest: page.to_reader(),
        is_after_quote: false,
    };
    walk_reader(reader, collected, visit);
}

fn walk_reader(reader: impl Reader, collected: &[&'static str], visit: impl FnMut(Tag<'_>)) {
    let emitter = TagEmitter(CallbackEmitter::new(Walk {
        visit,
        collected,
        tag: StartTag::default(),
        open: OpenElements::default(),
        next_state: None,
    }));
    // Tokens are reported to `visit`; what remains are the interruptions.
    Tokenizer::new_with_emitter(reader, emitter).for_each(drop);
}

/// State of a walk over the tags of a page.
struct Walk<'a, V> {
    visit: V,
    collected: &'a [&'static str],
    tag: StartTag,
    open: OpenElements,
    /// How the content of the element that was just opened is tokenized.
    next_state: Option<State>,
}

impl<V: FnMut(Tag<'_>)> Callback<Infallible, usize> for Walk<'_, V> {
    fn handle_event(&mut self, event: CallbackEvent<'_>, span: Span<usize>) -> Option<Infallible> {
        let Self { visit, tag, .. } = self;
        match event {
            CallbackEvent::OpenStartTag { name } => tag.open(name),
            CallbackEvent::AttributeName { name } => tag.start_attribute(name, self.collected),
            CallbackEvent::AttributeValue { value } => tag.push_value(value),
            CallbackEvent::CloseStartTag { self_closing } => {
                tag.is_foreign = self.open.open(tag, self_closing);
                if !tag.is_foreign {
                    self.next_state = open_elements::text_state(&tag.name);
                }
                visit(Tag::Start { tag, end: span.end });
            }
            CallbackEvent::EndTag { name } => visit(Tag::End {
                name,
                is_foreign: self.open.close(name),
                start: span.start,
                end: span.end,
            }),
            CallbackEvent::Doctype { .. } => visit(Tag::Doctype { end: span.end }),
            CallbackEvent::String { value } => visit(Tag::Text(value)),
            _ => {}
        }
        None
    }
}

/// Emitter that switches the tokenizer as a tree builder would.
struct TagEmitter<C: Callback<Infallible, usize>>(CallbackEmitter<C, Infallible, usize>);

impl<V: FnMut(Tag<'_>)> ForwardingEmitter for TagEmitter<Walk<'_, V>> {
    type Token = Infallible;

    fn inner(&mut self) -> &mut impl Emitter<Token = Infallible> {
        &mut self.0
    }

    fn emit_current_tag(&mut self) -> Option<State> {
        // The inner emitter does not switch.
        let _ = self.0.emit_current_tag();
        self.0.callback_mut().next_state.take()
    }

    fn adjusted_current_node_present_but_not_in_html_namespace(&mut self) -> bool {
        self.0.callback_mut().open.is_in_foreign()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Describes the tags of a page.
    fn tags(walk: impl FnOnce(&mut dyn FnMut(Tag<'_>))) -> Vec<String> {
        let mut seen = Vec::new();
        walk(&mut |tag| {
            seen.push(match tag {
                Tag::Text(_) => return,
                Tag::Doctype { end } => format!("doctype {end}"),
                Tag::Start { tag, end } => format!(
                    "{} {:?} {:?} {:?} {end}",
                    String::from_utf8_lossy(&tag.name),
                    tag.attribute("b"),
                    tag.attribute("d"),
                    tag.attribute("e"),
                ),
                Tag::End { name, start, .. } => {
                    format!("/{} {start}", String::from_utf8_lossy(name))
                }
            });
        });
        seen
    }

    const COLLECTED: [&str; 3] = ["b", "d", "e"];

    #[test]
    fn the_walk_reports_tags_with_their_collected_attributes() {
        let page = "<!doctype html><A B=1 c='<p>' D>x</a><script>'</p>'</script>";
        let seen = tags(|visit| walk_tags(page.as_bytes(), &COLLECTED, visit));
        let expected = [
            "doctype 15",
            "a Some(\"1\") Some(\"\") None 32",
            "/a 33",
            "script None None None 45",
            "/script 51",
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn the_first_of_attributes_with_the_same_name_applies() {
        let seen = tags(|visit| walk_tags(b"<a b=1 B=2 d b=3 d=4>", &COLLECTED, visit));
        assert_eq!(seen, ["a Some(\"1\") Some(\"\") None 21"]);
    }

    /// Returns the tags of a page by name, those of SVG and MathML in capitals.
    fn names(page: &str) -> String {
        let mut names = Vec::new();
        let mut push = |end: &str, name: &[u8], is_foreign: bool| {
            let name = String::from_utf8_lossy(name);
            names.push(if is_foreign {
                format!("{end}{}", name.to_uppercase())
            } else {
                format!("{end}{name}")
            });
        };
        walk_tags(page.as_bytes(), &[], |tag| match tag {
            Tag::Text(_) | Tag::Doctype { .. } => {}
            Tag::Start { tag, .. } => push("", &tag.name, tag.is_foreign),
            Tag::End {
                name, is_foreign, ..
            } => push("/", name, is_foreign),
        });
        names.join(" ")
    }

    /// The expected namespaces are those of html5lib's tree construction tests, and of browsers.
    #[test]
    fn tags_in_svg_and_math_are_told_from_those_of_html() {
        for (page, expected) in [
            // Elements whose content is text in HTML.
            ("<svg><title/><a></svg><b>", "SVG TITLE A /SVG b"),
            (
                "<svg><style/><script/><textarea/></svg><b>",
                "SVG STYLE SCRIPT TEXTAREA /SVG b",
            ),
            ("<svg><style>a<b></style></svg>", "SVG STYLE b /style /svg"),
            (
                "<svg><style><g/></style></svg><i>",
                "SVG STYLE G /STYLE /SVG i",
            ),
            (
                "<math><style/><title/></math><b>",
                "MATH STYLE TITLE /MATH b",
            ),
            ("<svg/><title><b></title>", "SVG title /title"),
            (
                "<title/><b></title><br/><noframes><b></noframes>",
                "title /title br noframes /noframes",
            ),
            // CDATA sections.
            ("<svg><![CDATA[<b>]]]><g></svg>", "SVG G /SVG"),
            (
                "<svg><desc><![CDATA[<b>]]><p></desc></svg>",
                "SVG DESC p /DESC /SVG",
            ),
            (
                "<svg><desc><p><![CDATA[<b>]]></desc></svg>",
                "SVG DESC p /DESC /SVG",
            ),
            ("<p><![CDATA[<b>]]>", "p"),
            // Content that is HTML again.
            (
                "<svg><foreignObject><title><g></title></foreignObject><g></svg>",
                "SVG FOREIGNOBJECT title /title /FOREIGNOBJECT G /SVG",
            ),
            (
                "<svg><title><svg><g/></svg><b></title><g>",
                "SVG TITLE SVG G /SVG b /TITLE G",
            ),
            (
                "<svg><foreignObject><p>a<p>b</p></foreignObject><a>",
                "SVG FOREIGNOBJECT p p /p /FOREIGNOBJECT A",
            ),
            (
                "<div><svg><foreignObject></div><a></foreignObject><a>",
                "div SVG FOREIGNOBJECT /div a /FOREIGNOBJECT A",
            ),
            (
                "<math><mi><a><mglyph></mi><a></math><a>",
                "MATH MI a mglyph /MI A /MATH a",
            ),
            (
                "<math><mi><mglyph/><malignmark/></mi></math>",
                "MATH MI MGLYPH MALIGNMARK /MI /MATH",
            ),
            (
                "<math><annotation-xml><a/><svg><desc><a></svg></math>",
                "MATH ANNOTATION-XML A SVG DESC a /SVG /MATH",
            ),
            (
                "<math><annotation-xml encoding='Text/HTML'><a></math>",
                "MATH ANNOTATION-XML a /MATH",
            ),
            (
                "<math><annotation-xml encoding=x><svg><title/></svg></math>",
                "MATH ANNOTATION-XML SVG TITLE /SVG /MATH",
            ),
            // Tags that end foreign content.
            ("<svg><g><p><title><b></title>", "SVG G p title /title"),
            (
                "<svg><g><font><font size=1><title><b></title>",
                "SVG G FONT font title /title",
            ),
            ("<svg><g></p><a>", "SVG G /p a"),
            (
                "<svg><desc><p><svg><g><div><title>",
                "SVG DESC p SVG G div title",
            ),
            (
                "<math><mi><math><mo/><span></mi><mn>",
                "MATH MI MATH MO span /MI MN",
            ),
            // End tags of elements outside.
            ("<div><svg><g></div><a>", "div SVG G /div a"),
            ("<div><svg><g></em><a>", "div SVG G /EM A"),
            ("<svg><g></body></html><a>", "SVG G /BODY /HTML A"),
            ("<SVG><Title/></Svg><a>", "SVG TITLE /SVG a"),
        ] {
            assert_eq!(names(page), expected, "{page}");
        }
    }

    #[test]
    fn elements_in_svg_are_found_behind_unclosed_ones() {
        let unclosed = format!(
            "{}<svg><title/></svg><title><b></title>",
            "<p>".repeat(5000)
        );
        let found = names(&unclosed);
        assert!(found.ends_with(" p SVG TITLE /SVG title /title"));
        let nested = format!(
            "{}{}<title><b></title>",
            "<svg>".repeat(5000),
            "</svg>".repeat(5000)
        );
        assert!(names(&nested).ends_with("/svg title /title"));
    }

    /// Runs on the stack of a test thread, which is as large as that of an async worker. An overflow
    /// would abort the test process.
    #[test]
    fn no_repetition_in_a_page_overflows_the_stack() {
        for unit in [
            " a=\"\"",
            " a=\"\"b",
            " a=''",
            " a=b",
            " a",
            "\"",
            "'",
            "=",
            "/",
            "&",
            "&amp;",
            "&#",
            " a=\"&amp;\"",
            "<",
            "</",
            "<a",
            "<a>",
            "</a>",
            "<a b=\"",
            "<!--",
            "<!--<!--",
            "--!>",
            "<!",
            "<?",
            "<![CDATA[",
            "]",
            "<!doctype a \"b\"",
            "<!doctype a public \"b\" \"c\">",
            "<script>",
            "<script><!--",
            "<script>\"<script>",
            "</script",
            "<title>",
            "</title ",
            "<template>",
            "<svg>",
            "<math>",
            "<svg><desc>",
            "</svg>",
            "<svg><![CDATA[",
            "]]",
            "<plaintext>",
            "\0",
            "\r",
            "\r\n",
        ] {
            for start in ["", "<a", "<script>", "<svg>", "<svg><![CDATA["] {
                let page = format!("{start}{}", unit.repeat(8000));
                walk_tags(page.as_bytes(), &COLLECTED, |_| ());
            }
        }
    }

    proptest! {
        #[test]
        fn interruptions_change_nothing_in_the_walk(
            page in "(<[!/?]?(a|script|title|textarea|!--|!doctype)?|--!?>|( |\t|\r\n?|/)(b|D|e|'|\")|=(\"|'|x)?|[\"'>/ &\0]|\"[ />]|public|&(amp|#65|not)?;?|<!--|]]>|\\[CDATA\\[|é|\\PC){0,60}"
        ) {
            let interrupted = tags(|visit| walk_tags(page.as_bytes(), &COLLECTED, visit));
            let plain = tags(|visit| walk_reader(page.as_bytes().to_reader(), &COLLECTED, visit));
            prop_assert_eq!(interrupted, plain);
        }
    }
}
