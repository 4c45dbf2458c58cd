//! Real packages, workspaces and settings, as browsers want them.

use super::*;
use std::fs;
use std::process::Command;

mod depends_on;

/// Where npm installed the packages of the tests.
fn installed() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let is_installed = folder.join("node_modules/lit").is_dir();
    assert!(is_installed, "run npm ci --prefix tests first");
    fs::canonicalize(folder).expect("a folder")
}

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let root = fs::canonicalize(folder.path()).expect("its real path");
    write(&root, files);
    (folder, root)
}

fn write(root: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let file = root.join(name);
        fs::create_dir_all(file.parent().expect("a folder")).expect("it is made");
        fs::write(file, text).expect("it is written");
    }
}

/// The file that is found, from the root.
fn find(root: &Path, importer: &str, specifier: &str) -> Result<String, Unresolved> {
    let resolution = NodeResolver::new(root).resolve(&root.join(importer), specifier);
    resolution.outcome.map(|resolved| {
        let file = resolved.file.strip_prefix(root).expect("below the root");
        format!("{}{}", file.display(), resolved.suffix)
    })
}

fn not_found(package: &str) -> Unresolved {
    Unresolved::NotFound {
        package: Some(package.to_owned()),
    }
}

#[test]
fn packages_from_npm_are_found_as_browsers_want_them() {
    for (specifier, file) in [
        ("lit", "lit/index.js"),
        ("lit/decorators.js", "lit/decorators.js"),
        ("lit-html", "lit-html/development/lit-html.js"),
        ("three", "three/build/three.module.js"),
        (
            "three/addons/controls/OrbitControls.js",
            "three/examples/jsm/controls/OrbitControls.js",
        ),
        ("preact", "preact/dist/preact.mjs"),
        ("preact/hooks?a#b", "preact/hooks/dist/hooks.mjs?a#b"),
        ("rxjs/operators", "rxjs/dist/esm5/operators/index.js"),
        ("lodash-es", "lodash-es/lodash.js"),
        ("lodash-es/map", "lodash-es/map.js"),
        ("readable-stream", "readable-stream/readable-browser.js"),
        ("nanoid", "nanoid/index.browser.js"),
    ] {
        assert_eq!(
            find(&installed(), "src/app.js", specifier),
            Ok(format!("node_modules/{file}")),
            "{specifier}"
        );
    }
}

#[test]
fn a_package_maps_its_files_and_leaves_some_out_for_browsers() {
    let importer = "node_modules/readable-stream/lib/_stream_readable.js";
    for (specifier, found) in [
        (
            "../errors",
            Ok("node_modules/readable-stream/errors-browser.js"),
        ),
        (
            "./internal/streams/stream",
            Ok("node_modules/readable-stream/lib/internal/streams/stream-browser.js"),
        ),
        ("inherits", Ok("node_modules/inherits/inherits_browser.js")),
        ("util", Err(Unresolved::Ignored)),
        ("events", Err(Unresolved::Builtin("events".to_owned()))),
    ] {
        let found = found.map(str::to_owned);
        assert_eq!(
            find(&installed(), importer, specifier),
            found,
            "{specifier}"
        );
    }
}

#[test]
fn modules_of_node_are_told_apart_from_packages_of_their_names() {
    let (_folder, root) = folder(&[("node_modules/events/index.js", "")]);
    for (specifier, name) in [
        ("fs", "fs"),
        ("node:fs", "fs"),
        ("node:fs/promises", "fs/promises"),
        ("fs/promises", "fs/promises"),
        ("node:events", "events"),
    ] {
        assert_eq!(
            find(&root, "a.js", specifier),
            Err(Unresolved::Builtin(name.to_owned()))
        );
    }
    let package = Ok("node_modules/events/index.js".to_owned());
    assert_eq!(find(&root, "a.js", "events"), package);
}

