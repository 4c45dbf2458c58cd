//! Line and column numbers as editors show them, and code frames: the lines around a position with a
//! caret below it.

use std::fmt::Write as _;

/// Lines shown before and after the line of the position.
const CONTEXT_LINES: usize = 2;

/// Most characters shown of a line. A longer line is cut to those around the position.
const FRAME_CHARS: usize = 100;

/// Position in a source text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LineColumn {
    /// 1-based.
    pub(super) line: u32,
    /// 1-based, in UTF-16 code units as browsers count them.
    pub(super) column: u32,
}

/// Forward-only cursor that turns byte offsets into lines and columns. It reads each byte once.
pub(super) struct LineCounter<'a> {
    source: &'a str,
    /// Lines and columns are counted up to this offset.
    counted: usize,
    /// Position of that offset.
    position: LineColumn,
}

impl<'a> LineCounter<'a> {
    pub(super) fn new(source: &'a str) -> Self {
        Self {
            source,
            counted: text_start(source),
            position: LineColumn { line: 1, column: 1 },
        }
    }

    /// Returns the position of a byte offset. Offsets must not decrease from call to call.
    pub(super) fn position(&mut self, offset: usize) -> LineColumn {
        let passed = &self.source[..offset.max(self.counted)];
        while let Some(end) = end_of_line(passed, self.counted) {
            self.position = LineColumn {
                line: self.position.line + 1,
                column: 1,
            };
            self.counted = end;
        }
        let columns = passed[self.counted..].encode_utf16().count();
        self.position.column += columns as u32;
        self.counted = passed.len();
        self.position
    }
}

/// Returns the offset of the first line, after a byte order mark.
fn text_start(source: &str) -> usize {
    source.len() - source.strip_prefix('\u{FEFF}').unwrap_or(source).len()
}

/// Returns the offset after the terminator of the line that contains `from` (ECMA-262, section 12.3).
fn end_of_line(source: &str, from: usize) -> Option<usize> {
    let rest = &source[from..];
    let at = rest.find(['\n', '\r', '\u{2028}', '\u{2029}'])?;
    let terminator = match &rest.as_bytes()[at..] {
        [b'\r', b'\n', ..] => 2,
        [b'\n' | b'\r', ..] => 1,
        _ => '\u{2028}'.len_utf8(),
    };
    Some(from + at + terminator)
}

/// Returns the lines around this byte offset, numbered, with a caret below the position.
pub(super) fn code_frame(source: &str, offset: usize) -> String {
    let mut starts = vec![text_start(source)];
    let mut lines_after = 0;
    while let Some(end) = end_of_line(source, starts[starts.len() - 1]) {
        lines_after += usize::from(end > offset);
        if lines_after > CONTEXT_LINES {
            break;
        }
        starts.push(end);
    }
    let number = starts.partition_point(|start| *start <= offset);
    let first = number.saturating_sub(CONTEXT_LINES + 1);
    let column = source[starts[number - 1]..offset].chars().count();
    let hidden = (column + FRAME_CHARS / 2).saturating_sub(FRAME_CHARS);
    let digits = starts.len().to_string().len();
    let mut frame = String::new();
    for (index, start) in starts.iter().enumerate().skip(first) {
        let end = end_of_line(source, *start).unwrap_or(source.len());
        let line = source[*start..end].trim_end_matches(['\n', '\r', '\u{2028}', '\u{2029}']);
        let shown: String = line.chars().skip(hidden).take(FRAME_CHARS).collect();
        let mark = if index + 1 == number { '>' } else { ' ' };
        let text = format!("{mark} {:>digits$} | {shown}", index + 1);
        let _ = writeln!(frame, "{}", text.trim_end());
        if index + 1 == number {
            // Tabs are repeated, so that the caret lines up with its character.
            let space: String = shown
                .chars()
                .chain(std::iter::repeat(' '))
                .take(column - hidden)
                .map(|c| if c == '\t' { '\t' } else { ' ' })
                .collect();
            let _ = writeln!(frame, "  {:digits$} | {space}^", "");
        }
    }
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_javascript_line_terminator_ends_a_line() {
        let source = "a\nb\r\nc\rd\u{2028}e\u{2029}f";
        let mut counter = LineCounter::new(source);
        for (line, name) in (1..).zip(["a", "b", "c", "d", "e", "f"]) {
            let offset = source.find(name).expect("the source contains it");
            let expected = LineColumn { line, column: 1 };
            assert_eq!(counter.position(offset), expected, "{name}");
        }
    }

    #[test]
    fn columns_count_utf_16_code_units() {
        let source = "aé😀x";
        let mut counter = LineCounter::new(source);
        for (name, column) in [("a", 1), ("é", 2), ("😀", 3), ("x", 5)] {
            let offset = source.find(name).expect("the source contains it");
            let expected = LineColumn { line: 1, column };
            assert_eq!(counter.position(offset), expected, "{name}");
        }
    }

    #[test]
    fn a_frame_shows_two_lines_before_and_after() {
        let source = "1\n2\n3\n\tx = ;\n5\n6\n7\n";
        let offset = source.find(';').expect("the source contains it");
        assert_eq!(
            code_frame(source, offset),
            "  2 | 2\n  3 | 3\n> 4 | \tx = ;\n    | \t    ^\n  5 | 5\n  6 | 6\n"
        );
    }

    #[test]
    fn a_frame_at_the_start_or_end_has_fewer_lines() {
        assert_eq!(code_frame("", 0), "> 1 |\n    | ^\n");
        assert_eq!(code_frame("a\n", 2), "  1 | a\n> 2 |\n    | ^\n");
        assert_eq!(code_frame("a\r\nb", 1), "> 1 | a\n    |  ^\n  2 | b\n");
    }

    #[test]
    fn long_lines_are_cut_to_the_part_around_the_position() {
        let source = format!("short\n{}!{}", "é".repeat(5000), "b".repeat(5000));
        let offset = source.find('!').expect("the source contains it");
        let frame = code_frame(&source, offset);
        let lines: Vec<&str> = frame.lines().collect();
        assert_eq!(lines[0], "  1 |");
        assert_eq!(
            lines[1],
            format!("> 2 | {}!{}", "é".repeat(50), "b".repeat(49))
        );
        assert_eq!(lines[2], format!("    | {}^", " ".repeat(50)));
    }
}
