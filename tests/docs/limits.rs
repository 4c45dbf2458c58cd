//! The table of limits: its constants and tests exist, and its values are those of the constants.

use super::markdown::{package, pages};
use super::none;
use std::fs;
use std::path::{Path, PathBuf};

/// Row of a table in `docs/limits.md`.
struct Row {
    what: String,
    limit: String,
    constants: Vec<String>,
    tests: Vec<String>,
}

fn rows() -> Vec<Row> {
    let page = pages()
        .into_iter()
        .find(|page| page.path.ends_with("docs/limits.md"));
    let names = |cell: &str| -> Vec<String> {
        let names = cell.split(", ").map(|name| name.trim_matches('`'));
        names.map(str::to_owned).collect()
    };
    let row = |line: &str| {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let [_, what, limit, constants, _, tests, _] = cells[..] else {
            return None;
        };
        tests.starts_with('`').then(|| Row {
            what: what.to_owned(),
            limit: limit.to_owned(),
            constants: names(constants),
            tests: names(tests),
        })
    };
    let text = page.expect("the page").text;
    let rows: Vec<_> = text.lines().filter_map(row).collect();
    assert!(rows.len() > 40, "the rows have been found");
    rows
}

/// Adds the texts of all Rust files below a folder.
fn add_sources(folder: &Path, sources: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            add_sources(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("text");
            sources.push((path, text));
        }
    }
}

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut sources = Vec::new();
    add_sources(&package().join(folder), &mut sources);
    sources
}

#[test]
fn limits_name_their_constants_and_the_tests_that_hold_them() {
    let daemon = sources("src");
    let tests = sources("tests");
    let mut faults = Vec::new();
    for row in rows() {
        let Row { what, .. } = &row;
        for constant in &row.constants {
            let count: usize = daemon
                .iter()
                .map(|(_, text)| text.matches(&format!("const {constant}: ")).count())
                .sum();
            if count != 1 {
                faults.push(format!("{what}: there are {count} constants {constant}"));
            }
        }
        for test in &row.tests {
            let is_in = |(_, text): &(PathBuf, String)| {
                text.contains(&format!("fn {test}(")) || text.contains(&format!("fn {test}<"))
            };
            if !daemon.iter().chain(&tests).any(is_in) {
                faults.push(format!("{what}: there is no test {test}"));
            }
        }
    }
    none(&faults);
}

#[test]
fn limits_have_the_values_of_their_constants() {
    let daemon = sources("src");
    let mut compared = 0;
    let mut faults = Vec::new();
    for row in rows() {
        for constant in &row.constants {
            let definition = format!("const {constant}: ");
            let Some((_, text)) = daemon.iter().find(|(_, text)| text.contains(&definition)) else {
                continue;
            };
            let value = Value::of(constant, text);
            let Some(value) = value.map(|value| value.to_string()) else {
                continue;
            };
            compared += 1;
            if !has_word(&row.limit, &value) {
                faults.push(format!(
                    "{}: the limit is {}, and {constant} is {value}",
                    row.what, row.limit
                ));
            }
        }
    }
    assert!(compared > 50, "{compared} values have been compared");
    none(&faults);
}

#[test]
fn values_of_constants_are_read_from_their_definitions() {
    let text = "
        const A_BYTES: usize = 3 * 1024 * 1024 - 256 * 1024;
        const B: u32 = 1 << 20;
        pub(crate) const C: usize = B as usize;
        const D: Duration = Duration::from_mins(1);
        const E_BYTES: u64 =
            64 * A_LINE_BYTES;
        const A_LINE_BYTES: usize = 1_024;
        const F: Duration = Duration::from_hours(365 * 24);
        const G: Duration = Duration::from_millis(1500);
        const H: usize = computed();
    ";
    let value = |name| Value::of(name, text).map(|value| value.to_string());
    for (name, expected) in [
        ("A_BYTES", "2.75 MiB"),
        ("B", "1,048,576"),
        ("C", "1,048,576"),
        ("D", "60 s"),
        ("E_BYTES", "64 KiB"),
        ("F", "365 days"),
        ("G", "1500 ms"),
    ] {
        assert_eq!(value(name).as_deref(), Some(expected), "{name}");
    }
    assert_eq!(value("H"), None);
    assert!(has_word("64 KiB, twice", "64 KiB"));
    assert!(!has_word("164 KiB", "64 KiB") && !has_word("1,064", "64"));
    assert!(!has_word("64 KiB", "64 K") && !has_word("64,000", "64"));
}

