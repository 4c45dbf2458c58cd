//! Outcomes of page requests: counters for the metrics, and a log line per request.

use super::request::PageRequest;
use super::response::page_response::Responder;
use axum::http::StatusCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// The kinds of responders, as the metrics name them.
const RESPONDERS: [&str; 5] = ["pagewire", "file", "memory", "plugin", "proxy"];

/// Number of status classes; the class is the first digit of the status.
const CLASSES: usize = 6;

/// Counters of answered requests by responder and status class.
#[derive(Default)]
pub(crate) struct RequestCounters([[AtomicU64; CLASSES]; RESPONDERS.len()]);

impl RequestCounters {
    /// Returns the counters that are not 0, each with its responder and status class.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (&'static str, usize, u64)> {
        let rows = RESPONDERS.into_iter().zip(&self.0);
        rows.flat_map(|(responder, row)| {
            let row = row.iter().enumerate();
            row.map(move |(class, count)| (responder, class, count.load(Ordering::Relaxed)))
        })
        .filter(|(_, _, count)| *count > 0)
    }

    /// Returns the start time of a request if its duration will be logged: reading the clock costs more
    /// than everything else here.
    pub(super) fn start() -> Option<Instant> {
        tracing::enabled!(target: "pagewire::pages", tracing::Level::DEBUG).then(Instant::now)
    }

    /// Counts an answered request, and logs it if it has a start time.
    pub(super) fn record(
        &self,
        request: &PageRequest<'_>,
        status: StatusCode,
        responder: &Responder,
        start: Option<Instant>,
    ) {
        let row = match responder {
            Responder::Daemon => 0,
            Responder::File => 1,
            Responder::Memory => 2,
            Responder::Plugin(_) => 3,
            Responder::Proxy(_) => 4,
        };
        let class = usize::from(status.as_u16() / 100).min(CLASSES - 1);
        self.0[row][class].fetch_add(1, Ordering::Relaxed);
        let Some(start) = start else { return };
        let parts = request.parts;
        let target = request.target();
        tracing::debug!(
            target: "pagewire::pages",
            status = status.as_u16(),
            time = ?start.elapsed(),
            by = %responder,
            "{} {target}",
            parts.method,
        );
    }
}
