//! Checks the syntax of served scripts, so that the log has the place of an error even if nothing resolves the
//! imports of the script. Each version of a script is checked once, as what its first request says it is, and in the
//! background: no request waits for it.

use crate::blocking::run_blocking;
use crate::javascript::{self, Grammar, SyntaxError};
use crate::pages::fetch_metadata::{SEC_FETCH_DEST, SEC_FETCH_MODE};
use crate::pages::request::PageRequest;
use crate::pages::response::open_file::OpenFile;
use crate::pages::response::page_response::{PageResponse, Payload, Responder};
use axum::http::StatusCode;
use axum::http::header::{self, HeaderValue};
use bytes::Bytes;
use quick_cache::sync::Cache;
use std::io;
use std::sync::Arc;
use tokio::sync::Semaphore;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// Versions of scripts that are known to be checked, and syntax errors that are known to be logged. The least used
/// ones are evicted beyond it, and checked and logged again with their next request. Default 8,192 each.
const CHECKED_SCRIPTS: usize = 8 * 1024;

/// Size limit, as of modules whose imports are resolved. Larger scripts are not checked. Default 16 MiB.
const MAX_CHECKED_BYTES: usize = 16 * 1024 * 1024;

/// Bytes of scripts that wait for their check. Beyond it a script is not checked before its next request. Default
/// 32 MiB.
const MAX_UNCHECKED_BYTES: usize = 32 * 1024 * 1024;

/// Least cost of a script that waits, so that many small ones are not free.
const MIN_UNCHECKED_BYTES: usize = 4 * 1024;

/// Scripts that are checked at a time: checks are not urgent. Default 1.
const CONCURRENT_CHECKS: usize = 1;

/// Extensions of scripts whose requests name them as the referrer: they import what they request.
const IMPORTING: [&str; 6] = ["js", "mjs", "jsx", "ts", "mts", "tsx"];

/// Checks that were made or wait.
pub(super) struct SyntaxChecks {
    /// Keyed by the hash of path and version.
    checked: Cache<u64, ()>,
    /// One permit per byte.
    waiting: Arc<Semaphore>,
    running: Arc<Semaphore>,
    pub(super) log: Arc<SyntaxLog>,
}

impl SyntaxChecks {
    pub(super) fn new() -> Self {
        Self {
            checked: Cache::new(CHECKED_SCRIPTS),
            waiting: Arc::new(Semaphore::new(MAX_UNCHECKED_BYTES)),
            running: Arc::new(Semaphore::new(CONCURRENT_CHECKS)),
            log: Arc::new(SyntaxLog(Cache::new(CHECKED_SCRIPTS))),
        }
    }

    /// Checks the script of this response, unless this version of it was checked. A script whose end is unknown,
    /// such as a backend's, is not checked.
    pub(super) fn check(&self, request: &PageRequest<'_>, response: &PageResponse) {
        if !response.is_script() || response.status != StatusCode::OK {
            return;
        }
        let is_own = !matches!(response.responder, Responder::Daemon | Responder::Proxy(_));
        let Some(tag) = response.tag.as_ref().filter(|_| is_own) else {
            return;
        };
        let key = xxh3_64_with_seed(tag.as_bytes(), xxh3_64(request.path.as_str().as_bytes()));
        self.check_once(key, || {
            let source = match &response.body {
                Payload::Bytes(body) => Source::Memory(body.clone()),
                Payload::File(file) => Source::File(file.clone()),
                Payload::Stream(_) => return None,
            };
            let length = usize::try_from(response.body.len()?).unwrap_or(usize::MAX);
            let is_plain = !response.headers.contains_key(header::CONTENT_ENCODING);
            let is_checked = length <= MAX_CHECKED_BYTES && is_plain && !request.is_head();
            let source_file = response.source_file.as_deref();
            is_checked.then(|| Script {
                file: request.with_source_file(source_file).file_name(),
                tag: tag.clone(),
                grammar: grammar(request),
                source,
                length,
            })
        });
    }

    /// Checks a script in the background, unless one with this key was checked.
    fn check_once(&self, key: u64, script: impl FnOnce() -> Option<Script>) {
        if self.checked.get(&key).is_some() {
            return;
        }
        let Some(script) = script() else { return };
        // Fits, since the length has a limit.
        let permits = u32::try_from(script.length.max(MIN_UNCHECKED_BYTES)).unwrap_or(u32::MAX);
        let Ok(waiting) = self.waiting.clone().try_acquire_many_owned(permits) else {
            tracing::debug!(target: "pagewire::pages", file = script.file, "too many scripts wait for a check of their syntax; this one is checked with its next request");
            return;
        };
        self.checked.insert(key, ());
        let (running, log) = (self.running.clone(), self.log.clone());
        // Taken at once if possible, so that a later script does not overtake this one.
        let turn = running.clone().try_acquire_owned();
        tokio::spawn(async move {
            let turn = match turn {
                Ok(turn) => Ok(turn),
                Err(_) => running.acquire_owned().await,
            };
            let check = run_blocking(move || {
                let _held = (waiting, turn);
                script.check(&log)
            });
            // Fails when the file has been rewritten: its new version is checked when it is requested.
            let _ = check.await;
        });
    }
}

