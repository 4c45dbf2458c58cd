//! Files of the served roots, and the responses that plugins generate in their place.

pub(super) mod listing;
pub(super) mod lookup;
pub(super) mod mime;
pub(super) mod store;
pub(super) mod virtual_file;
