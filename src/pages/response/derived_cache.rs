//! Bodies that are made from others (a page with the client in it, a compressed module), kept by
//! the tag of what they were made from: the same content is not worked on twice.

use axum::http::HeaderValue;
use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

/// What they take in memory together. Beyond, those that are asked for least go, and are made
/// again when they are asked for. Default 64 MiB.
const DERIVED_BYTES: u64 = 64 * 1024 * 1024;

/// A guess at how many there are, for the size of the table.
const DERIVED_BODIES: usize = 2048;

/// What is made of a body: it ends the `ETag` of what was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Variant {
    /// In a word.
    pub(crate) name: &'static str,
    /// Tells apart what else had a say; 0 = nothing.
    pub(crate) detail: u64,
}

impl Variant {
    /// The tag of what is made of a body with this one.
    pub(crate) fn tag(self, of: &HeaderValue) -> Option<HeaderValue> {
        let of = of.to_str().ok()?;
        let end = of.strip_suffix('"')?;
        let Self { name, detail } = self;
        HeaderValue::try_from(match detail {
            0 => format!("{end}-{name}\""),
            detail => format!("{end}-{name}-{detail:x}\""),
        })
        .ok()
    }
}

/// What was made.
#[derive(Clone)]
pub(crate) struct DerivedBody {
    pub(crate) body: Bytes,
    /// Its own tag.
    pub(crate) tag: HeaderValue,
}

/// What was made, by what of. None = there is nothing to make of that.
pub(crate) struct DerivedCache(Cache<(HeaderValue, Variant), Option<DerivedBody>, Weight>);

#[derive(Clone)]
struct Weight;

impl Weighter<(HeaderValue, Variant), Option<DerivedBody>> for Weight {
    fn weight(&self, _: &(HeaderValue, Variant), made: &Option<DerivedBody>) -> u64 {
        const OVERHEAD: usize = 256;
        (OVERHEAD + made.as_ref().map_or(0, |made| made.body.len())) as u64
    }
}

impl DerivedCache {
    pub(crate) fn new() -> Self {
        Self(Cache::with_weighter(DERIVED_BODIES, DERIVED_BYTES, Weight))
    }

    /// What `make` makes of the body with this tag, if nobody has. Who asks meanwhile waits.
    pub(crate) async fn get(
        &self,
        of: &HeaderValue,
        variant: Variant,
        make: impl Future<Output = Option<Bytes>>,
    ) -> Option<DerivedBody> {
        let key = (of.clone(), variant);
        if let Some(made) = self.0.get(&key) {
            return made;
        }
        // Boxed: what is there already need not have the room for it.
        Box::pin(async {
            match self.0.get_value_or_guard_async(&key).await {
                Ok(made) => made,
                Err(place) => {
                    let body = make.await;
                    let made = body
                        .zip(variant.tag(of))
                        .map(|(body, tag)| DerivedBody { body, tag });
                    // Refused only when it was taken from us meanwhile: then somebody made the same.
                    let _ = place.insert(made.clone());
                    made
                }
            }
        })
        .await
    }
}
