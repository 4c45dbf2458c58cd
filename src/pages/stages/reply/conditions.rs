//! Conditional requests (RFC 9110, section 13): whether what the client has is what it would get.

use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use std::time::SystemTime;

/// What the preconditions of a request make of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is answered as if there were none.
    Perform,
    /// 304: the client has it.
    NotModified,
    /// 412: the client wanted another.
    Failed,
}

/// Evaluates the preconditions of a GET or HEAD against the response that it would get, in the
/// order of section 13.2.2.
pub(crate) fn verdict(request: &HeaderMap, response: &HeaderMap) -> Verdict {
    let tag = response.get(header::ETAG);
    // Not parsed for the many requests that have no say about dates.
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
    Verdict::Perform
}

/// Whether `If-Range` lets a range of this response be sent (section 13.1.5): it is absent, or
/// names exactly this version.
pub(crate) fn may_send_part(request: &HeaderMap, response: &HeaderMap) -> bool {
    if !request.contains_key(header::IF_RANGE) {
        return true;
    }
    let Some(wanted) = text(request, &header::IF_RANGE) else {
        return false;
    };
    if wanted.starts_with(['"', 'W']) && date(wanted).is_none() {
        return text(response, &header::ETAG).is_some_and(|tag| strongly_equal(tag, wanted));
    }
    let modified = text(response, &header::LAST_MODIFIED).and_then(date);
    modified.is_some() && modified == date(wanted)
}

fn date(text: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(text).ok()
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    Some(headers.get(name)?.to_str().ok()?.trim())
}

/// Whether a list of entity tags has this one; `*` stands for any that exists.
fn lists(
    request: &HeaderMap,
    name: &HeaderName,
    tag: Option<&HeaderValue>,
    equal: fn(&str, &str) -> bool,
) -> bool {
    // What browsers send: the one tag that they have. A weak one is equal to itself in one way only.
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

/// The members of a list of entity tags: commas within quotes separate nothing.
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
    use Verdict::{Failed, NotModified, Perform};

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
            (&strong, &[][..], Perform),
            (
                &strong,
                &[("if-none-match", "\"x\", W/\"a,b\"")],
                NotModified,
            ),
            (&strong, &[("if-none-match", "\"a\"")], Perform),
            (&strong, &[("if-none-match", "*")], NotModified),
            (&weak, &[("if-none-match", "\"a\"")], NotModified),
            (&weak, &[("if-match", "W/\"a\"")], Failed),
            (&strong, &[("if-match", "\"a,b\"")], Perform),
            (&strong, &[("if-match", "*")], Perform),
            (&strong, &[("if-match", "\"x\"")], Failed),
            (&strong, &[("if-modified-since", THEN)], NotModified),
            (&strong, &[("if-modified-since", LATER)], NotModified),
            (&strong, &[("if-modified-since", BEFORE)], Perform),
            (&strong, &[("if-modified-since", "yesterday")], Perform),
            (&weak, &[("if-modified-since", LATER)], Perform),
            (&strong, &[("if-unmodified-since", BEFORE)], Failed),
            (&strong, &[("if-unmodified-since", THEN)], Perform),
            // The tag has the say where both are given.
            (
                &strong,
                &[("if-none-match", "\"x\""), ("if-modified-since", LATER)],
                Perform,
            ),
            (
                &strong,
                &[("if-match", "\"a,b\""), ("if-unmodified-since", BEFORE)],
                Perform,
            ),
            (
                &strong,
                &[("if-match", "\"x\""), ("if-none-match", "\"a,b\"")],
                Failed,
            ),
        ] {
            assert_eq!(
                verdict(&headers(request), response),
                expected,
                "{request:?}"
            );
        }
    }

    #[test]
    fn a_part_is_sent_only_of_the_very_version_that_is_named() {
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
            assert_eq!(may_send_part(&request, response), expected, "{value}");
        }
        assert!(may_send_part(&HeaderMap::new(), &response));
    }
}
