//! Mapping of URL paths to files in served folders. This is the security boundary between pages and the
//! file system.
//!
//! It takes three steps. [`UrlPath::parse`] decodes the path once and refuses everything but a list of
//! plain names. [`Root::find`] follows symbolic links and checks, component by component, that the
//! canonical path is inside the root. The deny list applies to the URL and to the canonical path.
//! [`open_real`] opens what is at that canonical path and nothing else, even if a folder has been swapped
//! for a link meanwhile.

mod denied_names;
mod open;
mod owned;
mod prefix;
mod root;
mod roots;
mod served_dir;
mod url;
mod version;

pub(crate) use open::{open_real, open_real_folder, read_regular, read_regular_text, version_at};
pub(crate) use owned::OwnedPath;
pub(crate) use prefix::Prefix;
pub(crate) use root::{PathLookup, Root};
pub(crate) use roots::Roots;
pub(crate) use served_dir::RootError;
pub(crate) use url::{UrlPath, UrlPathError, path_url, segment_url};
pub(crate) use version::FileVersion;
