//! Content security policies (CSP 3): the nonce that allows the client's script, and the directives that
//! block it.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Mutex, PoisonError};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// Limit of the record of reported policies. At the limit it is cleared, so policies may be reported again.
/// Default 256.
const MAX_REPORTED: usize = 256;

/// How much of a policy is logged; the rest is cut off. Default 1 KiB.
const MAX_LOGGED_BYTES: usize = 1024;

/// Returns the sources of the first of these directives that the policy contains.
fn sources<'a>(policy: &'a str, directives: &[&str]) -> Option<&'a str> {
    directives.iter().find_map(|expected| {
        policy.split(';').map(str::trim).find_map(|directive| {
            let (name, sources) = directive
                .split_once(char::is_whitespace)
                .unwrap_or((directive, ""));
            name.eq_ignore_ascii_case(expected).then_some(sources)
        })
    })
}

/// Directives for scripts; the first one that is present applies.
const SCRIPT_DIRECTIVES: &[&str] = &["script-src-elem", "script-src", "default-src"];

/// Directives for connections; the first one that is present applies.
const CONNECT_DIRECTIVES: &[&str] = &["connect-src", "default-src"];

/// Returns the first nonce that these policies (the value of a header) accept for scripts (section 2.3.1).
pub(super) fn find_nonce(policies: &str) -> Option<&str> {
    policies.split(',').find_map(|policy| {
        sources(policy, SCRIPT_DIRECTIVES)?
            .split_ascii_whitespace()
            .filter_map(|source| source.strip_prefix("'nonce-")?.strip_suffix('\''))
            .find(|nonce| is_nonce(nonce))
    })
}

/// Whether a text is a valid nonce. Only base64 characters are accepted, so it cannot end the attribute
/// that it is copied into.
pub(super) fn is_nonce(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_' | b'='))
}

/// Returns the directives that are missing from these policies for the client to run and connect. The page
/// is on this host, and the client's script has this nonce.
pub(super) fn missing_directives(
    policies: &str,
    nonce: Option<&str>,
    host: &str,
) -> Vec<&'static str> {
    let mut missing = BTreeSet::new();
    for policy in policies.split(',') {
        if sources(policy, &["sandbox"]).is_some_and(|flags| !flags.contains("allow-scripts")) {
            missing.insert("sandbox allow-scripts");
        }
        if sources(policy, SCRIPT_DIRECTIVES)
            .is_some_and(|sources| !allows_script(sources, nonce, host))
        {
            missing.insert("script-src 'self'");
        }
        if sources(policy, CONNECT_DIRECTIVES).is_some_and(|sources| !allows_host(sources, host)) {
            missing.insert("connect-src 'self'");
        }
    }
    missing.into_iter().collect()
}

fn allows_script(sources: &str, nonce: Option<&str>, host: &str) -> bool {
    let has = |source: String| {
        sources
            .split_ascii_whitespace()
            .any(|other| other == source)
    };
    nonce.is_some_and(|nonce| has(format!("'nonce-{nonce}'")))
        || (allows_host(sources, host) && !has("'strict-dynamic'".to_owned()))
}

fn allows_host(sources: &str, host: &str) -> bool {
    sources.split_ascii_whitespace().any(|source| {
        let source = source.to_ascii_lowercase();
        let (scheme, rest) = source.split_once("://").unwrap_or(("http", &source));
        let is_own_scheme = ["http", "https", "ws", "wss"].contains(&scheme);
        let source_host = rest.split('/').next().unwrap_or_default();
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        matches!(
            &*source,
            "'self'" | "*" | "http:" | "https:" | "ws:" | "wss:"
        ) || (is_own_scheme
            && (source_host == host || source_host.strip_suffix(":*") == Some(name)))
    })
}

/// Hashes of the policies that were reported to the log, each once.
#[derive(Default)]
pub(crate) struct PolicyReports(Mutex<HashSet<u64>>);

impl PolicyReports {
    /// Logs that policies block the client, and which directives to add. `unchecked` is the number of
    /// policies of the page that were not checked.
    pub(crate) fn report(
        &self,
        path: &str,
        blocking: &[(String, Vec<&'static str>)],
        unchecked: usize,
    ) {
        for (policies, missing) in blocking {
            // Nonces are left out, since they differ from response to response.
            let without_nonces = policies
                .split('\'')
                .filter(|part| !part.starts_with("nonce-"));
            let mut hash = Xxh3::new();
            without_nonces.for_each(|part| hash.update(part.as_bytes()));
            if self.is_new(hash.digest()) {
                let policy = &policies[..policies.floor_char_boundary(MAX_LOGGED_BYTES)];
                let add = missing.join("; ");
                tracing::warn!(target: "pagewire::pages", path, policy, add, "the content security policy of a page blocks the client (add these directives to it)");
            }
        }
        if unchecked > 0 && self.is_new(xxh3_64(path.as_bytes())) {
            tracing::warn!(target: "pagewire::pages", path, unchecked, "a page has too many content security policies to check whether they block the client (combine them)");
        }
    }

    /// Whether this hash has not been recorded yet; records it.
    fn is_new(&self, hash: u64) -> bool {
        let mut reported = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if reported.len() >= MAX_REPORTED {
            reported.clear();
        }
        reported.insert(hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directives_that_block_the_client_are_named() {
        let (script, connect) = ("script-src 'self'", "connect-src 'self'");
        for (policy, nonce, expected) in [
            ("", None, &[][..]),
            ("default-src 'self'", None, &[]),
            ("img-src 'none'", None, &[]),
            ("default-src 'none'", None, &[connect, script]),
            (
                "DEFAULT-SRC *; connect-src https://api.example",
                None,
                &[connect],
            ),
            (
                "script-src https://cdn.example; connect-src ws://localhost:8000",
                None,
                &[script],
            ),
            ("default-src localhost:*", None, &[]),
            ("script-src 'nonce-a'; connect-src *", Some("a"), &[]),
            (
                "script-src 'nonce-a' 'strict-dynamic' 'self'",
                None,
                &[script],
            ),
            (
                "script-src 'self' 'strict-dynamic' 'nonce-a'",
                Some("a"),
                &[],
            ),
            ("default-src 'self', script-src 'none'", None, &[script]),
            ("script-src", None, &[script]),
            ("sandbox", None, &["sandbox allow-scripts"]),
            ("sandbox allow-scripts", None, &[]),
        ] {
            let missing = missing_directives(policy, nonce, "localhost:8000");
            assert_eq!(missing, expected, "{policy}");
        }
    }
}
