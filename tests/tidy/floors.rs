//! Which module may use which, and which modules may use which crate.
//!
//! Floor 1 is plain data, floor 2 the core, floor 3 the edges, floor 4 binds and spawns, floor 5 is the
//! command line. A module uses only modules before it in [`FLOORS`]; the edges meet in the core and never
//! use each other.

use super::{Source, assert_none, is_name, sources, without_comments};
use std::collections::BTreeSet;

/// Every module, floor by floor. Within a floor a module may use those listed before it, except on the
/// edges' floor.
const FLOORS: [&[&str]; 5] = [
    &[
        "blocking",
        "ids",
        "javascript",
        "message",
        "origins",
        "paths",
        "config",
    ],
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

/// Crates that belong to one protocol, and the modules that use it. The server starts tonic's transport
/// and reports its health, but uses no generated type: prost stays in `control`.
const CONFINED: [(&[&str], &[&str]); 15] = [
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
    // The server accepts TLS from browsers, and the proxy speaks it to backends.
    (&["rustls", "tokio_rustls"], &["pages", "server"]),
    (&["rcgen"], &["server"]),
    (&["rustls_native_certs"], &["pages"]),
    (&["clap"], &["cli"]),
    (&["notify", "ignore"], &["watch"]),
    (
        &[
            "oxc_allocator",
            "oxc_ast",
            "oxc_ast_visit",
            "oxc_parser",
            "oxc_semantic",
            "oxc_span",
            "oxc_syntax",
        ],
        &["javascript"],
    ),
    (&["html5gum"], &["pages"]),
    (
        &["oxc_resolver", "nodejs_built_in_modules"],
        &["node_resolve"],
    ),
    (&["toml", "strsim"], &["config"]),
    (&["anyhow", "tracing_subscriber"], &["cli"]),
    // The command line is an ordinary client of the daemon; the daemon itself is not. The client library
    // defines how the daemon is found.
    (&["pagewire_client"], &["cli", "discovery"]),
];

/// Returns the rest of each path that begins with this name: not `x::name::`, not `other_name::`.
fn after_name<'a>(code: &'a str, name: &str) -> Vec<&'a str> {
    code.match_indices(name)
        .filter(|(at, _)| {
            !code[..*at].ends_with(|c: char| is_name(c) || matches!(c, ':' | '.' | '"'))
        })
        .filter_map(|(at, _)| code[at + name.len()..].strip_prefix("::"))
        .collect()
}

/// Returns the modules after a `crate::`: one name, or the first names of a group.
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

/// Returns the other top-level modules that a file uses.
fn used_modules(source: &Source) -> BTreeSet<String> {
    ["crate", "pagewire"]
        .iter()
        .flat_map(|root| after_name(&source.code, root))
        .flat_map(first_names)
        .filter(|name| *name != source.module && place(name).is_some())
        .collect()
}

/// Returns floor and position of a module.
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

#[test]
fn every_module_has_a_floor() {
    let sources = sources();
    let faults: Vec<_> = sources
        .iter()
        .filter(|source| !source.module.is_empty() && place(&source.module).is_none())
        .map(|source| format!("{} has no floor", source.path))
        .collect();
    assert_none(
        &faults,
        "Put the module on a floor: plain data 1, core 2, an edge (one protocol) 3. Add it to FLOORS \
         in tests/tidy/floors.rs and to the list in src/lib.rs.",
    );
    let lib = sources.iter().find(|source| source.path == "src/lib.rs");
    let lib = &lib.expect("src/lib.rs").code;
    let unlisted: Vec<_> = FLOORS
        .concat()
        .into_iter()
        .filter(|module| *module != "main" && !lib.contains(&format!("mod {module};")))
        .map(|module| format!("{module} has a floor and is not in src/lib.rs"))
        .collect();
    assert_none(
        &unlisted,
        "Remove it from FLOORS in tests/tidy/floors.rs, or list it in src/lib.rs.",
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
            let used_place = place(&used).expect("used_modules returns known modules only");
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
    assert!(uses > 20, "no uses were found");
    assert_none(
        &faults,
        "A module may use only the floors below it (and, except for the edges, the modules listed before \
         it on its own). Move shared code down: plain data to floor 1, shared state into hub or plugins; \
         or let the server pass it in.",
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
        assert!(mentioned.contains(name), "{name} was not found");
    }
    assert_none(
        &faults,
        "Convert the crate's type to one of ours in the module that implements the protocol, and pass \
         that on. If the crate is used elsewhere on purpose, change CONFINED in tests/tidy/floors.rs and \
         say why.",
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
