//! From a URL path to a file inside a root, or to nothing: the security boundary of the
//! page side.
//!
//! Two steps, each once. [`UrlPath::parse`] decodes the text and refuses everything that is not
//! a list of plain names. [`Root::find`] asks the file system for the real path behind links
//! and compares it with the root component by component. A deny list is applied to both.

mod prefix;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

pub use prefix::Prefix;

/// What a path segment keeps unescaped in a URL (RFC 3986, section 3.3).
const SEGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}')
    .add(b'/');

/// Names that are never served, whatever their case: credentials, repositories, and what says
/// how we serve. A trailing
/// `*` stands for any ending, a leading one for any beginning.
const DENIED_NAMES: &[&str] = &[
    ".env",
    ".env.*",
    ".git",
    ".hg",
    ".svn",
    ".npmrc",
    ".netrc",
    ".pypirc",
    ".htpasswd",
    ".ssh",
    ".aws",
    ".gnupg",
    "pagewire.toml",
    "*.pem",
    "*.key",
    "*.crt",
    "*.p12",
    "*.pfx",
];

/// A URL path, percent-decoded once, without dot segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlPath {
    text: String,
}

/// Why a URL path was refused. The page gets 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlPathError {
    /// It does not begin with `/`.
    #[error("the path does not begin with /")]
    NotAbsolute,
    /// A `%` that two hexadecimal digits do not follow, or octets that are no UTF-8.
    #[error("the path has a percent sequence that does not decode to UTF-8")]
    BadEncoding,
    /// NUL, another control character, or a backslash (a separator to some file systems).
    #[error("the path has a control character or a backslash")]
    BadCharacter,
    /// `..` beyond the first segment.
    #[error("the path leaves the root (too many ..)")]
    Escapes,
}

impl UrlPath {
    /// Decodes the path of a request target (without its query).
    pub fn parse(raw: &str) -> Result<Self, UrlPathError> {
        if !raw.starts_with('/') {
            return Err(UrlPathError::NotAbsolute);
        }
        let bytes = raw.as_bytes();
        let is_ordinary = bytes
            .iter()
            .all(|b| b.is_ascii_graphic() && !matches!(b, b'%' | b'\\'));
        if is_ordinary && !raw.contains("//") && !raw.contains("/.") {
            // Nearly all of them: there is nothing to decode and no segment to take away.
            return Ok(Self {
                text: raw.to_owned(),
            });
        }
        let well_formed = bytes.iter().enumerate().all(|(at, byte)| {
            *byte != b'%'
                || bytes
                    .get(at + 1..at + 3)
                    .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
        });
        if !well_formed {
            return Err(UrlPathError::BadEncoding);
        }
        let decoded = percent_decode_str(raw)
            .decode_utf8()
            .map_err(|_| UrlPathError::BadEncoding)?;
        if decoded.chars().any(|c| c.is_control() || c == '\\') {
            return Err(UrlPathError::BadCharacter);
        }
        let mut segments: Vec<&str> = Vec::new();
        for segment in decoded.split('/') {
            match segment {
                "" | "." => {}
                ".." => {
                    segments.pop().ok_or(UrlPathError::Escapes)?;
                }
                name => segments.push(name),
            }
        }
        let names_a_folder = matches!(decoded.rsplit('/').next(), Some("" | "." | ".."));
        let mut text = String::with_capacity(decoded.len());
        for segment in &segments {
            text.push('/');
            text.push_str(segment);
        }
        if names_a_folder || segments.is_empty() {
            text.push('/');
        }
        Ok(Self { text })
    }

    /// The decoded path; begins with `/`, and ends with it when it names a folder.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it ends with `/`.
    #[must_use]
    pub fn names_a_folder(&self) -> bool {
        self.text.ends_with('/')
    }

    /// The names between the slashes.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.text.split('/').filter(|name| !name.is_empty())
    }

    /// The names as a path of the file system.
    fn relative(&self) -> &Path {
        Path::new(self.text.trim_matches('/'))
    }

    /// What lies below a prefix, as a path of its own.
    #[must_use]
    pub fn below(&self, prefix: &Prefix) -> Option<Self> {
        let text = prefix.strip(&self.text)?.to_owned();
        Some(Self { text })
    }

    /// The folder of this name, whose URL ends with a slash.
    #[must_use]
    pub fn to_folder(&self) -> Self {
        let text = format!("{}/", self.text.trim_end_matches('/'));
        Self { text }
    }

    /// The path, percent-encoded. It begins with exactly one `/`, so a browser cannot read a host
    /// into it.
    #[must_use]
    pub fn url(&self) -> String {
        let names = self.text.split('/').map(segment_url);
        names.collect::<Vec<_>>().join("/")
    }
}

/// A name as a segment of a URL path, percent-encoded.
#[must_use]
pub fn segment_url(name: &str) -> String {
    utf8_percent_encode(name, SEGMENT).to_string()
}

