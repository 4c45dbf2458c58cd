//! The module that imports, and URLs relative to it.

use crate::paths::{Roots, UrlPath, path_url};
use crate::plugins::ResolveImportCall;
use percent_encoding::percent_decode_str;
use std::path::PathBuf;

/// The importing module.
pub(super) struct Importer<'a> {
    /// Its decoded URL path.
    pub(super) path: &'a str,
    /// Its file, or the path that the file would have.
    pub(super) file: PathBuf,
}

impl<'a> Importer<'a> {
    pub(super) fn of(call: &'a ResolveImportCall, roots: &Roots) -> Self {
        let path = call.importer.path.as_str();
        let file = call.importer.file.clone().unwrap_or_else(|| {
            let name = path.rsplit('/').next().unwrap_or_default();
            // The page of a folder is its index.html.
            let name = if name.is_empty() { "index.html" } else { "" };
            let url = UrlPath::parse(&path_url(&format!("{path}{name}")));
            url.map_or_else(
                |_| roots.dir().join("index.html"),
                |url| roots.path_for(&url),
            )
        });
        Self { path, file }
    }

    /// Returns the path that a relative specifier names literally; none for other specifiers, and for one with an
    /// empty segment (`.//a.js`), whose URL is another one to a browser.
    pub(super) fn literal_path(&self, specifier: &str) -> Option<PathBuf> {
        let path = specifier.split(['?', '#']).next().unwrap_or_default();
        let path = percent_decode_str(path).decode_utf8().ok()?;
        let mut file = self.file.parent()?.to_owned();
        for name in path.starts_with('.').then(|| path.split('/'))? {
            match name {
                "" => return None,
                "." => {}
                ".." => drop(file.pop()),
                name => file.push(name),
            }
        }
        Some(file)
    }
}

/// Returns the relative URL from a module (decoded path) to a target (encoded path). Relative URLs also
/// work under a base path and behind a reverse proxy.
pub(super) fn relative(importer: &str, target: &str) -> String {
    let importer = path_url(importer);
    let folder = importer.rsplit_once('/').map_or("", |(folder, _)| folder);
    let from: Vec<&str> = folder.split('/').skip(1).collect();
    let to: Vec<&str> = target.split('/').skip(1).collect();
    let (name, folders) = to.split_last().unwrap_or((&"", &[]));
    let common = from.iter().zip(folders).take_while(|(a, b)| a == b).count();
    let ups = match from.len() - common {
        0 => "./".to_owned(),
        ups => "../".repeat(ups),
    };
    let downs: String = folders[common..]
        .iter()
        .map(|dir| format!("{dir}/"))
        .collect();
    format!("{ups}{downs}{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_relative_to_the_importer() {
        for (importer, target, relative_url) in [
            ("/", "/a.js", "./a.js"),
            (
                "/x.js",
                "/node_modules/lit/index.js",
                "./node_modules/lit/index.js",
            ),
            ("/src/x.js", "/src/y.js", "./y.js"),
            ("/src/a/x.js", "/src/b/y.js", "../b/y.js"),
            ("/src/a/", "/y.js", "../../y.js"),
            ("/a b/x.js", "/a%20b/y%20z.js", "./y%20z.js"),
        ] {
            assert_eq!(
                relative(importer, target),
                relative_url,
                "{importer} {target}"
            );
        }
    }
}
