//! The floor plan of the house: which module may use which, and where each crate may show.
//!
//! Floor 1 is plain data, floor 2 the core, floor 3 the edges, floor 4 binds and spawns, floor 5
//! is the command line. A module uses only what stands before it in [`FLOORS`]; the edges meet in
//! the core and never use each other.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Every module, floor by floor. Within a floor a module may use those named before it, except
/// on the edges' floor.
const FLOORS: [&[&str]; 5] = [
    &["ids", "message", "origins", "paths", "config"],
    &["hub", "plugins"],
    &[
        "pages",
        "browser",
        "control",
        "node_resolve",
        "watch",
        "supervise",
    ],
    &["discovery", "server"],
    &["cli", "main"],
];

/// The index of the edges in [`FLOORS`].
const EDGES: usize = 2;

/// Crates that belong to one protocol, and the modules that speak it. The server starts tonic's
/// transport and reports its health, but sees no generated type: prost stays in `control`.
const CONFINED: [(&[&str], &[&str]); 12] = [
    (&["tonic", "tonic_health"], &["control", "server"]),
    (
        &[
            "prost",
            "prost_types",
            "tonic_prost",
            "tonic_reflection",
            "tonic_types",
        ],
        &["control"],
    ),
    (
        &["axum", "hyper", "hyper_util", "http"],
        &["pages", "browser", "server"],
    ),
    (&["tokio_tungstenite", "tungstenite"], &["browser"]),
    (&["rustls", "tokio_rustls", "rcgen"], &["server"]),
    (&["clap"], &["cli"]),
    (&["notify", "ignore"], &["watch"]),
    (
        &[
            "oxc_allocator",
            "oxc_ast",
            "oxc_parser",
            "oxc_span",
            "html5gum",
        ],
        &["pages"],
    ),
    (
        &["oxc_resolver", "nodejs_built_in_modules"],
        &["node_resolve"],
    ),
    (&["toml", "strsim"], &["config"]),
    (&["anyhow", "tracing_subscriber"], &["cli"]),
    // The command line is an ordinary client of the daemon; the daemon is none. How it is found
    // is the client library's to say.
    (&["pagewire_client"], &["cli", "discovery"]),
];

const MAX_FILE_LINES: usize = 500;

/// A Rust file of `src`.
struct Source {
    /// Relative to the package.
    path: String,
    /// The top-level module it belongs to; empty for `lib.rs`, which only lists them.
    module: String,
    text: String,
    /// The text without comments.
    code: String,
}

fn package() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All files below a folder, without what is built, installed or git's.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str());
        let is_skipped = |name: &str| {
            let is_hidden = name.starts_with('.') && path.is_dir() && name != ".ci";
            is_hidden || ["target", "node_modules"].contains(&name)
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

fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    files(&package().join("src"), &mut found);
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
    assert!(sources.len() > 20, "src has been found");
    sources
}

/// Line comments go; `://` of a URL is none.
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

/// What follows each path that begins with this name: not `x::name::`, not `other_name::`.
fn after_name<'a>(code: &'a str, name: &str) -> Vec<&'a str> {
    code.match_indices(name)
        .filter(|(at, _)| {
            !code[..*at].ends_with(|c: char| is_name(c) || matches!(c, ':' | '.' | '"'))
        })
        .filter_map(|(at, _)| code[at + name.len()..].strip_prefix("::"))
        .collect()
}