impl fmt::Display for UrlPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What a URL path stands for under a root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A regular file: its real path.
    File(PathBuf),
    /// A folder that was asked for without its trailing slash.
    FolderWithoutSlash,
    /// A folder without an `index.html`: its real path.
    Folder(PathBuf),
    /// Nothing that can be served.
    Nothing,
    /// The name is on the deny list.
    DeniedName(String),
    /// A link that leads out of the root: the real path it leads to.
    OutsideRoot(PathBuf),
}

/// A served folder.
#[derive(Clone, Debug)]
pub struct Root {
    dir: PathBuf,
    allowed_dirs: Vec<PathBuf>,
    allowed_names: Vec<String>,
    /// Never served, wherever it is: see [`Root::hide`].
    hidden: Vec<PathBuf>,
}

/// Why a folder cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum RootError {
    /// It exists and is something else.
    #[error("root is not a directory: {} (pass an existing folder)", .0.display())]
    NotADirectory(PathBuf),
    /// It does not exist or cannot be read.
    #[error("root cannot be opened: {} (pass an existing folder)", .path.display())]
    Unreadable {
        /// The folder as it was given.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl Root {
    /// Opens a folder for serving. `allowed_dirs` are further folders that links may lead
    /// into; `allowed_names` are taken off the deny list.
    pub fn open(
        dir: &Path,
        allowed_dirs: &[PathBuf],
        allowed_names: &[String],
    ) -> Result<Self, RootError> {
        Ok(Self {
            dir: real_dir(dir)?,
            allowed_dirs: allowed_dirs
                .iter()
                .map(|dir| real_dir(dir))
                .collect::<Result<_, _>>()?,
            allowed_names: allowed_names
                .iter()
                .map(|name| name.to_lowercase())
                .collect(),
            hidden: Vec::new(),
        })
    }

    /// Keeps a file or folder from being served, although it may lie in the root: the one that holds
    /// the control tokens (whoever could read it there would be a program), private keys.
    pub fn hide(&mut self, path: &Path) {
        self.hidden.extend(path.canonicalize());
    }

    /// The folder's real path.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Looks a URL path up. A folder stands for its `index.html`.
    ///
    /// Asks the file system, so it may block for as long as that takes.
    #[must_use]
    pub fn find(&self, url: &UrlPath) -> Found {
        if let Some(name) = url.segments().find(|name| self.denies(name)) {
            return Found::DeniedName(name.to_owned());
        }
        match self.real(&self.asked(url)) {
            // A file is no folder, whatever the URL says.
            Found::Nothing if url.names_a_folder() => {
                match self.real(&self.dir.join(url.relative())) {
                    Found::File(_) => Found::Nothing,
                    found => found,
                }
            }
            Found::Folder(_) if !url.names_a_folder() => Found::FolderWithoutSlash,
            found => found,
        }
    }

    /// Where the file of a URL path would be. A folder stands for its `index.html`.
    #[must_use]
    pub fn asked(&self, url: &UrlPath) -> PathBuf {
        let mut asked = self.dir.join(url.relative());
        if url.names_a_folder() {
            asked.push("index.html");
        }
        asked
    }

    /// What a path of the file system is to this root, behind all links.
    ///
    /// Asks the file system, so it may block for as long as that takes.
    #[must_use]
    pub fn real(&self, asked: &Path) -> Found {
        let Ok(real) = asked.canonicalize() else {
            return Found::Nothing;
        };
        if self.hidden.iter().any(|path| real.starts_with(path)) {
            return Found::Nothing;
        }
        let Some(base) = self.bases().find(|base| real.starts_with(base)) else {
            return Found::OutsideRoot(real);
        };
        let inside = real.strip_prefix(base).unwrap_or(&real);
        let denied = inside
            .components()
            .filter_map(|component| component.as_os_str().to_str())
            .find(|name| self.denies(name));
        if let Some(name) = denied {
            return Found::DeniedName(name.to_owned());
        }
        match real.metadata() {
            Ok(metadata) if metadata.is_file() => Found::File(real),
            Ok(metadata) if metadata.is_dir() => Found::Folder(real),
            _ => Found::Nothing,
        }
    }

    fn bases(&self) -> impl Iterator<Item = &PathBuf> {
        std::iter::once(&self.dir).chain(&self.allowed_dirs)
    }

    /// Whether a name is never served.
    #[must_use]
    pub fn denies(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        let denied = DENIED_NAMES.iter().any(|pattern| {
            if let Some(ending) = pattern.strip_prefix('*') {
                name.ends_with(ending)
            } else if let Some(beginning) = pattern.strip_suffix('*') {
                name.starts_with(beginning)
            } else {
                name == *pattern
            }
        });
        denied && !self.allowed_names.contains(&name)
    }
}

