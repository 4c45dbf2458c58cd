//! `pagewire eval`: evaluates code in pages and prints its value.

use super::args::CallArgs;
use super::connection::run;
use super::results::{self, Format};
use anyhow::Context;
use clap::Args;
use pagewire_client::Import;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Evaluate code in pages and print its value.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A JavaScript expression; may use await
    #[arg(required_unless_present = "module")]
    expression: Option<String>,

    /// Call the default export of this module instead; - reads standard input
    #[arg(long, value_name = "FILE", conflicts_with = "expression")]
    module: Option<PathBuf>,

    /// Print strings without quotes
    #[arg(long, conflicts_with = "json")]
    raw: bool,

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
        let rows = client
            .import_value(&arguments.call.pages.target(), import)
            .await?
            .rows;
        let format = Format {
            json: arguments.call.json,
            raw: arguments.raw,
        };
        Ok(results::print(&client, &rows, format).await)
    })
}

/// Returns a module whose default export evaluates the expression. The expression begins on the first
/// line, so that line numbers in errors are right, and ends with a line break in case its last line is
/// a comment.
fn module(expression: &str) -> String {
    format!("export default async () => ({expression}\n);\n")
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
