//! Headers of proxied requests: drops hop-by-hop headers (RFC 9110, section 7.6) and adds forwarding
//! headers.
//!
//! The backend gets the `Host` that the browser sent, so that its URLs, its cookies and its own check
//! of `Origin` match the address bar. A backend with a domain name (`http://shop.example`) may be one
//! of several virtual hosts: it gets its own name as `Host`, and in `Origin` and `Referer` where they
//! name this daemon. `X-Forwarded-Host`, `-Proto` and `-Port` always describe the browser's request.

use crate::config::ProxyRule;
use crate::ids;
use axum::extract::ConnectInfo;
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::request::Parts;
use std::net::{IpAddr, SocketAddr};

/// Headers for a single connection, in addition to those that `Connection` names (RFC 9110, section 7.6.1).
const HOP_BY_HOP: [HeaderName; 9] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Headers that allow the backend to answer with less than the whole page.
const CONDITIONAL: [HeaderName; 6] = [
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_MATCH,
    header::IF_UNMODIFIED_SINCE,
    header::IF_RANGE,
    header::RANGE,
];

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Returns the `Host` that the browser sent; empty if there is none.
pub(super) fn host(request: &Parts) -> &str {
    let host = request.headers.get(header::HOST);
    host.and_then(|host| host.to_str().ok()).unwrap_or_default()
}

/// Removes hop-by-hop headers.
pub(super) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = list_members(headers, &header::CONNECTION)
        .filter_map(|name| name.parse().ok())
        .collect();
    if headers.contains_key(header::TRANSFER_ENCODING) {
        // Overrides the length (RFC 9112, section 6.3); both together are a request-smuggling attempt.
        headers.remove(header::CONTENT_LENGTH);
    }
    for name in HOP_BY_HOP.iter().chain(&named) {
        headers.remove(name);
    }
}

/// Returns the members of a comma-separated header.
pub(super) fn list_members<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

/// The proxy as backends see it in forwarding headers.
pub(super) struct ProxyIdentity {
    /// Scheme by which pages are served.
    pub(super) scheme: &'static str,
    /// Pseudonym in `Via`, unique to this daemon.
    name: String,
}

impl ProxyIdentity {
    /// Creates an identity with a random name.
    pub(super) fn new(scheme: &'static str) -> Self {
        Self {
            scheme,
            name: format!("pagewire-{}", ids::random()),
        }
    }

    /// Whether a request has passed through this proxy before.
    pub(super) fn is_in_via(&self, headers: &HeaderMap) -> bool {
        list_members(headers, &header::VIA)
            .any(|member| member.split_ascii_whitespace().nth(1) == Some(&self.name))
    }

    /// Returns the headers of the backend request. If the response may be rewritten (`needs_whole`), the
    /// conditional and range headers are left out.
    pub(super) fn request_headers(
        &self,
        rule: &ProxyRule,
        request: &Parts,
        needs_whole: bool,
    ) -> HeaderMap {
        let mut headers = request.headers.clone();
        remove_hop_by_hop(&mut headers);
        // The HTTP server sends `100 Continue` itself when the body is first read.
        headers.remove(header::EXPECT);
        join_cookies(&mut headers);
        limit_encodings(&mut headers);
        // A 304 or 206 would refer to the backend's body, not to the rewritten one.
        if needs_whole {
            for name in CONDITIONAL {
                headers.remove(name);
            }
        }
        let host = host(request);
        set(&mut headers, header::HOST, host);
        let authority = rule.backend.authority();
        if has_domain_name(authority) {
            set(&mut headers, header::HOST, authority);
            let own_origin = format!("{}://{host}", self.scheme);
            for name in [header::ORIGIN, header::REFERER] {
                let value = headers.get(&name).and_then(|value| value.to_str().ok());
                let rest = value.and_then(|value| value.strip_prefix(&own_origin));
                if let Some(rest) = rest.filter(|rest| rest.is_empty() || rest.starts_with('/')) {
                    let backend_url = format!("{}://{authority}{rest}", rule.backend.scheme());
                    set(&mut headers, name, &backend_url);
                }
            }
        }
        self.add_forwarding_headers(&mut headers, request, host);
        headers
    }

