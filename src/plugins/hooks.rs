//! The open hooks of one kind, and what is remembered of their answers.

use super::dependents::Dependents;
use super::hook::Kind;
use super::order::Order;
use super::remembered::Remembered;
use std::sync::Arc;

/// All that plugins have of one kind of hook.
pub(crate) struct Hooks<K: Kind> {
    /// Who is asked, and in which order.
    pub order: Order<K>,
    /// What need not be asked again.
    pub remembered: Arc<Remembered<K>>,
}

impl<K: Kind> Hooks<K> {
    /// None is open. What their answers are made from goes into `dependents`.
    pub(super) fn new(dependents: &Arc<Dependents>) -> Self {
        Self {
            order: Order::default(),
            remembered: Arc::new(Remembered::new(dependents.clone())),
        }
    }
}
