//! What became of page requests: a line in the log for each, and counts.

use super::response::page_response::Responder;
use axum::http::StatusCode;
use axum::http::request::Parts;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Who may have answered, as counts name them.
pub(crate) const RESPONDERS: [&str; 5] = ["pagewire", "file", "memory", "plugin", "proxy"];

/// The first digits of statuses.
const CLASSES: usize = 6;

/// Requests by who answered and by the first digit of the status.
#[derive(Default)]
pub(crate) struct RequestCounters([[AtomicU64; CLASSES]; RESPONDERS.len()]);

impl RequestCounters {
    /// Each count that is not 0, with its answerer and the first digit of its status.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (&'static str, usize, u64)> {
        let rows = RESPONDERS.into_iter().zip(&self.0);
        rows.flat_map(|(by, row)| {
            let row = row.iter().enumerate();
            row.map(move |(class, count)| (by, class, count.load(Ordering::Relaxed)))
        })
        .filter(|(_, _, count)| *count > 0)
    }

    /// When a request came, if that will be logged: clocks cost more than the rest of this.
    pub(super) fn begin() -> Option<Instant> {
        tracing::enabled!(target: "pagewire::pages", tracing::Level::DEBUG).then(Instant::now)
    }

    /// A response is on its way.
    pub(super) fn answered(
        &self,
        request: &Parts,
        status: StatusCode,
        by: &Responder,
        since: Option<Instant>,
    ) {
        let row = match by {
            Responder::Daemon => 0,
            Responder::File => 1,
            Responder::Memory => 2,
            Responder::Plugin(_) => 3,
            Responder::Proxy(_) => 4,
        };
        let class = usize::from(status.as_u16() / 100).min(CLASSES - 1);
        self.0[row][class].fetch_add(1, Ordering::Relaxed);
        let Some(since) = since else { return };
        let target = request
            .uri
            .path_and_query()
            .map_or("/", |target| target.as_str());
        tracing::debug!(
            target: "pagewire::pages",
            status = status.as_u16(),
            time = ?since.elapsed(),
            %by,
            "{} {target}",
            request.method,
        );
    }
}
