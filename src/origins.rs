//! The rules for `Host` and `Origin`, which keep foreign pages away from the daemon.
//!
//! The check of `Host` defends against DNS rebinding, where a foreign name resolves to a loopback
//! address. The check of `Origin` keeps pages of other origins from opening a WebSocket.

use std::net::IpAddr;

/// The host names that the page port accepts, and the origins that may open a WebSocket.
#[derive(Clone, Debug, Default)]
pub(crate) struct AllowedHosts {
    /// Further host names, lower-case, without port; `.example.com` allows all names below it.
    pub hosts: Vec<String>,
    /// Further origins as browsers send them, such as `https://example.com`.
    pub origins: Vec<String>,
    /// Whether documents of other origins may embed files.
    pub embedding: bool,
    /// Pages are served over TLS, so only `https` origins count as the same origin: an `http` page of
    /// this host could come from an attacker on the network.
    pub https: bool,
}

/// Why a request was refused. The texts name the flags that would allow it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// `Host` is missing, repeated or malformed. Status 400.
    #[error("the request must have exactly one valid Host header")]
    MalformedHost,
    /// A host name that is not allowed. Status 403.
    #[error("host {0:?} is not allowed (start pagewire with --allow-host {0})")]
    Host(String),
    /// A page of another site. Status 403.
    #[error(
        "origin {0:?} is not allowed to open a web socket (start pagewire with --allow-origin {0})"
    )]
    Origin(String),
    /// A document with an opaque origin, such as a sandboxed frame or a local file. Status 403. The
    /// text names no flag, because allowing `null` would allow all such documents.
    #[error("a document without an origin may not open a web socket (serve it from a host)")]
    NoOrigin,
}

/// A parsed `host[:port]`.
struct Authority<'a> {
    host: &'a str,
    port: Option<u16>,
}

impl<'a> Authority<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (host, port) = if let Some(rest) = text.strip_prefix('[') {
            let (address, rest) = rest.split_once(']')?;
            address.parse::<std::net::Ipv6Addr>().ok()?;
            (address, rest)
        } else {
            let at = text.find(':').unwrap_or(text.len());
            let (host, rest) = text.split_at(at);
            let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
            if host.is_empty() || !host.bytes().all(plain) {
                return None;
            }
            (host, rest)
        };
        let port = match port.strip_prefix(':') {
            None if port.is_empty() => None,
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                Some(digits.parse().ok()?)
            }
            _ => return None,
        };
        Some(Self { host, port })
    }

    /// Whether the host is `localhost`, or a name below it.
    fn is_localhost(&self) -> bool {
        let host = self.name();
        let top = host.rsplit_once('.').map_or(host, |(_, top)| top);
        top.eq_ignore_ascii_case("localhost")
    }

    fn address(&self) -> Option<IpAddr> {
        self.name().parse().ok()
    }

    /// Whether the host is `localhost`, a name below it, or a loopback address. An attacker cannot
    /// rebind these.
    fn is_loopback(&self) -> bool {
        self.is_localhost() || self.address().is_some_and(|it| it.is_loopback())
    }

    /// The host without the trailing dot of a fully qualified name.
    fn name(&self) -> &'a str {
        self.host.trim_end_matches('.')
    }

    fn same_host(&self, other: &Self) -> bool {
        self.host.eq_ignore_ascii_case(other.host) || (self.is_loopback() && other.is_loopback())
    }
}

/// Whether a `host[:port]` is `localhost`, a name below it, or a loopback address.
#[must_use]
pub(crate) fn is_loopback(authority: &str) -> bool {
    Authority::parse(authority).is_some_and(|authority| authority.is_loopback())
}

/// Whether two `host[:port]` name the same server. All loopback names are equal.
#[must_use]
pub(crate) fn same_server(one: &str, other: &str, default_port: u16) -> bool {
    let (Some(one), Some(other)) = (Authority::parse(one), Authority::parse(other)) else {
        return false;
    };
    one.same_host(&other) && one.port.unwrap_or(default_port) == other.port.unwrap_or(default_port)
}

