//! Which headers cross the proxy (RFC 9110, section 7.6), and which tell the backend who asked.
//!
//! The backend gets the `Host` that the browser sent, so what it makes of it (URLs, cookies, its
//! own check of `Origin`) fits the address bar. One with a domain name (`http://shop.example`) may
//! be one of several sites of its server: it gets its own name, and an `Origin` or `Referer` of ours
//! says so too. `X-Forwarded-Host`, `-Proto` and `-Port` are always what the browser asked.

use super::Proxy;
use crate::config::ProxyRule;
use axum::extract::ConnectInfo;
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::request::Parts;
use std::net::{IpAddr, SocketAddr};

/// Headers of one connection, beside those that `Connection` names (RFC 9110, section 7.6.1).
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

/// What lets a backend answer with less than the whole page.
const CONDITIONS: [HeaderName; 6] = [
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

/// What the browser calls us.
pub(super) fn host(request: &Parts) -> &str {
    let host = request.headers.get(header::HOST);
    host.and_then(|host| host.to_str().ok()).unwrap_or_default()
}

/// Takes out what is meant for the next hop alone.
pub(super) fn keep_end_to_end(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = tokens(headers, &header::CONNECTION)
        .filter_map(|name| name.parse().ok())
        .collect();
    if headers.contains_key(header::TRANSFER_ENCODING) {
        // It says where the body ends (RFC 9112, section 6.3); a length beside it is a trap.
        headers.remove(header::CONTENT_LENGTH);
    }
    for name in HOP_BY_HOP.iter().chain(&named) {
        headers.remove(name);
    }
}

/// The members of a header that is a list.
pub(super) fn tokens<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

/// Whether a page may come of it.
pub(in super::super) fn asks_for_html(request: &Parts) -> bool {
    tokens(&request.headers, &header::ACCEPT).any(|kind| kind.starts_with("text/html"))
}

impl Proxy {
    /// What the backend is told with a request.
    pub(super) fn request_headers(
        &self,
        rule: &ProxyRule,
        request: &Parts,
        wants_whole: bool,
    ) -> HeaderMap {
        let mut headers = request.headers.clone();
        keep_end_to_end(&mut headers);
        // It was answered when the body was first asked for.
        headers.remove(header::EXPECT);
        join_cookies(&mut headers);
        limit_codings(&mut headers);
        // A 304 or a part would bring back what has not been changed.
        if wants_whole {
            for name in CONDITIONS {
                headers.remove(name);
            }
        }
        let host = host(request);
        set(&mut headers, header::HOST, host);
        if has_domain_name(&rule.authority) {
            set(&mut headers, header::HOST, &rule.authority);
            let ours = format!("{}://{host}", self.scheme);
            for name in [header::ORIGIN, header::REFERER] {
                let value = headers.get(&name).and_then(|value| value.to_str().ok());
                let rest = value.and_then(|value| value.strip_prefix(&ours));
                if let Some(rest) = rest.filter(|rest| rest.is_empty() || rest.starts_with('/')) {
                    let theirs = format!("http://{}{rest}", rule.authority);
                    set(&mut headers, name, &theirs);
                }
            }
        }
        self.say_who_asked(&mut headers, request, host);
        headers
    }

    fn say_who_asked(&self, headers: &mut HeaderMap, request: &Parts, host: &str) {
        let mut hops: Vec<String> = tokens(headers, &FORWARDED_FOR).map(str::to_owned).collect();
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

/// HTTP/2 browsers send cookies one by one (RFC 9113, section 8.2.3); HTTP/1.1 has one header.
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

/// Of the codings that the browser understands, those that we read too: the client is to be put
/// into pages.
fn limit_codings(headers: &mut HeaderMap) {
    if !headers.contains_key(header::ACCEPT_ENCODING) {
        return;
    }
    let known = |member: &&str| {
        let name = member.split(';').next().unwrap_or_default().trim();
        ["gzip", "br", "identity"]
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known))
    };
    let codings: Vec<&str> = tokens(headers, &header::ACCEPT_ENCODING)
        .filter(known)
        .collect();
    let codings = match codings.join(", ") {
        none if none.is_empty() => "identity".to_owned(),
        codings => codings,
    };
    set(headers, header::ACCEPT_ENCODING, &codings);
}

/// Whether a server is named as sites are: neither an address nor a name of one word, as `localhost`
/// and those of containers are.
fn has_domain_name(authority: &str) -> bool {
    let host = authority
        .rsplit_once(':')
        .map_or(authority, |(host, _)| host);
    host.contains('.') && host.parse::<IpAddr>().is_err()
}

/// What is not valid in a header is left out: all of it is made of what came in one.
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
    fn what_is_for_the_next_hop_alone_goes() {
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
            ("x-kept", "1"),
        ]);
        keep_end_to_end(&mut all);
        assert_eq!(all, headers(&[("x-kept", "1")]));
    }

    #[test]
    fn only_codings_that_we_read_are_asked_for() {
        for (browser, backend) in [
            ("gzip, deflate, br, zstd", "gzip, br"),
            ("GZIP;q=0.5, identity;q=0", "GZIP;q=0.5, identity;q=0"),
            ("zstd", "identity"),
            ("*", "identity"),
            ("", "identity"),
        ] {
            let mut asked = headers(&[("accept-encoding", browser)]);
            limit_codings(&mut asked);
            assert_eq!(asked["accept-encoding"], backend, "{browser}");
        }
    }

    #[test]
    fn a_domain_name_is_told_from_addresses_and_single_words() {
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
