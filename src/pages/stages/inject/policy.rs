//! Content security policies (CSP 3): the nonce that lets our script in, and what keeps it out.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// How many policies are remembered as reported. Beyond, they are forgotten and reported again.
const MAX_REPORTED: usize = 256;

/// The sources of the first of these directives that a policy has.
fn sources<'a>(policy: &'a str, directives: &[&str]) -> Option<&'a str> {
    directives.iter().find_map(|wanted| {
        policy.split(';').map(str::trim).find_map(|directive| {
            let (name, sources) = directive
                .split_once(char::is_whitespace)
                .unwrap_or((directive, ""));
            name.eq_ignore_ascii_case(wanted).then_some(sources)
        })
    })
}

const SCRIPTS: &[&str] = &["script-src-elem", "script-src", "default-src"];
const CONNECTIONS: &[&str] = &["connect-src", "default-src"];

/// The first nonce that one of these policies (a header's value) gives to scripts (section 2.3.1).
pub(crate) fn nonce_of(policies: &str) -> Option<&str> {
    policies.split(',').find_map(|policy| {
        sources(policy, SCRIPTS)?
            .split_ascii_whitespace()
            .filter_map(|source| source.strip_prefix("'nonce-")?.strip_suffix('\''))
            .find(|nonce| is_nonce(nonce))
    })
}

/// Base64 letters only: what goes into our tag cannot leave its attribute.
pub(crate) fn is_nonce(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_' | b'='))
}

/// The directives that these policies would need to let in the client of this host, which carries
/// this nonce; empty when it may run and connect.
pub(crate) fn missing(policies: &str, nonce: Option<&str>, host: &str) -> Vec<&'static str> {
    let mut missing = Vec::new();
    for policy in policies.split(',') {
        if sources(policy, &["sandbox"]).is_some_and(|flags| !flags.contains("allow-scripts")) {
            missing.push("sandbox allow-scripts");
        }
        if sources(policy, SCRIPTS).is_some_and(|sources| !lets_script(sources, nonce, host)) {
            missing.push("script-src 'self'");
        }
        if sources(policy, CONNECTIONS).is_some_and(|sources| !lets_host(sources, host)) {
            missing.push("connect-src 'self'");
        }
    }
    missing.sort_unstable();
    missing.dedup();
    missing
}

fn lets_script(sources: &str, nonce: Option<&str>, host: &str) -> bool {
    let has = |source: String| {
        sources
            .split_ascii_whitespace()
            .any(|other| other == source)
    };
    nonce.is_some_and(|nonce| has(format!("'nonce-{nonce}'")))
        || (lets_host(sources, host) && !has("'strict-dynamic'".to_owned()))
}

fn lets_host(sources: &str, host: &str) -> bool {
    sources.split_ascii_whitespace().any(|source| {
        let source = source.to_ascii_lowercase();
        let (scheme, rest) = source.split_once("://").unwrap_or(("http", &source));
        let ours = ["http", "https", "ws", "wss"].contains(&scheme);
        let named = rest.split('/').next().unwrap_or_default();
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        matches!(
            &*source,
            "'self'" | "*" | "http:" | "https:" | "ws:" | "wss:"
        ) || (ours && (named == host || named.strip_suffix(":*") == Some(name)))
    })
}

/// What was reported: each policy once.
#[derive(Default)]
pub(crate) struct PolicyReports(Mutex<HashSet<String>>);

impl PolicyReports {
    /// Says in the log that a policy keeps the client out, and what to add.
    pub(crate) fn report(&self, path: &str, policies: &str, missing: &[&str]) {
        let mut reported = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if reported.len() >= MAX_REPORTED {
            reported.clear();
        }
        // A nonce differs from response to response.
        let same = policies
            .split('\'')
            .filter(|part| !part.starts_with("nonce-"));
        if reported.insert(same.collect()) {
            let add = missing.join("; ");
            tracing::warn!(target: "pagewire::pages", path, policy = policies, add, "the page's content security policy keeps the client out (add these directives to it)");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_policy_lacks_for_the_client_is_named() {
        let (script, connect) = ("script-src 'self'", "connect-src 'self'");
        for (policy, nonce, lacks) in [
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
            assert_eq!(missing(policy, nonce, "localhost:8000"), lacks, "{policy}");
        }
    }
}
