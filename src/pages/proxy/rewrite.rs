//! Rewrites a backend's own addresses in redirects and cookies to those of this daemon.

use crate::config::ProxyRule;
use crate::origins::{is_loopback, same_server};
use axum::http::header::{self, HeaderMap, HeaderValue};

/// Rewriter of the response headers of one request.
pub(super) struct ResponseRewriter<'a> {
    pub(super) rules: &'a [ProxyRule],
    /// Rule that the request matched.
    pub(super) rule: &'a ProxyRule,
    /// The daemon's base path.
    pub(super) base: &'a str,
    pub(super) scheme: &'static str,
    /// The daemon's host as the browser sent it.
    pub(super) host: &'a str,
}

/// Returns the part of a path after `base`, with its leading slash; empty when the two are equal.
pub(super) fn strip_base<'a>(path: &'a str, base: &str) -> Option<&'a str> {
    let rest = path.strip_prefix(base)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

impl ResponseRewriter<'_> {
    /// Rewrites a response's `Location`, `Content-Location`, `Refresh` and `Set-Cookie`. Removes what an https
    /// backend says about its own host and port: browsers would apply it to the daemon's, and for `localhost`
    /// to every other server there.
    pub(super) fn headers(&self, headers: &mut HeaderMap) {
        if self.rule.backend.scheme() == "https" {
            headers.remove(header::STRICT_TRANSPORT_SECURITY);
            headers.remove(header::ALT_SVC);
        }
        for (name, value) in headers.iter_mut() {
            let Ok(text) = std::str::from_utf8(value.as_bytes()) else {
                continue;
            };
            let rewritten = match name.as_str() {
                "location" | "content-location" => self.url(text),
                "refresh" => self.refresh(text),
                "set-cookie" => Some(self.cookie(text)),
                _ => None,
            };
            if let Some(Ok(rewritten)) = rewritten.map(HeaderValue::try_from) {
                *value = rewritten;
            }
        }
    }

    /// Rewrites a URL of the backend or of this daemon to a path of this daemon. Returns `None` for any
    /// other URL.
    fn url(&self, url: &str) -> Option<String> {
        let (scheme, rest) = match url.split_once("://") {
            Some((scheme, rest)) if scheme.bytes().all(|b| b.is_ascii_alphabetic()) => {
                (Some(scheme), rest)
            }
            _ if url.starts_with("//") => (None, &url[2..]),
            // Browsers treat `/\` like `//`, which begins a host.
            _ if url.starts_with("/\\") => return None,
            _ if url.starts_with('/') => {
                return self.path(url).or_else(|| Some(self.own_path(url)));
            }
            _ => return None,
        };
        let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let has_scheme = |name: &str| scheme.is_none_or(|scheme| scheme.eq_ignore_ascii_case(name));
        let backend = &self.rule.backend;
        if has_scheme(backend.scheme())
            && same_server(authority, backend.authority(), backend.default_port())
        {
            // A path that no rule covers remains reachable at the backend itself.
            self.path(path)
        } else if ["http", self.scheme, backend.scheme()]
            .into_iter()
            .any(has_scheme)
            && authority.eq_ignore_ascii_case(self.host)
        {
            self.path(path).or_else(|| Some(self.own_path(path)))
        } else {
            None
        }
    }

    /// Maps a path of the backend to a path of this daemon, by the rule with the longest matching base.
    fn path(&self, url: &str) -> Option<String> {
        let (path, tail) = url.split_at(url.find(['?', '#']).unwrap_or(url.len()));
        let rules = self.rules.iter();
        let (rule, rest) = rules
            .filter(|rule| rule.backend == self.rule.backend)
            .filter_map(|rule| Some((rule, strip_base(path, &rule.base)?)))
            .max_by_key(|(rule, _)| (rule.base.len(), *rule == self.rule))?;
        let prefix = rule.prefix.as_str();
        Some(self.own_path(&format!("{prefix}{rest}{tail}")))
    }

    /// Prepends the base path.
    fn own_path(&self, path: &str) -> String {
        let slash = if path.starts_with('/') { "" } else { "/" };
        let url = format!("{}{slash}{path}", self.base);
        // Two leading slashes would begin a host.
        let dot = if url[1..].starts_with(['/', '\\']) {
            "/."
        } else {
            ""
        };
        format!("{dot}{url}")
    }

    /// Rewrites a value such as `5; url=http://backend/next`.
    fn refresh(&self, value: &str) -> Option<String> {
        let at = value.to_ascii_lowercase().find("url=")? + "url=".len();
        let (before, url) = value.split_at(at);
        let url = self.url(url.trim().trim_matches(['"', '\'']))?;
        Some(format!("{before}{url}"))
    }

    /// Rewrites a cookie: drops a `Domain` of the backend and maps its `Path`. `Secure` stays, since
    /// browsers accept such cookies from localhost anyway. From other hosts they accept them over https only, so
    /// an https backend behind plain http loses it there, together with the attributes that require it. Names
    /// with the prefix `__Secure-` or `__Host-` require it as well and cannot be changed.
    fn cookie(&self, cookie: &str) -> String {
        let mut parts = cookie.split(';');
        let mut rewritten = parts.next().unwrap_or_default().to_owned();
        let drops_secure = self.rule.backend.scheme() == "https"
            && self.scheme == "http"
            && !is_loopback(self.host)
            && !rewritten.trim_start().starts_with("__");
        for attribute in parts {
            let (name, value) = attribute.split_once('=').unwrap_or((attribute, ""));
            let is_named = |expected: &str| name.trim().eq_ignore_ascii_case(expected);
            let value = value.trim();
            if is_named("domain") && self.is_backend_domain(value) {
                continue;
            }
            let needs_secure = is_named("secure")
                || is_named("partitioned")
                || is_named("samesite") && value.eq_ignore_ascii_case("none");
            if drops_secure && needs_secure {
                continue;
            }
            rewritten.push(';');
            match self.path(value) {
                Some(path) if is_named("path") && value.starts_with('/') && value != "/" => {
                    rewritten.push_str(" Path=");
                    rewritten.push_str(&path);
                }
                _ => rewritten.push_str(attribute),
            }
        }
        rewritten
    }

    /// Whether a cookie's domain is the backend's host or a parent domain of it.
    fn is_backend_domain(&self, domain: &str) -> bool {
        let authority = self.rule.backend.authority().to_ascii_lowercase();
        let host = authority
            .rsplit_once(':')
            .map_or(&*authority, |(host, _)| host);
        let domain = domain.trim_start_matches('.').to_ascii_lowercase();
        host.strip_suffix(&domain)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten<T>(rules: &[&str], base: &str, rewrite: impl Fn(&ResponseRewriter<'_>) -> T) -> T {
        rewritten_over("http", rules, base, rewrite)
    }

    fn rewritten_over<T>(
        scheme: &'static str,
        rules: &[&str],
        base: &str,
        rewrite: impl Fn(&ResponseRewriter<'_>) -> T,
    ) -> T {
        let rules: Vec<ProxyRule> = rules.iter().map(|rule| rule.parse().unwrap()).collect();
        rewrite(&ResponseRewriter {
            rules: &rules,
            rule: &rules[0],
            base,
            scheme,
            host: "localhost:8000",
        })
    }

    #[test]
    fn redirects_within_the_backend_lead_to_the_daemon() {
        let all = &["http://localhost:3000"][..];
        let api = &["/api=http://localhost:3000/v1", "/x=http://other:1/v1"][..];
        let both = &["/api=http://localhost:3000/v1", "http://localhost:3000"][..];
        for (rules, base, from, to) in [
            (all, "", "http://localhost:3000/a?b#c", Some("/a?b#c")),
            (all, "", "http://LOCALHOST:3000", Some("/")),
            (all, "", "HTTP://127.0.0.1:3000?q", Some("/?q")),
            (all, "", "//localhost:3000/a", Some("/a")),
            (all, "", "http://localhost:8000/a", Some("/a")),
            (all, "", "/a", Some("/a")),
            (all, "/app", "/a", Some("/app/a")),
            (all, "/app", "http://localhost:8000/a", Some("/app/a")),
            (all, "", "a/b", None),
            (all, "", "", None),
            (all, "", "http://localhost:3001/a", None),
            (all, "", "https://localhost:3000/a", None),
            (all, "", "http://localhost:3000@evil.example/", None),
            (all, "", "http://evil.example/localhost:3000", None),
            (all, "", "//evil.example/", None),
            (all, "", "/\\evil.example/", None),
            (all, "", "mailto:a@localhost:3000", None),
            // A path must not turn into another host.
            (
                all,
                "",
                "http://localhost:3000//evil.example/",
                Some("/.//evil.example/"),
            ),
            (
                all,
                "",
                "http://localhost:3000/\\evil.example/",
                Some("/./\\evil.example/"),
            ),
            (all, "", "http://localhost:3000\\@evil.example/", None),
            (api, "", "/v1/a", Some("/api/a")),
            (api, "", "/v1", Some("/api")),
            (
                api,
                "/app",
                "http://localhost:3000/v1/a",
                Some("/app/api/a"),
            ),
            (api, "", "http://localhost:3000/v10/a", None),
            (api, "", "http://localhost:3000/login", None),
            (api, "/app", "/login", Some("/app/login")),
            (both, "", "http://localhost:3000/login", Some("/login")),
            (both, "", "/v1/a", Some("/api/a")),
        ] {
            let found = rewritten(rules, base, |rewrite| rewrite.url(from));
            assert_eq!(found.as_deref(), to, "{from} by {rules:?} below {base:?}");
        }
        // Rewriting a redirect from HTTP to HTTPS would cause a redirect loop; the opposite direction is safe.
        for (scheme, from, to) in [
            ("http", "https://localhost:8000/a", None),
            ("https", "https://localhost:8000/a", Some("/a")),
            ("https", "http://localhost:8000/a", Some("/a")),
            ("https", "//localhost:3000/a", Some("/a")),
        ] {
            let found = rewritten_over(scheme, all, "", |rewrite| rewrite.url(from));
            assert_eq!(found.as_deref(), to, "{from} over {scheme}");
        }
        let secure = &["https://shop.example/v1"][..];
        for (scheme, from, to) in [
            ("http", "https://shop.example/v1/a", Some("/a")),
            ("http", "https://shop.example:443/v1/a", Some("/a")),
            ("http", "//shop.example/v1/a", Some("/a")),
            ("http", "http://shop.example/v1/a", None),
            ("http", "https://shop.example:80/v1/a", None),
            // The backend combines the browser's host with its own scheme.
            ("http", "https://localhost:8000/v1/a", Some("/a")),
            ("http", "http://localhost:8000/v1/a", Some("/a")),
            ("https", "https://localhost:8000/v1/a", Some("/a")),
        ] {
            let found = rewritten_over(scheme, secure, "", |rewrite| rewrite.url(from));
            assert_eq!(found.as_deref(), to, "{from} over {scheme}");
        }
        let refresh = |value| rewritten(all, "/app", |rewrite| rewrite.refresh(value));
        let to = Some("3; URL=/app/a".to_owned());
        assert_eq!(refresh("3; URL='http://localhost:3000/a'"), to);
        assert_eq!(refresh("3"), None);
    }

    #[test]
    fn cookies_of_the_backend_become_cookies_of_the_daemon() {
        let site = &["http://www.shop.example"][..];
        let api = &["/api=http://localhost:3000/v1"][..];
        for (rules, base, from, to) in [
            (
                site,
                "",
                "a=b; Domain=www.shop.example; HttpOnly",
                "a=b; HttpOnly",
            ),
            (site, "", "a=b; domain=.Shop.example", "a=b"),
            (site, "", "a=b; Domain=op.example", "a=b; Domain=op.example"),
            (site, "", "a=b;Path=/;Secure", "a=b;Path=/;Secure"),
            (
                site,
                "/app",
                "a=b; Path=/account; SameSite=Lax",
                "a=b; Path=/app/account; SameSite=Lax",
            ),
            (api, "", "a=Path=/v1; path=/v1/x", "a=Path=/v1; Path=/api/x"),
            (api, "", "a=b; Path=/other", "a=b; Path=/other"),
        ] {
            let found = rewritten(rules, base, |rewrite| rewrite.cookie(from));
            assert_eq!(found, to, "{from}");
        }
    }
}
