//! Beginning of a streamed page, held back until its head is complete.

use super::scan::{BYTE_ORDER_MARK, PageScan, scan};
use crate::pages::html::{Tag, walk_tags};
use bytes::{Bytes, BytesMut};
use memchr::{memchr, memrchr2};

/// How much of a streamed page is held back until the end of its head is found. Beyond that, the
/// scripts are placed by what has arrived. Default 64 KiB.
const MAX_HELD_BYTES: usize = 64 * 1024;

/// How much is searched for the end of the head, since each chunk that may complete an element requires a
/// search from its start. Beyond that, the scripts are placed by what has arrived. Default 4 MiB, which takes
/// 10 ms.
const MAX_SEARCHED_BYTES: usize = 64 * MAX_HELD_BYTES;

/// Elements that contain no tags.
const TEXT_ELEMENTS: [&[u8]; 5] = [b"noframes", b"noscript", b"script", b"style", b"title"];

/// Other tags that do not end a head (HTML standard, sections 13.2.6.4.2 to 13.2.6.4.4).
const HEAD_TAGS: [&[u8]; 8] = [
    b"base",
    b"basefont",
    b"bgsound",
    b"head",
    b"html",
    b"link",
    b"meta",
    b"template",
];

/// End tags that end a head. Others without a start tag are ignored.
const END_TAGS: [&[u8]; 4] = [b"head", b"body", b"html", b"br"];

/// Chunks of a page that have arrived.
#[derive(Default)]
pub(super) struct PageHead {
    bytes: BytesMut,
    /// The page begins with so many bytes of complete elements of its head.
    complete_bytes: usize,
    /// How much has been searched in total.
    searched_bytes: usize,
}

impl PageHead {
    /// Adds a chunk. Returns what was found when no more is held back.
    pub(super) fn push(&mut self, chunk: &[u8]) -> Option<PageScan> {
        self.bytes.extend_from_slice(chunk);
        if BYTE_ORDER_MARK.starts_with(&self.bytes) {
            return None;
        }
        if self.bytes.starts_with(BYTE_ORDER_MARK) {
            self.complete_bytes = self.complete_bytes.max(BYTE_ORDER_MARK.len());
        }
        let is_full = self.bytes.len() >= MAX_HELD_BYTES;
        let rest = &self.bytes[self.complete_bytes..];
        if is_full || memchr(b'>', chunk).is_some() || has_text(rest) {
            self.searched_bytes += rest.len();
            let is_decided = is_full || self.searched_bytes >= MAX_SEARCHED_BYTES;
            match complete_elements(rest) {
                Some(bytes) if !is_decided => self.complete_bytes += bytes,
                _ => return Some(scan(&self.bytes)),
            }
        }
        None
    }

    pub(super) fn into_bytes(self) -> Bytes {
        self.bytes.freeze()
    }
}

/// Returns the length of the complete elements with which the rest of a head begins; `None` if the head ends
/// in this text, by a tag or by an element or text that a head cannot contain.
fn complete_elements(rest: &[u8]) -> Option<usize> {
    let (mut has_ended, mut complete) = (false, 0);
    let (mut template_depth, mut is_in_text_element) = (0_usize, false);
    walk_tags(rest, &[], |tag| {
        let mut tag_end = complete;
        match tag {
            Tag::Text(text) => {
                has_ended |= template_depth == 0 && !is_in_text_element && has_text(text);
            }
            // It is also reported if it is not complete.
            Tag::Doctype { end } if rest[..end].ends_with(b">") => tag_end = end,
            Tag::Doctype { .. } => {}
            Tag::Start { tag, end } => {
                let is_one_of = |names: &[&[u8]]| !tag.is_foreign && names.contains(&&*tag.name);
                if template_depth == 0 {
                    is_in_text_element = is_one_of(&TEXT_ELEMENTS);
                    has_ended |= !is_in_text_element && !is_one_of(&HEAD_TAGS);
                }
                template_depth += usize::from(is_one_of(&[b"template"]));
                tag_end = end;
            }
            Tag::End {
                name,
                is_foreign,
                end,
                ..
            } => {
                is_in_text_element = false;
                has_ended |= template_depth == 0 && END_TAGS.contains(&name);
                if name == b"template" && !is_foreign {
                    template_depth = template_depth.saturating_sub(1);
                }
                tag_end = end;
            }
        }
        if template_depth == 0 && !is_in_text_element {
            complete = tag_end;
        }
    });
    (!has_ended).then_some(complete)
}

