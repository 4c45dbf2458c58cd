//! Files of the served roots, and files that plugins make up.

pub(super) mod listing;
pub(super) mod lookup;
pub(super) mod mime;
pub(super) mod store;
pub(super) mod virtual_file;
