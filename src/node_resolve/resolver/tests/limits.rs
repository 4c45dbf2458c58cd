//! Specifiers and settings that the resolver must not be given.

use super::*;

fn deep(components: usize) -> String {
    format!("./{}b.js", "a/".repeat(components))
}

/// Returns the reason why a specifier does not resolve.
fn error(root: &Path, importer: &str, specifier: &str) -> String {
    find(root, importer, specifier)
        .expect_err("it does not resolve")
        .to_string()
}

#[test]
fn a_specifier_or_importer_longer_than_a_path_is_not_resolved() {
    let (_folder, root) = folder(&[("b.js", "")]);
    let padded = |bytes: usize| format!("./{}b.js", "./".repeat((bytes - 6) / 2));
    assert_eq!(find(&root, "x.js", &padded(1024)), Ok("b.js".to_owned()));
    let text = "it is longer than 1024 bytes";
    for specifier in [
        padded(1026),
        "a".repeat(1025),
        format!("b.js?{}", deep(5000)),
    ] {
        assert_eq!(error(&root, "x.js", &specifier), text);
    }
    let url = format!("data:text/javascript,{}", "a/".repeat(5000));
    let left = ResolutionError::NotFound { package: None };
    assert_eq!(find(&root, "x.js", &url), Err(left));
    let text = "the path of its importer is longer than 1024 bytes";
    assert_eq!(error(&root, &deep(5000), "./b"), text);
}

#[test]
fn a_package_json_with_a_path_beyond_the_limits_is_refused() {
    let (long, stars) = (deep(5000), "./*****.js");
    let long_text = "a path of 10006 bytes (at most 1024)";
    let stars_text = "a path with 5 `*` (at most 4)";
    for (path, text) in [(&*long, long_text), (stars, stars_text)] {
        for (field, value) in [
            ("main", format!("{path:?}")),
            ("module", format!("{path:?}")),
            ("jsnext:main", format!("{path:?}")),
            ("jsnext", format!("{path:?}")),
            ("browser", format!("{path:?}")),
            ("browser", format!("{{ \"./b.js\": {path:?} }}")),
            ("exports", format!("{path:?}")),
            (
                "exports",
                format!("{{ \"./*\": {{ \"import\": [null, {path:?}] }} }}"),
            ),
            (
                "imports",
                format!("{{ \"#b\": {{ \"default\": {path:?} }} }}"),
            ),
        ] {
            let package = format!("\u{feff}{{ \"name\": \"p\", {field:?}: {value} }}");
            let (_folder, root) = folder(&[
                ("node_modules/p/package.json", &package),
                ("node_modules/p/index.js", ""),
            ]);
            let file = root.join("node_modules/p/package.json");
            let expected = format!("{}: {field} contains {text}", file.display());
            assert_eq!(error(&root, "x.js", "p"), expected, "{field}");
            let resolution = NodeResolver::new(&root, "development").resolve(
                &root.join("x.js"),
                "p",
                Kind::Import,
            );
            assert!(resolution.depends_on.contains(&file), "{resolution:?}");
        }
    }
}

#[test]
fn other_texts_of_a_package_json_may_be_long() {
    let readme = "*".repeat(100_000);
    let package = format!(
        r#"{{ "readme": {readme:?}, "main": "./{}", "exports": {{ "./*": "./*/*/*/*.js" }} }}"#,
        "a".repeat(1022)
    );
    let (_folder, root) = folder(&[
        ("node_modules/p/package.json", &package),
        ("node_modules/p/b/b/b/b.js", ""),
    ]);
    let file = Ok("node_modules/p/b/b/b/b.js".to_owned());
    assert_eq!(find(&root, "x.js", "p/b"), file);
}

#[test]
fn a_package_json_that_is_nested_deeply_is_refused() {
    let package = format!(
        "{{ \"exports\": {}{} }}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let (_folder, root) = folder(&[("node_modules/p/package.json", &package)]);
    let text = error(&root, "x.js", "p");
    assert!(text.contains("p/package.json:1:"), "{text}");
    assert!(text.contains("recursion limit exceeded"), "{text}");
}

#[test]
fn a_tsconfig_with_a_path_beyond_the_limits_is_refused() {
    let (long, stars) = (deep(5000), "./*****.js");
    let long_text = "a path of 10006 bytes (at most 1024)";
    let stars_text = "a path with 5 `*` (at most 4)";
    for (path, text) in [(&*long, long_text), (stars, stars_text)] {
        for (field, config) in [
            ("extends", format!("\"extends\": {path:?}")),
            ("extends", format!("\"extends\": [{path:?}]")),
            (
                "references",
                format!("\"references\": [{{ \"path\": {path:?} }}]"),
            ),
            (
                "baseUrl",
                format!("\"compilerOptions\": {{ \"baseUrl\": {path:?} }}"),
            ),
            (
                "paths",
                format!("\"compilerOptions\": {{ \"paths\": {{ \"@/*\": [\"./*\", {path:?}] }} }}"),
            ),
        ] {
            let config = format!("{{ // A comment.\n {config}, }}");
            let (_folder, root) =
                folder(&[("tsconfig.json", &config), ("node_modules/p/index.js", "")]);
            let file = root.join("tsconfig.json");
            let expected = format!("{}: {field} contains {text}", file.display());
            assert_eq!(error(&root, "x.js", "@/b"), expected, "{field}");
            // As with a tsconfig.json that is broken otherwise.
            let package = Ok("node_modules/p/index.js".to_owned());
            assert_eq!(find(&root, "x.js", "p"), package, "{field}");
        }
    }
}

#[test]
fn patterns_of_files_in_a_tsconfig_may_have_any_number_of_stars() {
    let config = r#"{
        "include": ["**/*/**/*/**/*", "**/*"],
        "compilerOptions": { "paths": { "@/*": ["./src/*"] } }
    }"#;
    let (_folder, root) = folder(&[("tsconfig.json", config), ("src/b.js", "")]);
    assert_eq!(find(&root, "x.js", "@/b"), Ok("src/b.js".to_owned()));
}

#[test]
fn a_resolution_reads_at_most_64_tsconfigs() {
    let (_folder, root) = folder(&[("src/b.js", "")]);
    let paths = r#"{ "compilerOptions": { "paths": { "@/*": ["./src/*"] } } }"#;
    let extend = |files: usize| {
        for index in 2..files {
            let text = format!(r#"{{ "extends": "./{}.json" }}"#, index + 1);
            write(&root, &[(&format!("{index}.json"), &text)]);
        }
        write(&root, &[("tsconfig.json", r#"{ "extends": "./2.json" }"#)]);
        write(&root, &[(&format!("{files}.json"), paths)]);
    };
    extend(64);
    assert_eq!(find(&root, "x.js", "@/b"), Ok("src/b.js".to_owned()));
    extend(65);
    let file = root.join("65.json");
    let text = "extends or references lead to more than 64 tsconfig.json";
    let expected = format!("{}: {text}", file.display());
    assert_eq!(error(&root, "x.js", "@/b"), expected);
}
