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

pub use prefix::Prefix;
pub use root::{Found, Root, RootError};
pub use roots::Roots;
pub use url::{UrlPath, UrlPathError, path_url, segment_url};
pub use version::Version;
