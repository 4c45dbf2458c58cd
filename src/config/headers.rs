//! The settings `headers` and `cross_origin_isolated`: headers that responses get in addition to their own.

use super::glob::UrlGlob;
use std::borrow::Cow;
use std::ops::Range;
use std::str::FromStr;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Configured headers together, each with its separator and line end, in bytes. With more the daemon does not start:
/// Node, among other clients, refuses a response whose head has more than 16 KiB, and the daemon adds headers of its
/// own. Default 12 KiB.
const MAX_CONFIGURED_BYTES: usize = 12 * 1024;

/// Configured headers together. With more the daemon does not start: Python's `urllib`, among other clients, refuses a
/// response with more than 100. Default 64.
const MAX_CONFIGURED_HEADERS: usize = 64;

/// `: ` and the line end.
const SEPARATOR_BYTES: usize = 4;

/// The headers of `cross_origin_isolated` (HTML standard, section 7.1.3 and 7.1.4).
const ISOLATION: [(&str, &str); 2] = [
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Embedder-Policy", "require-corp"),
];

/// Headers that cannot be set, in lower case, and why. A name that ends with a dash stands for all that begin
/// with it.
const REFUSED: [(&[&str], &str); 8] = [
    (
        &[
            "connection",
            "content-length",
            "date",
            "keep-alive",
            "proxy-authenticate",
            "proxy-connection",
            "te",
            "trailer",
            "transfer-encoding",
            "upgrade",
        ],
        "it belongs to the connection or to the length of one body, and a wrong value breaks the transfer",
    ),
    (
        &["sec-websocket-"],
        "it belongs to the handshake of a web socket",
    ),
    (
        &["accept-ranges", "content-encoding", "content-range"],
        "it says how one body is sent: compressed, or only a part of it",
    ),
    (
        &["etag", "last-modified", "vary"],
        "it is made for each response, so that browsers do not keep an outdated one",
    ),
    (
        &["content-type"],
        "it is made for each response (use mime_types to change the type of a file)",
    ),
    (
        &["location"],
        "it belongs to one redirect (let a plugin answer with it)",
    ),
    (
        &["cross-origin-resource-policy"],
        "every response has it: same-origin, or cross-origin with allow_embedding",
    ),
    (
        &["pagewire-"],
        "pagewire's own pages and programs depend on it",
    ),
];

/// A value, or a problem, with its place in the file.
type Placed = (Range<usize>, String);

/// One configured header.
#[derive(Clone, Debug)]
pub(super) struct ConfiguredHeader {
    /// `None` = all paths.
    glob: Option<UrlGlob>,
    name: String,
    value: String,
}

impl FromStr for ConfiguredHeader {
    type Err = String;

    /// Parses `NAME: VALUE` or `GLOB=NAME: VALUE`. A name contains no `=`, so the last one before the colon ends
    /// the glob.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || {
            format!(
                "{text:?} is not NAME: VALUE (Cache-Control: no-store), for some paths GLOB=NAME: VALUE (*.wasm=Cache-Control: no-store)"
            )
        };
        let (before, value) = text.split_once(':').ok_or_else(malformed)?;
        let (glob, name) = match before.rsplit_once('=') {
            Some(("", _)) => return Err(malformed()),
            Some((glob, name)) => (Some(glob), name),
            None => (None, before),
        };
        check_name(name)?;
        Ok(Self {
            glob: glob.map(UrlGlob::compile).transpose()?,
            name: name.to_owned(),
            value: check_value(name, value)?.to_owned(),
        })
    }
}

/// Checks the name of a header (RFC 9110, section 5.1).
fn check_name(name: &str) -> Result<(), String> {
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err(format!(
            "{name:?} is not the name of a header (letters, digits and dashes)"
        ));
    }
    let lower = name.to_ascii_lowercase();
    let is_refused = |refused: &&str| {
        lower == **refused || refused.ends_with('-') && lower.starts_with(*refused)
    };
    let refused = REFUSED
        .iter()
        .find(|(names, _)| names.iter().any(is_refused));
    match refused {
        Some((_, reason)) => Err(format!("{name} cannot be set: {reason}")),
        None => Ok(()),
    }
}

/// Checks the value of a header (RFC 9110, section 5.5), and returns it without the space around it.
fn check_value<'a>(name: &str, value: &'a str) -> Result<&'a str, String> {
    let value = value.trim_matches([' ', '\t']);
    if value.is_empty() {
        return Err(format!("{name} has no value (write NAME: VALUE)"));
    }
    let is_invalid = |c: &char| *c != '\t' && *c != ' ' && !c.is_ascii_graphic();
    match value.chars().find(is_invalid) {
        Some(c) => Err(format!(
            "the value of {name} contains {c:?} (use printable ASCII only, on one line)"
        )),
        None => Ok(value),
    }
}

