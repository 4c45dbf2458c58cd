//! Parts of calls and results that hook types have in common.

use crate::message::{ALLOCATION_BYTES, HeapSize};
use bytes::Bytes;
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::xxh3_128;

/// The request that a call is about.
#[derive(Clone, Debug)]
pub(crate) struct RequestContext {
    /// Upper-case.
    pub method: String,
    /// Decoded; begins with `/`.
    pub path: String,
    /// As received, without `?`.
    pub query: String,
    /// The headers that the plugin forwards (see [`HookOptions`](super::HookOptions)), by
    /// lower-case name.
    pub headers: Vec<(String, Bytes)>,
    /// The W3C `traceparent` header.
    pub traceparent: String,
    /// The request target as received.
    pub raw_target: String,
    /// The `Host` header as received.
    pub host: String,
    /// The file that the daemon would serve for this request, if there is one.
    pub file: Option<PathBuf>,
}

/// A body carried inline in a result, hashed and checked for UTF-8 once. It has memory of its own.
#[derive(Debug)]
pub(crate) struct InlineBody {
    pub body: Bytes,
    pub hash: u128,
    pub is_utf8: bool,
}

impl InlineBody {
    #[must_use]
    pub(crate) fn new(body: &[u8]) -> Self {
        Self {
            hash: xxh3_128(body),
            is_utf8: std::str::from_utf8(body).is_ok(),
            // A part of a connection's buffer would keep the whole buffer in memory.
            body: Bytes::copy_from_slice(body),
        }
    }
}

/// A failure that the plugin itself reports, such as a syntax error in a source file.
#[derive(Debug, Default)]
pub(crate) struct HookFailure {
    /// 400-599; anything else becomes 500.
    pub status: u16,
    pub message: String,
    /// May be empty.
    pub stack: String,
    pub location: Option<SourceLocation>,
    /// Absolute paths of files whose change may resolve the failure.
    pub depends_on: Vec<PathBuf>,
}

impl HookFailure {
    pub(super) fn dependencies(&self) -> Vec<&Path> {
        self.depends_on.iter().map(PathBuf::as_path).collect()
    }
}

/// A position in a source file, with the code around it.
#[derive(Debug, Default)]
pub(crate) struct SourceLocation {
    /// As the plugin names it.
    pub file: String,
    /// 1-based; 0 = unknown.
    pub line: u32,
    /// 1-based; 0 = unknown.
    pub column: u32,
    /// The surrounding lines, as the plugin formatted them.
    pub frame: String,
}

/// Estimated memory of the response that is derived from a result, without the headers that the plugin sets.
pub(super) const DERIVED_BYTES: usize = 1024;

/// Returns the memory of headers in bytes.
pub(super) fn headers_size(headers: &[(String, Bytes)]) -> usize {
    let sizes = headers
        .iter()
        .map(|header| size_of_val(header) + header.0.heap_size() + header.1.heap_size());
    sizes.sum()
}

/// Returns the memory of a path in bytes.
pub(super) fn path_size(path: &Path) -> usize {
    size_of::<PathBuf>() + ALLOCATION_BYTES + path.as_os_str().len()
}
