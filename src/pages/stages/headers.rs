//! The headers stage: sets the configured headers. It runs after plugins and backends, whose headers of the
//! same name it replaces, and before the client is injected, which depends on the content security policy.

use crate::config::HeaderRule;
use crate::pages::errors::error_page::is_error_page;
use crate::pages::request::PageRequest;
use crate::pages::response::derived_cache::Variant;
use crate::pages::response::page_response::{PageResponse, Responder};
use axum::http::StatusCode;
use axum::http::header::{self, HeaderName, HeaderValue};
use xxhash_rust::xxh3::Xxh3;

/// Headers that the daemon's own pages do not get: error pages would be cached, or could not run the script
/// that reloads them.
const FOR_CONTENT: [HeaderName; 3] = [
    header::CACHE_CONTROL,
    header::EXPIRES,
    header::CONTENT_SECURITY_POLICY,
];

/// The configured headers, ready to be set.
pub(crate) struct ConfiguredHeaders {
    rules: Vec<(HeaderRule, Vec<ConfiguredHeader>)>,
    /// Names all configured headers in entity tags.
    variant: Variant,
}

struct ConfiguredHeader {
    name: HeaderName,
    value: HeaderValue,
    /// Whether it is one of several values, and not the first.
    is_further: bool,
}

impl ConfiguredHeaders {
    pub(crate) fn new(rules: Vec<HeaderRule>) -> Self {
        let mut hash = Xxh3::new();
        let mut prepare = |rule: HeaderRule| {
            hash.update(format!("{:?}", rule.pattern()).as_bytes());
            let mut headers: Vec<ConfiguredHeader> = Vec::new();
            for (name, value) in &rule.headers {
                hash.update(format!("\n{name}: {value}\n").as_bytes());
                let name = HeaderName::try_from(name).expect("the setting was checked");
                let value = HeaderValue::try_from(value).expect("the setting was checked");
                // Cookies are independent of each other.
                let is_further =
                    name == header::SET_COOKIE || headers.iter().any(|header| header.name == name);
                headers.push(ConfiguredHeader {
                    name,
                    value,
                    is_further,
                });
            }
            (rule, headers)
        };
        let rules = rules.into_iter().map(&mut prepare).collect();
        Self {
            rules,
            variant: Variant {
                name: "headers",
                input_hash: hash.digest(),
            },
        }
    }

    /// Returns the entity tag of a response with the configured headers: a 304 must not confirm a response that
    /// was stored with others.
    pub(crate) fn tag(&self, tag: HeaderValue) -> HeaderValue {
        if self.rules.is_empty() {
            return tag;
        }
        self.variant.derive_tag(&tag).unwrap_or(tag)
    }
}

/// Runs the stage.
pub(crate) fn stage(request: &PageRequest<'_>, response: &mut PageResponse) {
    let ConfiguredHeaders { rules, .. } = &request.service.headers;
    if rules.is_empty() || response.status == StatusCode::SWITCHING_PROTOCOLS {
        return;
    }
    let is_own = response.responder == Responder::Daemon || is_error_page(response);
    let path = request.path.as_str();
    for (_, headers) in rules.iter().filter(|(rule, _)| rule.matches(path)) {
        for ConfiguredHeader {
            name,
            value,
            is_further,
        } in headers
        {
            if is_own && FOR_CONTENT.contains(name) {
                continue;
            }
            if *is_further {
                response.headers.append(name.clone(), value.clone());
            } else {
                response.headers.insert(name.clone(), value.clone());
            }
        }
    }
}
