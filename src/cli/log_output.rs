//! Writes the log to standard error. Lines wait in a bounded queue for the thread that writes them, so
//! a reader that has stopped reading delays nothing but the log.

use super::untrusted::{Escaping, json_line};
use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use std::time::Duration;
use tracing::field::Field;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::fmt::{FormatFields, MakeWriter};

/// Lines that wait for the reader of standard error. Further ones are dropped, and the number of
/// dropped lines is logged once there is room. Default 4,096.
const MAX_LINES: usize = 4096;

/// Time to flush the queue when the daemon exits. Default 1 s.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

enum Item {
    Line(Vec<u8>),
    /// Requests a notification once everything before it is written.
    Flush(SyncSender<()>),
}

/// Handle of the log queue; clones share one queue.
#[derive(Clone)]
pub(super) struct LogOutput {
    queue: SyncSender<Item>,
    dropped: Arc<AtomicU64>,
}

impl LogOutput {
    /// Starts the writing thread.
    pub(super) fn start() -> io::Result<Self> {
        let (queue, items) = mpsc::sync_channel(MAX_LINES);
        let dropped = Arc::default();
        let output = Self {
            queue,
            dropped: Arc::clone(&dropped),
        };
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || write(&items, &dropped))?;
        Ok(output)
    }

    /// Waits until the queued lines are written, up to [`FLUSH_TIMEOUT`].
    pub(super) fn flush(&self) {
        let (done, is_done) = mpsc::sync_channel(1);
        if self.queue.try_send(Item::Flush(done)).is_ok() {
            // On a timeout the remaining lines are lost.
            let _ = is_done.recv_timeout(FLUSH_TIMEOUT);
        }
    }
}

fn write(items: &Receiver<Item>, dropped: &AtomicU64) {
    for item in items {
        match item {
            // An error means that standard error is closed, so nothing reads the log.
            Item::Line(line) => drop(io::stderr().write_all(&line)),
            Item::Flush(done) => drop(done.send(())),
        }
        let dropped = dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            tracing::warn!(target: "pagewire::server", dropped, "dropped log lines: standard error is not being read");
        }
    }
}

impl<'a> MakeWriter<'a> for LogOutput {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> &'a Self {
        self
    }
}

/// Enqueues one line per call: the formatter writes whole lines.
impl Write for &LogOutput {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.queue.try_send(Item::Line(line.to_vec())).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Formatter of the fields of a text line. It formats like the default one, but escapes values: a file
/// name or the text of a page must not control the terminal or begin a line of its own.
pub(super) fn escaped_fields() -> impl for<'w> FormatFields<'w> + 'static {
    debug_fn(format_field).delimited(" ")
}

fn format_field(writer: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
    if field.name() != "message" {
        let name = field.name().trim_start_matches("r#");
        if writer.has_ansi_escapes() {
            write!(writer, "\x1b[3m{name}\x1b[0m\x1b[2m=\x1b[0m")?;
        } else {
            write!(writer, "{name}=")?;
        }
    }
    write!(Escaping(writer), "{value:?}")
}

/// The log queue for JSON lines. JSON escapes the control characters of C0 only; the others are escaped
/// here.
pub(super) struct JsonLogOutput(pub(super) LogOutput);

impl<'a> MakeWriter<'a> for JsonLogOutput {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> &'a Self {
        self
    }
}

impl Write for &JsonLogOutput {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let escaped = json_line(text.trim_end());
        (&self.0).write_all(format!("{escaped}\n").as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
