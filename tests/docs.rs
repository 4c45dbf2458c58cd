//! Documentation: links lead somewhere, commands and settings exist, marked blocks run.
//!
//! A fenced block whose info string is `sh run` is executed in a scratch folder with a page. A `toml`
//! block is a `pagewire.toml`. A comment before a block ties it to a file: `<!-- file: PATH -->` when the
//! block is the whole file, `<!-- from: PATH -->` when the file contains it.

mod limits;
mod markdown;

use crate::support::{Site, command, command_names, run};
use markdown::{package, pages};
use std::collections::BTreeSet;
use std::{env, fs};

/// Words that end a command in a shell line.
const SEPARATORS: &[&str] = &["|", "||", "&&", ";", "&", ">"];

/// Beginnings of paths in this repository.
const FOLDERS: &[&str] = &[
    "benches/",
    "ci/",
    ".ci/",
    "clients/",
    "docs/",
    "examples/",
    "proto/",
    "src/",
    "tests/",
];

#[track_caller]
fn none(faults: &[String]) {
    assert!(faults.is_empty(), "\n  {}\n", faults.join("\n  "));
}

#[test]
fn links_lead_to_files_and_headings() {
    let pages = pages();
    assert!(pages.len() > 10, "the pages have been found");
    let mut faults = Vec::new();
    for page in &pages {
        for link in page.links() {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = match path {
                "" => package().join(&page.path),
                path => package().join(&page.path).with_file_name("").join(path),
            };
            let Ok(target) = target.canonicalize() else {
                faults.push(format!("{}: {link} does not exist", page.path.display()));
                continue;
            };
            let linked = pages
                .iter()
                .find(|page| package().join(&page.path) == target);
            let is_heading = || {
                let anchors = linked.map(markdown::Page::anchors).unwrap_or_default();
                anchors.iter().any(|found| found == anchor)
            };
            if !anchor.is_empty() && !is_heading() {
                faults.push(format!("{}: {link}: no such heading", page.path.display()));
            }
        }
    }
    none(&faults);
}

#[test]
fn paths_in_code_spans_exist() {
    let mut checked = 0;
    let mut faults = Vec::new();
    // The pages of clients and tests name paths relative to their own folder.
    let pages = pages()
        .into_iter()
        .filter(|page| !page.path.starts_with("clients") && !page.path.starts_with("tests"));
    for page in pages {
        for span in page.code_spans() {
            let path = span.split([' ', ':']).next().unwrap_or_default();
            let is_path = FOLDERS.iter().any(|folder| path.starts_with(folder));
            if !is_path || path.contains(['*', '$']) || path.contains("NAME") {
                continue;
            }
            checked += 1;
            if !package().join(path).exists() {
                faults.push(format!("{}: {path} does not exist", page.path.display()));
            }
        }
    }
    assert!(checked > 20, "the paths have been found");
    none(&faults);
}

/// Returns the arguments of each `pagewire` command in a shell script.
fn commands(script: &str) -> Vec<Vec<String>> {
    let script = script.replace("\\\n", " ");
    let mut commands = Vec::new();
    for line in script.lines() {
        let words = shlex::split(line).unwrap_or_else(|| panic!("not a shell line: {line}"));
        let mut open: Option<Vec<String>> = None;
        let mut is_start = true;
        for word in words {
            let bare = word.strip_suffix(';').unwrap_or(&word);
            let ends = SEPARATORS.contains(&word.as_str());
            if ends {
                commands.extend(open.take());
            } else if let Some(arguments) = &mut open {
                arguments.push(bare.to_owned());
            } else if is_start && bare == "pagewire" {
                open = Some(Vec::new());
            }
            if bare.len() < word.len() {
                commands.extend(open.take());
            }
            // An assignment such as `A=b` may precede the name of the command.
            is_start = ends || bare.len() < word.len() || is_start && word.contains('=');
        }
        commands.extend(open);
    }
    commands
}

#[test]
fn commands_are_found_in_scripts() {
    let script = "cd x && pagewire serve --detach # note\n\
                  A=b pagewire plugins; pagewire stop | cat\n\
                  pagewire eval 'a \"b\"' \\\n  --raw &\n";
    let expected: [&[&str]; 4] = [
        &["serve", "--detach"],
        &["plugins"],
        &["stop"],
        &["eval", "a \"b\"", "--raw"],
    ];
    assert_eq!(commands(script), expected);
}

/// With `--help` at the end, a command is parsed and not executed.
async fn parse_error(arguments: &[String]) -> Option<String> {
    let mut command = command();
    command.args(arguments).arg("--help");
    let ended = run(command).await;
    (ended.code != Some(0)).then_some(ended.stderr)
}