impl AllowedHosts {
    /// Checks the values of the `Host` header. Loopback names and address literals are always allowed,
    /// because DNS rebinding needs another name.
    pub(crate) fn check_host<'a>(
        &self,
        mut values: impl Iterator<Item = &'a [u8]>,
    ) -> Result<(), Refusal> {
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(Refusal::MalformedHost);
        };
        let text = std::str::from_utf8(value).map_err(|_| Refusal::MalformedHost)?;
        let authority = Authority::parse(text).ok_or(Refusal::MalformedHost)?;
        // Runs for every request, so the common cases come first.
        if authority.is_localhost() || authority.address().is_some() {
            return Ok(());
        }
        let host = authority.name().to_ascii_lowercase();
        let listed = self.hosts.iter().any(|allowed| {
            *allowed == host || (allowed.starts_with('.') && host.ends_with(allowed.as_str()))
        });
        if listed {
            Ok(())
        } else {
            Err(Refusal::Host(host))
        }
    }

    /// Whether this origin was allowed explicitly.
    pub(crate) fn allows_origin(&self, origin: &[u8]) -> bool {
        let mut origins = self.origins.iter();
        origins.any(|listed| listed.as_bytes() == origin)
    }

    /// Whether an origin is that of the server with this `Host`.
    pub(crate) fn is_own_origin(&self, origin: &str, host: &str) -> bool {
        let Some((scheme, authority)) = origin.split_once("://") else {
            return false;
        };
        // Behind a proxy that terminates TLS, both omit the port, and the scheme implies 443.
        let default_port = match scheme {
            "http" if !self.https => 80,
            "https" => 443,
            _ => return false,
        };
        same_server(authority, host, default_port)
    }

    /// Checks the `Origin` of a WebSocket upgrade against its `Host`, which must be allowed. A request
    /// without `Origin` does not come from a page, because browsers always send it with an upgrade.
    pub(crate) fn check_origin<'a>(
        &self,
        mut origins: impl Iterator<Item = &'a [u8]>,
        host: &[u8],
    ) -> Result<(), Refusal> {
        let Some(origin) = origins.next() else {
            return Ok(());
        };
        let text = String::from_utf8_lossy(origin).into_owned();
        let is_own = || std::str::from_utf8(host).is_ok_and(|host| self.is_own_origin(&text, host));
        let allowed = self.allows_origin(origin) || is_own();
        if allowed && origins.next().is_none() {
            Ok(())
        } else {
            Err(if text == "null" {
                Refusal::NoOrigin
            } else {
                Refusal::Origin(text)
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(allowed: &AllowedHosts, value: &str) -> Result<(), Refusal> {
        allowed.check_host(std::iter::once(value.as_bytes()))
    }

    fn origin(origin: &str, host: &str) -> bool {
        AllowedHosts::default()
            .check_origin(std::iter::once(origin.as_bytes()), host.as_bytes())
            .is_ok()
    }

    #[test]
    fn loopback_names_and_address_literals_are_allowed() {
        let allowed = AllowedHosts::default();
        for value in [
            "localhost",
            "localhost:8000",
            "LOCALHOST",
            "app.localhost:1",
            "127.0.0.1:8000",
            "127.9.9.9",
            "[::1]:8000",
            "192.168.1.7:8000",
            "localhost.",
        ] {
            assert_eq!(host(&allowed, value), Ok(()), "{value}");
        }
    }

    #[test]
    fn refuses_other_names_and_names_the_flag_that_would_allow_them() {
        let allowed = AllowedHosts::default();
        for value in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "evil-localhost",
        ] {
            let refusal = host(&allowed, value).unwrap_err();
            assert!(
                refusal
                    .to_string()
                    .contains(&format!("--allow-host {value}")),
                "{refusal}"
            );
        }
        let allowed = AllowedHosts {
            hosts: vec!["dev.test".into(), ".my.test".into()],
            ..AllowedHosts::default()
        };
        assert_eq!(host(&allowed, "DEV.test:80"), Ok(()));
        assert_eq!(host(&allowed, "a.my.test"), Ok(()));
        assert!(host(&allowed, "my.test").is_err());
        assert!(host(&allowed, "adev.test").is_err());
    }

    #[test]
    fn refuses_a_malformed_host() {
        for value in [
            "",
            ":80",
            "a b",
            "[::1",
            "[zz]",
            "localhost:",
            "localhost:x",
            "localhost:99999",
            "user@localhost",
            "[::1]x",
            "a,b",
        ] {
            assert_eq!(
                host(&AllowedHosts::default(), value),
                Err(Refusal::MalformedHost),
                "{value}"
            );
        }
        let none: [&[u8]; 0] = [];
        assert_eq!(
            AllowedHosts::default().check_host(none.into_iter()),
            Err(Refusal::MalformedHost)
        );
        let two: [&[u8]; 2] = [b"localhost", b"localhost"];
        assert_eq!(
            AllowedHosts::default().check_host(two.into_iter()),
            Err(Refusal::MalformedHost)
        );
    }

    #[test]
    fn loopback_names_with_the_same_port_are_one_server() {
        for (one, other, same) in [
            ("localhost:3000", "127.0.0.1:3000", true),
            ("Shop.example", "shop.example:80", true),
            ("localhost:3000", "localhost:3001", false),
            ("localhost", "shop.example", false),
            ("localhost:3000", "user@localhost:3000", false),
        ] {
            assert_eq!(same_server(one, other, 80), same, "{one} {other}");
        }
    }

    #[test]
    fn an_origin_is_allowed_if_host_and_port_are_the_same() {
        assert!(origin("http://localhost:8000", "localhost:8000"));
        assert!(origin("http://localhost:8000", "127.0.0.1:8000"));
        assert!(origin("http://[::1]:8000", "localhost:8000"));
        assert!(origin("https://dev.test", "dev.test"));
        assert!(origin("http://192.168.1.7:8000", "192.168.1.7:8000"));
        for (from, to) in [
            ("http://evil.example", "localhost:8000"),
            ("http://localhost:3000", "localhost:8000"),
            ("http://192.168.1.8:8000", "192.168.1.7:8000"),
            ("http://10.0.0.1:8000", "localhost:8000"),
            ("null", "localhost:8000"),
            ("file://", "localhost:8000"),
            ("chrome-extension://abc", "localhost:8000"),
            ("", "localhost:8000"),
            ("http://localhost:8000/", "localhost:8000"),
            ("http://localhost:8000@evil.example", "localhost:8000"),
        ] {
            assert!(!origin(from, to), "{from} -> {to}");
        }
    }

    #[test]
    fn with_tls_only_https_origins_are_the_same() {
        let allowed = AllowedHosts {
            origins: vec!["http://friend.test".into()],
            https: true,
            ..AllowedHosts::default()
        };
        let check = |origin: &str| {
            let origins = std::iter::once(origin.as_bytes());
            allowed.check_origin(origins, b"localhost:8000").is_ok()
        };
        assert!(check("https://localhost:8000"));
        assert!(check("http://friend.test"));
        assert!(!check("http://localhost:8000"));
        assert!(!check("https://localhost"));
    }
}
