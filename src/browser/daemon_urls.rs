//! Which URLs that a page reports are the daemon's own, and what the daemon knows of them.

use super::Browser;
use crate::hub::Hub;
use crate::message::{FailedResource, PageError, PageErrorKind};
use crate::origins::same_server;
use std::sync::Arc;

/// URLs of the daemon, as the page of one socket sees them.
pub(super) struct DaemonUrls {
    browser: Arc<Browser>,
    /// The `Host` by which the page has reached the daemon.
    host: Box<str>,
    /// Whether the page is on the same server, so that it can read the responses. A page of an origin that was
    /// merely allowed to open a socket cannot.
    pub(super) is_own_page: bool,
}

impl DaemonUrls {
    /// `origin` is that of the page; none = a program.
    pub(super) fn new(browser: Arc<Browser>, host: &str, origin: Option<&str>) -> Self {
        let is_own_page = origin.is_none_or(|origin| browser.allowed.is_own_origin(origin, host));
        let host = host.into();
        Self {
            browser,
            host,
            is_own_page,
        }
    }

    /// Returns path and query below the base path; `None` for a URL of another origin.
    fn target<'a>(&self, url: &'a str) -> Option<&'a str> {
        let (scheme, rest) = url.split_once("://")?;
        let default_port = match scheme {
            "http" => 80,
            "https" => 443,
            _ => return None,
        };
        let (authority, _) = rest.split_at(rest.find('/')?);
        let (origin, target) = url.split_at(scheme.len() + "://".len() + authority.len());
        // A reverse proxy may send another `Host`; its origin is then allowed explicitly.
        let is_own = same_server(authority, &self.host, default_port)
            || self.browser.allowed.allows_origin(origin.as_bytes());
        let (target, _) = target.split_once('#').unwrap_or((target, ""));
        is_own.then(|| self.browser.base.strip(target).unwrap_or(target))
    }

    /// Returns the failure that was the last response to a URL.
    pub(super) fn failure(&self, hub: &Hub, url: &str) -> Option<Arc<FailedResource>> {
        hub.failure(self.target(url)?)
    }

    /// Adds to a page's error the failure that is its cause, if there is one.
    pub(super) fn explain(&self, hub: &Hub, error: &mut PageError) {
        let suspects = std::mem::take(&mut error.failed_urls);
        let own = match error.kind {
            PageErrorKind::Resource => self.failure(hub, &error.exception.url),
            // The URL of the exception is not that of the module, but of the one that imports it.
            PageErrorKind::UnhandledRejection => None,
            PageErrorKind::Uncaught | PageErrorKind::Csp | PageErrorKind::Other => return,
        };
        // An image that did not load either is not the cause.
        let cause = |url: &String| self.failure(hub, url).filter(|failure| failure.is_code);
        error.failed_resource = own.or_else(|| suspects.iter().find_map(cause));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origins::AllowedHosts;

    #[test]
    fn only_urls_of_the_daemon_lead_to_a_path() {
        let browser = Browser {
            hub: Hub::new(),
            allowed: AllowedHosts {
                origins: vec!["https://dev.example".to_owned()],
                ..AllowedHosts::default()
            },
            base: "/app".parse().unwrap(),
            debug: false,
            connections: tokio_util::task::TaskTracker::new(),
        };
        let urls = DaemonUrls::new(browser.into(), "localhost:8000", None);
        for (url, target) in [
            ("http://localhost:8000/a.js", Some("/a.js")),
            ("http://127.0.0.1:8000/app/a.js?v=1#x", Some("/a.js?v=1")),
            ("https://dev.example/app/a%20b.js", Some("/a%20b.js")),
            ("http://localhost:8000/apple.js", Some("/apple.js")),
            ("http://localhost:8001/a.js", None),
            ("http://elsewhere:8000/a.js", None),
            ("http://localhost/a.js", None),
            ("http://localhost:8000@elsewhere/a.js", None),
            ("ftp://localhost:8000/a.js", None),
            ("http://localhost:8000", None),
            ("/a.js", None),
            ("", None),
        ] {
            assert_eq!(urls.target(url), target, "{url}");
        }
    }
}