#[test]
fn a_package_refers_to_itself_and_to_its_imports() {
    let package = r##"{
        "name": "app",
        "exports": { "./x": { "node": "./node.js", "development": "./x.js" }, "./*.js": "./src/*.js" },
        "imports": { "#x": "./x.js", "#src/*": "./src/*.js", "#lit": "lit" }
    }"##;
    let (_folder, root) = folder(&[
        ("package.json", package),
        ("x.js", ""),
        ("src/y.js", ""),
        ("node_modules/lit/index.js", ""),
    ]);
    for (specifier, file) in [
        ("app/x", "x.js"),
        ("app/y.js", "src/y.js"),
        ("#x", "x.js"),
        ("#x?a", "x.js?a"),
        ("#src/y", "src/y.js"),
        ("#lit", "node_modules/lit/index.js"),
    ] {
        assert_eq!(
            find(&root, "src/z.js", specifier),
            Ok(file.to_owned()),
            "{specifier}"
        );
    }
    for (specifier, complaint) in [("app/z", "./z"), ("#z", "#z")] {
        let Err(Unresolved::Other(words)) = find(&root, "src/z.js", specifier) else {
            panic!("{specifier} is found");
        };
        assert!(words.contains(complaint), "{words}");
    }
}

#[test]
fn a_relative_specifier_may_leave_something_out() {
    let (_folder, root) = folder(&[
        ("src/a.js", ""),
        ("src/b.mjs", ""),
        ("src/b.js", ""),
        ("src/c/index.ts", ""),
        ("src/d.tsx", ""),
        ("src/e.json", ""),
        ("src/f g#é.js", ""),
        ("src/h", ""),
        ("index.js", ""),
    ]);
    for (specifier, file) in [
        ("./a.js", "src/a.js"),
        ("./a.js?x=#y?z", "src/a.js?x=#y?z"),
        ("./a#x", "src/a.js#x"),
        ("./b", "src/b.mjs"),
        ("./c", "src/c/index.ts"),
        ("./c/", "src/c/index.ts"),
        ("./d", "src/d.tsx"),
        ("./e", "src/e.json"),
        ("./f%20g%23%C3%A9.js", "src/f g#é.js"),
        ("./h", "src/h"),
        ("..", "index.js"),
        ("../src/./a.js", "src/a.js"),
    ] {
        assert_eq!(
            find(&root, "src/x.js", specifier),
            Ok(file.to_owned()),
            "{specifier}"
        );
    }
    for specifier in [
        "./x.js",
        "./c/x",
        ".%2Fa.js",
        "./a%2Ejs%3Fx",
        ".",
        "./%FF",
        "?a",
        "",
        "./\0",
    ] {
        let nothing = Err(Unresolved::NotFound { package: None });
        assert_eq!(find(&root, "src/x.js", specifier), nothing, "{specifier}");
    }
}

#[test]
fn the_aliases_of_the_nearest_tsconfig_hold_for_javascript_too() {
    let (_folder, root) = folder(&[
        (
            "tsconfig.json",
            r#"{ // Comments and commas are fine.
                "extends": "./tsconfig.base.json",
                "compilerOptions": { "allowJs": false }, }"#,
        ),
        (
            "tsconfig.base.json",
            r#"{ "compilerOptions": { "baseUrl": "src", "paths": { "@/*": ["*"], "lit": ["shim"] } } }"#,
        ),
        ("src/a.js", ""),
        ("src/shim.ts", ""),
        (
            "nested/tsconfig.json",
            r#"{ "compilerOptions": { "paths": { "@/*": ["./*"] } } }"#,
        ),
        ("nested/b.js", ""),
    ]);
    for (importer, specifier, file) in [
        ("src/x.js", "@/a.js", "src/a.js"),
        ("src/x.js", "@/a", "src/a.js"),
        ("src/deep/x.mjs", "lit", "src/shim.ts"),
        ("src/x.js", "a", "src/a.js"),
        ("nested/x.js", "@/b", "nested/b.js"),
    ] {
        assert_eq!(
            find(&root, importer, specifier),
            Ok(file.to_owned()),
            "{specifier}"
        );
    }
    assert_eq!(find(&root, "nested/x.js", "a"), Err(not_found("a")));
    let depends_on = NodeResolver::new(&root)
        .resolve(&root.join("src/x.js"), "@/a")
        .depends_on;
    for file in [
        "tsconfig.json",
        "tsconfig.base.json",
        "src/tsconfig.json",
        "src/a.mjs",
        "src/a.js",
    ] {
        assert!(
            depends_on.contains(&root.join(file)),
            "{file}: {depends_on:?}"
        );
    }
}

