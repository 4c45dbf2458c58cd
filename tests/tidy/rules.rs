//! Rules about the content of every file.

use super::{assert_none, files, is_name, package, relative, rust_files, sources};
use std::fs;

const MAX_FILE_LINES: usize = 500;

#[test]
fn the_source_has_no_unfinished_or_unsafe_code() {
    let words = [
        concat!("uns", "afe "),
        concat!("to", "do!"),
        concat!("unimpl", "emented!"),
        concat!("d", "bg!"),
    ];
    let mut faults = Vec::new();
    for source in sources() {
        for (number, line) in source.code.lines().enumerate() {
            for word in words {
                let found = line
                    .match_indices(word)
                    .any(|(at, _)| !line[..at].ends_with(is_name));
                if found {
                    let word = word.trim();
                    faults.push(format!("{}:{}: {word}", source.path, number + 1));
                }
            }
        }
    }
    assert_none(
        &faults,
        "Finish it, or return UNIMPLEMENTED with a message; use a crate with a safe interface.",
    );
}

#[test]
fn every_file_begins_with_its_purpose_and_stays_short() {
    let mut faults = Vec::new();
    let folders = ["src", "tests", "benches", "clients/rust", "examples"];
    for source in folders.into_iter().flat_map(rust_files) {
        let states_purpose = source
            .text
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("//! "))
            .is_some_and(|text| !text.trim().is_empty());
        if !states_purpose {
            faults.push(format!("{} does not begin with a //! comment", source.path));
        }
        let lines = source.text.lines().count();
        if lines > MAX_FILE_LINES {
            faults.push(format!("{} has {lines} lines", source.path));
        }
    }
    assert_none(
        &faults,
        "Begin the file with a line about its purpose. Split a file of more than 500 lines by subject.",
    );
}

#[test]
fn no_test_sleeps() {
    let word = concat!("sle", "ep(");
    let tests = package().join("tests");
    let mut found = Vec::new();
    files(&tests, &mut found);
    let mut read = 0;
    let mut faults = Vec::new();
    for path in found {
        let relative_path = relative(&path);
        let in_scope = !["tests/conformance/", "tests/languages/", "tests/backends/"]
            .iter()
            .any(|folder| relative_path.starts_with(folder));
        let is_code = path
            .extension()
            .and_then(|ending| ending.to_str())
            .is_some_and(|ending| matches!(ending, "rs" | "js" | "mjs" | "ts"));
        if !in_scope || !is_code {
            continue;
        }
        read += 1;
        let text = fs::read_to_string(&path).expect("UTF-8");
        for (number, line) in text.lines().enumerate() {
            if line.contains(word) {
                faults.push(format!("{relative_path}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(read > 5, "the tests were not found");
    assert_none(
        &faults,
        "Wait for the event itself, under support::within, which names what it waits for.",
    );
}

#[test]
fn no_file_contains_paths_or_registries_of_the_build_machine() {
    // Split in two, so that this file does not contain them.
    let words = [
        concat!("/wo", "rk/"),
        concat!("/ro", "ot/"),
        concat!("registry.npm", "js.org"),
        concat!("\"resol", "ved\": \"http"),
        concat!("_auth", "Token"),
        concat!("index.crates", ".io"),
        concat!("crates.io", "-index"),
        concat!("proxy.gol", "ang.org"),
        concat!("pypi.", "org/simple"),
        concat!("files.python", "hosted.org"),
    ];
    let mut found = Vec::new();
    files(&package(), &mut found);
    let mut read = 0;
    let mut faults = Vec::new();
    for path in found {
        let relative_path = relative(&path);
        // Its registry lines are expected.
        if relative_path.ends_with("Cargo.lock") {
            continue;
        }
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        read += 1;
        for (number, line) in text.lines().enumerate() {
            for word in words.iter().filter(|word| line.contains(**word)) {
                faults.push(format!("{relative_path}:{}: {word}", number + 1));
            }
        }
    }
    assert!(read > 50, "the files were not found");
    assert_none(
        &faults,
        "Use a path relative to the package or a temporary folder; keep registry addresses in the \
         machine's own configuration (npm: omit-lockfile-registry-resolved).",
    );
}