/// The modules behind a `crate::`: one name, or the first names of a group.
fn first_names(path: &str) -> Vec<String> {
    let name = |path: &str| path.trim().chars().take_while(|c| is_name(*c)).collect();
    let Some(group) = path.strip_prefix('{') else {
        return vec![name(path)];
    };
    let mut names = Vec::new();
    let (mut depth, mut begin) = (0_usize, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                names.push(name(&group[begin..at]));
                begin = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    names
}

/// The other modules of ours that a file uses.
fn used_modules(source: &Source) -> BTreeSet<String> {
    ["crate", "pagewire"]
        .iter()
        .flat_map(|root| after_name(&source.code, root))
        .flat_map(first_names)
        .filter(|name| *name != source.module && place(name).is_some())
        .collect()
}

/// Floor and place of a module.
fn place(module: &str) -> Option<(usize, usize)> {
    FLOORS.iter().enumerate().find_map(|(floor, modules)| {
        let place = modules.iter().position(|name| *name == module)?;
        Some((floor, place))
    })
}

fn mentions(code: &str, name: &str) -> bool {
    let imports = [
        format!("use {name};"),
        format!("use {name} "),
        format!("extern crate {name}"),
    ];
    !after_name(code, name).is_empty() || imports.iter().any(|import| code.contains(import))
}

#[track_caller]
fn none(faults: &[String], remedy: &str) {
    assert!(
        faults.is_empty(),
        "\n  {}\n\n{remedy}\n",
        faults.join("\n  ")
    );
}

#[test]
fn every_module_has_a_floor() {
    let sources = sources();
    let faults: Vec<_> = sources
        .iter()
        .filter(|source| !source.module.is_empty() && place(&source.module).is_none())
        .map(|source| format!("{} belongs to no floor", source.path))
        .collect();
    none(
        &faults,
        "Put the module on a floor: plain data 1, core 2, an edge (one protocol) 3. Add it to FLOORS \
         in tests/tidy.rs and to the list in src/lib.rs.",
    );
    let lib = sources.iter().find(|source| source.path == "src/lib.rs");
    let lib = &lib.expect("src/lib.rs").code;
    let unlisted: Vec<_> = FLOORS
        .concat()
        .into_iter()
        .filter(|module| *module != "main" && !lib.contains(&format!("mod {module};")))
        .map(|module| format!("{module} has a floor and is not in src/lib.rs"))
        .collect();
    none(
        &unlisted,
        "Take it out of FLOORS in tests/tidy.rs, or list it in src/lib.rs.",
    );
}

#[test]
fn a_module_uses_only_modules_below_it() {
    let mut faults = Vec::new();
    let mut uses = 0;
    for source in sources() {
        let Some(user) = place(&source.module) else {
            continue;
        };
        for used in used_modules(&source) {
            uses += 1;
            let used_place = place(&used).expect("used_modules knows them all");
            let edges = user.0 == EDGES && used_place.0 == EDGES;
            if edges || used_place >= user {
                faults.push(format!(
                    "{} (floor {}) uses crate::{used} (floor {})",
                    source.path,
                    user.0 + 1,
                    used_place.0 + 1
                ));
            }
        }
    }
    assert!(uses > 20, "the uses have been found");
    none(
        &faults,
        "A module may use only the floors below it (and, but for the edges, those named before it on \
         its own). Move what both need down: plain data to floor 1, shared state into hub or \
         plugins; or have the server hand it in.",
    );
}

#[test]
fn crates_of_a_protocol_stay_in_its_modules() {
    let mut faults = Vec::new();
    let mut mentioned = BTreeSet::new();
    for source in sources() {
        for (crates, homes) in CONFINED {
            for name in crates.iter().filter(|name| mentions(&source.code, name)) {
                mentioned.insert(*name);
                if !homes.contains(&source.module.as_str()) {
                    let homes = homes.join(" and ");
                    faults.push(format!(
                        "{} uses {name}, which belongs in {homes}",
                        source.path
                    ));
                }
            }
        }
        let generated = source.code.contains("control::proto") || source.code.contains("v1::");
        if generated && source.module != "control" {
            faults.push(format!(
                "{} uses the generated types of control",
                source.path
            ));
        }
    }
    for name in ["tonic", "axum", "tokio_tungstenite", "clap"] {
        assert!(mentioned.contains(name), "{name} has been found");
    }
    none(
        &faults,
        "Turn the crate's type into one of ours in the module that speaks the protocol, and pass \
         that on. If the crate's place has changed on purpose, change CONFINED in tests/tidy.rs and \
         say why.",
    );
}

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
    none(
        &faults,
        "Finish it, or response UNIMPLEMENTED with a text; use a crate with a safe interface.",
    );
}

#[test]
fn every_file_begins_with_its_purpose_and_stays_short() {
    let mut faults = Vec::new();
    for source in sources() {
        let says = source
            .text
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("//! "))
            .is_some_and(|text| !text.trim().is_empty());
        if !says {
            faults.push(format!("{} does not begin with a //! text", source.path));
        }
        let lines = source.text.lines().count();
        if lines > MAX_FILE_LINES {
            faults.push(format!("{} has {lines} lines", source.path));
        }
    }
    none(
        &faults,
        "Begin the file with what it is for, in a line. Split a file that does two things along the \
         nouns (more than 500 lines is always two things).",
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
        let in_scope = path.parent() == Some(&tests)
            || relative_path.starts_with("tests/support/")
            || relative_path.starts_with("tests/browser/");
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
    assert!(read > 5, "the tests have been found");
    none(
        &faults,
        "Wait for the event itself, under support::within, which names what it waits for.",
    );
}

#[test]
fn no_file_contains_paths_or_registries_of_the_build_machine() {
    // Cut in two, so that this file does not contain them.
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
        // Its registry lines are normal.
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
    assert!(read > 50, "the files have been found");
    none(
        &faults,
        "Use a path relative to the package or a temporary folder; keep registry addresses in the \
         machine's own configuration (npm: omit-lockfile-registry-resolved).",
    );
}

#[test]
fn used_modules_finds_every_form_of_use() {
    let source = |code: &str| Source {
        path: String::new(),
        module: "pages".into(),
        text: String::new(),
        code: without_comments(code),
    };
    for (code, uses) in [
        ("use crate::hub::Hub;", &["hub"][..]),
        (
            "use crate::{\n  hub::{self, Hub},\n  ids,\n  message::ServerMessage,\n};",
            &["hub", "ids", "message"],
        ),
        ("let id = crate::ids::random();", &["ids"]),
        ("pub(in crate::control) fn f() {}", &["control"]),
        ("fn main() { pagewire::cli::main() }", &["cli"]),
        ("use crate::pages::Pages;", &[]),
        ("// see crate::hub\n/// [`crate::control`]", &[]),
        ("let url = \"http://x\"; crate::control::x();", &["control"]),
        ("use other_crate::hub;", &[]),
    ] {
        let found: Vec<_> = used_modules(&source(code)).into_iter().collect();
        assert_eq!(found, uses, "{code}");
    }
    for (code, found) in [
        ("use http::Uri;", true),
        ("fn f(uri: &http::Uri) {}", true),
        ("use http;", true),
        ("use axum::http::Uri;", false),
        ("use my_http::Uri;", false),
        ("let text = \"http://localhost\";", false),
    ] {
        assert_eq!(mentions(&without_comments(code), "http"), found, "{code}");
    }
}