/// Headers for the paths that match a glob.
#[derive(Clone, Debug)]
pub(crate) struct HeaderRule {
    /// `None` = all paths.
    glob: Option<UrlGlob>,
    /// Names and values, both valid in HTTP. A name with several values is there several times.
    pub headers: Vec<(String, String)>,
}

impl HeaderRule {
    /// Returns whether a decoded URL path matches.
    #[must_use]
    pub(crate) fn matches(&self, path: &str) -> bool {
        self.glob.as_ref().is_none_or(|glob| glob.matches(path))
    }

    /// Returns the glob; `None` = all paths.
    #[must_use]
    pub(crate) fn pattern(&self) -> Option<&str> {
        self.glob.as_ref().map(UrlGlob::as_str)
    }
}

/// Returns the rules, in the order in which their globs are first configured. The one of
/// `cross_origin_isolated` comes first, so that others can replace its headers.
pub(super) fn rules(
    isolated: bool,
    configured: Vec<ConfiguredHeader>,
) -> Result<Vec<HeaderRule>, String> {
    let mut rules: Vec<HeaderRule> = Vec::new();
    let count = configured.len();
    if count > MAX_CONFIGURED_HEADERS {
        return Err(format!(
            "there are {count} headers, and the limit is {MAX_CONFIGURED_HEADERS} (clients refuse a response with more; set fewer)"
        ));
    }
    let mut bytes = 0;
    for ConfiguredHeader { glob, name, value } in configured {
        bytes += name.len() + value.len() + SEPARATOR_BYTES;
        let pattern = glob.as_ref().map(UrlGlob::as_str);
        match rules.iter_mut().find(|rule| rule.pattern() == pattern) {
            Some(rule) => rule.headers.push((name, value)),
            None => rules.push(HeaderRule {
                glob,
                headers: vec![(name, value)],
            }),
        }
    }
    if bytes > MAX_CONFIGURED_BYTES {
        return Err(format!(
            "the headers have {bytes} bytes together, and the limit is {MAX_CONFIGURED_BYTES} (clients refuse a longer head of a response; set fewer or shorter ones)"
        ));
    }
    if isolated {
        let headers = ISOLATION.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let rule = HeaderRule {
            glob: None,
            headers: headers.into(),
        };
        rules.insert(0, rule);
    }
    Ok(rules)
}

