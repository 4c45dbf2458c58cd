//! What a plugin prints, in the daemon's log.

use crate::plugins::PluginRegistry;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// How much of a line is logged, in bytes; the rest is left out, which is said. Default 8 KiB.
const MAX_LINE_BYTES: usize = 8 * 1024;

/// Logs every line until the end of the output.
pub(super) async fn log(plugins: &PluginRegistry, slot: usize, output: impl AsyncRead + Unpin) {
    let say = |line: &Line| {
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
            say(&line);
            line = Line::default();
        }
    }
    if !line.begin.is_empty() {
        say(&line);
    }
}

/// A line, or what is kept of it.
#[derive(Default)]
struct Line {
    begin: Vec<u8>,
    left_out: usize,
}

impl Line {
    fn push(&mut self, bytes: &[u8]) {
        let room = MAX_LINE_BYTES - self.begin.len();
        let (kept, left_out) = bytes.split_at(room.min(bytes.len()));
        self.begin.extend_from_slice(kept);
        self.left_out += left_out.len();
    }

    /// Without what would move the terminal's cursor.
    fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.begin);
        let mut text: String = text
            .chars()
            .map(|c| if c == '\t' { ' ' } else { c })
            .filter(|c| !c.is_control())
            .collect();
        if self.left_out > 0 {
            text.push_str(&format!(" ... ({} bytes more)", self.left_out));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_cut_and_control_characters_go() {
        let mut line = Line::default();
        line.push(b"\x1b[31ma\tb\r");
        assert_eq!(line.text(), "[31ma b");
        let mut line = Line::default();
        for _ in 0..3 {
            line.push(&[b'x'; MAX_LINE_BYTES / 2 + 1]);
        }
        let text = line.text();
        assert!(text.ends_with("x ... (4099 bytes more)"), "{}", text.len());
        assert!(text.len() < MAX_LINE_BYTES + 32);
    }
}
