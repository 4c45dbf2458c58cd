//! Finds the module scripts of an HTML page, inline and by URL, with html5gum's tokenizer.

use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Span, State, Tokenizer};
use std::ops::Range;

/// Module scripts of a page, in document order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct PageModules {
    /// Byte ranges of the text of inline module scripts.
    pub(super) inline: Vec<Range<usize>>,
    /// `src` attributes of module scripts, as written.
    pub(super) sources: Vec<String>,
    /// Whether the page resolves specifiers or URLs in a way of its own (an import map, a `base`
    /// element), or has its own `modulepreload` links.
    pub(super) controls_loading: bool,
}

/// The start tag being read, with the attributes that matter here.
#[derive(Default)]
struct Tag {
    name: Vec<u8>,
    attribute: Vec<u8>,
    script_type: String,
    src: Option<String>,
    rel: String,
}

/// Returns the module scripts of a page.
pub(super) fn find_modules(page: &[u8]) -> PageModules {
    let mut found = PageModules::default();
    let mut tag = Tag::default();
    let mut script_start = None;
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
                            b"type" => tag.script_type.push_str(&value),
                            b"src" => tag.src.get_or_insert_default().push_str(&value),
                            b"rel" => tag.rel.push_str(&value),
                            _ => {}
                        }
                    }
                    CallbackEvent::CloseStartTag { .. } => {
                        script_start = found.start_tag(&mut tag).then_some(span.end);
                    }
                    CallbackEvent::EndTag { name: b"script" } => {
                        let inline = script_start.take().map(|start| start..span.start);
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
    /// Records a start tag. Returns true when an inline module begins after it.
    fn start_tag(&mut self, tag: &mut Tag) -> bool {
        match tag.name.as_slice() {
            b"base" => self.controls_loading = true,
            b"link" => self.controls_loading |= tag.rel.eq_ignore_ascii_case("modulepreload"),
            b"script" => {
                let script_type = tag.script_type.trim();
                self.controls_loading |= script_type.eq_ignore_ascii_case("importmap");
                if script_type.eq_ignore_ascii_case("module") {
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
    fn finds_inline_and_external_modules_among_other_scripts() {
        let page = "<!doctype html><script>import('no')</script><SCRIPT TYPE=' Module '>a</SCRIPT>\
            <script type=module src=x.js>ignored</script><script src='' type=\"module\"></script>\
            <script type='text/plain'>b</script><!-- <script type=module>c</script> -->\
            <script type=module>'<!-- <b>'</script><script type=module></script>";
        let found = find_modules(page.as_bytes());
        let texts: Vec<_> = found
            .inline
            .iter()
            .map(|range| &page[range.clone()])
            .collect();
        assert_eq!(texts, ["a", "'<!-- <b>'"]);
        assert_eq!(found.sources, ["x.js", ""]);
        assert!(!found.controls_loading);
    }

    #[test]
    fn detects_pages_that_control_loading_themselves() {
        for (page, expected) in [
            ("<base href=/x/>", true),
            ("<script type=importmap>{}</script>", true),
            ("<link rel=modulepreload href=x>", true),
            (
                "<link rel=preload href=x><script type=module>1</script>",
                false,
            ),
        ] {
            let found = find_modules(page.as_bytes());
            assert_eq!(found.controls_loading, expected, "{page}");
        }
    }
}