/// Returns the entries of a table in the order of the file.
fn in_order<'a, 'b>(
    table: &'a DeTable<'b>,
) -> Vec<(&'a Spanned<Cow<'b, str>>, &'a Spanned<DeValue<'b>>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

/// Returns the headers of the table in the file as text, or the place and problem of an invalid one. A table
/// in it has the headers of a glob.
pub(super) fn values(table: &DeTable<'_>) -> Result<Vec<Placed>, Placed> {
    let mut values = Vec::new();
    for (key, value) in in_order(table) {
        let DeValue::Table(headers) = value.get_ref() else {
            add("", key, value, &mut values)?;
            continue;
        };
        let glob = key.get_ref();
        if glob.is_empty() || glob.contains(':') {
            let problem = format!("{glob:?} is not a glob of headers (write ? for a colon)");
            return Err((key.span(), problem));
        }
        UrlGlob::compile(glob).map_err(|problem| (key.span(), problem))?;
        for (name, value) in in_order(headers) {
            add(&format!("{glob}="), name, value, &mut values)?;
        }
    }
    Ok(values)
}

/// Adds the values of one header as text.
fn add(
    glob: &str,
    name: &Spanned<Cow<'_, str>>,
    value: &Spanned<DeValue<'_>>,
    values: &mut Vec<Placed>,
) -> Result<(), Placed> {
    let key = name.get_ref();
    check_name(key).map_err(|problem| {
        let is_glob = glob.is_empty() && key.contains(['/', '*']);
        let hint = if is_glob {
            format!("; [headers.{key:?}] is a table of headers for some paths")
        } else {
            String::new()
        };
        (name.span(), problem + &hint)
    })?;
    let texts = match value.get_ref() {
        DeValue::Array(texts) => texts.iter().collect(),
        _ => vec![value],
    };
    for text in texts {
        let DeValue::String(header) = text.get_ref() else {
            let problem = format!("{key} must be a string or a list of strings");
            return Err((text.span(), problem));
        };
        values.push((text.span(), format!("{glob}{key}: {header}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ConfiguredHeader, String> {
        text.parse()
    }

    #[test]
    fn a_header_is_split_into_glob_name_and_value() {
        for (text, glob, name, value) in [
            ("X-A: 1", "", "X-A", "1"),
            ("x-a:1=2: 3 \t", "", "x-a", "1=2: 3"),
            (
                "*.wasm=Cache-Control: a=1, b",
                "*.wasm",
                "Cache-Control",
                "a=1, b",
            ),
            ("/a=b/**=Link: </x>; rel=y", "a=b/**", "Link", "</x>; rel=y"),
        ] {
            let header = parse(text).unwrap();
            let found = (
                header.glob.as_ref().map_or("", UrlGlob::as_str),
                &*header.name,
                &*header.value,
            );
            assert_eq!(found, (glob, name, value), "{text}");
        }
        for (text, problem) in [
            ("", "is not NAME: VALUE"),
            ("X-A", "is not NAME: VALUE"),
            ("X-A=1", "is not NAME: VALUE"),
            ("=X-A: 1", "is not NAME: VALUE"),
            (": 1", "\"\" is not the name of a header"),
            ("X A: 1", "\"X A\" is not the name of a header"),
            ("X-A : 1", "\"X-A \" is not the name of a header"),
            ("X-\u{e9}: 1", "is not the name of a header"),
            ("X-A:", "X-A has no value"),
            ("X-A: \t", "X-A has no value"),
            ("X-A: a\r\nX-B: b", "the value of X-A contains '\\r'"),
            ("X-A: caf\u{e9}", "the value of X-A contains '\u{e9}'"),
            ("X-A: a\u{7f}", "the value of X-A contains"),
            ("a[=X-A: 1", "\"a[\" is not a glob"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(problem), "{text:?}: {error}");
        }
    }

    #[test]
    fn headers_that_the_daemon_depends_on_are_refused_with_the_reason() {
        for (name, reason) in [
            ("Content-Length", "breaks the transfer"),
            ("transfer-encoding", "breaks the transfer"),
            ("CONNECTION", "breaks the transfer"),
            ("Date", "breaks the transfer"),
            ("Upgrade", "breaks the transfer"),
            ("Sec-WebSocket-Accept", "handshake of a web socket"),
            ("Content-Encoding", "how one body is sent"),
            ("Content-Range", "how one body is sent"),
            ("ETag", "keep an outdated one"),
            ("Last-Modified", "keep an outdated one"),
            ("Vary", "keep an outdated one"),
            ("Content-Type", "use mime_types"),
            ("Location", "one redirect"),
            ("Cross-Origin-Resource-Policy", "allow_embedding"),
            ("Pagewire-Failure", "depend on it"),
        ] {
            let error = parse(&format!("{name}: x")).unwrap_err();
            let begin = format!("{name} cannot be set: ");
            assert!(
                error.starts_with(&begin) && error.contains(reason),
                "{error}"
            );
        }
        for name in ["Content-Disposition", "Pagewire", "Locations", "Sec-GPC"] {
            assert!(parse(&format!("{name}: x")).is_ok(), "{name}");
        }
    }

    #[test]
    fn headers_of_one_glob_form_one_rule_after_that_of_isolation() {
        let headers = [
            "X-A: 1",
            "/=X-A: 4",
            "/a/*.js=X-A: 2",
            "X-A: 3",
            "a/*.js=X-B: 2",
        ]
        .map(|text| parse(text).unwrap());
        let rules = rules(true, headers.into()).unwrap();
        let found: Vec<_> = rules
            .iter()
            .map(|rule| {
                let headers = rule.headers.iter();
                let headers = headers.map(|(name, value)| format!("{name}: {value}"));
                (rule.pattern(), headers.collect::<Vec<_>>().join(", "))
            })
            .collect();
        let isolation = ISOLATION.map(|(name, value)| format!("{name}: {value}"));
        let expected = [
            (None, isolation.join(", ")),
            (None, "X-A: 1, X-A: 3".to_owned()),
            (Some(""), "X-A: 4".to_owned()),
            (Some("a/*.js"), "X-A: 2, X-B: 2".to_owned()),
        ];
        assert_eq!(found, expected);
        let matching = |path| {
            rules
                .iter()
                .map(|rule| rule.matches(path))
                .collect::<Vec<_>>()
        };
        assert_eq!(matching("/"), [true, true, true, false]);
        assert_eq!(matching("/a/b/c.js"), [true, true, false, true]);
    }

    #[test]
    fn the_configured_headers_are_bounded_together() {
        let headers =
            |count, bytes| vec![parse(&format!("X: {}", "a".repeat(bytes))).unwrap(); count];
        assert!(rules(true, headers(12, 1019)).is_ok());
        let error = rules(true, headers(13, 1019)).unwrap_err();
        assert!(
            error.contains("13312") && error.contains("12288"),
            "{error}"
        );
        assert!(rules(true, headers(64, 1)).is_ok());
        let error = rules(true, headers(65, 1)).unwrap_err();
        assert!(error.contains("65") && error.contains("64"), "{error}");
    }
}
