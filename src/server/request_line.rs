//! Finds a `#` in the request target, which no browser sends.
//!
//! The HTTP library cuts a fragment off before anybody sees it (RFC 9112, section 3.2 has none in a
//! request target). We parse what is left once, so nothing can be smuggled past our checks; but what
//! a malformed request is answered must not depend on who reads it, so it is refused with 400. In
//! HTTP/2 nothing can be seen: its frames are decoded where the fragment is cut off.

use super::watched::{Watch, Watched};
use memchr::memchr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What the stream and the service of one connection tell each other. Both run in its one task.
#[derive(Clone)]
pub(super) struct RequestLine {
    /// The next octets begin a request.
    begins: Arc<AtomicBool>,
    /// The request being read has a fragment in its target.
    has_fragment: Arc<AtomicBool>,
}

/// Looks at the request lines of a connection as they pass. Of requests that arrive together only
/// the first is looked at.
pub(super) struct LineWatch {
    line: RequestLine,
    /// A `#` was seen in the line so far.
    seen: bool,
    /// Something was seen in the line so far: empty lines before a request are none of it.
    started: bool,
}

/// The stream, watched, and what its service is to ask.
pub(super) fn watch<S>(stream: S) -> (Watched<S, LineWatch>, RequestLine) {
    let line = RequestLine {
        begins: Arc::new(AtomicBool::new(true)),
        has_fragment: Arc::default(),
    };
    let watch = LineWatch {
        line: line.clone(),
        seen: false,
        started: false,
    };
    (Watched::new(stream, watch), line)
}

impl Watch for LineWatch {
    fn look(&mut self, octets: &mut [u8]) {
        if !self.line.begins.load(Ordering::Relaxed) {
            return;
        }
        let mut octets = &*octets;
        if !self.started {
            let is_end = |octet: &u8| matches!(octet, b'\r' | b'\n');
            let begin = octets.iter().position(|octet| !is_end(octet));
            octets = &octets[begin.unwrap_or(octets.len())..];
        }
        if octets.is_empty() {
            return;
        }
        let end = memchr(b'\n', octets);
        let line = &octets[..end.unwrap_or(octets.len())];
        self.started = end.is_none();
        self.seen |= memchr(b'#', line).is_some();
        if end.is_some() {
            self.line.begins.store(false, Ordering::Relaxed);
            let seen = std::mem::take(&mut self.seen);
            self.line.has_fragment.store(seen, Ordering::Relaxed);
        }
    }
}

impl RequestLine {
    /// Whether the request that has just been read has a fragment in its target.
    pub(super) fn has_fragment(&self) -> bool {
        self.has_fragment.swap(false, Ordering::Relaxed)
    }

    /// The response is made: what comes next is a request.
    pub(super) fn begins_again(&self) {
        self.begins.store(true, Ordering::Relaxed);
    }
}
