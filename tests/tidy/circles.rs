//! Modules of one folder must not use each other in a circle.

use super::{Source, assert_none, is_name, rust_files};
use std::collections::{BTreeMap, BTreeSet};

/// Crate roots whose modules are checked.
const ROOTS: [&str; 2] = ["src", "benches/compare"];

/// Import cycles that are still allowed, each given by its sorted modules.
const REMAINING: [&str; 0] = [];

/// Path of a module from the crate root.
type ModulePath = Vec<String>;

/// By folder: each pair (user, used) of its modules, with the files that contain the use.
type Uses = BTreeMap<ModulePath, BTreeMap<(String, String), BTreeSet<String>>>;

#[test]
fn modules_of_one_folder_do_not_form_a_circle() {
    let mut faults = Vec::new();
    let mut count = 0;
    for root in ROOTS {
        let uses = uses(root, &rust_files(root));
        for (folder, uses) in &uses {
            count += uses.len();
            for circle in circles(uses) {
                let folder = [&[root.to_owned()], &folder[..]].concat().join("/");
                let name = format!("{folder}: {}", Vec::from_iter(circle.clone()).join(", "));
                if REMAINING.contains(&&*name) {
                    continue;
                }
                let within = uses
                    .iter()
                    .filter(|((user, used), _)| circle.contains(user) && circle.contains(used));
                let lines = within.map(|((user, used), files)| {
                    let files = Vec::from_iter(files.clone()).join(", ");
                    format!("\n    {user} uses {used} in {files}")
                });
                faults.push(format!("{name}{}", lines.collect::<String>()));
            }
        }
    }
    assert!(count > 50, "no uses were found");
    assert_none(
        &faults,
        "Move the shared item to the module that owns it, to a module of its own, or to the folder's mod.rs.",
    );
}

/// Collects the uses among modules of one folder.
fn uses(root: &str, sources: &[Source]) -> Uses {
    // Tests may use what stands above their module.
    let is_test = |path: &str| path.ends_with("/tests.rs") || path.contains("/tests/");
    let modules: BTreeMap<ModulePath, &Source> = sources
        .iter()
        .filter(|source| !is_test(&source.path))
        .map(|source| (module_path(root, &source.path), source))
        .collect();
    let reexports: BTreeMap<&ModulePath, BTreeMap<String, String>> = modules
        .iter()
        .map(|(module, source)| (module, reexports(source)))
        .collect();
    let mut uses = Uses::new();
    for (module, source) in &modules {
        for mut target in targets(module, &source.code) {
            let shared = module.iter().zip(&target).take_while(|(a, b)| a == b);
            let shared = shared.count();
            let folder = module[..shared].to_vec();
            let (Some(user), Some(name)) = (module.get(shared), target.get_mut(shared)) else {
                continue;
            };
            // An item that the folder's mod.rs exports belongs to the module that defines it.
            let origin = reexports.get(&folder).and_then(|items| items.get(name));
            if let Some(origin) = origin {
                name.clone_from(origin);
            }
            let used = [&folder[..], std::slice::from_ref(name)].concat();
            if user != name && modules.contains_key(&used) {
                let pair = (user.clone(), name.clone());
                let files = uses.entry(folder).or_default().entry(pair).or_default();
                files.insert(source.path.clone());
            }
        }
    }
    uses
}

/// Returns the module that a file defines.
fn module_path(root: &str, file: &str) -> ModulePath {
    let path = file.strip_prefix(root).expect("a file of the root");
    let path = path.trim_start_matches('/').trim_end_matches(".rs");
    let names = path.split('/').map(str::to_owned);
    names
        .filter(|name| !matches!(name.as_str(), "mod" | "lib" | "main"))
        .collect()
}

/// Returns the absolute paths that the code of a module refers to. Unit tests are left out.
fn targets(module: &[String], code: &str) -> Vec<ModulePath> {
    let code = code
        .split("#[cfg(test)]\nmod tests")
        .next()
        .unwrap_or_default();
    let mut targets = Vec::new();
    for root in ["crate", "super", "self"] {
        for (at, _) in code.match_indices(root) {
            let is_start = !code[..at].ends_with(|c: char| is_name(c) || c == ':');
            if !is_start || !code[at + root.len()..].starts_with("::") {
                continue;
            }
            for path in expand(&code[at..]) {
                let mut target = module.to_vec();
                let mut names = path.into_iter().peekable();
                while let Some(step) =
                    names.next_if(|name| ["crate", "super", "self"].contains(&&**name))
                {
                    match step.as_str() {
                        "crate" => target.clear(),
                        "super" => _ = target.pop(),
                        _ => {}
                    }
                }
                target.extend(names);
                targets.push(target);
            }
        }
    }
    targets
}

