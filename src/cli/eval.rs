//! `pagewire eval`: evaluates code in pages and prints its value.

use super::args::CallArgs;
use super::connection::run;
use super::exit::Outcome;
use super::results::{self, Format};
use crate::message::CODE_PATH;
use anyhow::Context;
use clap::Args;
use pagewire_client::{Import, ImportError, ImportRow, JsException, JsValue};
use regex::{Captures, Regex};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::LazyLock;

/// Name of an expression in the positions of errors, if it is from no file.
const EXPRESSION: &str = "expression";

/// Evaluate code in pages and print its value.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A JavaScript expression; may use await
    #[arg(required_unless_present = "module")]
    expression: Option<String>,

    /// Call the default export of this module instead; - reads standard input
    #[arg(long, value_name = "FILE", conflicts_with = "expression")]
    module: Option<PathBuf>,

    /// Exit with code 1 if the value is not truthy in every page
    #[arg(long)]
    assert: bool,

    /// Print strings without quotes
    #[arg(long, conflicts_with = "json")]
    raw: bool,

    /// The file that the expression is from, for the positions in errors
    #[arg(long, value_name = "FILE", conflicts_with = "module")]
    source_url: Option<String>,

    /// The line of that file that the expression begins in
    #[arg(long, value_name = "N", default_value_t = 1, requires = "source_url")]
    line: u32,

    #[command(flatten)]
    call: CallArgs,
}

pub(super) fn main(arguments: &Arguments) -> ExitCode {
    run(&arguments.call.daemon, |client| async move {
        let source = match (&arguments.module, &arguments.expression) {
            (Some(file), _) => read(file)?,
            (None, expression) => module(expression.as_deref().unwrap_or_default()),
        };
        let mut import = Import::code(source);
        if let Some(timeout) = arguments.call.daemon.timeout {
            import = import.timeout(timeout);
        }
        let mut rows = client
            .import_value(&arguments.call.pages.target(), import)
            .await?
            .rows;
        if arguments.module.is_none() {
            let source_url = arguments.source_url.as_deref().unwrap_or(EXPRESSION);
            for row in &mut rows {
                if let Err(ImportError::Exception(thrown)) = &mut row.outcome {
                    map_positions(thrown, source_url, arguments.line);
                }
            }
        }
        let format = Format {
            json: arguments.call.json,
            raw: arguments.raw,
        };
        let outcome = results::print(&client, &rows, format).await;
        if arguments.assert && outcome == Outcome::Done && !rows.iter().all(is_truthy) {
            eprintln!("the assertion failed: the value is not truthy");
            return Ok(Outcome::PageFailed);
        }
        Ok(outcome)
    })
}

/// A line of a program's code in a stack trace.
static CODE_POSITION: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = format!(r"[a-z]+://[^\s()]*?{CODE_PATH}[^\s():]*:(\d+)");
    Regex::new(&pattern).expect("the pattern is valid")
});

/// Lines before the expression in its module.
const LINES_BEFORE: u32 = 1;

/// Returns a module whose default export evaluates the expression. The expression is on lines of its own:
/// columns in errors are right, and its last line may be a comment.
fn module(expression: &str) -> String {
    format!("export default async () => (\n{expression}\n);\n")
}

/// Makes the positions in an exception those in the caller's source.
fn map_positions(thrown: &mut JsException, source_url: &str, first_line: u32) {
    let map_line = |line: u32| match line {
        // Unknown.
        0 => 0,
        line => first_line.saturating_add(line.saturating_sub(LINES_BEFORE + 1)),
    };
    if thrown.url.contains(CODE_PATH) {
        source_url.clone_into(&mut thrown.url);
        thrown.line = map_line(thrown.line);
    }
    let mapped = CODE_POSITION.replace_all(&thrown.stack, |found: &Captures<'_>| {
        let line = found[1].parse().map_or(0, map_line);
        format!("{source_url}:{line}")
    });
    thrown.stack = mapped.into_owned();
}

/// Whether a value counts as true (ECMA-262, section 7.1.2).
fn is_truthy(row: &ImportRow) -> bool {
    match &row.outcome {
        Ok(JsValue::Json(text)) => !matches!(text.as_str(), "false" | "null" | "0" | "\"\""),
        Ok(JsValue::Unserializable(text)) => !matches!(text.as_str(), "NaN" | "-0" | "0n"),
        Ok(JsValue::Undefined) | Err(_) => false,
        Ok(_) => true,
    }
}

fn read(file: &Path) -> anyhow::Result<String> {
    let mut source = String::new();
    if file == Path::new("-") {
        std::io::stdin()
            .read_to_string(&mut source)
            .context("cannot read standard input")?;
    } else {
        source = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read the module: {}", file.display()))?;
    }
    Ok(source)
}
