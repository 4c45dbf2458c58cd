//! What a plugin makes of a response, and of a module's imports.

use crate::proto;
use bytes::Bytes;
use std::path::Path;

/// Changes to a response, made by a plugin. What it does not mention stays.
///
/// ```
/// # use pagewire_client::Change;
/// let change = Change::new().body("body { color: red }").header("x-made-by", "styles");
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use = "nothing changes until a handler returns it"]
pub struct Change(pub(crate) proto::TransformContent);

impl Change {
    /// Changes nothing yet.
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

    /// Sets a header, in place of those of its name. Hop-by-hop headers and `content-length` make
    /// the answer a failure.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Bytes>) -> Self {
        self.0.headers.push(proto::Header {
            name: name.into().to_ascii_lowercase(),
            value: value.into(),
        });
        self
    }

    /// Removes the headers of this name, if there are any.
    pub fn remove_header(mut self, name: impl Into<String>) -> Self {
        self.0.remove_headers.push(name.into().to_ascii_lowercase());
        self
    }

    /// Has the daemon ask again for the next request. Default: it keeps what came of this response
    /// until that changes, it is invalidated, a file it depends on changes, or a plugin leaves.
    pub fn no_cache(mut self) -> Self {
        self.0.no_cache = true;
        self
    }

    /// Further files, as absolute paths, whose change makes a cached result stale: what the body
    /// includes, or a configuration.
    pub fn depends_on<I: IntoIterator<Item: AsRef<Path>>>(mut self, files: I) -> Self {
        let files = files.into_iter().map(crate::path_to_proto);
        self.0.depends_on_files.extend(files);
        self
    }
}

/// What a module imports instead, made by a plugin: one entry for each of its imports, in order.
/// [`Imports::resolve`](crate::Imports::resolve) makes it, and what gives an `Option` for each
/// collects into it: an iterator, or a `Vec` that was filled in a loop.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "nothing is resolved until a handler returns it"]
pub struct Resolved(pub(crate) proto::ResolvedImports);

impl Resolved {
    /// Has the daemon ask again for the next request of the module. Default: it keeps the result
    /// until the module changes, it is invalidated, a file it depends on changes, or a plugin
    /// leaves.
    pub fn no_cache(mut self) -> Self {
        self.0.no_cache = true;
        self
    }

    /// Further files, as absolute paths, whose change or appearance makes the cached result stale:
    /// a package.json, a module that is not there yet.
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
    fn a_change_mentions_only_what_changes() {
        assert_eq!(Change::new().0.body, None, "kept");
        assert_eq!(Change::new().body("").0.body, Some(Bytes::new()), "emptied");
    }

    #[test]
    fn an_import_that_is_not_resolved_keeps_its_place() {
        let resolved = Resolved::from(vec![None, Some("/lib/lit.js")]);
        assert_eq!(resolved.0.specifiers, ["", "/lib/lit.js"]);
    }
}
