//! The settings `app_index`, `mount`, `mime_types` and `proxy`.

use super::glob::UrlGlob;
use crate::paths::Prefix;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// The page of a single-page app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AppIndex {
    /// The URL path of the page.
    pub page: String,
    /// The URL path of its folder, with the final slash. The app answers requests below it.
    pub folder: String,
}

impl FromStr for AppIndex {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let page = format!("/{}", text.trim_start_matches("./").trim_start_matches('/'));
        let names_a_file = page
            .split('/')
            .skip(1)
            .all(|name| !matches!(name, "" | "." | ".."));
        if !names_a_file {
            return Err(format!(
                "{text:?} is not a file below the root (for example index.html)"
            ));
        }
        let folder = page[..=page.rfind('/').unwrap_or_default()].to_owned();
        Ok(Self { page, folder })
    }
}

/// A folder that is served under a URL path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    pub prefix: Prefix,
    pub dir: PathBuf,
}

impl FromStr for Mount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (prefix, dir) = text
            .split_once('=')
            .filter(|(prefix, dir)| *prefix != "/" && !dir.is_empty())
            .ok_or_else(|| {
                format!("{text:?} is not PATH=DIR with a path below / (/lib=../shared)")
            })?;
        Ok(Self {
            prefix: prefix.parse()?,
            dir: dir.into(),
        })
    }
}

/// MIME type of the files whose path matches a glob.
#[derive(Clone, Debug)]
pub(crate) struct MimeRule {
    glob: UrlGlob,
    /// A MIME type, or a file extension that has one.
    pub mime: String,
}

impl MimeRule {
    /// Returns whether a URL path matches.
    #[must_use]
    pub(crate) fn matches(&self, path: &str) -> bool {
        self.glob.matches(path)
    }
}

impl FromStr for MimeRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (glob, mime) = text
            .rsplit_once('=')
            .ok_or_else(|| format!("{text:?} is not GLOB=TYPE (*.glb=model/gltf-binary)"))?;
        let printable = |c: char| c == ' ' || c.is_ascii_graphic();
        if mime.trim().is_empty() || !mime.chars().all(printable) {
            return Err(format!(
                "{mime:?} is neither a MIME type nor a file extension (model/gltf-binary, js)"
            ));
        }
        Ok(Self {
            glob: UrlGlob::compile(glob)?,
            mime: mime.trim().to_owned(),
        })
    }
}

/// A server behind the daemon, and the URL paths that it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProxyRule {
    /// Requests below this path are forwarded; empty = requests that nothing else answers.
    pub prefix: Prefix,
    /// Host, and port unless that is 80.
    pub authority: String,
    /// Path on the server that replaces the prefix, without a trailing slash.
    pub base: String,
}

impl FromStr for ProxyRule {
    type Err = String;

    /// Parses `URL` or `PATH=URL`. A URL without a path receives request paths unchanged; one with a
    /// path, even `/`, receives the rest of the path after the prefix (as with nginx's `proxy_pass`).
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (prefix, url) = match text.split_once('=') {
            Some((prefix, url)) if prefix.starts_with('/') => (prefix.parse()?, url),
            _ => (Prefix::default(), text),
        };
        let malformed = || format!("{url:?} is not the URL of a server (http://localhost:3000)");
        if url.starts_with("https://") {
            return Err(format!(
                "{url:?} is not an http URL: https servers are not supported (http://localhost:3000)"
            ));
        }
        let rest = url.strip_prefix("http://").ok_or_else(malformed)?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
        let port = authority.rsplit_once(':').map_or(Ok(80), |(host, port)| {
            if host.is_empty() || port.ends_with(']') {
                Ok(80)
            } else {
                port.parse::<u16>()
            }
        });
        if authority.is_empty()
            || authority.starts_with(':')
            || !authority.chars().all(plain)
            || port.is_err()
            || path.contains(['?', '#'])
        {
            return Err(malformed());
        }
        let base = match path {
            "" => prefix.as_str().to_owned(),
            path => path.trim_end_matches('/').to_owned(),
        };
        Ok(Self {
            prefix,
            authority: authority.to_owned(),
            base,
        })
    }
}

impl fmt::Display for ProxyRule {
    /// Writes the rule as it can be parsed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = self.prefix.as_str();
        if !prefix.is_empty() {
            write!(f, "{prefix}=")?;
        }
        write!(f, "http://{}", self.authority)?;
        if self.base == prefix {
            Ok(())
        } else {
            write!(f, "{}/", self.base)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_an_app_index_into_page_and_folder() {
        for (text, page, folder) in [
            ("index.html", "/index.html", "/"),
            ("./app/index.html", "/app/index.html", "/app/"),
            ("/app/main.html", "/app/main.html", "/app/"),
        ] {
            let index: AppIndex = text.parse().unwrap();
            assert_eq!((&*index.page, &*index.folder), (page, folder));
        }
        for text in ["", "app/", "../index.html"] {
            assert!(text.parse::<AppIndex>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_mime_rule_applies_to_every_folder_unless_it_names_one() {
        let rule = |text: &str| text.parse::<MimeRule>().unwrap();
        assert!(rule("*.glb=model/gltf-binary").matches("/a/b.glb"));
        assert!(rule("/data/**=json").matches("/data/x/y"));
        assert!(!rule("/data/**=json").matches("/other/data/x"));
        for text in ["*.glb", "*.x=", "[=js", "*.x=a\nb"] {
            assert!(text.parse::<MimeRule>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_proxy_rule_keeps_request_paths_unless_its_url_has_a_path() {
        for (text, prefix, authority, base) in [
            ("http://localhost:3000", "", "localhost:3000", ""),
            ("http://[::1]", "", "[::1]", ""),
            ("/api=http://127.0.0.1:1/", "/api", "127.0.0.1:1", ""),
            ("/api=http://a:1/v1/", "/api", "a:1", "/v1"),
            ("/api=http://a:1", "/api", "a:1", "/api"),
        ] {
            let rule: ProxyRule = text.parse().unwrap();
            let found = (rule.prefix.as_str(), &*rule.authority, &*rule.base);
            assert_eq!(found, (prefix, authority, base), "{text}");
            assert_eq!(rule.to_string().parse(), Ok(rule), "{text}");
        }
        for text in [
            "",
            "3000",
            "localhost:3000",
            "https://a",
            "http://",
            "http://a:b",
            "http://a?b",
            "http://u@a",
        ] {
            assert!(text.parse::<ProxyRule>().is_err(), "{text}");
        }
    }
}
