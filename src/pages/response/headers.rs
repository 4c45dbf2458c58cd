//! The headers of an answer. What is kept in memory shares its own with all answers that are made of
//! it, until a stage changes them.

use axum::http::header::HeaderMap;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// As many as the stages and the server may add: a map that grows costs as much as a stage.
const ADDED: usize = 8;

/// Headers that are copied when they are first changed.
#[derive(Clone)]
pub(crate) enum Headers {
    Shared(Arc<HeaderMap>),
    Own(HeaderMap),
}

impl Headers {
    /// The same, to be shared.
    pub(crate) fn share(&self) -> Arc<HeaderMap> {
        match self {
            Self::Shared(shared) => shared.clone(),
            Self::Own(own) => Arc::new(own.clone()),
        }
    }

    /// The map by itself.
    pub(crate) fn into_map(mut self) -> HeaderMap {
        std::mem::take(&mut *self)
    }
}

impl From<HeaderMap> for Headers {
    fn from(own: HeaderMap) -> Self {
        Self::Own(own)
    }
}

impl Deref for Headers {
    type Target = HeaderMap;

    fn deref(&self) -> &HeaderMap {
        match self {
            Self::Shared(shared) => shared,
            Self::Own(own) => own,
        }
    }
}

impl DerefMut for Headers {
    fn deref_mut(&mut self) -> &mut HeaderMap {
        if let Self::Shared(shared) = self {
            let mut own = HeaderMap::with_capacity(shared.len() + ADDED);
            own.extend(
                shared
                    .iter()
                    .map(|(name, value)| (name.clone(), value.clone())),
            );
            *self = Self::Own(own);
        }
        match self {
            Self::Own(own) => own,
            Self::Shared(_) => unreachable!("it was just copied"),
        }
    }
}
