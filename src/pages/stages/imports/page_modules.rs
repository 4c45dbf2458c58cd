//! Module scripts of an HTML page, inline and by URL.

use crate::pages::html::{StartTag, Tag, walk_tags};
use memchr::memchr2;
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

/// Returns the module scripts of a page.
pub(super) fn find_modules(page: &[u8]) -> PageModules {
    let mut found = PageModules::default();
    let mut script_start = None;
    walk_tags(page, &["type", "src", "rel"], |tag| match tag {
        Tag::Start { tag, end } => script_start = found.visit_start_tag(tag).then_some(end),
        Tag::End {
            name: b"script",
            is_foreign,
            start,
            ..
        } => {
            let inline = script_start.take().map(|script_start| script_start..start);
            // In SVG the text of a script may contain references and CDATA sections, and is not its source.
            let is_source = |text: &[u8]| !is_foreign || memchr2(b'&', b'<', text).is_none();
            let is_code = |text: &[u8]| !text.is_empty() && is_source(text);
            found
                .inline
                .extend(inline.filter(|range| is_code(&page[range.clone()])));
        }
        _ => {}
    });
    found
}

impl PageModules {
    /// Records a start tag. Returns true when an inline module begins after it.
    fn visit_start_tag(&mut self, tag: &StartTag) -> bool {
        let attribute = |name| tag.attribute(name).unwrap_or_default();
        match tag.name.as_slice() {
            b"base" | b"link" if tag.is_foreign => {}
            b"base" => self.controls_loading = true,
            b"link" => {
                self.controls_loading |= attribute("rel").eq_ignore_ascii_case("modulepreload");
            }
            b"script" => {
                let script_type = attribute("type").trim();
                self.controls_loading |= script_type.eq_ignore_ascii_case("importmap");
                if script_type.eq_ignore_ascii_case("module") {
                    // In SVG the attribute is `href`.
                    let source = tag.attribute("src").filter(|_| !tag.is_foreign);
                    self.sources.extend(source.map(str::to_owned));
                    return source.is_none();
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
