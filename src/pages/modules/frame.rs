//! Places in a source as people and editors count them, and the lines around one.

use std::fmt::Write as _;

/// How many lines stand before and behind the line in question.
const CONTEXT_LINES: usize = 2;

/// How many characters of a line are shown at most. Of longer ones, those around the place are.
const FRAME_CHARS: usize = 100;

/// Where something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// From 1.
    pub(super) line: u32,
    /// From 1, in UTF-16 code units as browsers count them.
    pub(super) column: u32,
}

/// Counts the lines of a source, onwards only.
pub(super) struct Places<'a> {
    source: &'a str,
    line: u32,
    line_start: usize,
    /// Until here lines are counted.
    counted: usize,
}

impl<'a> Places<'a> {
    pub(super) fn new(source: &'a str) -> Self {
        Self {
            source,
            line: 1,
            line_start: begin(source),
            counted: begin(source),
        }
    }

    /// The place of a byte of the source, which no earlier one is asked for behind.
    pub(super) fn place(&mut self, offset: usize) -> Place {
        while let Some(end) = end_of_line(self.source, self.counted).filter(|end| *end <= offset) {
            self.line += 1;
            self.line_start = end;
            self.counted = end;
        }
        self.counted = self.counted.max(offset);
        let before = &self.source[self.line_start..offset];
        Place {
            line: self.line,
            column: 1 + before.encode_utf16().count() as u32,
        }
    }
}

/// Where the first line begins: a byte order mark is not in it.
fn begin(source: &str) -> usize {
    source.len() - source.strip_prefix('\u{FEFF}').unwrap_or(source).len()
}

/// Where the line that `from` stands in is over, its terminator included (ECMA-262, section 12.3).
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

/// The lines around this byte, with their numbers and a caret below the place.
pub(super) fn frame(source: &str, offset: usize) -> String {
    let mut starts = vec![begin(source)];
    let mut behind = 0;
    while let Some(end) = end_of_line(source, starts[starts.len() - 1]) {
        behind += usize::from(end > offset);
        if behind > CONTEXT_LINES {
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
            // A tab stays one, so that the caret stands below its character.
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
    fn every_line_terminator_of_javascript_ends_a_line() {
        let source = "a\nb\r\nc\rd\u{2028}e\u{2029}f";
        let mut places = Places::new(source);
        for (line, name) in (1..).zip(["a", "b", "c", "d", "e", "f"]) {
            let offset = source.find(name).expect("it is there");
            assert_eq!(places.place(offset), Place { line, column: 1 }, "{name}");
        }
    }

    #[test]
    fn columns_are_utf_16_code_units() {
        let source = "aé😀x";
        let mut places = Places::new(source);
        for (name, column) in [("a", 1), ("é", 2), ("😀", 3), ("x", 5)] {
            let offset = source.find(name).expect("it is there");
            assert_eq!(places.place(offset), Place { line: 1, column }, "{name}");
        }
    }

    #[test]
    fn a_frame_shows_two_lines_before_and_behind() {
        let source = "1\n2\n3\n\tx = ;\n5\n6\n7\n";
        let offset = source.find(';').expect("it is there");
        assert_eq!(
            frame(source, offset),
            "  2 | 2\n  3 | 3\n> 4 | \tx = ;\n    | \t    ^\n  5 | 5\n  6 | 6\n"
        );
    }

    #[test]
    fn a_frame_fits_the_beginning_and_the_end() {
        assert_eq!(frame("", 0), "> 1 |\n    | ^\n");
        assert_eq!(frame("a\n", 2), "  1 | a\n> 2 |\n    | ^\n");
        assert_eq!(frame("a\r\nb", 1), "> 1 | a\n    |  ^\n  2 | b\n");
    }

    #[test]
    fn of_long_lines_a_frame_shows_what_is_around_the_place() {
        let source = format!("short\n{}!{}", "é".repeat(5000), "b".repeat(5000));
        let offset = source.find('!').expect("it is there");
        let frame = frame(&source, offset);
        let lines: Vec<&str> = frame.lines().collect();
        assert_eq!(lines[0], "  1 |");
        assert_eq!(
            lines[1],
            format!("> 2 | {}!{}", "é".repeat(50), "b".repeat(49))
        );
        assert_eq!(lines[2], format!("    | {}^", " ".repeat(50)));
    }
}
