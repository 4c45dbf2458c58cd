//! The settings `app_index`, `mount` and `mime_types`.

use super::glob::UrlGlob;
use crate::paths::Prefix;
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
}
