//! The setting `proxy`: servers behind the daemon and the URL paths that they answer.

use crate::paths::Prefix;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use toml::de::{DeTable, DeValue};

/// Keys of a rule's table.
const KEYS: [&str; 3] = ["url", "ca_file", "insecure"];

/// A value, or a problem, with its place in the file.
type Placed = (Range<usize>, String);

/// A server behind the daemon, and the URL paths that it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProxyRule {
    /// Requests below this path are forwarded; empty = requests that nothing else answers.
    pub prefix: Prefix,
    pub backend: BackendAddress,
    /// Certificates that a backend with https may have.
    pub trust: Trust,
    /// Path on the server that replaces the prefix, without a trailing slash.
    pub base: String,
}

/// Where a backend listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BackendAddress {
    /// Host, and port unless that is 80.
    Http(String),
    /// Host, and port unless that is 443.
    Https(String),
    /// A socket file, with plain HTTP.
    Unix(PathBuf),
}

/// Which certificates are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Those of authorities that the system trusts.
    System,
    /// Those of the authorities in this PEM file, and those that it contains.
    CaFile(PathBuf),
    /// Any.
    Insecure,
}

impl BackendAddress {
    pub(crate) fn scheme(&self) -> &'static str {
        match self {
            Self::Http(_) | Self::Unix(_) => "http",
            Self::Https(_) => "https",
        }
    }

    /// Returns host and port as in a URL. A socket file has none, so its server is `localhost`.
    pub(crate) fn authority(&self) -> &str {
        match self {
            Self::Http(authority) | Self::Https(authority) => authority,
            Self::Unix(_) => "localhost",
        }
    }

    /// Returns the host without the brackets of an IPv6 address.
    pub(crate) fn host(&self) -> &str {
        let host = split_port(self.authority()).0;
        host.trim_start_matches('[').trim_end_matches(']')
    }

    pub(crate) fn port(&self) -> u16 {
        let port = split_port(self.authority()).1;
        port.and_then(|port| port.parse().ok())
            .unwrap_or_else(|| self.default_port())
    }

    /// Returns the port of a URL without one.
    pub(crate) fn default_port(&self) -> u16 {
        match self {
            Self::Http(_) | Self::Unix(_) => 80,
            Self::Https(_) => 443,
        }
    }
}

/// Splits `host[:port]`.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

impl fmt::Display for BackendAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(authority) => write!(f, "http://{authority}"),
            Self::Https(authority) => write!(f, "https://{authority}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl FromStr for ProxyRule {
    type Err = String;

    /// Parses `URL` or `PATH=URL`. A URL without a path receives request paths unchanged; one with a
    /// path, even `/`, receives the rest of the path after the prefix (as with nginx's `proxy_pass`). The
    /// path of a socket file follows a colon: `unix:/run/app.sock:/v1`. After an https URL may be
    /// ` ca_file=FILE` or ` insecure`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (prefix, url) = match text.split_once('=') {
            Some((prefix, url)) if prefix.starts_with('/') => (prefix.parse()?, url),
            _ => (Prefix::default(), text),
        };
        let mut trust = Trust::System;
        let (backend, path) = if let Some(file) = url.strip_prefix("unix:") {
            let (file, path) = file.split_at(file.find(":/").unwrap_or(file.len()));
            if file.is_empty() {
                return Err(format!("{url:?} names no socket file (unix:/run/app.sock)"));
            }
            let path = path.strip_prefix(':').unwrap_or_default();
            (BackendAddress::Unix(file.into()), path)
        } else if let Some(rest) = url.strip_prefix("https://") {
            let (rest, options) = rest.split_once(' ').unwrap_or((rest, ""));
            trust = parse_trust(options.trim())?;
            let (authority, path) = split_authority(rest).ok_or_else(|| malformed(url))?;
            (BackendAddress::Https(authority.to_owned()), path)
        } else {
            let rest = url.strip_prefix("http://");
            let parts = rest.and_then(split_authority);
            let (authority, path) = parts.ok_or_else(|| malformed(url))?;
            (BackendAddress::Http(authority.to_owned()), path)
        };
        if path.contains(['?', '#', ' ']) {
            return Err(malformed(url));
        }
        let base = match path {
            "" => prefix.as_str().to_owned(),
            path => path.trim_end_matches('/').to_owned(),
        };
        Ok(Self {
            prefix,
            backend,
            trust,
            base,
        })
    }
}

