//! What a specifier stands for by the rules of Node and bundlers, and what that depends on. The rules
//! are `oxc_resolver`'s.

use oxc_resolver::{Resolution, ResolveError, ResolveOptions, Resolver, TsconfigDiscovery};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What packages may offer: for browsers, while developing, as a module.
const CONDITIONS: &[&str] = &["browser", "development", "module", "import", "default"];

/// Where packages without `exports` say what they are.
const MAIN_FIELDS: &[&str] = &["browser", "module", "main"];

/// Endings that specifiers may leave out, first come first served.
const EXTENSIONS: &[&str] = &[".mjs", ".js", ".mts", ".ts", ".tsx", ".jsx", ".json"];

/// A file that a specifier stands for.
#[derive(Debug)]
pub(super) struct Resolved {
    /// Its real path.
    pub(super) file: PathBuf,
    /// Its path before links were followed.
    pub(super) asked: PathBuf,
    /// The query and fragment that the specifier has.
    pub(super) suffix: String,
}

/// Why there is none.
#[derive(Debug)]
pub(super) enum Unresolved {
    /// Nothing has that name.
    NotFound,
    /// It is a module of Node's own.
    Builtin,
    /// The package says that browsers do without it.
    Ignored,
    /// Something that it depends on is broken.
    Broken(String),
}

/// Resolves the imports of one module. What it finds out about files is taken for true as long as it
/// lives, so it is made anew for each.
pub(super) struct ModuleResolver<'a> {
    resolver: Resolver,
    importer: &'a Path,
    /// What the answers so far depend on.
    depends_on: BTreeSet<PathBuf>,
}

impl<'a> ModuleResolver<'a> {
    pub(super) fn new(importer: &'a Path) -> Self {
        let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
        let resolver = Resolver::new(ResolveOptions {
            tsconfig: Some(TsconfigDiscovery::Auto),
            alias_fields: vec![vec!["browser".to_owned()]],
            condition_names: texts(CONDITIONS),
            main_fields: texts(MAIN_FIELDS),
            extensions: texts(EXTENSIONS),
            // Sources that are written in TypeScript name what will be made of them.
            extension_alias: vec![
                (".js".to_owned(), texts(&[".js", ".ts", ".tsx"])),
                (".mjs".to_owned(), texts(&[".mjs", ".mts"])),
            ],
            builtin_modules: true,
            // Links are followed at the end, so that both names are known.
            symlinks: false,
            node_path: false,
            ..ResolveOptions::default()
        });
        let mut resolver = Self {
            resolver,
            importer,
            depends_on: BTreeSet::new(),
        };
        resolver.depend_on_configuration();
        resolver
    }

    /// The files whose change, or appearance, makes the answers others.
    pub(super) fn into_depends_on(self) -> Vec<PathBuf> {
        self.depends_on.into_iter().collect()
    }

    pub(super) fn resolve(&mut self, specifier: &str) -> Result<Resolved, Unresolved> {
        let found = self.resolver.resolve_file(self.importer, specifier);
        let path = found.as_ref().ok().map(Resolution::path);
        // As it is written it names a file, and is that file's affair.
        if path.is_none() || path != self.as_written(specifier).as_deref() {
            if let Ok(found) = &found {
                let package = found.package_json();
                let package = package.map(|package| package.path().to_owned());
                self.depends_on.extend(package);
                self.depends_on.insert(found.path().to_owned());
            }
            self.depend_on_candidates(specifier, path);
        }
        let found = found.map_err(|error| match error {
            ResolveError::NotFound(_)
            | ResolveError::MatchedAliasNotFound(..)
            | ResolveError::ExtensionAlias(..) => Unresolved::NotFound,
            ResolveError::Builtin { .. } => Unresolved::Builtin,
            ResolveError::Ignored(_) => Unresolved::Ignored,
            other => Unresolved::Broken(other.to_string()),
        })?;
        let asked = found.path().to_owned();
        let suffix = [found.query(), found.fragment()];
        Ok(Resolved {
            file: asked.canonicalize().map_err(|error| {
                Unresolved::Broken(format!("{} cannot be read: {error}", asked.display()))
            })?,
            suffix: suffix.into_iter().flatten().collect(),
            asked,
        })
    }