fn real_dir(dir: &Path) -> Result<PathBuf, RootError> {
    let real = dir.canonicalize().map_err(|source| RootError::Unreadable {
        path: dir.to_owned(),
        source,
    })?;
    if real.is_dir() {
        Ok(real)
    } else {
        Err(RootError::NotADirectory(dir.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(raw: &str) -> Result<String, UrlPathError> {
        UrlPath::parse(raw).map(|path| path.as_str().to_owned())
    }

    #[test]
    fn a_path_is_decoded_once() {
        assert_eq!(parsed("/a%20b/%2525"), Ok("/a b/%25".into()));
        assert_eq!(parsed("/caf%C3%A9"), Ok("/café".into()));
    }

    #[test]
    fn dot_segments_and_doubled_slashes_go() {
        assert_eq!(parsed("/a/./b//c"), Ok("/a/b/c".into()));
        assert_eq!(parsed("/a/b/.."), Ok("/a/".into()));
        assert_eq!(parsed("/.env/."), Ok("/.env/".into()));
        assert_eq!(parsed("//etc/passwd"), Ok("/etc/passwd".into()));
        assert_eq!(parsed("/"), Ok("/".into()));
    }

    #[test]
    fn what_is_no_plain_path_is_refused() {
        assert_eq!(parsed("/../x"), Err(UrlPathError::Escapes));
        assert_eq!(parsed("/%2e%2e/x"), Err(UrlPathError::Escapes));
        assert_eq!(parsed("/..%2fx"), Err(UrlPathError::Escapes));
        assert_eq!(parsed("/a/..%5c..%5cx"), Err(UrlPathError::BadCharacter));
        assert_eq!(parsed("/a%00.js"), Err(UrlPathError::BadCharacter));
        assert_eq!(parsed("/%"), Err(UrlPathError::BadEncoding));
        assert_eq!(parsed("/%zz"), Err(UrlPathError::BadEncoding));
        assert_eq!(parsed("/%+1"), Err(UrlPathError::BadEncoding));
        assert_eq!(parsed("/%ff"), Err(UrlPathError::BadEncoding));
        assert_eq!(parsed("a"), Err(UrlPathError::NotAbsolute));
        assert_eq!(parsed(""), Err(UrlPathError::NotAbsolute));
    }

    #[test]
    fn a_redirect_target_has_one_leading_slash_and_is_encoded() {
        let url = UrlPath::parse("//evil.example/%3Cb%3E").unwrap();
        assert_eq!(url.url(), "/evil.example/%3Cb%3E");
        assert_eq!(url.to_folder().url(), "/evil.example/%3Cb%3E/");
    }

    #[test]
    fn names_on_the_deny_list_are_refused_in_any_case() {
        let site = tempfile::tempdir().unwrap();
        std::fs::write(site.path().join(".ENV"), "secret").unwrap();
        std::fs::write(site.path().join("server.PEM"), "secret").unwrap();
        std::os::unix::fs::symlink(site.path().join(".ENV"), site.path().join("public")).unwrap();
        let root = Root::open(site.path(), &[], &[]).unwrap();
        for raw in [
            "/pagewire.toml",
            "/.env",
            "/.ENV",
            "/.env/.",
            "/server.pem",
            "/.git/config",
            "/public",
        ] {
            let found = root.find(&UrlPath::parse(raw).unwrap());
            assert!(matches!(found, Found::DeniedName(_)), "{raw}: {found:?}");
        }
        let root = Root::open(site.path(), &[], &[".ENV".into()]).unwrap();
        let found = root.find(&UrlPath::parse("/.ENV").unwrap());
        assert!(matches!(found, Found::File(_)), "{found:?}");
    }

    #[test]
    fn a_link_out_of_the_root_needs_permission() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("x.js"), "").unwrap();
        let site = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(outside.path(), site.path().join("lib")).unwrap();
        let url = UrlPath::parse("/lib/x.js").unwrap();
        let root = Root::open(site.path(), &[], &[]).unwrap();
        assert!(matches!(root.find(&url), Found::OutsideRoot(_)));
        let root = Root::open(site.path(), &[outside.path().to_owned()], &[]).unwrap();
        assert!(matches!(root.find(&url), Found::File(_)));
    }

    proptest! {
        #[test]
        fn no_url_path_leaves_the_root(raw in "/([a-c./%]|%2e|%2f|%5c|\\.\\.|~){0,24}") {
            let site = tempfile::tempdir().unwrap();
            let root = Root::open(site.path(), &[], &[]).unwrap();
            if let Ok(url) = UrlPath::parse(&raw) {
                prop_assert!(url.segments().all(|name| name != ".." && name != "." && !name.contains('\\')));
                prop_assert!(!matches!(root.find(&url), Found::OutsideRoot(_)));
            }
        }
    }
}
