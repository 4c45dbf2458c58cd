//! Error responses: what a page gets when its request fails.

pub(super) mod error_page;
mod failed_resource;
pub(super) mod plugin_errors;