/// Whether a text contains a value that is not a part of another one.
fn has_word(text: &str, value: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, ',' | '.');
    text.match_indices(value).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + value.len()..]);
        // A comma or full stop ends a value unless a digit follows it.
        let mut after = after.chars();
        let continues = match after.next() {
            Some(',' | '.') => after.next().is_some_and(char::is_numeric),
            next => next.is_some_and(char::is_alphanumeric),
        };
        !before.ends_with(is_part) && !continues
    })
}

/// Value of a constant, in the notation of the documentation.
enum Value {
    Number(u128),
    Bytes(u128),
    Milliseconds(u128),
}

impl Value {
    /// Reads a constant from the file that defines it; none if the expression is not a simple one.
    fn of(constant: &str, file: &str) -> Option<Self> {
        let (_, definition) = file.split_once(&format!("const {constant}: "))?;
        let (kind, expression) = definition.split_once('=')?;
        let (expression, _) = expression.split_once(';')?;
        if kind.trim() != "Duration" {
            let number = number(expression, file)?;
            let is_size = constant.ends_with("_BYTES");
            return Some(if is_size { Self::Bytes } else { Self::Number }(number));
        }
        let call = expression.trim().strip_prefix("Duration::from_")?;
        let (unit, argument) = call.strip_suffix(')')?.split_once('(')?;
        let milliseconds = match unit {
            "millis" => 1,
            "secs" => 1000,
            "mins" => 60 * 1000,
            "hours" => 60 * 60 * 1000,
            _ => return None,
        };
        Some(Self::Milliseconds(number(argument, file)? * milliseconds))
    }
}

/// Returns none if the result is out of range.
type Operation = fn(u128, u128) -> Option<u128>;

/// Evaluates differences and sums of products of numbers and of constants in the same file.
fn number(expression: &str, file: &str) -> Option<u128> {
    let operation = |(operator, apply): (&str, Operation)| {
        let (left, right) = expression.rsplit_once(operator)?;
        Some((left, right, apply))
    };
    let operators: [(&str, Operation); 4] = [
        (" << ", |a, b| a.checked_shl(b.try_into().ok()?)),
        (" + ", u128::checked_add),
        (" - ", u128::checked_sub),
        (" * ", u128::checked_mul),
    ];
    if let Some((left, right, apply)) = operators.into_iter().find_map(operation) {
        return apply(number(left, file)?, number(right, file)?);
    }
    let operand = expression.trim().split(" as ").next()?;
    if let Ok(literal) = operand.replace('_', "").parse() {
        return Some(literal);
    }
    match Value::of(operand, file)? {
        Value::Number(number) | Value::Bytes(number) => Some(number),
        Value::Milliseconds(_) => None,
    }
}

impl std::fmt::Display for Value {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Self::Number(number) => {
                let digits = number.to_string();
                for (index, digit) in digits.chars().enumerate() {
                    if index > 0 && (digits.len() - index).is_multiple_of(3) {
                        write!(out, ",")?;
                    }
                    write!(out, "{digit}")?;
                }
                Ok(())
            }
            Self::Bytes(bytes) => {
                let units = [("GiB", 30_u32), ("MiB", 20), ("KiB", 10)];
                match units.into_iter().find(|(_, shift)| bytes >> shift > 0) {
                    Some((unit, shift)) => {
                        let hundredths = (bytes * 100) >> shift;
                        let size = format!("{}.{:02}", hundredths / 100, hundredths % 100);
                        let size = size.trim_end_matches('0').trim_end_matches('.');
                        write!(out, "{size} {unit}")
                    }
                    None => write!(out, "{bytes} B"),
                }
            }
            Self::Milliseconds(time) => match (time % 1000, time % (24 * 60 * 60 * 1000)) {
                (_, 0) => write!(out, "{} days", time / (24 * 60 * 60 * 1000)),
                (0, _) => write!(out, "{} s", time / 1000),
                _ => write!(out, "{time} ms"),
            },
        }
    }
}