/// Script that waits for its check.
struct Script {
    file: String,
    tag: HeaderValue,
    grammar: Grammar,
    source: Source,
    length: usize,
}

enum Source {
    Memory(Bytes),
    File(OpenFile),
}

impl Script {
    /// Logs the script's first error. Blocks.
    fn check(&self, log: &SyntaxLog) -> io::Result<()> {
        let body = match &self.source {
            Source::Memory(body) => body.clone(),
            Source::File(file) => file.read()?,
        };
        let text = std::str::from_utf8(&body).ok();
        if let Some(error) = text.and_then(|text| javascript::syntax_error(text, self.grammar)) {
            log.write(&self.file, &self.tag, &error);
        }
        Ok(())
    }
}

/// Returns how a browser will parse the response to this request, as far as the request says it.
fn grammar(request: &PageRequest<'_>) -> Grammar {
    let destination = request.header(&SEC_FETCH_DEST);
    let is_imported = || {
        let referrer = request.header(header::REFERER);
        let referrer = referrer.split(['?', '#']).next().unwrap_or_default();
        IMPORTING.contains(&extension(referrer))
    };
    match (destination, request.header(&SEC_FETCH_MODE)) {
        // Modules are always requested with CORS.
        ("script", "no-cors") => Grammar::Script,
        ("audioworklet" | "paintworklet", _) => Grammar::Module,
        ("script", "cors") if is_imported() => Grammar::Module,
        _ if extension(request.path.as_str()) == "mjs" => Grammar::Module,
        _ => Grammar::Either,
    }
}

fn extension(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(_, extension)| extension)
}

/// Log of syntax errors: each is logged once for a version of its source, whoever finds it.
pub(super) struct SyntaxLog(Cache<u64, ()>);

impl SyntaxLog {
    /// Logs an error in the version of a source with this entity tag. The source is served unchanged, and the
    /// browser reports the error, too, but only in its own console.
    pub(super) fn write(&self, file: &str, tag: &HeaderValue, error: &SyntaxError) {
        let SyntaxError {
            message,
            line,
            column,
            frame,
        } = error;
        let text = format!("{file}:{line}:{column}: {message}\n{frame}");
        let key = xxh3_64_with_seed(text.as_bytes(), xxh3_64(tag.as_bytes()));
        if self.0.get(&key).is_none() {
            self.0.insert(key, ());
            tracing::warn!(target: "pagewire::pages", "{text}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_script_that_finds_no_room_to_wait_is_checked_with_its_next_request() {
        let checks = SyntaxChecks::new();
        let all = u32::try_from(MAX_UNCHECKED_BYTES).expect("a small number");
        let script = || {
            Some(Script {
                file: "a.js".to_owned(),
                tag: HeaderValue::from_static("tag"),
                grammar: Grammar::Either,
                source: Source::Memory(Bytes::from_static(b"let = ;")),
                length: MAX_CHECKED_BYTES,
            })
        };
        let full = checks
            .waiting
            .acquire_many(all / 2 + 1)
            .await
            .expect("open");
        checks.check_once(1, script);
        assert_eq!(checks.checked.len(), 0);
        drop(full);
        for _ in 0..3 {
            checks.check_once(1, script);
            // Available once nothing waits.
            drop(checks.waiting.acquire_many(all).await);
        }
        assert_eq!((checks.checked.len(), checks.log.0.len()), (1, 1));
    }

    #[test]
    fn a_script_has_an_error_if_it_breaks_the_grammar_that_it_is_parsed_by() {
        use Grammar::{Either, Module, Script};
        for (text, module, script, either) in [
            ("let a = 1;", None, None, None),
            (
                "let a;\nlet b = ;",
                Some((2, 9)),
                Some((2, 9)),
                Some((2, 9)),
            ),
            (
                "\u{feff}let a = ;",
                Some((1, 9)),
                Some((1, 9)),
                Some((1, 9)),
            ),
            ("let await = 1;", Some((1, 5)), None, None),
            ("await a;", None, Some((1, 1)), None),
            ("let a;\nimport './b.js';", None, Some((2, 1)), None),
            ("let a; export { a };", None, Some((1, 8)), None),
            ("import('./b.js');", None, None, None),
            ("#!/usr/bin/env node\nlet a;", None, None, None),
        ] {
            for (grammar, expected) in [(Module, module), (Script, script), (Either, either)] {
                let found = javascript::syntax_error(text, grammar);
                let found = found.map(|error| (error.line, error.column));
                assert_eq!(found, expected, "{text} {grammar:?}");
            }
        }
        let deep = format!("{}{} = ;", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(javascript::syntax_error(&deep, Either), None);
    }
}
