//! HTML as far as the stages need it: escaping, and a walk over the tags of a page.

use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Span, State, Tokenizer};

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
        self.current = name.map(|name| {
            let known = self.attributes.iter().position(|(known, _)| known == name);
            known.unwrap_or_else(|| {
                self.attributes.push((name, String::new()));
                self.attributes.len() - 1
            })
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

/// Calls `visit` for each tag of a page, or of the beginning of one. Of start tags only the
/// `collected` attributes are read. Works for every ASCII-compatible encoding.
pub(super) fn walk_tags(page: &[u8], collected: &[&'static str], mut visit: impl FnMut(Tag<'_>)) {
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
    let Ok(()) = Tokenizer::new_with_emitter(page, emitter).try_for_each(|token| token.map(drop));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_walk_reports_tags_with_their_collected_attributes() {
        let page = "<!doctype html><A B=1 c='<p>' D>x</a><script>'</p>'</script>";
        let mut seen = Vec::new();
        walk_tags(page.as_bytes(), &["b", "d", "e"], |tag| {
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
        let expected = [
            "doctype 15",
            "a Some(\"1\") Some(\"\") None 32",
            "/a 33",
            "script None None None 45",
            "/script 51",
        ];
        assert_eq!(seen, expected);
    }
}
