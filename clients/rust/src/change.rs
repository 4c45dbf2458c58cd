//! Results of the transform and resolve-import hooks.

use crate::proto;
use bytes::Bytes;
use std::path::Path;

/// Changes to a response, made by a plugin. Everything else of the response stays.
///
/// ```
/// # use pagewire_client::Change;
/// let change = Change::new().body("body { color: red }").header("x-made-by", "styles");
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use = "nothing changes until a handler returns it"]
pub struct Change(pub(crate) proto::TransformContent);

impl Change {
    /// A change that changes nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The new body, 16 MiB at most; it may be empty.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.0.body = Some(body.into());
        self
    }

    /// The new MIME type, or a file extension.
    pub fn content_type(mut self, content_type: impl Into<String>) -> Self {
        self.0.content_type = content_type.into();
        self
    }

    /// Sets a header, replacing all of this name. Hop-by-hop headers and `content-length` are refused: the
    /// page gets an error.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Bytes>) -> Self {
        self.0.headers.push(proto::Header {
            name: name.into().to_ascii_lowercase(),
            value: value.into(),
        });
        self
    }

    /// Removes the headers of these names, if there are any.
    pub fn remove_headers<I: IntoIterator<Item: Into<String>>>(mut self, names: I) -> Self {
        let names = names
            .into_iter()
            .map(|name| name.into().to_ascii_lowercase());
        self.0.remove_headers.extend(names);
        self
    }

    /// Removes the headers of this name, if there are any.
    #[deprecated(
        since = "0.1.0",
        note = "use `remove_headers`, which takes several names"
    )]
    pub fn remove_header(self, name: impl Into<String>) -> Self {
        self.remove_headers([name])
    }

    /// Prevents caching: the plugin is called again for the next request. Default: the result is cached until
    /// the response changes, it is invalidated, a file it depends on changes, or the plugin disconnects.
    pub fn no_cache(mut self) -> Self {
        self.0.no_cache = true;
        self
    }

    /// Further files, as absolute paths, whose change makes the cached result stale: files that the body
    /// includes, or a configuration.
    pub fn depends_on<I: IntoIterator<Item: AsRef<Path>>>(mut self, files: I) -> Self {
        let files = files.into_iter().map(crate::path_to_proto);
        self.0.depends_on_files.extend(files);
        self
    }
}

/// Resolved imports of a module, made by a plugin: one entry for each import, in order.
/// [`Imports::resolve`](crate::Imports::resolve) returns it; an iterator or `Vec` of one `Option` per import
/// converts into it.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "nothing is resolved until a handler returns it"]
pub struct Resolved(pub(crate) proto::ResolvedImports);

impl Resolved {
    /// Prevents caching: the plugin is called again for the next request of the module. Default: the result
    /// is cached until the module changes, it is invalidated, a file it depends on changes, or the plugin
    /// disconnects.
    pub fn no_cache(mut self) -> Self {
        self.0.no_cache = true;
        self
    }

    /// Further files, as absolute paths, whose change or appearance makes the cached result stale:
    /// a package.json, a module that does not exist yet.
    pub fn depends_on<I: IntoIterator<Item: AsRef<Path>>>(mut self, files: I) -> Self {
        let files = files.into_iter().map(crate::path_to_proto);
        self.0.depends_on_files.extend(files);
        self
    }
}

/// `None` leaves an import to the next plugin.
impl<S: Into<String>> FromIterator<Option<S>> for Resolved {
    fn from_iter<I: IntoIterator<Item = Option<S>>>(imports: I) -> Self {
        let specifiers = imports
            .into_iter()
            .map(|to| to.map_or_else(String::new, Into::into));
        Self(proto::ResolvedImports {
            specifiers: specifiers.collect(),
            ..Default::default()
        })
    }
}

/// `None` leaves an import to the next plugin.
impl<S: Into<String>> From<Vec<Option<S>>> for Resolved {
    fn from(imports: Vec<Option<S>>) -> Self {
        imports.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_body_differs_from_an_unchanged_one() {
        assert_eq!(Change::new().0.body, None, "unchanged");
        assert_eq!(Change::new().body("").0.body, Some(Bytes::new()), "emptied");
    }

    #[test]
    #[expect(deprecated)]
    fn the_old_name_removes_a_header_too() {
        let change = Change::new().remove_header("ETag");
        assert_eq!(change, Change::new().remove_headers(["etag"]));
    }

    #[test]
    fn an_unresolved_import_keeps_its_position() {
        let resolved = Resolved::from(vec![None, Some("/lib/lit.js")]);
        assert_eq!(resolved.0.specifiers, ["", "/lib/lit.js"]);
    }
}
