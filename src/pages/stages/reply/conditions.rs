//! Conditional requests (RFC 9110, section 13): compares the version that the client has with the one
//! that it would get.

use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use std::time::SystemTime;

/// Result of evaluating the preconditions of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The response is sent.
    Proceed,
    /// 304: the client has this version.
    NotModified,
    /// 412: the client requires another version.
    Failed,
}

/// Evaluates the preconditions of a GET or HEAD request against its response, in the order of section
/// 13.2.2.
pub(super) fn evaluate(request: &HeaderMap, response: &HeaderMap) -> Verdict {
    let tag = response.get(header::ETAG);
    // Lazy: few requests have conditions about dates.
    let modified = || text(response, &header::LAST_MODIFIED).and_then(date);
    if request.contains_key(header::IF_MATCH) {
        if !lists(request, &header::IF_MATCH, tag, strongly_equal) {
            return Verdict::Failed;
        }
    } else if let Some(since) = text(request, &header::IF_UNMODIFIED_SINCE).and_then(date)
        && modified().is_some_and(|modified| modified > since)
    {
        return Verdict::Failed;
    }
    if request.contains_key(header::IF_NONE_MATCH) {
        if lists(request, &header::IF_NONE_MATCH, tag, weakly_equal) {
            return Verdict::NotModified;
        }
    } else if let Some(since) = text(request, &header::IF_MODIFIED_SINCE).and_then(date)
        && modified().is_some_and(|modified| modified <= since)
    {
        return Verdict::NotModified;
    }
    Verdict::Proceed
}

/// Whether `If-Range` allows a range of this response to be sent (section 13.1.5): it is absent, or names
/// exactly this version.
pub(super) fn allows_range(request: &HeaderMap, response: &HeaderMap) -> bool {
    if !request.contains_key(header::IF_RANGE) {
        return true;
    }
    let Some(condition) = text(request, &header::IF_RANGE) else {
        return false;
    };
    if condition.starts_with(['"', 'W']) && date(condition).is_none() {
        return text(response, &header::ETAG).is_some_and(|tag| strongly_equal(tag, condition));
    }
    let modified = text(response, &header::LAST_MODIFIED).and_then(date);
    modified.is_some() && modified == date(condition)
}

fn date(text: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(text).ok()
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    Some(headers.get(name)?.to_str().ok()?.trim())
}

/// Whether a list of entity tags contains this one; `*` matches any existing one.
fn lists(
    request: &HeaderMap,
    name: &HeaderName,
    tag: Option<&HeaderValue>,
    equal: fn(&str, &str) -> bool,
) -> bool {
    // Fast path for browsers, which send the one tag that they have. Excludes weak tags: strong comparison
    // never accepts them.
    let lists = request.get_all(name);
    if let Some(tag) = tag
        && !tag.as_bytes().starts_with(b"W/")
        && lists.iter().any(|list| list == tag)
    {
        return true;
    }
    let tag = tag.and_then(|tag| tag.to_str().ok());
    lists
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(tags)
        .any(|listed| listed == "*" || tag.is_some_and(|tag| equal(tag, listed)))
}

/// Splits a list of entity tags at the commas outside of quotes.
fn tags(list: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    list.split(move |c| {
        quoted ^= c == '"';
        c == ',' && !quoted
    })
    .map(str::trim)
}

fn weakly_equal(a: &str, b: &str) -> bool {
    a.trim_start_matches("W/") == b.trim_start_matches("W/")
}

fn strongly_equal(a: &str, b: &str) -> bool {
    a == b && !a.starts_with("W/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::{Failed, NotModified, Proceed};

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    const THEN: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const LATER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";
    const BEFORE: &str = "Sunday, 06-Nov-94 08:49:36 GMT";

    #[test]
    fn preconditions_are_evaluated_in_the_order_of_rfc_9110() {
        let strong = headers(&[("etag", "\"a,b\""), ("last-modified", THEN)]);
        let weak = headers(&[("etag", "W/\"a\"")]);
        for (response, request, expected) in [
            (&strong, &[][..], Proceed),
            (
                &strong,
                &[("if-none-match", "\"x\", W/\"a,b\"")],
                NotModified,
            ),
            (&strong, &[("if-none-match", "\"a\"")], Proceed),
            (&strong, &[("if-none-match", "*")], NotModified),
            (&weak, &[("if-none-match", "\"a\"")], NotModified),
            (&weak, &[("if-match", "W/\"a\"")], Failed),
            (&strong, &[("if-match", "\"a,b\"")], Proceed),
            (&strong, &[("if-match", "*")], Proceed),
            (&strong, &[("if-match", "\"x\"")], Failed),
            (&strong, &[("if-modified-since", THEN)], NotModified),
            (&strong, &[("if-modified-since", LATER)], NotModified),
            (&strong, &[("if-modified-since", BEFORE)], Proceed),
            (&strong, &[("if-modified-since", "yesterday")], Proceed),
            (&weak, &[("if-modified-since", LATER)], Proceed),
            (&strong, &[("if-unmodified-since", BEFORE)], Failed),
            (&strong, &[("if-unmodified-since", THEN)], Proceed),
            // A condition about the tag takes precedence over one about the date.
            (
                &strong,
                &[("if-none-match", "\"x\""), ("if-modified-since", LATER)],
                Proceed,
            ),
            (
                &strong,
                &[("if-match", "\"a,b\""), ("if-unmodified-since", BEFORE)],
                Proceed,
            ),
            (
                &strong,
                &[("if-match", "\"x\""), ("if-none-match", "\"a,b\"")],
                Failed,
            ),
        ] {
            assert_eq!(
                evaluate(&headers(request), response),
                expected,
                "{request:?}"
            );
        }
    }

    #[test]
    fn sends_a_range_only_if_the_if_range_version_matches() {
        let response = headers(&[("etag", "\"a\""), ("last-modified", THEN)]);
        let weak = headers(&[("etag", "W/\"a\"")]);
        for (response, value, expected) in [
            (&response, "\"a\"", true),
            (&response, "\"b\"", false),
            (&response, THEN, true),
            (&response, LATER, false),
            (&weak, "W/\"a\"", false),
            (&response, "nonsense", false),
        ] {
            let request = headers(&[("if-range", value)]);
            assert_eq!(allows_range(&request, response), expected, "{value}");
        }
        assert!(allows_range(&HeaderMap::new(), &response));
    }
}
