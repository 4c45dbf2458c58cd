//! Embedding of files in documents of other origins: other sites, and sandboxed frames, whose origin is opaque.
//! Browsers announce it (Fetch Metadata), and keep to the policy of the response (Fetch standard, section 3.7).

use crate::pages::fetch_metadata::{SEC_FETCH_DEST, SEC_FETCH_MODE, SEC_FETCH_SITE};
use axum::http::header::{HeaderMap, HeaderName, HeaderValue};
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// URL paths that are remembered, so that each is logged once. When there are more, all are forgotten. Default
/// 1,024.
const MAX_LOGGED: usize = 1024;

/// A file that a document of another origin embeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Embedding {
    /// Browsers would run a classic script of any origin if its response lacked the policy, and older ones do
    /// not know the policy, so the content must not be sent.
    Script,
    Other,
}

impl Embedding {
    /// Returns what a request announces; none when a document of this server sent it, or a program.
    pub(super) fn announced(headers: &HeaderMap) -> Option<Self> {
        let site = headers.get(&SEC_FETCH_SITE)?.as_bytes();
        if matches!(site, b"same-origin" | b"none") {
            return None;
        }
        let is =
            |name: &HeaderName, value: &str| headers.get(name).is_some_and(|found| found == value);
        is(&SEC_FETCH_MODE, "no-cors").then(|| {
            if is(&SEC_FETCH_DEST, "script") {
                Self::Script
            } else {
                Self::Other
            }
        })
    }
}

/// Marks a response as embeddable by all documents, or only by those of its own origin.
pub(super) fn set_policy(headers: &mut HeaderMap, is_embeddable: bool) {
    let policy = if is_embeddable {
        "cross-origin"
    } else {
        "same-origin"
    };
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static(policy));
}

/// Log of the files that browsers keep from documents of other origins, each once.
#[derive(Default)]
pub(super) struct EmbeddingLog(Mutex<HashSet<String>>);

impl EmbeddingLog {
    pub(super) fn refused(&self, path: &str) {
        let mut logged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if logged.len() >= MAX_LOGGED {
            logged.clear();
        }
        if logged.insert(path.to_owned()) {
            tracing::warn!(target: "pagewire::server", path, "browsers keep this file from a document of another origin (if that is a sandboxed frame or a site of your own, start pagewire with --allow-embedding)");
        }
    }
}