fn malformed(url: &str) -> String {
    let hint = if url.starts_with("http://") && url.contains(' ') {
        "ca_file and insecure are for https URLs"
    } else {
        "http://localhost:3000, https://localhost:3000 or unix:/run/app.sock"
    };
    format!("{url:?} is not the URL of a server ({hint})")
}

fn parse_trust(options: &str) -> Result<Trust, String> {
    match options.strip_prefix("ca_file=") {
        Some(file) if !file.is_empty() => Ok(Trust::CaFile(file.into())),
        _ if options == "insecure" => Ok(Trust::Insecure),
        _ if options.is_empty() => Ok(Trust::System),
        _ => Err(format!(
            "{options:?} is not an option of a backend (ca_file=FILE or insecure)"
        )),
    }
}

/// Splits `host[:port][/path]`. `None` = it has no valid host or port.
fn split_authority(text: &str) -> Option<(&str, &str)> {
    let (authority, path) = text.split_at(text.find('/').unwrap_or(text.len()));
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    let (host, port) = split_port(authority);
    let is_valid = !host.is_empty()
        && authority.chars().all(plain)
        && port.is_none_or(|port| port.parse::<u16>().is_ok());
    is_valid.then_some((authority, path))
}

impl fmt::Display for ProxyRule {
    /// Writes the rule as it can be parsed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = self.prefix.as_str();
        if !prefix.is_empty() {
            write!(f, "{prefix}=")?;
        }
        self.backend.fmt(f)?;
        if self.base != prefix {
            let colon = match self.backend {
                BackendAddress::Unix(_) => ":",
                _ => "",
            };
            write!(f, "{colon}{}/", self.base)?;
        }
        match &self.trust {
            Trust::System => Ok(()),
            Trust::CaFile(file) => write!(f, " ca_file={}", file.display()),
            Trust::Insecure => f.write_str(" insecure"),
        }
    }
}

/// Resolves the socket file and the `ca_file` of a rule against a folder. An invalid rule is left unchanged.
pub(super) fn resolve_paths(folder: &Path, text: &str) -> String {
    let Ok(mut rule) = text.parse::<ProxyRule>() else {
        return text.to_owned();
    };
    let ((BackendAddress::Unix(path), _) | (_, Trust::CaFile(path))) =
        (&mut rule.backend, &mut rule.trust)
    else {
        return text.to_owned();
    };
    *path = folder.join(&*path);
    rule.to_string()
}

/// Returns the rules of the table in the file as text, or the place and problem of an invalid one.
pub(super) fn values(rules: &DeTable<'_>) -> Result<Vec<Placed>, Placed> {
    let mut rules: Vec<_> = rules.iter().collect();
    rules.sort_by_key(|(prefix, _)| prefix.span().start);
    let rules = rules.into_iter().map(|(prefix, value)| {
        let url = match value.get_ref() {
            DeValue::String(url) => url.to_string(),
            DeValue::Table(table) => url_with_options(table, value.span())?,
            _ => {
                let problem = "must be a URL, or a table with url and ca_file or insecure";
                return Err((value.span(), problem.to_owned()));
            }
        };
        Ok((value.span(), format!("{}={url}", prefix.get_ref())))
    });
    rules.collect()
}

/// Writes a table such as `{ url = "https://localhost:3000", insecure = true }` as text.
fn url_with_options(table: &DeTable<'_>, place: Range<usize>) -> Result<String, Placed> {
    let (mut url, mut options) = (None, Vec::new());
    for (key, value) in table {
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("url", DeValue::String(text)) => url = Some(text.to_string()),
            ("ca_file", DeValue::String(file)) => options.push(format!(" ca_file={file}")),
            ("insecure", DeValue::Boolean(true)) => options.push(" insecure".to_owned()),
            ("insecure", DeValue::Boolean(false)) => {}
            (name, _) if KEYS.contains(&name) => {
                let problem = format!("{name} must be {}", expected(name));
                return Err((value.span(), problem));
            }
            (name, _) => {
                let problem = format!("unknown key {name:?} (known keys: {})", KEYS.join(", "));
                return Err((key.span(), problem));
            }
        }
    }
    let problem = match (url, &*options) {
        (Some(url), []) => return Ok(url),
        (Some(url), [option]) => return Ok(url + option),
        (Some(_), _) => "ca_file and insecure exclude each other (remove one)",
        (None, _) => "url is missing (set it to the URL of a server)",
    };
    Err((place, problem.to_owned()))
}

