//! Authentication of RPCs.

use super::status;
use std::sync::Arc;
use std::time::Duration;
use subtle::ConstantTimeEq;
use tonic::metadata::MetadataValue;
use tonic::service::Interceptor;
use tonic::{Code, Request, Status};

/// Interceptor that checks the token of every RPC on one listener.
#[derive(Clone)]
pub(crate) struct Auth(Option<Arc<str>>);

impl Auth {
    /// Requires this token for every RPC.
    #[must_use]
    pub(crate) fn token(token: &str) -> Self {
        Self(Some(token.into()))
    }

    /// Requires no token, because the transport is protected: a socket file with mode 0600.
    #[must_use]
    pub(crate) fn transport() -> Self {
        Self(None)
    }

    /// Checks the value of an `authorization` header.
    pub(crate) fn check(&self, given: Option<&[u8]>) -> Result<(), Status> {
        let Some(token) = &self.0 else {
            return Ok(());
        };
        let Some(given) = given else {
            let text = "no token (send \"authorization: Bearer TOKEN\" with the token from the ready line's token_file)";
            return Err(status::error(Code::Unauthenticated, "TOKEN_MISSING", text));
        };
        let given = given.strip_prefix(b"Bearer ").unwrap_or_default();
        // In constant time, so that the duration does not reveal how many bytes match.
        if bool::from(given.ct_eq(token.as_bytes())) {
            Ok(())
        } else {
            let text = "the token is not the one of this daemon (it changes at every start: read token_file again)";
            Err(status::error(Code::Unauthenticated, "TOKEN_INVALID", text))
        }
    }
}

/// Returns the error for an RPC on a connection past the limit.
pub(crate) fn too_many_connections(limit: usize) -> Status {
    let text = format!(
        "too many connections to this control address (the limit is {limit}): use one for all calls, or close those that are not needed"
    );
    status::error(Code::ResourceExhausted, "LIMIT_REACHED", text)
}

/// Returns the error for an RPC with a message that did not arrive in time.
pub(crate) fn incomplete_message(timeout: Duration, limit: usize) -> Status {
    let text = format!(
        "a message did not arrive within {} s (messages of all programs that have arrived in part share {limit} bytes: send it whole, or send smaller ones)",
        timeout.as_secs()
    );
    status::error(Code::ResourceExhausted, "LIMIT_REACHED", text)
}

impl Interceptor for Auth {
    fn call(&mut self, request: Request<()>) -> Result<Request<()>, Status> {
        let given = request.metadata().get("authorization");
        self.check(given.map(MetadataValue::as_bytes))?;
        Ok(request)
    }
}