#[tokio::test]
async fn commands_parse() {
    let mut faults = Vec::new();
    let mut checked = BTreeSet::new();
    for page in pages() {
        let blocks = page.blocks();
        let scripts = blocks
            .iter()
            .filter(|block| block.info.split(' ').next() == Some("sh"))
            .map(|block| (block.place.clone(), block.text.clone()));
        let spans = page
            .code_spans()
            .into_iter()
            .filter(|span| span.starts_with("pagewire ") && !span.contains("COMMAND"))
            .map(|span| (page.path.display().to_string(), span));
        for (place, script) in scripts.chain(spans) {
            for arguments in commands(&script) {
                if !checked.insert(arguments.clone()) {
                    continue;
                }
                if let Some(error) = parse_error(&arguments).await {
                    faults.push(format!(
                        "{place}: pagewire {}: {error}",
                        arguments.join(" ")
                    ));
                }
            }
        }
    }
    assert!(checked.len() > 20, "the commands have been found");
    none(&faults);
}

#[tokio::test]
async fn flags_in_guides_exist() {
    let mut help = String::new();
    for name in command_names().await {
        let mut command = command();
        command.args([&name, "--help"]);
        help += &run(command).await.stdout;
    }
    let is_part = |c: char| c.is_ascii_lowercase() || c == '-';
    let known: BTreeSet<_> = help
        .split(|c| !is_part(c))
        .filter(|word| word.starts_with("--"))
        .collect();
    let mut faults = Vec::new();
    let guides = pages().into_iter().filter(markdown::Page::is_guide);
    for page in guides.filter(|page| !page.path.ends_with("benchmarks.md")) {
        for span in page.code_spans() {
            let flag: String = span.chars().take_while(|c| is_part(*c)).collect();
            if flag.starts_with("--") && !known.contains(flag.as_str()) {
                faults.push(format!("{}: {flag} does not exist", page.path.display()));
            }
        }
    }
    none(&faults);
}

#[tokio::test]
async fn toml_blocks_are_valid_settings() {
    let mut checked = 0;
    let authority = rcgen::generate_simple_self_signed([]).expect("a certificate");
    let authority = authority.cert.pem();
    let mut faults = Vec::new();
    for block in pages().iter().flat_map(markdown::Page::blocks) {
        if block.info != "toml" {
            continue;
        }
        checked += 1;
        let site = Site::page();
        site.write("shared/x.js", "");
        site.write("root/dev-ca.pem", &authority);
        site.write("root/pagewire.toml", &block.text);
        let mut command = command();
        command.arg("config").arg(site.path().join("root"));
        let ended = run(command).await;
        if ended.code != Some(0) {
            faults.push(format!("{}: {}", block.place, ended.stderr));
        }
    }
    assert!(checked > 3, "the blocks have been found");
    none(&faults);
}

#[test]
fn json_blocks_are_valid() {
    for block in pages().iter().flat_map(markdown::Page::blocks) {
        if block.info == "json" {
            let parsed = serde_json::from_str::<serde_json::Value>(&block.text);
            assert!(parsed.is_ok(), "{}: {parsed:?}", block.place);
        }
    }
}

#[test]
fn source_blocks_equal_their_files() {
    let mut checked = 0;
    let mut faults = Vec::new();
    for block in pages().iter().flat_map(markdown::Page::blocks) {
        let comment = block
            .comment
            .as_deref()
            .and_then(|text| text.split_once(": "));
        let Some((tie @ ("file" | "from"), path)) = comment else {
            continue;
        };
        checked += 1;
        let file = fs::read_to_string(package().join(path)).unwrap_or_default();
        let matches = match tie {
            "file" => file == block.text,
            _ => file.contains(block.text.trim()),
        };
        if !matches {
            faults.push(format!("{} differs from {path}: copy it", block.place));
        }
    }
    assert!(checked > 0, "the blocks have been found");
    none(&faults);
}

#[tokio::test]
async fn marked_blocks_run() {
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_pagewire"));
    let folder = binary.parent().expect("a folder").to_owned();
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths([folder].into_iter().chain(env::split_paths(&path)));
    let path = path.expect("paths without colons");
    let mut checked = 0;
    let mut faults = Vec::new();
    for block in pages().iter().flat_map(markdown::Page::blocks) {
        if block.info != "sh run" {
            continue;
        }
        checked += 1;
        let (site, runtime) = (Site::page(), Site::new([]));
        let mut bash = tokio::process::Command::new("bash");
        let stop = "trap 'pagewire stop >stopped 2>&1 || true' EXIT";
        bash.args(["-euo", "pipefail", "-c", &format!("{stop}\n{}", block.text)])
            .current_dir(site.path())
            .env("PATH", &path)
            // The block sees no daemons but its own.
            .env("XDG_RUNTIME_DIR", runtime.path())
            .kill_on_drop(true)
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped());
        let ended = run(bash).await;
        if ended.code != Some(0) {
            faults.push(format!("{}: {ended:?}", block.place));
        }
    }
    assert!(checked > 0, "the blocks have been found");
    none(&faults);
}
