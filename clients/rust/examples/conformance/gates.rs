//! Named gates on which rules wait until the driver releases them.

use std::{collections::HashMap, sync::Mutex};
use tokio::sync::watch;

#[derive(Default)]
pub(crate) struct Gates(Mutex<HashMap<String, watch::Sender<bool>>>);

impl Gates {
    pub(crate) fn release(&self, name: &str) {
        self.gate(name).send_replace(true);
    }

    pub(crate) async fn wait_for(&self, name: &str) {
        let mut gate = self.gate(name).subscribe();
        gate.wait_for(|open| *open).await.expect("gates stay");
    }

    fn gate(&self, name: &str) -> watch::Sender<bool> {
        let mut gates = self.0.lock().unwrap();
        gates
            .entry(name.to_owned())
            .or_insert_with(|| watch::Sender::new(false))
            .clone()
    }
}
