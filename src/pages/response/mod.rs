//! Responses between the stages, before they become HTTP.

pub(super) mod body;
pub(super) mod derived_cache;
pub(super) mod headers;
pub(super) mod open_file;
pub(super) mod page_response;