/// Returns the items that a module exports from its children, with the child of each.
fn reexports(source: &Source) -> BTreeMap<String, String> {
    let mut items = BTreeMap::new();
    for (at, _) in source.code.match_indices("use ") {
        for path in expand(&source.code[at + "use ".len()..]) {
            if let [child, .., item] = &path[..]
                && !["crate", "super", "self"].contains(&&**child)
            {
                items.insert(item.clone(), child.clone());
            }
        }
    }
    items
}

/// Expands the path at the beginning of a text, with its groups: `a::{b, c::d}` is `a::b` and `a::c::d`.
fn expand(text: &str) -> Vec<ModulePath> {
    let end = text.find(|c: char| !is_name(c)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let first = vec![name.to_owned()];
    let Some(rest) = rest.strip_prefix("::") else {
        return vec![first];
    };
    let Some(group) = rest.strip_prefix('{') else {
        let tails = expand(rest).into_iter();
        return tails.map(|tail| [&first[..], &tail].concat()).collect();
    };
    let mut paths = Vec::new();
    let (mut depth, mut begin) = (0_usize, 0);
    for (at, c) in group.char_indices() {
        let is_end = depth == 0 && c == '}';
        if is_end || depth == 0 && c == ',' {
            let part = group[begin..at].trim();
            if !part.is_empty() {
                let tails = expand(part).into_iter();
                paths.extend(tails.map(|tail| [&first[..], &tail].concat()));
            }
            begin = at + 1;
        }
        match c {
            _ if is_end => break,
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
    }
    paths
}

/// Returns the groups of modules that use each other, directly or through others.
fn circles<T>(uses: &BTreeMap<(String, String), T>) -> BTreeSet<BTreeSet<String>> {
    let reachable = |from: &String| {
        let mut found = BTreeSet::new();
        let mut next = vec![from];
        while let Some(user) = next.pop() {
            for (_, used) in uses.keys().filter(|(name, _)| name == user) {
                if found.insert(used) {
                    next.push(used);
                }
            }
        }
        found
    };
    let modules: BTreeSet<_> = uses.keys().map(|(user, _)| user).collect();
    let reached: BTreeMap<_, _> = modules
        .iter()
        .map(|name| (*name, reachable(name)))
        .collect();
    let circle_of = |name: &&String| -> BTreeSet<String> {
        let others = reached[name].iter().filter(|other| {
            let back = reached.get(**other);
            back.is_some_and(|back| back.contains(name))
        });
        others.map(ToString::to_string).collect()
    };
    let circles = modules.iter().map(circle_of);
    circles.filter(|circle| !circle.is_empty()).collect()
}

#[test]
fn uses_within_a_folder_are_found_in_every_form() {
    let source = |path: &str, code: &str| Source {
        path: format!("src/{path}"),
        module: String::new(),
        text: String::new(),
        code: code.into(),
    };
    let sources = [
        source(
            "hub/mod.rs",
            "mod a;\nmod b;\nmod c;\npub(crate) use b::{Item, other};",
        ),
        source("hub/a.rs", "use super::Item;\nuse super::d::{self, Deep};"),
        source("hub/b.rs", "fn f() { crate::hub::c::g() }"),
        source("hub/c/mod.rs", ""),
        source(
            "hub/c/inner.rs",
            "use crate::{hub::{a::X}, ids};\nuse super::other::Y;",
        ),
        source(
            "hub/c/other.rs",
            "#[cfg(test)]\nmod tests {\n    use crate::hub::b;\n}",
        ),
        source("hub/d.rs", "use crate::ids;"),
        source("ids.rs", ""),
    ];
    let uses = uses("src", &sources);
    let pairs = |folder: &[&str]| {
        let folder: ModulePath = folder.iter().map(ToString::to_string).collect();
        let pairs = uses[&folder].keys();
        pairs
            .map(|(user, used)| format!("{user} {used}"))
            .collect::<Vec<_>>()
    };
    assert_eq!(pairs(&["hub"]), ["a b", "a d", "b c", "c a"]);
    assert_eq!(pairs(&["hub", "c"]), ["inner other"]);
    assert_eq!(pairs(&[]), ["hub ids"]);
    let circle = ["a", "b", "c"].map(str::to_owned).into();
    let folder = ModulePath::from(["hub".to_owned()]);
    assert_eq!(circles(&uses[&folder]), BTreeSet::from([circle]));
}
