//! What a page gets when it cannot get what it requested.

pub(super) mod error_page;
pub(super) mod plugin_errors;
