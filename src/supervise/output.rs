//! Forwards the output of plugins to the daemon's log, line by line.

use crate::plugins::PluginRegistry;
use std::collections::VecDeque;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// Longest line that is logged in full, in bytes. Of a longer one the rest is dropped, and its size is
/// logged. Default 8 KiB.
const MAX_LINE_BYTES: usize = 8 * 1024;

/// Lines of standard error that pages see when the process cannot be kept running; earlier ones are only in the log.
/// Default 20.
const LAST_LINES: usize = 20;

/// Longest beginning of such a line, in bytes; the rest is cut off. Default 300.
const LAST_LINE_BYTES: usize = 300;

/// The last lines of an output.
#[derive(Default)]
pub(super) struct LastLines(VecDeque<String>);

impl LastLines {
    pub(super) fn add(&mut self, line: &str) {
        if self.0.len() == LAST_LINES {
            self.0.pop_front();
        }
        let end = line.floor_char_boundary(LAST_LINE_BYTES);
        self.0.push_back(line[..end].to_owned());
    }

    pub(super) fn text(&self) -> String {
        let lines: Vec<&str> = self.0.iter().map(String::as_str).collect();
        lines.join("\n")
    }
}

/// Logs every line of the output until it ends, and passes it on.
pub(super) async fn log(
    plugins: &PluginRegistry,
    slot: usize,
    output: impl AsyncRead + Unpin,
    keep: impl Fn(&str),
) {
    let log_line = |line: &Line| {
        let (plugin, text) = (plugins.slot_name(slot), line.text());
        tracing::info!(target: "pagewire::plugin", "{plugin}: {text}");
        keep(&text);
    };
    let mut output = BufReader::new(output);
    let mut line = Line::default();
    while let Ok(bytes) = output.fill_buf().await {
        if bytes.is_empty() {
            break;
        }
        let end = bytes.iter().position(|byte| *byte == b'\n');
        line.push(&bytes[..end.unwrap_or(bytes.len())]);
        let read = end.map_or(bytes.len(), |end| end + 1);
        output.consume(read);
        if end.is_some() {
            log_line(&line);
            line = Line::default();
        }
    }
    if !line.bytes.is_empty() {
        log_line(&line);
    }
}

/// A line, truncated to [`MAX_LINE_BYTES`].
#[derive(Default)]
struct Line {
    bytes: Vec<u8>,
    dropped: usize,
}

impl Line {
    fn push(&mut self, bytes: &[u8]) {
        let room = MAX_LINE_BYTES - self.bytes.len();
        let (fitting, rest) = bytes.split_at(room.min(bytes.len()));
        self.bytes.extend_from_slice(fitting);
        self.dropped += rest.len();
    }

    /// Returns the text without control characters, which could move the terminal's cursor.
    fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.bytes);
        let mut text: String = text
            .chars()
            .map(|c| if c == '\t' { ' ' } else { c })
            .filter(|c| !c.is_control())
            .collect();
        if self.dropped > 0 {
            text.push_str(&format!(" ... ({} more bytes)", self.dropped));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept_and_bounded() {
        let mut last = LastLines::default();
        for number in 0..=LAST_LINES {
            last.add(&format!("{number}{}", "x".repeat(LAST_LINE_BYTES)));
        }
        let text = last.text();
        assert!(text.starts_with("1x"), "{text}");
        assert_eq!(text.lines().count(), LAST_LINES);
        assert!(text.lines().all(|line| line.len() == LAST_LINE_BYTES));
    }

    #[test]
    fn truncates_long_lines_and_removes_control_characters() {
        let mut line = Line::default();
        line.push(b"\x1b[31ma\tb\r");
        assert_eq!(line.text(), "[31ma b");
        let mut line = Line::default();
        for _ in 0..3 {
            line.push(&[b'x'; MAX_LINE_BYTES / 2 + 1]);
        }
        let text = line.text();
        assert!(text.ends_with("x ... (4099 more bytes)"), "{}", text.len());
        assert!(text.len() < MAX_LINE_BYTES + 32);
    }
}
