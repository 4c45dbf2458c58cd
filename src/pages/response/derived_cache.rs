//! Cache of bodies that are derived from other bodies: a page with the client in it, a compressed
//! module. Keyed by the entity tag of the original, so the same content is processed once.

use axum::http::HeaderValue;
use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

/// Memory for derived bodies. The least used ones are evicted beyond it, and derived again on demand.
/// Default 64 MiB.
const BODY_CACHE_BYTES: u64 = 64 * 1024 * 1024;

/// Expected number of derived bodies, which sizes the hash table.
const EXPECTED_BODIES: usize = 2048;

/// How a body is derived from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Variant {
    pub(crate) name: &'static str,
    /// Hash of the other inputs of the derivation; 0 if there are none.
    pub(crate) input_hash: u64,
}

impl Variant {
    /// Returns the entity tag of the derived body: that of the original with a suffix.
    pub(crate) fn derive_tag(self, original: &HeaderValue) -> Option<HeaderValue> {
        let unclosed = original.to_str().ok()?.strip_suffix('"')?;
        let Self { name, input_hash } = self;
        HeaderValue::try_from(match input_hash {
            0 => format!("{unclosed}-{name}\""),
            hash => format!("{unclosed}-{name}-{hash:x}\""),
        })
        .ok()
    }
}

/// A derived body with its own entity tag.
#[derive(Clone)]
pub(crate) struct DerivedBody {
    pub(crate) body: Bytes,
    pub(crate) tag: HeaderValue,
}

/// Cache of derived bodies, keyed by the tag of the original and the variant. `None` records that the
/// variant does not change the original.
pub(crate) struct DerivedCache(Cache<(HeaderValue, Variant), Option<DerivedBody>, BodyWeight>);

#[derive(Clone)]
struct BodyWeight;

impl Weighter<(HeaderValue, Variant), Option<DerivedBody>> for BodyWeight {
    fn weight(&self, _: &(HeaderValue, Variant), derived: &Option<DerivedBody>) -> u64 {
        const OVERHEAD: usize = 256;
        let size = derived.as_ref().map_or(0, |derived| derived.body.len());
        (OVERHEAD + size) as u64
    }
}

impl DerivedCache {
    pub(crate) fn new() -> Self {
        Self(Cache::with_weighter(
            EXPECTED_BODIES,
            BODY_CACHE_BYTES,
            BodyWeight,
        ))
    }

    /// Returns the variant of the body with this tag from the cache, or derives it. Concurrent callers
    /// share one derivation.
    pub(crate) async fn get_or_derive(
        &self,
        tag: &HeaderValue,
        variant: Variant,
        derive: impl Future<Output = Option<Bytes>>,
    ) -> Option<DerivedBody> {
        let key = (tag.clone(), variant);
        if let Some(derived) = self.0.get(&key) {
            return derived;
        }
        // Boxed to keep the future small for cached bodies.
        Box::pin(async {
            match self.0.get_value_or_guard_async(&key).await {
                Ok(derived) => derived,
                Err(slot) => {
                    let body = derive.await;
                    let derived = body
                        .zip(variant.derive_tag(tag))
                        .map(|(body, tag)| DerivedBody { body, tag });
                    // Fails only if another caller has taken over the slot, and has derived the same body.
                    let _ = slot.insert(derived.clone());
                    derived
                }
            }
        })
        .await
    }
}
