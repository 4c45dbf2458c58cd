//! A resolution names every path that can change its outcome, and few others.

use super::*;

/// Returns size and modification time of each dependency, as a caller would compare them.
fn stamps(resolution: &Resolution) -> Vec<Option<(u64, std::time::SystemTime)>> {
    let stamp = |path: &PathBuf| fs::metadata(path).ok();
    resolution
        .depends_on
        .iter()
        .map(|path| {
            stamp(path).map(|data| (data.len(), data.modified().expect("a modification time")))
        })
        .collect()
}

/// Copies an installed package into the folder.
fn install(package: &str, root: &Path) {
    let to = root.join("node_modules").join(package);
    fs::create_dir_all(to.parent().expect("a folder")).expect("the folder is created");
    let from = installed().join("node_modules").join(package);
    let copied = Command::new("cp").arg("-r").args([&from, &to]).status();
    assert!(copied.expect("cp runs").success());
}

#[test]
fn a_resolution_has_few_dependencies() {
    let (_folder, root) = folder(&[("package.json", "{}"), ("src/a.js", ""), ("src/b.js", "")]);
    install("preact", &root);
    for (specifier, files) in [
        (
            "preact",
            &[
                "node_modules/preact/package.json",
                "package.json",
                "src/node_modules",
                "src/package.json",
                "src/tsconfig.json",
                "tsconfig.json",
            ][..],
        ),
        ("./b.js", &["package.json", "src/package.json"]),
        (
            "./b",
            &[
                "package.json",
                "src/b",
                "src/b.js",
                "src/b.mjs",
                "src/package.json",
            ],
        ),
        (
            "@lit/task",
            &[
                "node_modules/@lit",
                "package.json",
                "src/node_modules",
                "src/package.json",
                "src/tsconfig.json",
                "tsconfig.json",
            ],
        ),
        (
            "chart.js",
            &[
                "node_modules/chart.js",
                "package.json",
                "src/node_modules",
                "src/package.json",
                "src/tsconfig.json",
                "tsconfig.json",
            ],
        ),
    ] {
        let resolution = NodeResolver::new(&root, "development").resolve(
            &root.join("src/a.js"),
            specifier,
            Kind::Import,
        );
        let names: Vec<_> = resolution
            .depends_on
            .iter()
            .map(|path| path.strip_prefix(&root).expect("below the root"))
            .collect();
        assert_eq!(
            names,
            files.iter().map(Path::new).collect::<Vec<_>>(),
            "{specifier}"
        );
    }
}

#[test]
fn every_change_of_the_outcome_changes_a_dependency() {
    type Change = fn(&Path);
    let changes: [(&str, Option<&str>, Change, Option<&str>); 10] = [
        (
            "preact",
            None,
            |root| install("preact", root),
            Some("node_modules/preact/dist/preact.mjs"),
        ),
        (
            "./b",
            None,
            |root| write(root, &[("src/b.js", "")]),
            Some("src/b.js"),
        ),
        (
            "./b",
            Some("src/b.js"),
            |root| write(root, &[("src/b.mjs", "")]),
            Some("src/b.mjs"),
        ),
        (
            "./b",
            Some("src/b.mjs"),
            |root| fs::remove_file(root.join("src/b.mjs")).expect("the file is removed"),
            Some("src/b.js"),
        ),
        (
            "preact",
            Some("node_modules/preact/dist/preact.mjs"),
            |root| install("preact", &root.join("src")),
            Some("src/node_modules/preact/dist/preact.mjs"),
        ),
        (
            "./c",
            None,
            |root| write(root, &[("src/c/index.js", "")]),
            Some("src/c/index.js"),
        ),
        (
            "./c",
            Some("src/c/index.js"),
            |root| write(root, &[("src/c.js", "")]),
            Some("src/c.js"),
        ),
        (
            "./c.js",
            Some("src/c.js"),
            |root| {
                write(
                    root,
                    &[(
                        "src/package.json",
                        r#"{ "browser": { "./c.js": "./b.js" } }"#,
                    )],
                )
            },
            Some("src/b.js"),
        ),
        (
            "@/b",
            None,
            |root| {
                write(
                    root,
                    &[(
                        "tsconfig.json",
                        r#"{ "compilerOptions": { "paths": { "@/*": ["./src/*"] } } }"#,
                    )],
                )
            },
            Some("src/b.js"),
        ),
        (
            "@/b",
            Some("src/b.js"),
            |root| {
                write(
                    root,
                    &[(
                        "src/tsconfig.json",
                        r#"{ "compilerOptions": { "paths": { "@/*": ["./c/*", "./c*"] } } }"#,
                    )],
                )
            },
            None,
        ),
    ];
    let (_folder, root) = folder(&[("src/a.js", "")]);
    let resolver = NodeResolver::new(&root, "development");
    for (specifier, before, change, after) in changes {
        let first = resolver.resolve(&root.join("src/a.js"), specifier, Kind::Import);
        assert_eq!(
            find(&root, "src/a.js", specifier).ok().as_deref(),
            before,
            "{specifier}"
        );
        let stamps_before = stamps(&first);
        change(&root);
        assert_eq!(
            find(&root, "src/a.js", specifier).ok().as_deref(),
            after,
            "{specifier}"
        );
        assert_ne!(stamps(&first), stamps_before, "{specifier}: {first:?}");
    }
}
