//! Writes the log to standard error. Lines wait in a bounded queue for the thread that writes them, so
//! a reader that has stopped reading delays nothing but the log.

use super::log_file::LogFile;
use super::untrusted::{Escaping, json_line};
use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use std::time::Duration;
use tracing::field::Field;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::fmt::{FormatFields, MakeWriter};

/// Lines that wait for the reader of standard error, by number and by bytes. Further ones are dropped, and
/// the number of dropped lines is logged once there is room. Default 4,096 and 4 MiB.
const MAX_LINES: usize = 4096;
const MAX_WAITING_BYTES: usize = 4 * 1024 * 1024;

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
    counters: Arc<Counters>,
}

#[derive(Default)]
struct Counters {
    /// Bytes of the lines that wait.
    waiting: AtomicUsize,
    dropped: AtomicU64,
}

thread_local! {
    /// Set in the writing thread: where its lines go.
    static SINK: RefCell<Option<Sink>> = const { RefCell::new(None) };
}

/// Destination of the lines.
enum Sink {
    StandardError,
    File(LogFile),
}

impl LogOutput {
    /// Starts the writing thread. Without a file it writes to standard error.
    pub(super) fn start(file: Option<LogFile>) -> io::Result<Self> {
        let (queue, items) = mpsc::sync_channel(MAX_LINES);
        let counters = Arc::default();
        let output = Self {
            queue,
            counters: Arc::clone(&counters),
        };
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || {
                SINK.set(Some(file.map_or(Sink::StandardError, Sink::File)));
                write(&items, &counters);
            })?;
        Ok(output)
    }

    /// Enqueues a line. Returns false if there is no room.
    fn enqueue(&self, line: &[u8]) -> bool {
        let waiting = self
            .counters
            .waiting
            .fetch_add(line.len(), Ordering::Relaxed);
        let has_room = waiting == 0 || waiting + line.len() <= MAX_WAITING_BYTES;
        let is_queued = has_room && self.queue.try_send(Item::Line(line.to_vec())).is_ok();
        if !is_queued {
            self.counters
                .waiting
                .fetch_sub(line.len(), Ordering::Relaxed);
        }
        is_queued
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

fn write(items: &Receiver<Item>, counters: &Counters) {
    for item in items {
        match item {
            Item::Line(line) => {
                make_room(&line);
                let written = write_now(&line);
                counters.waiting.fetch_sub(line.len(), Ordering::Relaxed);
                if let Some(Err(_)) = written {
                    // Reported by the first line that can be written again.
                    counters.dropped.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
            }
            Item::Flush(done) => drop(done.send(())),
        }
        let dropped = counters.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            tracing::warn!(target: "pagewire::server", dropped, "dropped log lines: they are not being read, or not as fast as they are logged, or the disk was full");
        }
    }
}

/// Writes a line, if this is the writing thread. Its own lines are about the others and do not wait.
fn write_now(line: &[u8]) -> Option<io::Result<()>> {
    SINK.with_borrow_mut(|sink| match sink {
        None => None,
        Some(Sink::StandardError) => Some(io::stderr().write_all(line)),
        Some(Sink::File(file)) => Some(file.write(line)),
    })
}

/// Makes room for a line in the log file, and logs what has become of the earlier lines.
fn make_room(line: &[u8]) {
    let moved = SINK.with_borrow_mut(|sink| match sink {
        Some(Sink::File(file)) => file.make_room(line),
        _ => None,
    });
    match moved {
        None => {}
        Some(Ok(file)) => {
            tracing::warn!(target: "pagewire::server", file = %file.display(), "the log file was full: its lines have been moved");
        }
        Some(Err(error)) => {
            tracing::warn!(target: "pagewire::server", %error, "the log file was full: its lines have been removed, because they could not be moved");
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
        let is_lost = match write_now(line) {
            Some(written) => written.is_err(),
            None => !self.enqueue(line),
        };
        if is_lost {
            self.counters.dropped.fetch_add(1, Ordering::Relaxed);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_lines_are_bounded_by_their_bytes_and_the_others_are_counted() {
        let (queue, items) = mpsc::sync_channel(MAX_LINES);
        let counters = Arc::<Counters>::default();
        let output = LogOutput {
            queue,
            counters: Arc::clone(&counters),
        };
        let line = vec![b'x'; MAX_WAITING_BYTES / 4];
        for _ in 0..7 {
            (&output).write_all(&line).unwrap();
        }
        assert_eq!(counters.dropped.load(Ordering::Relaxed), 3);
        assert_eq!(items.try_iter().count(), 4);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn lines_that_cannot_be_written_are_counted_until_one_can_be() {
        let (queue, items) = mpsc::sync_channel(MAX_LINES);
        let counters = Arc::<Counters>::default();
        for line in ["one\n", "two\n", "three\n"] {
            let line = line.as_bytes().to_vec();
            queue.send(Item::Line(line)).unwrap();
        }
        drop(queue);
        let full = std::fs::File::options().append(true).open("/dev/full");
        let log = LogFile::new(full.unwrap(), "/dev/full".into());
        SINK.set(Some(Sink::File(log)));
        counters.waiting.store(14, Ordering::Relaxed);
        write(&items, &counters);
        SINK.set(None);
        assert_eq!(counters.dropped.load(Ordering::Relaxed), 3);
        assert_eq!(counters.waiting.load(Ordering::Relaxed), 0);
    }
}