#[test]
fn a_broken_tsconfig_matters_to_nothing_that_is_found_without_it() {
    let (_folder, root) = folder(&[("tsconfig.json", "{\n  ]"), ("node_modules/a/index.js", "")]);
    assert_eq!(
        find(&root, "x.js", "a"),
        Ok("node_modules/a/index.js".to_owned())
    );
    let Err(Unresolved::Other(words)) = find(&root, "x.js", "@/b") else {
        panic!("it is found");
    };
    assert!(words.contains("tsconfig.json:2:"), "{words}");
}

#[test]
fn a_broken_package_json_is_named() {
    let (_folder, root) = folder(&[("node_modules/a/package.json", "{\n  ]")]);
    let Err(Unresolved::Other(words)) = find(&root, "x.js", "a") else {
        panic!("it is found");
    };
    assert!(words.contains("node_modules/a/package.json:2:"), "{words}");
}

#[test]
fn what_is_not_installed_is_named_with_the_remedy() {
    for (specifier, error) in [
        ("left-pad", "not found (npm install left-pad)"),
        ("left-pad/x.js", "not found (npm install left-pad)"),
        ("@scope/name/x/y.js", "not found (npm install @scope/name)"),
        ("lodash-es/nothing", "not found"),
        ("./nothing", "not found"),
    ] {
        let found = find(&installed(), "src/app.js", specifier);
        assert_eq!(found.expect_err(specifier).to_string(), error);
    }
}

#[test]
fn packages_of_a_workspace_are_found_behind_their_links() {
    let (_folder, root) = folder(&[
        (
            "package.json",
            r#"{ "private": true, "workspaces": ["packages/*"] }"#,
        ),
        (
            "packages/ui/package.json",
            r#"{ "name": "@ours/ui", "version": "1.0.0", "exports": "./src/index.js" }"#,
        ),
        ("packages/ui/src/index.js", ""),
        (
            "packages/app/package.json",
            r#"{ "name": "app", "version": "1.0.0", "dependencies": { "@ours/ui": "*" } }"#,
        ),
    ]);
    let npm = Command::new("npm")
        .args(["install", "--offline", "--no-audit", "--no-fund"])
        .current_dir(&root)
        .output()
        .expect("npm runs");
    assert!(
        npm.status.success(),
        "{}",
        String::from_utf8_lossy(&npm.stderr)
    );
    let resolution = NodeResolver::new(&root).resolve(&root.join("packages/app/x.js"), "@ours/ui");
    assert_eq!(
        resolution.outcome,
        Ok(Resolved {
            file: root.join("packages/ui/src/index.js"),
            asked: root.join("node_modules/@ours/ui/src/index.js"),
            suffix: String::new(),
        })
    );
    let manifest = root.join("node_modules/@ours/ui/package.json");
    assert!(resolution.depends_on.contains(&manifest), "{resolution:?}");
}

#[test]
fn what_the_browser_understands_is_not_ours() {
    for specifier in [
        "https://a/b.js",
        "data:text/javascript,1",
        "blob:x",
        "//host/a.js",
        "/a.js",
        "npm:a",
    ] {
        assert!(is_url_like(specifier), "{specifier}");
        let nothing = Err(Unresolved::NotFound { package: None });
        assert_eq!(
            find(&installed(), "a.js", specifier),
            nothing,
            "{specifier}"
        );
    }
    for specifier in [
        "lit", "@scope/a", "./a:b", "#a", "node:fs", "a/b:c", "", "é:x",
    ] {
        assert!(!is_url_like(specifier), "{specifier}");
    }
}