    fn add_forwarding_headers(&self, headers: &mut HeaderMap, request: &Parts, host: &str) {
        let mut hops: Vec<String> = list_members(headers, &FORWARDED_FOR)
            .map(str::to_owned)
            .collect();
        if let Some(ConnectInfo(peer)) = request.extensions.get::<ConnectInfo<SocketAddr>>() {
            hops.push(peer.ip().to_canonical().to_string());
        }
        set(headers, FORWARDED_FOR, &hops.join(", "));
        set(headers, FORWARDED_HOST, host);
        set(headers, FORWARDED_PROTO, self.scheme);
        let default_port = if self.scheme == "https" { "443" } else { "80" };
        let port = host.rsplit_once(':').map(|(_, port)| port);
        let port = port.filter(|port| !port.ends_with(']'));
        set(headers, FORWARDED_PORT, port.unwrap_or(default_port));
        if let Ok(via) = HeaderValue::try_from(format!("1.1 {}", self.name)) {
            headers.append(header::VIA, via);
        }
    }
}

/// Joins cookies into the single header that HTTP/1.1 requires: browsers split them over several headers
/// in HTTP/2 (RFC 9113, section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let cookies: Vec<&[u8]> = headers
        .get_all(header::COOKIE)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    if cookies.len() > 1
        && let Ok(joined) = HeaderValue::from_bytes(&cookies.join(&b"; "[..]))
    {
        headers.insert(header::COOKIE, joined);
    }
}

/// Limits `Accept-Encoding` to encodings that the daemon can decode, so that it can inject the client
/// into pages.
fn limit_encodings(headers: &mut HeaderMap) {
    if !headers.contains_key(header::ACCEPT_ENCODING) {
        return;
    }
    let is_supported = |member: &&str| {
        let name = member.split(';').next().unwrap_or_default().trim();
        ["gzip", "br", "identity"]
            .iter()
            .any(|supported| name.eq_ignore_ascii_case(supported))
    };
    let encodings: Vec<&str> = list_members(headers, &header::ACCEPT_ENCODING)
        .filter(is_supported)
        .collect();
    let encodings = match encodings.join(", ") {
        none if none.is_empty() => "identity".to_owned(),
        encodings => encodings,
    };
    set(headers, header::ACCEPT_ENCODING, &encodings);
}

/// Whether the host is a domain name: neither an IP address nor a single word such as `localhost` or the
/// name of a container.
fn has_domain_name(authority: &str) -> bool {
    let host = authority
        .rsplit_once(':')
        .map_or(authority, |(host, _)| host);
    host.contains('.') && host.parse::<IpAddr>().is_err()
}

/// Sets a header. A value that is empty or not valid in a header is ignored; all values are derived from
/// received headers, so this does not happen in practice.
fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value)
        && !value.is_empty()
    {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn removes_hop_by_hop_headers() {
        let mut all = headers(&[
            ("connection", "close, X-Private"),
            ("connection", "x-other"),
            ("x-private", "1"),
            ("x-other", "1"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("content-length", "5"),
            ("upgrade", "h2c"),
            ("x-end-to-end", "1"),
        ]);
        remove_hop_by_hop(&mut all);
        assert_eq!(all, headers(&[("x-end-to-end", "1")]));
    }

    #[test]
    fn requests_only_encodings_that_the_daemon_decodes() {
        for (browser, backend) in [
            ("gzip, deflate, br, zstd", "gzip, br"),
            ("GZIP;q=0.5, identity;q=0", "GZIP;q=0.5, identity;q=0"),
            ("zstd", "identity"),
            ("*", "identity"),
            ("", "identity"),
        ] {
            let mut request = headers(&[("accept-encoding", browser)]);
            limit_encodings(&mut request);
            assert_eq!(request["accept-encoding"], backend, "{browser}");
        }
    }

    #[test]
    fn distinguishes_domain_names_from_addresses_and_single_words() {
        for (authority, expected) in [
            ("shop.example", true),
            ("shop.localhost:3000", true),
            ("localhost:3000", false),
            ("web", false),
            ("127.0.0.1:3000", false),
            ("192.168.1.7", false),
            ("[::1]:3000", false),
            ("[::1]", false),
        ] {
            assert_eq!(has_domain_name(authority), expected, "{authority}");
        }
    }
}
