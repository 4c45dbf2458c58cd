//! Layout rules of the repository, checked by reading its files.

mod circles;
mod floors;
mod rules;

use std::fs;
use std::path::{Path, PathBuf};

/// Rust source file.
struct Source {
    /// Relative to the package.
    path: String,
    /// The top-level module of `src` it belongs to; empty for `lib.rs`, which only lists them.
    module: String,
    text: String,
    /// The text without comments.
    code: String,
}

fn package() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Collects all files below a folder, without build output, installed packages and git's own files.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str());
        let is_skipped = |name: &str| {
            let is_read = [".ci", ".github"].contains(&name);
            let is_hidden = name.starts_with('.') && path.is_dir() && !is_read;
            is_hidden || ["target", "node_modules", ".git"].contains(&name)
        };
        if path.is_symlink() || name.is_some_and(is_skipped) {
            continue;
        }
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

fn relative(path: &Path) -> String {
    let relative = path.strip_prefix(package()).expect("a file of the package");
    relative.to_string_lossy().replace('\\', "/")
}

/// Returns the Rust files below a folder of the package.
fn rust_files(folder: &str) -> Vec<Source> {
    let mut found = Vec::new();
    files(&package().join(folder), &mut found);
    let mut sources: Vec<Source> = found
        .iter()
        .filter(|path| path.extension().is_some_and(|ending| ending == "rs"))
        .map(|path| {
            let text = fs::read_to_string(path).expect("UTF-8");
            let path = relative(path);
            let module = path
                .trim_start_matches("src/")
                .split(['/', '.'])
                .next()
                .filter(|module| *module != "lib")
                .unwrap_or_default()
                .to_owned();
            let code = without_comments(&text);
            Source {
                path,
                module,
                text,
                code,
            }
        })
        .collect();
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}

/// Returns the files of `src`.
fn sources() -> Vec<Source> {
    let sources = rust_files("src");
    assert!(sources.len() > 20, "src was not found");
    sources
}

/// Removes line comments; the `//` in `://` does not begin one.
fn without_comments(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let comment = line
            .match_indices("//")
            .find(|(at, _)| !line[..*at].ends_with(':'));
        comment.map_or(line, |(at, _)| &line[..at])
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[track_caller]
fn assert_none(faults: &[String], remedy: &str) {
    assert!(
        faults.is_empty(),
        "\n  {}\n\n{remedy}\n",
        faults.join("\n  ")
    );
}
