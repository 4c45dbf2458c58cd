//! Error responses: what a page gets when its request fails.

pub(super) mod error_page;
pub(super) mod plugin_errors;
