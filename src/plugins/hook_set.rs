//! The open hooks of one kind, and what is remembered of their answers.

use super::dependents::Dependents;
use super::hook::HookType;
use super::hook_cache::HookCache;
use super::order::HookOrder;
use std::sync::Arc;

/// All that plugins have of one kind of hook.
pub(crate) struct HookSet<K: HookType> {
    /// Who is asked, and in which order.
    pub order: HookOrder<K>,
    /// What need not be asked again.
    pub cache: Arc<HookCache<K>>,
}

impl<K: HookType> HookSet<K> {
    /// None is open. What their answers are made from goes into `dependents`.
    pub(super) fn new(dependents: &Arc<Dependents>) -> Self {
        Self {
            order: HookOrder::default(),
            cache: Arc::new(HookCache::new(dependents.clone())),
        }
    }
}
