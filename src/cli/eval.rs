//! `pagewire eval`: runs code in pages and prints its value.

use super::connection::{Call, run};
use super::results::{self, Style};
use anyhow::Context;
use clap::Args;
use pagewire_client::Import;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Run code in pages and print its value.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A JavaScript expression; it may await
    #[arg(required_unless_present = "module")]
    expression: Option<String>,

    /// A module instead: its default export is called; - = standard input
    #[arg(long, value_name = "FILE", conflicts_with = "expression")]
    module: Option<PathBuf>,

    /// Print a string without its quotes
    #[arg(long, conflicts_with = "json")]
    raw: bool,

    #[command(flatten)]
    call: Call,
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
        let style = Style {
            json: arguments.call.json,
            raw: arguments.raw,
        };
        Ok(results::print(&client, &rows, style).await)
    })
}

/// A module whose default export gives the expression's value. The expression begins on the first
/// line, so that its errors name its lines, and ends its last, which may be a comment.
fn module(expression: &str) -> String {
    format!("export default async () => ({expression}\n);\n")
}

fn read(file: &Path) -> anyhow::Result<String> {
    let mut source = String::new();
    if file == Path::new("-") {
        std::io::stdin()
            .read_to_string(&mut source)
            .context("standard input cannot be read")?;
    } else {
        source = std::fs::read_to_string(file)
            .with_context(|| format!("module cannot be read: {}", file.display()))?;
    }
    Ok(source)
}
