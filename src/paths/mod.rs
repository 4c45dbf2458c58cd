//! From a URL path to a file inside a served folder, or to nothing: the security boundary of the page
//! side.
//!
//! Two steps, each once. [`UrlPath::parse`] decodes the text and refuses everything that is not
//! a list of plain names. [`Root::find`] asks the file system for the real path behind links
//! and compares it with the root component by component. A deny list is applied to both.

mod prefix;
mod root;
mod roots;
mod url;
mod version;

pub(crate) use prefix::Prefix;
pub(crate) use root::{PathLookup, Root, RootError};
pub(crate) use roots::Roots;
pub(crate) use url::{UrlPath, path_url, segment_url};
pub(crate) use version::FileVersion;
