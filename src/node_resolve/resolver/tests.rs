//! Resolution of real packages, workspaces and settings for browsers.

use super::*;
use std::fs;
use std::process::Command;

mod depends_on;
mod limits;

/// Returns the folder in which npm installed the test packages.
fn installed() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let is_installed = folder.join("node_modules/lit").is_dir();
    assert!(is_installed, "run npm ci --prefix tests first");
    fs::canonicalize(folder).expect("a folder")
}

/// Creates a temporary folder with these files.
fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let root = fs::canonicalize(folder.path()).expect("its real path");
    write(&root, files);
    (folder, root)
}

fn write(root: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let file = root.join(name);
        fs::create_dir_all(file.parent().expect("a folder")).expect("the folder is created");
        fs::write(file, text).expect("the file is written");
    }
}

/// Resolves a specifier, and returns the file relative to the root.
fn find(root: &Path, importer: &str, specifier: &str) -> Result<String, ResolutionError> {
    let resolution = NodeResolver::new(root, "development").resolve(
        &root.join(importer),
        specifier,
        Kind::Import,
    );
    resolution.outcome.map(|resolved| {
        let file = resolved.file.strip_prefix(root).expect("below the root");
        format!("{}{}", file.display(), resolved.suffix)
    })
}

fn not_found(package: &str) -> ResolutionError {
    ResolutionError::NotFound {
        package: Some(package.to_owned()),
    }
}

#[test]
fn the_fields_of_a_package_json_have_an_order() {
    let fields = ["browser", "module", "jsnext:main", "jsnext", "main"].map(|field| {
        let file = field.replace(':', "-");
        (field, format!("{file}.js"))
    });
    let mut files = fields.to_vec();
    while let Some(((_, first), rest)) = files.split_first() {
        let package: serde_json::Map<_, _> = files
            .iter()
            .map(|(field, file)| ((*field).to_owned(), file.as_str().into()))
            .collect();
        let package = serde_json::Value::Object(package).to_string();
        let (_folder, root) = folder(&[("node_modules/p/package.json", &package)]);
        for (_, file) in &fields {
            write(&root, &[(&format!("node_modules/p/{file}"), "")]);
        }
        assert_eq!(
            find(&root, "app.js", "p"),
            Ok(format!("node_modules/p/{first}"))
        );
        files = rest.to_vec();
    }
}

#[test]
fn npm_packages_resolve_to_their_browser_builds() {
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
fn the_browser_field_replaces_and_excludes_modules() {
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
        ("util", Err(ResolutionError::Ignored)),
        ("events", Err(ResolutionError::Builtin("events".to_owned()))),
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
fn node_modules_yield_to_packages_of_the_same_name() {
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
            Err(ResolutionError::Builtin(name.to_owned()))
        );
    }
    let package = Ok("node_modules/events/index.js".to_owned());
    assert_eq!(find(&root, "a.js", "events"), package);
}

#[test]
fn self_references_and_package_imports_resolve() {
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
    for (specifier, message) in [("app/z", "./z"), ("#z", "#z")] {
        let Err(ResolutionError::Other(text)) = find(&root, "src/z.js", specifier) else {
            panic!("{specifier} is found");
        };
        assert!(text.contains(message), "{text}");
    }
}

#[test]
fn relative_specifiers_may_omit_extension_and_index() {
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
        let nothing = Err(ResolutionError::NotFound { package: None });
        assert_eq!(find(&root, "src/x.js", specifier), nothing, "{specifier}");
    }
}

#[test]
fn aliases_of_the_nearest_tsconfig_apply_to_javascript_too() {
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
    let depends_on = NodeResolver::new(&root, "development")
        .resolve(&root.join("src/x.js"), "@/a", Kind::Import)
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
fn a_broken_tsconfig_is_reported_only_when_resolution_fails() {
    let (_folder, root) = folder(&[("tsconfig.json", "{\n  ]"), ("node_modules/a/index.js", "")]);
    assert_eq!(
        find(&root, "x.js", "a"),
        Ok("node_modules/a/index.js".to_owned())
    );
    let Err(ResolutionError::Other(text)) = find(&root, "x.js", "@/b") else {
        panic!("the specifier resolved");
    };
    assert!(text.contains("tsconfig.json:2:"), "{text}");
}

#[test]
fn an_error_names_the_broken_package_json() {
    let (_folder, root) = folder(&[("node_modules/a/package.json", "{\n  ]")]);
    let Err(ResolutionError::Other(text)) = find(&root, "x.js", "a") else {
        panic!("the specifier resolved");
    };
    assert!(text.contains("node_modules/a/package.json:2:"), "{text}");
}

#[test]
fn a_missing_package_is_reported_with_the_install_command() {
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
fn workspace_packages_are_found_through_their_links() {
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
    let resolution = NodeResolver::new(&root, "development").resolve(
        &root.join("packages/app/x.js"),
        "@ours/ui",
        Kind::Import,
    );
    assert_eq!(
        resolution.outcome,
        Ok(ResolvedFile {
            file: root.join("packages/ui/src/index.js"),
            link: root.join("node_modules/@ours/ui/src/index.js"),
            suffix: String::new(),
            is_module: false,
        })
    );
    let manifest = root.join("node_modules/@ours/ui/package.json");
    assert!(resolution.depends_on.contains(&manifest), "{resolution:?}");
}

#[test]
fn urls_and_absolute_paths_are_left_to_the_browser() {
    for specifier in [
        "https://a/b.js",
        "data:text/javascript,1",
        "blob:x",
        "//host/a.js",
        "/a.js",
        "npm:a",
    ] {
        assert!(is_url_like(specifier), "{specifier}");
        let nothing = Err(ResolutionError::NotFound { package: None });
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
