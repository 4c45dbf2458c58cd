//! Which URLs have a module form, and which one.

/// The switches of the settings `import_json`, `import_css`, `import_queries` and `import_assets`.
#[derive(Clone, Copy)]
pub(crate) struct AssetModules {
    pub(crate) json: bool,
    pub(crate) css: bool,
    pub(crate) queries: bool,
    pub(crate) assets: bool,
}

/// What a module gets that imports a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// The value of a JSON file, with its top-level keys as named exports.
    Json,
    /// A module that applies the stylesheet.
    Style,
    /// The text of the file (`?raw`).
    Text,
    /// The URL of the file (`?url`).
    Url,
    /// The URL of a file whose type is never a module.
    AssetUrl,
    /// A constructor of workers (`?worker`, `?sharedworker`).
    Worker,
    /// A module that throws an error, since bundlers have a form that this daemon has not.
    Unsupported(Unsupported),
}

impl Form {
    /// Whether the form is made from the file as it is, even if it is a script: not from what plugins make of it.
    pub(crate) fn is_of_source(self) -> bool {
        matches!(
            self,
            Self::Text | Self::Url | Self::Worker | Self::Unsupported(Unsupported::WorkerOption)
        )
    }
}

/// Forms that only bundlers have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsupported {
    /// `./a.module.css`
    CssModule,
    /// `?inline`
    Inline,
    /// `./a.wasm?init`
    WasmInit,
    /// `?worker` together with `?url` or `?inline`
    WorkerOption,
}

/// Longest extension in [`AssetModules::of_extension`].
const MAX_EXTENSION_BYTES: usize = 11;

impl AssetModules {
    /// Returns the module form of the URL with this decoded path and this query; `None` if it has none. The names
    /// are those of Vite (vite.dev/guide/assets, vite.dev/guide/features).
    pub(super) fn of_url(self, path: &str, query: Option<&str>) -> Option<Form> {
        let by_query = query.filter(|_| self.queries).and_then(of_query);
        by_query.or_else(|| self.of_extension(path))
    }

    fn of_extension(self, path: &str) -> Option<Form> {
        let (stem, extension) = path.rsplit_once('.')?;
        let mut buffer = [0; MAX_EXTENSION_BYTES];
        let extension = extension.as_bytes();
        let lower = buffer.get_mut(..extension.len())?;
        lower.copy_from_slice(extension);
        lower.make_ascii_lowercase();
        match &*lower {
            b"json" => self.json.then_some(Form::Json),
            b"css" | b"less" | b"sass" | b"scss" | b"styl" | b"stylus" | b"pcss" | b"postcss"
            | b"sss" => self.css.then(|| {
                if stem.ends_with(".module") {
                    Form::Unsupported(Unsupported::CssModule)
                } else {
                    Form::Style
                }
            }),
            // Images, media, fonts and others, as in Vite's `KNOWN_ASSET_TYPES`.
            b"apng" | b"bmp" | b"png" | b"jpg" | b"jpeg" | b"jfif" | b"pjpeg" | b"pjp" | b"gif"
            | b"svg" | b"ico" | b"webp" | b"avif" | b"cur" | b"jxl" | b"mp4" | b"webm" | b"ogg"
            | b"mp3" | b"wav" | b"flac" | b"aac" | b"opus" | b"mov" | b"m4a" | b"vtt" | b"woff"
            | b"woff2" | b"eot" | b"ttf" | b"otf" | b"webmanifest" | b"pdf" | b"txt" => {
                self.assets.then_some(Form::AssetUrl)
            }
            _ => None,
        }
    }
}

/// Returns the form that a parameter without a value requests: `?raw`, but not `?raw=1`.
fn of_query(query: &str) -> Option<Form> {
    let has = |name| query.split('&').any(|parameter| parameter == name);
    if has("worker") || has("sharedworker") {
        Some(if has("url") || has("inline") {
            Form::Unsupported(Unsupported::WorkerOption)
        } else {
            Form::Worker
        })
    } else if has("raw") {
        Some(Form::Text)
    } else if has("url") {
        Some(Form::Url)
    } else if has("inline") {
        Some(Form::Unsupported(Unsupported::Inline))
    } else if has("init") {
        Some(Form::Unsupported(Unsupported::WasmInit))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: AssetModules = AssetModules {
        json: true,
        css: true,
        queries: true,
        assets: true,
    };

    #[test]
    fn a_url_has_the_form_of_its_query_or_else_of_its_extension() {
        use Unsupported::{CssModule, Inline, WasmInit, WorkerOption};
        for (path, query, expected) in [
            ("/", None, None),
            ("/a.js", None, None),
            ("/a.js", Some("v=1"), None),
            ("/a.wasm", None, None),
            ("/a.html", None, None),
            ("/a.b/c", None, None),
            ("/a.png/c.much-too-long-extension", None, None),
            ("/a.JSON", None, Some(Form::Json)),
            ("/a.json", Some("v=1"), Some(Form::Json)),
            ("/a.css", None, Some(Form::Style)),
            ("/a.scss", None, Some(Form::Style)),
            ("/a.webmanifest", None, Some(Form::AssetUrl)),
            ("/a.svg", Some("raw"), Some(Form::Text)),
            ("/a.js", Some("v=1&raw"), Some(Form::Text)),
            ("/a.js", Some("raw=1"), None),
            ("/a.css", Some("url"), Some(Form::Url)),
            ("/a.js", Some("worker"), Some(Form::Worker)),
            ("/a.js", Some("sharedworker"), Some(Form::Worker)),
            (
                "/a.js",
                Some("worker&url"),
                Some(Form::Unsupported(WorkerOption)),
            ),
            ("/a.module.css", None, Some(Form::Unsupported(CssModule))),
            ("/a.css", Some("inline"), Some(Form::Unsupported(Inline))),
            ("/a.wasm", Some("init"), Some(Form::Unsupported(WasmInit))),
        ] {
            assert_eq!(ALL.of_url(path, query), expected, "{path} {query:?}");
        }
    }

    #[test]
    fn each_switch_turns_its_forms_off() {
        let none = AssetModules {
            json: false,
            css: false,
            queries: false,
            assets: false,
        };
        for (path, query) in [
            ("/a.json", None),
            ("/a.css", None),
            ("/a.module.css", None),
            ("/a.png", None),
            ("/a.js", Some("raw")),
            ("/a.js", Some("inline")),
        ] {
            assert_eq!(none.of_url(path, query), None, "{path} {query:?}");
        }
        let by_extension = AssetModules {
            queries: false,
            ..ALL
        };
        assert_eq!(
            by_extension.of_url("/a.css", Some("raw")),
            Some(Form::Style)
        );
    }
}
