//! The open hooks of one kind, in the order in which they are asked.

use super::hook::{Hook, Kind};
use std::sync::{Arc, PoisonError, RwLock};

/// A snapshot that requests share and that is replaced whole.
pub struct Order<K: Kind>(RwLock<Arc<[Arc<Hook<K>>]>>);

impl<K: Kind> Default for Order<K> {
    fn default() -> Self {
        Self(RwLock::new(Arc::new([])))
    }
}

impl<K: Kind> Order<K> {
    /// The hooks now.
    #[must_use]
    pub fn hooks(&self) -> Arc<[Arc<Hook<K>>]> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn add(&self, hook: Arc<Hook<K>>) {
        self.change(|order| order.push(hook));
    }

    /// Takes out one hook.
    pub(super) fn remove(&self, hook: &Arc<Hook<K>>) {
        self.change(|order| order.retain(|other| !Arc::ptr_eq(other, hook)));
    }

    /// Takes out what a plugin has.
    pub(super) fn remove_plugin(&self, name: &str) {
        self.change(|order| order.retain(|hook| hook.plugin() != name));
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Arc<Hook<K>>>)) {
        let mut order = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mut hooks = order.to_vec();
        change(&mut hooks);
        hooks.sort_by(|a, b| a.rank().cmp(&b.rank()));
        *order = hooks.into();
    }
}
