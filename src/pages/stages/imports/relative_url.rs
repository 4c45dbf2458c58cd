//! Resolves the URLs of imports and script elements against the URL of the module or page.

/// Returns the URL from which a module loads this specifier; `None` for a bare specifier.
pub(super) fn import_url(importer: &str, specifier: &str) -> Option<String> {
    let is_url = ["/", "./", "../"]
        .iter()
        .any(|start| specifier.starts_with(start));
    is_url.then(|| resolve_url(importer, specifier))?
}

/// Resolves a relative URL as the browser does. Returns `None` when it leads to another host, or when the
/// browser would normalize its characters: then the same module would be known under two URLs.
pub(super) fn resolve_url(base: &str, reference: &str) -> Option<String> {
    let is_ordinary =
        |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&()*+,;=:@/?%".contains(&byte);
    let (path, query) = match reference.find('?') {
        Some(at) => reference.split_at(at),
        None => (reference, ""),
    };
    let first = path.split('/').next().unwrap_or_default();
    if path.is_empty()
        || path.starts_with("//")
        || first.contains(':')
        || !reference.bytes().all(is_ordinary)
        || path.to_ascii_lowercase().contains("%2e")
    {
        return None;
    }
    let base = base.split('?').next().unwrap_or_default();
    let folder = base.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut names: Vec<&str> = if path.starts_with('/') {
        Vec::new()
    } else {
        folder.split('/').skip(1).collect()
    };
    let mut rest = path.trim_start_matches('/').split('/').peekable();
    while let Some(name) = rest.next() {
        match name {
            "." | ".." => {
                if name == ".." {
                    names.pop();
                }
                if rest.peek().is_none() {
                    names.push("");
                }
            }
            name => names.push(name),
        }
    }
    Some(format!("/{}{query}", names.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolves_relative_urls_as_the_browser_does() {
        for (base, reference, url) in [
            ("/", "./a.js", Some("/a.js")),
            ("/x/page?q=/y/", "a.js?v=1", Some("/x/a.js?v=1")),
            ("/x/y/z.js", "../a.js", Some("/x/a.js")),
            ("/x.js", "../../a.js", Some("/a.js")),
            ("/x/y.js", "/a/./b/../c.js", Some("/a/c.js")),
            ("/x/y.js", "..", Some("/")),
            ("/x/y.js", "./z/.", Some("/x/z/")),
            ("/x/y.js", "a//b.js", Some("/x/a//b.js")),
            ("/", "//host/a.js", None),
            ("/", "https://host/a.js", None),
            ("/", "data:text/javascript,1", None),
            ("/", "./a b.js", None),
            ("/", "./a\\b.js", None),
            ("/", "./%2e%2E/b.js", None),
            ("/", "./caf\u{e9}.js", None),
            ("/", "#a", None),
            ("/", "", None),
        ] {
            assert_eq!(
                resolve_url(base, reference).as_deref(),
                url,
                "{base} {reference}"
            );
        }
        assert_eq!(import_url("/x/y.js", "a.js"), None, "bare specifier");
        assert_eq!(import_url("/x/y.js", "./a.js").as_deref(), Some("/x/a.js"));
    }
}
