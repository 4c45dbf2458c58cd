//! The stages of a page request, one file or folder each.

pub(super) mod collect;
pub(super) mod encode;
pub(super) mod imports;
pub(super) mod inject;
pub(super) mod reply;
pub(super) mod serve;
pub(super) mod transform;