    /// What says how this module's specifiers are meant: the nearest package.json and tsconfig.json, and
    /// every place where a nearer one may appear.
    fn depend_on_configuration(&mut self) {
        let mut wanted = vec!["package.json", "tsconfig.json"];
        for folder in self.importer.ancestors().skip(1) {
            if wanted.is_empty() || folder.ends_with("node_modules") {
                break;
            }
            wanted.retain(|name| {
                let file = folder.join(name);
                let is_missing = !file.is_file();
                self.depends_on.insert(file);
                is_missing
            });
        }
    }

    /// The file that a relative specifier names as it is written; none for others.
    pub(super) fn as_written(&self, specifier: &str) -> Option<PathBuf> {
        let path = specifier.split(['?', '#']).next().unwrap_or_default();
        let mut file = self.importer.parent()?.to_owned();
        for name in path.starts_with('.').then(|| path.split('/'))? {
            match name {
                "" | "." => {}
                ".." => drop(file.pop()),
                name => file.push(name),
            }
        }
        Some(file)
    }

    /// Where something nearer may appear that the specifier then stands for.
    fn depend_on_candidates(&mut self, specifier: &str, found: Option<&Path>) {
        if specifier.starts_with(['.', '#']) {
            self.depends_on.extend(self.as_written(specifier));
            return;
        }
        let names = if specifier.starts_with('@') { 2 } else { 1 };
        let package: PathBuf = specifier.split('/').take(names).collect();
        for folder in self.importer.ancestors().skip(1) {
            if folder.ends_with("node_modules") {
                continue;
            }
            let candidate = folder.join("node_modules").join(&package);
            if found.is_some_and(|found| found.starts_with(&candidate)) {
                break;
            }
            self.depends_on.insert(candidate);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of packages, written as a list of files.
    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let temp = tempfile::tempdir().unwrap();
        for (file, text) in files {
            let file = temp.path().join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        temp
    }

    fn resolve(folder: &Path, importer: &str, specifier: &str) -> Result<String, String> {
        let importer = folder.join(importer);
        let resolved = ModuleResolver::new(&importer).resolve(specifier);
        let real = folder.canonicalize().unwrap();
        match resolved {
            Ok(resolved) => {
                let file = resolved.file.strip_prefix(&real).unwrap();
                Ok(format!("{}{}", file.display(), resolved.suffix))
            }
            Err(fault) => Err(format!("{fault:?}")),
        }
    }

    #[test]
    fn packages_say_by_fields_and_conditions_what_browsers_get() {
        let temp = folder(&[
            (
                "package.json",
                r##"{"name": "self", "exports": {"./x": "./src/x.js"}, "imports": {"#a": "./src/a.js", "#n": {"node": "./src/node.js", "default": "./src/browser.js"}}}"##,
            ),
            ("src/x.js", ""),
            ("src/a.js", ""),
            ("src/browser.js", ""),
            ("src/node.js", ""),
            ("src/main.js", ""),
            ("src/folder/index.js", ""),
            ("src/typed.ts", ""),
            (
                "node_modules/old/package.json",
                r#"{"main": "main.js", "browser": {"./node.js": "./web.js", "left-out": false}}"#,
            ),
            ("node_modules/old/main.js", ""),
            ("node_modules/old/node.js", ""),
            ("node_modules/old/web.js", ""),
            ("node_modules/left-out/index.js", ""),
            (
                "node_modules/new/package.json",
                r#"{"exports": {".": {"node": "./node.js", "browser": {"development": "./dev.js", "default": "./prod.js"}}, "./parts/*": "./lib/*.js"}}"#,
            ),
            ("node_modules/new/dev.js", ""),
            ("node_modules/new/node.js", ""),
            ("node_modules/new/prod.js", ""),
            ("node_modules/new/lib/a.js", ""),
            (
                "node_modules/@s/p/package.json",
                r#"{"module": "m.mjs", "main": "c.cjs"}"#,
            ),
            ("node_modules/@s/p/m.mjs", ""),
            ("node_modules/@s/p/c.cjs", ""),
        ]);
        for (importer, specifier, expected) in [
            ("src/main.js", "new", Ok("node_modules/new/dev.js")),
            (
                "src/main.js",
                "new/parts/a?v=1#f",
                Ok("node_modules/new/lib/a.js?v=1#f"),
            ),
            ("src/main.js", "new/lib/a.js", Err("Broken")),
            ("src/main.js", "old", Ok("node_modules/old/main.js")),
            (
                "node_modules/old/main.js",
                "./node.js",
                Ok("node_modules/old/web.js"),
            ),
            ("node_modules/old/main.js", "left-out", Err("Ignored")),
            ("src/main.js", "@s/p", Ok("node_modules/@s/p/m.mjs")),
            ("src/main.js", "@s/p/c.cjs", Ok("node_modules/@s/p/c.cjs")),
            ("src/main.js", "self/x", Ok("src/x.js")),
            ("src/main.js", "#a", Ok("src/a.js")),
            ("src/main.js", "#n", Ok("src/browser.js")),
            ("src/main.js", "./folder", Ok("src/folder/index.js")),
            ("src/main.js", "./typed.js", Ok("src/typed.ts")),
            ("src/main.js", "./x", Ok("src/x.js")),
            ("src/main.js", "none", Err("NotFound")),
            ("src/main.js", "fs", Err("Builtin")),
        ] {
            let found = resolve(temp.path(), importer, specifier);
            match expected {
                Ok(file) => assert_eq!(found.as_deref(), Ok(file), "{specifier}"),
                Err(fault) => assert!(
                    found.clone().unwrap_err().starts_with(fault),
                    "{specifier}: {found:?}"
                ),
            }
        }
    }

    #[test]
    fn tsconfig_paths_and_linked_workspaces_are_followed() {
        let temp = folder(&[
            (
                "tsconfig.json",
                r#"{"compilerOptions": {"allowJs": true, "paths": {"@app/*": ["./src/*"]}}}"#,
            ),
            ("src/main.ts", ""),
            ("src/main.js", ""),
            ("src/lib/x.ts", ""),
            (
                "packages/shared/package.json",
                r#"{"name": "shared", "exports": "./index.js"}"#,
            ),
            ("packages/shared/index.js", ""),
            ("node_modules/.keep", ""),
        ]);
        let link = temp.path().join("node_modules/shared");
        std::os::unix::fs::symlink("../packages/shared", &link).unwrap();
        for importer in ["src/main.ts", "src/main.js"] {
            let found = resolve(temp.path(), importer, "@app/lib/x");
            assert_eq!(found.as_deref(), Ok("src/lib/x.ts"), "{importer}");
        }
        let importer = temp.path().join("src/main.js");
        let found = ModuleResolver::new(&importer).resolve("shared").unwrap();
        assert_eq!(found.asked, link.join("index.js"));
        let real = temp.path().canonicalize().unwrap();
        assert_eq!(found.file, real.join("packages/shared/index.js"));
    }

    #[test]
    fn what_may_change_an_answer_is_named() {
        let temp = folder(&[
            ("package.json", "{}"),
            ("site/src/main.js", ""),
            ("node_modules/a/package.json", "{}"),
            ("node_modules/a/index.js", ""),
        ]);
        let importer = temp.path().join("site/src/main.js");
        let depends_on = |specifier: &str| {
            let mut resolver = ModuleResolver::new(&importer);
            let found = resolver.resolve(specifier).ok().map(|found| found.file);
            (found, resolver.into_depends_on())
        };
        let (found, files) = depends_on("a");
        assert!(found.is_some());
        for file in [
            "site/src/package.json",
            "site/tsconfig.json",
            "package.json",
            "site/node_modules/a",
            "node_modules/a/package.json",
            "node_modules/a/index.js",
        ] {
            assert!(
                files.contains(&temp.path().join(file)),
                "{file} in {files:?}"
            );
        }
        // What appears nearer is among them, and is found then.
        std::fs::create_dir_all(temp.path().join("site/node_modules/a")).unwrap();
        std::fs::write(temp.path().join("site/node_modules/a/index.js"), "").unwrap();
        let (nearer, _) = depends_on("a");
        assert_ne!(nearer, found);
        let (none, files) = depends_on("b");
        assert_eq!(none, None);
        assert!(
            files.contains(&temp.path().join("node_modules/b")),
            "{files:?}"
        );
    }
}
