//! Bodies that are made from others (a page with the client in it, a compressed module), kept by
//! the tag of what was made: the same content is not worked on twice.

use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

/// What they take in memory together. Beyond, those that are asked for least go, and are made
/// again when they are asked for. Default 64 MiB.
const DERIVED_BYTES: u64 = 64 * 1024 * 1024;

/// A guess at how many there are, for the size of the table.
const DERIVED_BODIES: usize = 2048;

/// The bodies, by `ETag`. None = there is nothing to make of that one.
pub(super) struct Derived(Cache<String, Option<Bytes>, Weight>);

#[derive(Clone)]
struct Weight;

impl Weighter<String, Option<Bytes>> for Weight {
    fn weight(&self, tag: &String, body: &Option<Bytes>) -> u64 {
        const OVERHEAD: usize = 64;
        (OVERHEAD + tag.len() + body.as_ref().map_or(0, Bytes::len)) as u64
    }
}

impl Derived {
    pub(super) fn new() -> Self {
        Self(Cache::with_weighter(DERIVED_BODIES, DERIVED_BYTES, Weight))
    }

    /// The body of this tag; made by `make` if nobody has. Who asks meanwhile waits.
    pub(super) async fn get(
        &self,
        tag: &str,
        make: impl Future<Output = Option<Bytes>>,
    ) -> Option<Bytes> {
        match self.0.get_value_or_guard_async(tag).await {
            Ok(body) => body,
            Err(place) => {
                let body = make.await;
                // Refused only when it was taken from us meanwhile: then somebody made the same.
                let _ = place.insert(body.clone());
                body
            }
        }
    }
}
