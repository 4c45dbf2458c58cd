//! Where the modules of an HTML page are: inline, and by URL. The tokenizer is html5gum's.

use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Span, State, Tokenizer};
use std::ops::Range;

/// The modules of a page, in its order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct PageModules {
    /// The bytes of the text of inline module scripts.
    pub(super) inline: Vec<Range<usize>>,
    /// What module scripts are loaded from, as the page has it.
    pub(super) sources: Vec<String>,
    /// It says by itself what specifiers or URLs stand for (an import map, a `base` element), or what
    /// is to be loaded first.
    pub(super) decides: bool,
}

/// What is known of the tag that is read.
#[derive(Default)]
struct Tag {
    name: Vec<u8>,
    attribute: Vec<u8>,
    kind: String,
    src: Option<String>,
    rel: String,
}

/// Reads a page.
pub(super) fn modules(page: &[u8]) -> PageModules {
    let mut found = PageModules::default();
    let mut tag = Tag::default();
    let mut begin = None;
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
                    CallbackEvent::AttributeName { name } => {
                        tag.attribute = name.to_ascii_lowercase();
                        if tag.attribute == b"src" {
                            tag.src.get_or_insert_default();
                        }
                    }
                    CallbackEvent::AttributeValue { value } => {
                        let value = String::from_utf8_lossy(value);
                        match tag.attribute.as_slice() {
                            b"type" => tag.kind.push_str(&value),
                            b"src" => tag.src.get_or_insert_default().push_str(&value),
                            b"rel" => tag.rel.push_str(&value),
                            _ => {}
                        }
                    }
                    CallbackEvent::CloseStartTag { .. } => {
                        begin = found.start_tag(&mut tag).then_some(span.end);
                    }
                    CallbackEvent::EndTag { name: b"script" } => {
                        let inline = begin.take().map(|begin| begin..span.start);
                        found.inline.extend(inline.filter(|text| !text.is_empty()));
                    }
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

impl PageModules {
    /// True when an inline module begins behind the tag.
    fn start_tag(&mut self, tag: &mut Tag) -> bool {
        match tag.name.as_slice() {
            b"base" => self.decides = true,
            b"link" => self.decides |= tag.rel.eq_ignore_ascii_case("modulepreload"),
            b"script" => {
                let kind = tag.kind.trim();
                self.decides |= kind.eq_ignore_ascii_case("importmap");
                if kind.eq_ignore_ascii_case("module") {
                    let source = tag.src.take();
                    let is_inline = source.is_none();
                    self.sources.extend(source);
                    return is_inline;
                }
            }
            _ => {}
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inline_modules_and_those_by_url_are_told_from_other_scripts() {
        let page = "<!doctype html><script>import('no')</script><SCRIPT TYPE=' Module '>a</SCRIPT>\
            <script type=module src=x.js>ignored</script><script src='' type=\"module\"></script>\
            <script type='text/plain'>b</script><!-- <script type=module>c</script> -->\
            <script type=module>'<!-- <b>'</script><script type=module></script>";
        let found = modules(page.as_bytes());
        let texts: Vec<_> = found
            .inline
            .iter()
            .map(|range| &page[range.clone()])
            .collect();
        assert_eq!(texts, ["a", "'<!-- <b>'"]);
        assert_eq!(found.sources, ["x.js", ""]);
        assert!(!found.decides);
    }

    #[test]
    fn a_page_that_decides_by_itself_says_so() {
        for (page, decides) in [
            ("<base href=/x/>", true),
            ("<script type=importmap>{}</script>", true),
            ("<link rel=modulepreload href=x>", true),
            (
                "<link rel=preload href=x><script type=module>1</script>",
                false,
            ),
        ] {
            assert_eq!(modules(page.as_bytes()).decides, decides, "{page}");
        }
    }
}
