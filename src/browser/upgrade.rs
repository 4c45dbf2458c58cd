//! WebSocket handshake: checks the request, registers the socket with the hub, and upgrades the
//! connection.

use super::daemon_urls::DaemonUrls;
use super::frame_writer::FrameWriter;
use super::read_ahead::ReadAhead;
use super::{Browser, connection};
use axum::body::HttpBody as _;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode, Version};
use axum::response::{IntoResponse, Response};
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;
use tracing::Instrument;

/// Length of the ids in `crate::ids`.
const SOCKET_ID_BYTES: usize = 26;

/// Longest user agent; a longer one is truncated. Default 1024 characters.
const MAX_USER_AGENT_CHARS: usize = 1024;

/// Handles an upgrade request.
pub(super) async fn upgrade(
    State(browser): State<Arc<Browser>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request,
) -> Response {
    let key = match check(&browser, &request) {
        Ok(key) => key,
        Err(refusal) => return *refusal,
    };
    let user_agent = text(request.headers(), &header::USER_AGENT)
        .chars()
        .take(MAX_USER_AGENT_CHARS)
        .collect();
    let previous = previous_socket_id(request.uri().query());
    let headers = request.headers();
    let origin = headers
        .contains_key(header::ORIGIN)
        .then(|| text(headers, &header::ORIGIN));
    let urls = DaemonUrls::new(browser.clone(), text(headers, &header::HOST), origin);
    let upgraded = hyper::upgrade::on(&mut request);
    // Registered before the response, so that messages sent right after the page's `open` reach it.
    let guard = browser
        .hub
        .open_socket(peer.to_string(), user_agent, previous);
    let debug = browser.debug;
    let socket_id = guard.socket().id();
    let span = tracing::debug_span!(target: "pagewire::browser", "socket", socket_id);
    let task = async move {
        match upgraded.await {
            Ok(stream) => {
                let stream = FrameWriter::new(ReadAhead::new(TokioIo::new(stream)));
                let config = Some(connection::config());
                let socket = WebSocketStream::from_raw_socket(stream, Role::Server, config).await;
                connection::run(socket, guard, urls, debug).await;
            }
            Err(error) => {
                tracing::debug!(target: "pagewire::browser", %peer, %error, "cannot upgrade the connection to a WebSocket");
            }
        }
    };
    if span.is_disabled() {
        browser.connections.spawn(task);
    } else {
        browser.connections.spawn(task.instrument(span));
    }
    let headers = [
        (header::CONNECTION, "upgrade".to_owned()),
        (header::UPGRADE, "websocket".to_owned()),
        (
            header::SEC_WEBSOCKET_ACCEPT,
            derive_accept_key(key.as_bytes()),
        ),
    ];
    (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
}

/// Checks a handshake and returns its key (RFC 6455, section 4.2.1), or the response that refuses it.
fn check(browser: &Browser, request: &Request) -> Result<String, Box<Response>> {
    let headers = request.headers();
    let refuse =
        |status: StatusCode, reason: String| Err(Box::new((status, reason).into_response()));
    let has = |name: &HeaderName, token: &str| {
        headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|values| values.split(','))
            .any(|value| value.trim().eq_ignore_ascii_case(token))
    };
    let asks_to_upgrade = has(&header::CONNECTION, "upgrade") && has(&header::UPGRADE, "websocket");
    // An upgrade in another version of HTTP is to be ignored (RFC 9110, section 7.8).
    if request.version() != Version::HTTP_11 || !asks_to_upgrade {
        let reason = "this URL accepts WebSocket connections over HTTP/1.1 only\n".to_owned();
        let upgrade = [(header::UPGRADE, "websocket")];
        return Err(Box::new(
            (StatusCode::UPGRADE_REQUIRED, upgrade, reason).into_response(),
        ));
    }
    // The router passes HEAD requests to handlers of GET.
    if request.method() != Method::GET {
        let reason = "a WebSocket handshake must be a GET request\n";
        let allow = [(header::ALLOW, "GET")];
        return Err(Box::new(
            (StatusCode::METHOD_NOT_ALLOWED, allow, reason).into_response(),
        ));
    }
    // Its bytes would be read as frames.
    if !request.body().is_end_stream() {
        let reason = "a WebSocket handshake must have no body\n".to_owned();
        return refuse(StatusCode::BAD_REQUEST, reason);
    }
    let origins = headers.get_all(header::ORIGIN);
    let host = headers
        .get(header::HOST)
        .map_or(&b""[..], HeaderValue::as_bytes);
    if let Err(refusal) = browser
        .allowed
        .check_origin(origins.iter().map(HeaderValue::as_bytes), host)
    {
        tracing::warn!(target: "pagewire::browser", %refusal, "WebSocket refused");
        return refuse(StatusCode::FORBIDDEN, format!("{refusal}\n"));
    }
    if text(headers, &header::SEC_WEBSOCKET_VERSION) != "13" {
        let version = [(header::SEC_WEBSOCKET_VERSION, "13")];
        let reason = "only WebSocket version 13 is supported\n";
        return Err(Box::new(
            (StatusCode::UPGRADE_REQUIRED, version, reason).into_response(),
        ));
    }
    let key = text(headers, &header::SEC_WEBSOCKET_KEY);
    let is_key = data_encoding::BASE64
        .decode(key.as_bytes())
        .is_ok_and(|key| key.len() == 16);
    if !is_key {
        let reason = "Sec-WebSocket-Key must be 16 bytes in base64\n".to_owned();
        return refuse(StatusCode::BAD_REQUEST, reason);
    }
    Ok(key.to_owned())
}

/// Returns the socket id that a reconnecting page claims to have had. It is for display only, and not
/// trusted.
fn previous_socket_id(query: Option<&str>) -> Option<String> {
    let id = query?
        .split('&')
        .find_map(|pair| pair.strip_prefix("previous="))?;
    let is_alphanumeric = id
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    (id.len() == SOCKET_ID_BYTES && is_alphanumeric).then(|| id.to_owned())
}

/// Returns the trimmed value of a header; empty when it is missing or not ASCII.
fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .trim()
}
