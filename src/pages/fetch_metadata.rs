//! Headers in which browsers say why they send a request (Fetch Metadata Request Headers, section 2).
//!
//! They are omitted in requests to hosts that the browser does not trust, such as another machine's by plain
//! HTTP, and by programs that are not browsers.

use axum::http::header::HeaderName;

/// What the response is for, such as `document`, `script` or `empty`.
pub(crate) static SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// Sent by error pages that ask whether their URL has another response by now: it has to be the response that a
/// navigation gets, but scripts cannot choose `Sec-Fetch-Dest`.
pub(crate) static RETRY: HeaderName = HeaderName::from_static("pagewire-retry");

/// The mode of the request, such as `navigate` or `no-cors`.
pub(crate) static SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// How the origin that sent the request is related to this one, such as `same-origin` or `cross-site`.
pub(crate) static SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
