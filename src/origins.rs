//! Who may ask: the rules for `Host` and `Origin`. Plain text in, a verdict out.
//!
//! A page that the user did not open must not reach the daemon: not under a name that was
//! rebound to a loopback address (`Host`), and not from another origin (`Origin`).

use std::net::IpAddr;

/// The names that the page port answers to, and the origins that may open a web socket.
#[derive(Clone, Debug, Default)]
pub(crate) struct AllowedHosts {
    /// Further host names, lower-case, without port; `.example.com` stands for all below it.
    pub hosts: Vec<String>,
    /// Further origins, exactly as browsers write them: `https://example.com`.
    pub origins: Vec<String>,
    /// Pages are served by TLS: an origin of ours is `https`. Whoever is on the way could be any
    /// `http` one.
    pub https: bool,
}

/// Why a request was refused. The text names the flag that would allow it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// No `Host`, two of them, or one that is none. 400.
    #[error("the request must have exactly one valid Host header")]
    MalformedHost,
    /// A name that is not ours. 403.
    #[error("host {0:?} is not allowed (start pagewire with --allow-host {0})")]
    Host(String),
    /// Another site's page. 403.
    #[error(
        "origin {0:?} is not allowed to open a web socket (start pagewire with --allow-origin {0})"
    )]
    Origin(String),
    /// A document without an origin of its own: a sandboxed frame, a file. 403. No flag is named:
    /// who allowed `null` would allow them all.
    #[error("a document without an origin may not open a web socket (serve it from a host)")]
    NoOrigin,
}

/// `host[:port]`, split.
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

    /// `localhost`, below it, or a loopback address: names that no stranger can point here.
    fn is_loopback(&self) -> bool {
        let host = self.name();
        let top = host.rsplit_once('.').map_or(host, |(_, top)| top);
        top.eq_ignore_ascii_case("localhost")
            || host
                .parse::<IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    }

    /// The host without the dot that ends a name which is whole.
    fn name(&self) -> &'a str {
        self.host.trim_end_matches('.')
    }

    fn same_host(&self, other: &Self) -> bool {
        self.host.eq_ignore_ascii_case(other.host) || (self.is_loopback() && other.is_loopback())
    }
}

/// Whether two `host[:port]` of plain HTTP name the same server. Loopback names equal each other.
#[must_use]
pub(crate) fn same_server(one: &str, other: &str) -> bool {
    let (Some(one), Some(other)) = (Authority::parse(one), Authority::parse(other)) else {
        return false;
    };
    one.same_host(&other) && one.port.unwrap_or(80) == other.port.unwrap_or(80)
}

impl AllowedHosts {
    /// Checks the values of the `Host` header.
    ///
    /// Loopback names are allowed, and so are address literals: rebinding needs a name.
    pub(crate) fn check_host<'a>(
        &self,
        mut values: impl Iterator<Item = &'a [u8]>,
    ) -> Result<(), Refusal> {
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(Refusal::MalformedHost);
        };
        let text = std::str::from_utf8(value).map_err(|_| Refusal::MalformedHost)?;
        let authority = Authority::parse(text).ok_or(Refusal::MalformedHost)?;
        // Before anything is copied: this is asked of every request.
        if authority.name().parse::<IpAddr>().is_ok() || authority.is_loopback() {
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

    /// Whether this origin was allowed by name.
    pub(crate) fn allows_origin(&self, origin: &[u8]) -> bool {
        let mut origins = self.origins.iter();
        origins.any(|listed| listed.as_bytes() == origin)
    }

    /// Checks the `Origin` of an upgrade against its (allowed) `Host`. A request without
    /// `Origin` comes from no page: browsers always send it with an upgrade.
    pub(crate) fn check_origin<'a>(
        &self,
        mut origins: impl Iterator<Item = &'a [u8]>,
        host: &[u8],
    ) -> Result<(), Refusal> {
        let Some(origin) = origins.next() else {
            return Ok(());
        };
        let text = String::from_utf8_lossy(origin).into_owned();
        let same = || {
            let (scheme, authority) = text.split_once("://")?;
            let default_port = match scheme {
                "http" if !self.https => 80,
                "https" => 443,
                _ => return None,
            };
            let origin = Authority::parse(authority)?;
            let host = Authority::parse(std::str::from_utf8(host).ok()?)?;
            // Behind a proxy that ends TLS, Host has no port and the origin's is its scheme's.
            let ports_agree =
                origin.port.unwrap_or(default_port) == host.port.unwrap_or(default_port);
            Some(origin.same_host(&host) && ports_agree)
        };
        let allowed = self.allows_origin(origin) || same() == Some(true);
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
    fn other_names_are_refused_with_the_flag_that_would_allow_them() {
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
    fn a_malformed_host_is_told_apart() {
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
    fn loopback_names_with_one_port_are_one_server() {
        for (one, other, same) in [
            ("localhost:3000", "127.0.0.1:3000", true),
            ("Shop.example", "shop.example:80", true),
            ("localhost:3000", "localhost:3001", false),
            ("localhost", "shop.example", false),
            ("localhost:3000", "user@localhost:3000", false),
        ] {
            assert_eq!(same_server(one, other), same, "{one} {other}");
        }
    }

    #[test]
    fn an_origin_is_the_same_when_host_and_port_are() {
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
    fn behind_tls_an_origin_of_ours_is_https() {
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
