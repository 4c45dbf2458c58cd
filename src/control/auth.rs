//! Who may speak to the control service.

use super::status;
use std::sync::Arc;
use subtle::ConstantTimeEq;
use tonic::metadata::MetadataValue;
use tonic::service::Interceptor;
use tonic::{Code, Request, Status};

/// Checks the token of every RPC on one listener.
#[derive(Clone)]
pub(crate) struct Auth(Option<Arc<str>>);

impl Auth {
    /// Every RPC needs this token.
    #[must_use]
    pub(crate) fn token(token: &str) -> Self {
        Self(Some(token.into()))
    }

    /// The transport is protection enough: a socket file with mode 0600.
    #[must_use]
    pub(crate) fn transport() -> Self {
        Self(None)
    }
}

impl Auth {
    /// Whether this `authorization` lets its sender in.
    ///
    /// # Errors
    /// UNAUTHENTICATED with the reason.
    pub(crate) fn check(&self, given: Option<&[u8]>) -> Result<(), Status> {
        let Some(token) = &self.0 else {
            return Ok(());
        };
        let Some(given) = given else {
            let text = "no token (send \"authorization: Bearer TOKEN\"; the token is in the ready line's token_file)";
            return Err(status::error(Code::Unauthenticated, "TOKEN_MISSING", text));
        };
        let given = given.strip_prefix(b"Bearer ").unwrap_or_default();
        // In constant time: how long it takes says nothing about how much was right.
        if bool::from(given.ct_eq(token.as_bytes())) {
            Ok(())
        } else {
            let text =
                "the token is not this daemon's (it changes at every start: read token_file again)";
            Err(status::error(Code::Unauthenticated, "TOKEN_INVALID", text))
        }
    }
}

impl Interceptor for Auth {
    fn call(&mut self, request: Request<()>) -> Result<Request<()>, Status> {
        let given = request.metadata().get("authorization");
        self.check(given.map(MetadataValue::as_bytes))?;
        Ok(request)
    }
}