/// Whether there is text other than white space before what may be an incomplete tag or character reference.
fn has_text(text: &[u8]) -> bool {
    let end = memrchr2(b'<', b'&', text).unwrap_or(text.len());
    !text[..end].trim_ascii().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Adds a page byte by byte. Returns the number of bytes after which it is no longer held back.
    fn held_back(head: &mut PageHead, page: &str) -> Option<usize> {
        let mut bytes = page.as_bytes().chunks(1);
        bytes
            .position(|byte| head.push(byte).is_some())
            .map(|at| at + 1)
    }

    #[test]
    fn a_head_is_held_back_until_a_tag_or_text_that_it_cannot_contain() {
        for page in [
            "<!doctype html><head><title>a</title></HEAD>|<p>",
            "<html><body class=a>|<p>",
            "<frameset>|<frame>",
            "<!-- <body> --><title></head></title><meta content='<body>'></head>|",
            "<html><p>|</p>",
            "<!doctype html><title>a</title><pre>|b",
            "<p>|a",
            "<svg>|<a>",
            "<frameset>|",
            "\u{FEFF} \n<!-- a --><!doctype html> <html> <meta charset=utf-8>\t<h1>|",
            "<base href=/><basefont><bgsound><link><style><p></style><noscript><p></noscript>\
             <noframes><p></noframes><script>'<p>'</script><template><p>a</body></template><br>|",
            "<template><template></template>a</template> </template></p><img>|",
            "<template><svg><template></svg></template><a>|",
            "<script><!--<script></script><p>--></script><title/><p></title></html>|",
            "\u{FEFF}<?xml version='1.0'?><!doctype html>\na|",
            "</br>|",
            " a|b",
            "<title>a</title> \0|",
            "&#32;<head> &nbsp; <|p>",
            // Not complete: the rest may be of the head.
            " \n ",
            "\u{FEFF}",
            "<!doctype html><!-- <p> a",
            "<html> <",
            "<html> &",
            "<script>a</scr",
            "<title>a</title><p",
            "<template><p>a",
        ] {
            let expected = page.find('|');
            let page = page.replace('|', "");
            assert_eq!(
                held_back(&mut PageHead::default(), &page),
                expected,
                "{page}"
            );
            let whole = PageHead::default().push(page.as_bytes()).is_some();
            assert_eq!(whole, expected.is_some(), "{page}");
        }
    }

    #[test]
    fn a_head_that_arrives_byte_by_byte_is_searched_once() {
        let metas = "<meta name=a content='b'>".repeat(2400);
        let page = format!("<!doctype html><head>{metas}</head>");
        let mut head = PageHead::default();
        assert_eq!(held_back(&mut head, &page), Some(page.len()));
        assert_eq!(head.searched_bytes, page.len());
    }

    #[test]
    fn a_head_without_end_is_searched_within_bounds() {
        for unit in [
            "<!--<body>",
            "<meta b='<body>'>",
            "<title><body>",
            "<style>>",
            "<template>",
            "<!-->",
        ] {
            let page = format!("<html><!-- <body> -->{}", unit.repeat(60_000 / unit.len()));
            let mut head = PageHead::default();
            held_back(&mut head, &page);
            let bound = MAX_SEARCHED_BYTES + MAX_HELD_BYTES;
            assert!(
                head.searched_bytes < bound,
                "{unit}: {}",
                head.searched_bytes
            );
        }
    }
}
