//! Beginning of a streamed page, held back until its head is complete.

use super::scan::{PageScan, scan};
use bytes::{Bytes, BytesMut};
use memchr::{memchr, memchr_iter};

/// How much of a streamed page is held back until the end of its head is found. Beyond that, the
/// scripts are placed by what has arrived. Default 64 KiB.
const MAX_HELD_BYTES: usize = 64 * 1024;

/// How much is scanned, since each chunk that may complete the head requires a scan of all that has
/// arrived. Beyond that, the scripts are placed by what has arrived. Default 4 MiB, which takes 10 ms.
const MAX_SCANNED_BYTES: usize = 64 * MAX_HELD_BYTES;

/// Tags at which a head ends, explicitly or implicitly.
const HEAD_ENDS: [&[u8]; 3] = [b"</head", b"<body", b"<frameset"];

/// Chunks of a page that have arrived.
#[derive(Default)]
pub(super) struct PageHead {
    bytes: BytesMut,
    /// Whether a text has arrived that looks like the end of the head.
    has_end: bool,
    /// How much has been scanned in total.
    scanned_bytes: usize,
}

impl PageHead {
    /// Adds a chunk. Returns what was found when no more is held back.
    pub(super) fn push(&mut self, chunk: &[u8]) -> Option<PageScan> {
        // The text may begin in an earlier chunk.
        let searched = self.bytes.len().saturating_sub(HEAD_ENDS[2].len());
        self.bytes.extend_from_slice(chunk);
        self.has_end = self.has_end || may_end_head(&self.bytes[searched..]);
        let is_full = self.bytes.len() >= MAX_HELD_BYTES;
        let may_be_complete = self.has_end && memchr(b'>', chunk).is_some();
        if !may_be_complete && !is_full {
            return None;
        }
        self.scanned_bytes += self.bytes.len();
        let found = scan(&self.bytes);
        let is_decided = found.is_past_head || self.scanned_bytes >= MAX_SCANNED_BYTES;
        (is_decided || is_full).then_some(found)
    }

    pub(super) fn into_bytes(self) -> Bytes {
        self.bytes.freeze()
    }
}

fn may_end_head(page: &[u8]) -> bool {
    memchr_iter(b'<', page).any(|at| {
        HEAD_ENDS.iter().any(|tag| {
            let found = page.get(at..at + tag.len());
            found.is_some_and(|found| found.eq_ignore_ascii_case(tag))
        })
    })
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
    fn a_head_is_held_back_to_its_end() {
        for page in [
            "<!doctype html><head><title>a</title></HEAD>|<p>",
            "<html><body class=a>|<p>",
            "<frameset>|<frame>",
            "<!-- <body> --><title></head></title><meta content='<body>'></head>|",
            "<html><p></p>",
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
    fn a_head_that_arrives_byte_by_byte_is_scanned_once() {
        let metas = "<meta name=a content='b'>".repeat(2400);
        let page = format!("<!doctype html><head>{metas}</head>");
        let mut head = PageHead::default();
        assert_eq!(held_back(&mut head, &page), Some(page.len()));
        assert_eq!(head.scanned_bytes, page.len());
    }

    #[test]
    fn a_head_without_end_is_scanned_within_bounds() {
        for unit in [
            "<!--<body>",
            "<body>-->",
            "<a b='<body>'>",
            "<title><body>",
            ">",
        ] {
            let page = format!("<html><!-- <body> -->{}", unit.repeat(60_000 / unit.len()));
            let mut head = PageHead::default();
            held_back(&mut head, &page);
            let bound = MAX_SCANNED_BYTES + MAX_HELD_BYTES;
            assert!(head.scanned_bytes < bound, "{unit}: {}", head.scanned_bytes);
        }
    }
}
