//! Text of pages, plugins and file names, made safe for terminals and for the log. It must neither control
//! the terminal, nor begin a line that looks like another entry, nor reorder the text around it.

use std::borrow::Cow;
use std::fmt::{self, Write};

/// Whether this is a control character (C0, DEL, C1), a line separator, or a mark that reorders text.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Writer that replaces unsafe characters by escape sequences of Rust: `\n`, `\u{1b}`.
pub(super) struct Escaping<W>(pub(super) W);

impl<W: Write> Write for Escaping<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for part in text.split_inclusive(is_unsafe) {
            let mut chars = part.chars();
            match chars.next_back().filter(|last| is_unsafe(*last)) {
                Some(last) => write!(self.0, "{}{}", chars.as_str(), last.escape_default())?,
                None => self.0.write_str(part)?,
            }
        }
        Ok(())
    }
}

/// Returns text on one line, with unsafe characters replaced by escape sequences.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    Escaping(&mut escaped)
        .write_str(text)
        .expect("a string can always be written to");
    escaped
}

/// Returns text without unsafe characters, except tabs and the ends of lines.
pub(super) fn plain(text: &str) -> String {
    text.chars()
        .filter(|c| !is_unsafe(*c) || matches!(c, '\n' | '\t'))
        .collect()
}

/// Returns text without unsafe characters, on one line.
pub(super) fn plain_line(text: &str) -> String {
    text.chars().filter(|c| !is_unsafe(*c)).collect()
}

/// Returns the same JSON value on one line, with unsafe characters in strings escaped. Those of C0 already
/// are, since JSON requires it; outside strings they are spaces.
pub(super) fn json_line(json: &str) -> Cow<'_, str> {
    if !json.contains(is_unsafe) {
        return json.into();
    }
    let mut line = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '\n' | '\r' | '\t' => line.push(' '),
            c if is_unsafe(c) => line.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => line.push(c),
        }
    }
    line.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const UNSAFE: &str = "a\u{1b}[2J\nb\r\u{7f}\u{9b}31m\u{202e}\u{2066}\u{2028}c";

    #[test]
    fn unsafe_characters_are_visible_in_the_log() {
        assert_eq!(
            escaped(UNSAFE),
            r"a\u{1b}[2J\nb\r\u{7f}\u{9b}31m\u{202e}\u{2066}\u{2028}c"
        );
        assert_eq!(
            escaped("caf\u{e9} \u{5e9}\u{1f600}"),
            "caf\u{e9} \u{5e9}\u{1f600}"
        );
        assert_eq!(escaped(""), "");
    }

    #[test]
    fn plain_text_keeps_its_lines_and_nothing_else_that_controls_a_terminal() {
        assert_eq!(plain(UNSAFE), "a[2J\nb31mc");
        assert_eq!(plain_line(UNSAFE), "a[2Jb31mc");
    }

    #[test]
    fn a_line_of_json_has_the_same_value() {
        let value = json!({ UNSAFE: [UNSAFE, 1] });
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        let line = json_line(&pretty);
        assert!(!line.contains(is_unsafe), "{line}");
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), value);
    }
}