fn expected(key: &str) -> &'static str {
    match key {
        "insecure" => "true or false",
        _ => "a string",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_keeps_request_paths_unless_its_url_has_a_path() {
        for (text, prefix, backend, base) in [
            ("http://localhost:3000", "", "http://localhost:3000", ""),
            ("http://[::1]", "", "http://[::1]", ""),
            ("/api=http://127.0.0.1:1/", "/api", "http://127.0.0.1:1", ""),
            ("/api=http://a:1/v1/", "/api", "http://a:1", "/v1"),
            ("/api=http://a:1", "/api", "http://a:1", "/api"),
            ("https://a", "", "https://a", ""),
            ("/api=https://[::1]:1/v1", "/api", "https://[::1]:1", "/v1"),
            ("unix:/run/a b.sock", "", "unix:/run/a b.sock", ""),
            ("/api=unix:a=b", "/api", "unix:a=b", "/api"),
            ("/api=unix:/a:b:/v1/", "/api", "unix:/a:b", "/v1"),
            ("/api=unix:/a:/", "/api", "unix:/a", ""),
        ] {
            let rule: ProxyRule = text.parse().unwrap();
            let found = (
                rule.prefix.as_str(),
                &*rule.backend.to_string(),
                &*rule.base,
            );
            assert_eq!(found, (prefix, backend, base), "{text}");
            assert_eq!(rule.trust, Trust::System, "{text}");
            assert_eq!(rule.to_string().parse(), Ok(rule), "{text}");
        }
        for text in [
            "",
            "3000",
            "localhost:3000",
            "http://",
            "http://a:b",
            "http://a?b",
            "http://u@a",
            "https://",
            "https://a:b",
            "https://a#b",
            "https://u@a",
            "unix:",
            "unix::/v1",
            "http://unix:/run/a.sock",
            "ftp://a",
        ] {
            assert!(text.parse::<ProxyRule>().is_err(), "{text}");
        }
    }

    #[test]
    fn only_an_https_url_has_options_and_at_most_one() {
        for (text, trust) in [
            ("https://a:1/v1 insecure", Trust::Insecure),
            (
                "/api=https://a ca_file=/x y.pem",
                Trust::CaFile("/x y.pem".into()),
            ),
        ] {
            let rule: ProxyRule = text.parse().unwrap();
            assert_eq!(rule.trust, trust, "{text}");
            assert_eq!(rule.to_string().parse(), Ok(rule), "{text}");
        }
        for (text, problem) in [
            ("http://a insecure", "are for https URLs"),
            ("http://a:1/x ca_file=y", "are for https URLs"),
            ("https://a ca_file=", "is not an option"),
            ("https://a Insecure", "is not an option"),
            ("https://a insecure ca_file=x", "is not an option"),
            ("https://a secure=false", "is not an option"),
        ] {
            let error = text.parse::<ProxyRule>().unwrap_err();
            assert!(error.contains(problem), "{text}: {error}");
        }
    }

    #[test]
    fn paths_are_resolved_against_the_folder_of_the_file() {
        for (text, resolved) in [
            ("unix:a.sock", "unix:/site/a.sock"),
            ("/api=unix:/run/a.sock:/v1", "/api=unix:/run/a.sock:/v1/"),
            ("https://a ca_file=b.pem", "https://a ca_file=/site/b.pem"),
            ("https://a insecure", "https://a insecure"),
            ("http://a/v1", "http://a/v1"),
            ("nonsense", "nonsense"),
        ] {
            assert_eq!(resolve_paths(Path::new("/site"), text), resolved);
        }
    }
}
