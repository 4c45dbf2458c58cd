//! The stages of a page request, in the order in which `pipeline` runs them. `collect` is not a stage of
//! its own: it reads the whole body for those that change it.

pub(super) mod serve;

pub(super) mod file;

pub(super) mod transform;

pub(super) mod packages;

pub(super) mod asset_modules;

pub(super) mod imports;

pub(super) mod headers;

pub(super) mod inject;

pub(super) mod encode;

pub(super) mod reply;

mod collect;
