//! The log's way to standard error. Lines wait in a queue for a thread that writes them: a reader that
//! has stopped to read holds up the log and nothing else.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use std::time::Duration;
use tracing_subscriber::fmt::MakeWriter;

/// Lines that may wait for who reads standard error. Further ones are lost, which the log says when there
/// is room again. Default 4,096.
const MAX_LINES: usize = 4096;

/// How long the daemon's end waits for lines to be written. Default 1 s.
const LAST_WORDS: Duration = Duration::from_secs(1);

enum Item {
    Line(Vec<u8>),
    /// Everything before it is written.
    Written(SyncSender<()>),
}

/// Where the log is written; its clones write to the same.
#[derive(Clone)]
pub(super) struct LogOutput {
    queue: SyncSender<Item>,
    lost: Arc<AtomicU64>,
}

impl LogOutput {
    /// Starts the thread.
    pub(super) fn start() -> io::Result<Self> {
        let (queue, items) = mpsc::sync_channel(MAX_LINES);
        let lost = Arc::default();
        let output = Self {
            queue,
            lost: Arc::clone(&lost),
        };
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || write(&items, &lost))?;
        Ok(output)
    }

    /// Waits for what has been logged, as long as the daemon's end may.
    pub(super) fn flush(&self) {
        let (written, is_written) = mpsc::sync_channel(1);
        if self.queue.try_send(Item::Written(written)).is_ok() {
            // Nobody reads: then the last words are lost, too.
            let _ = is_written.recv_timeout(LAST_WORDS);
        }
    }
}

fn write(items: &Receiver<Item>, lost: &AtomicU64) {
    for item in items {
        match item {
            // Who has closed standard error wants no log.
            Item::Line(line) => drop(io::stderr().write_all(&line)),
            Item::Written(written) => drop(written.send(())),
        }
        let lost = lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            tracing::warn!(target: "pagewire::server", lost, "lines of the log are lost: nobody read standard error");
        }
    }
}

impl<'a> MakeWriter<'a> for LogOutput {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> &'a Self {
        self
    }
}

/// A line at a time, as the log is formatted.
impl Write for &LogOutput {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.queue.try_send(Item::Line(line.to_vec())).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
