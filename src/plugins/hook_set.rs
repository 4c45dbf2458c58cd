//! Everything that the registry holds for one hook type.

use super::dependents::Dependents;
use super::hook::HookType;
use super::hook_cache::HookCache;
use super::order::HookOrder;
use std::sync::Arc;

/// The open hooks of one type, in call order, and the cache of their results.
pub(crate) struct HookSet<H: HookType> {
    pub order: HookOrder<H>,
    pub cache: Arc<HookCache<H>>,
}

impl<H: HookType> HookSet<H> {
    /// Creates an empty set. The files that results depend on are recorded in `dependents`.
    pub(super) fn new(dependents: &Arc<Dependents>) -> Self {
        Self {
            order: HookOrder::default(),
            cache: Arc::new(HookCache::new(dependents.clone())),
        }
    }
}
