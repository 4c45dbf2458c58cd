//! Copy-on-write response headers: responses made from one cache entry share its map, until a stage
//! changes a header.

use axum::http::header::HeaderMap;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// Spare capacity for the headers that stages and the server add: growing a map costs as much as a
/// whole stage.
const SPARE_CAPACITY: usize = 8;

/// Copy-on-write header map.
#[derive(Clone)]
pub(crate) enum Headers {
    Shared(Arc<HeaderMap>),
    Owned(HeaderMap),
}

impl Headers {
    /// Returns the map for a cache entry. Copies it unless it is shared already.
    pub(crate) fn to_shared(&self) -> Arc<HeaderMap> {
        match self {
            Self::Shared(shared) => shared.clone(),
            Self::Owned(owned) => Arc::new(owned.clone()),
        }
    }

    pub(crate) fn into_map(mut self) -> HeaderMap {
        std::mem::take(&mut *self)
    }
}

impl From<HeaderMap> for Headers {
    fn from(owned: HeaderMap) -> Self {
        Self::Owned(owned)
    }
}

impl Deref for Headers {
    type Target = HeaderMap;

    fn deref(&self) -> &HeaderMap {
        match self {
            Self::Shared(shared) => shared,
            Self::Owned(owned) => owned,
        }
    }
}

impl DerefMut for Headers {
    fn deref_mut(&mut self) -> &mut HeaderMap {
        if let Self::Shared(shared) = self {
            let mut owned = HeaderMap::with_capacity(shared.len() + SPARE_CAPACITY);
            owned.extend(
                shared
                    .iter()
                    .map(|(name, value)| (name.clone(), value.clone())),
            );
            *self = Self::Owned(owned);
        }
        match self {
            Self::Owned(owned) => owned,
            Self::Shared(_) => unreachable!("the map was copied above"),
        }
    }
}
