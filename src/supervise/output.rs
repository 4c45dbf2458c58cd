//! Forwards the output of plugins to the daemon's log, line by line.

use crate::plugins::PluginRegistry;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// Longest line that is logged in full, in bytes. Of a longer one the rest is dropped, and its size is
/// logged. Default 8 KiB.
const MAX_LINE_BYTES: usize = 8 * 1024;

/// Logs every line of the output until it ends.
pub(super) async fn log(plugins: &PluginRegistry, slot: usize, output: impl AsyncRead + Unpin) {
    let log_line = |line: &Line| {
        let plugin = plugins.slot_name(slot);
        tracing::info!(target: "pagewire::plugin", "{plugin}: {}", line.text());
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
