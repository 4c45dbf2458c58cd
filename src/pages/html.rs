//! HTML as far as the stages need it: escaping, and a walk over the tags of a page.

use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Readable, Reader, Span, State, StringReader, Tokenizer};

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

/// A tag, with its byte offset in the page.
pub(super) enum Tag<'a> {
    Doctype { end: usize },
    Start { tag: &'a StartTag, end: usize },
    End { name: &'a [u8], start: usize },
}

/// Start tag with the attributes that the walk collects.
#[derive(Default)]
pub(super) struct StartTag {
    /// Lower-case.
    pub(super) name: Vec<u8>,
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

/// Calls `visit` for each tag of a page, or of the beginning of one. Of start tags only the
/// `collected` attributes are read. Works for every ASCII-compatible encoding.
pub(super) fn walk_tags(page: &[u8], collected: &[&'static str], visit: impl FnMut(Tag<'_>)) {
    let reader = InterruptingReader {
        rest: page.to_reader(),
        is_after_quote: false,
    };
    walk_reader(reader, collected, visit);
}

fn walk_reader(reader: impl Reader, collected: &[&'static str], mut visit: impl FnMut(Tag<'_>)) {
    let mut tag = StartTag::default();
    let mut emitter = CallbackEmitter::new(
        |event: CallbackEvent<'_>, span: Span<usize>| -> Option<State> {
            match event {
                CallbackEvent::OpenStartTag { name } => tag.open(name),
                CallbackEvent::AttributeName { name } => tag.start_attribute(name, collected),
                CallbackEvent::AttributeValue { value } => tag.push_value(value),
                CallbackEvent::CloseStartTag { .. } => visit(Tag::Start {
                    tag: &tag,
                    end: span.end,
                }),
                CallbackEvent::EndTag { name } => visit(Tag::End {
                    name,
                    start: span.start,
                }),
                CallbackEvent::Doctype { .. } => visit(Tag::Doctype { end: span.end }),
                _ => {}
            }
            None
        },
    );
    // The content of script, style, title and textarea elements contains no tags.
    emitter.naively_switch_states(true);
    // Tokens are reported to `visit`; what remains are the interruptions.
    Tokenizer::new_with_emitter(reader, emitter).for_each(drop);
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
                Tag::Doctype { end } => format!("doctype {end}"),
                Tag::Start { tag, end } => format!(
                    "{} {:?} {:?} {:?} {end}",
                    String::from_utf8_lossy(&tag.name),
                    tag.attribute("b"),
                    tag.attribute("d"),
                    tag.attribute("e"),
                ),
                Tag::End { name, start } => {
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
            "<plaintext>",
            "\0",
            "\r",
            "\r\n",
        ] {
            for start in ["", "<a", "<script>"] {
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
