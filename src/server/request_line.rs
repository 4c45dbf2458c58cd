//! Detects a `#` in the request target, which no browser sends.
//!
//! A request target has no fragment (RFC 9112, section 3.2), and the HTTP library removes one silently.
//! The remainder is parsed only once, so nothing can be smuggled past our checks; but the response to a
//! malformed request should not depend on the parser, so the request is refused with 400. HTTP/2 is
//! not inspected: its frames are decoded where the fragment is removed.

use super::tap::{Tap, Tapped};
use memchr::memchr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// State shared by the stream and the service of one connection. Both run in its only task.
#[derive(Clone)]
pub(super) struct RequestLine {
    /// The next bytes begin a request.
    is_next: Arc<AtomicBool>,
    /// The target of the request being read has a fragment.
    has_fragment: Arc<AtomicBool>,
}

/// Scanner for the request lines of a connection. Of pipelined requests that arrive together, only the
/// first is scanned.
pub(super) struct RequestLineTap {
    line: RequestLine,
    /// The line contains a `#` so far.
    has_hash: bool,
    /// The line has begun: empty lines before a request are not part of it.
    has_begun: bool,
}

/// Returns the stream with its request lines scanned, and the results for its service.
pub(super) fn tap<S>(stream: S) -> (Tapped<S, RequestLineTap>, RequestLine) {
    let line = RequestLine {
        is_next: Arc::new(AtomicBool::new(true)),
        has_fragment: Arc::default(),
    };
    let tap = RequestLineTap {
        line: line.clone(),
        has_hash: false,
        has_begun: false,
    };
    (Tapped::new(stream, tap), line)
}

impl Tap for RequestLineTap {
    fn inspect(&mut self, bytes: &mut [u8]) {
        if !self.line.is_next.load(Ordering::Relaxed) {
            return;
        }
        let mut bytes = &*bytes;
        if !self.has_begun {
            let is_line_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
            let begin = bytes.iter().position(|byte| !is_line_end(byte));
            bytes = &bytes[begin.unwrap_or(bytes.len())..];
        }
        if bytes.is_empty() {
            return;
        }
        let end = memchr(b'\n', bytes);
        let line = &bytes[..end.unwrap_or(bytes.len())];
        self.has_begun = end.is_none();
        self.has_hash |= memchr(b'#', line).is_some();
        if end.is_some() {
            self.line.is_next.store(false, Ordering::Relaxed);
            let has_hash = std::mem::take(&mut self.has_hash);
            self.line.has_fragment.store(has_hash, Ordering::Relaxed);
        }
    }
}

impl RequestLine {
    /// Returns whether the target of the request just read has a fragment, and resets the flag.
    pub(super) fn take_has_fragment(&self) -> bool {
        self.has_fragment.swap(false, Ordering::Relaxed)
    }

    /// Expects a request line next: the response to the previous request is ready.
    pub(super) fn expect_next(&self) {
        self.is_next.store(true, Ordering::Relaxed);
    }
}
