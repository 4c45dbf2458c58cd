//! Byte ranges (RFC 9110, section 14).

use std::ops::Range;

/// The part of a representation that a `Range` header requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RangeRequest {
    /// All of it: the header is absent, invalid, or has several ranges. A server may ignore the header
    /// (section 14.2), and clients must expect that.
    Whole,
    /// These bytes.
    Part(Range<u64>),
    /// 416: the range begins past the end.
    Unsatisfiable,
}

/// Parses the header for a representation of this size.
pub(super) fn parse(header: Option<&str>, size: u64) -> RangeRequest {
    let Some(set) = header.and_then(|header| {
        let (unit, set) = header.split_once('=')?;
        unit.trim()
            .eq_ignore_ascii_case("bytes")
            .then_some(set.trim())
    }) else {
        return RangeRequest::Whole;
    };
    let Some((first, last)) = set.split_once('-').filter(|_| !set.contains(',')) else {
        return RangeRequest::Whole;
    };
    let part = match (number(first), number(last)) {
        (Some(None), Some(Some(suffix))) => size.saturating_sub(suffix)..size,
        (Some(Some(first)), Some(None)) => first..size,
        (Some(Some(first)), Some(Some(last))) if first <= last => {
            first..last.saturating_add(1).min(size)
        }
        _ => return RangeRequest::Whole,
    };
    if part.start >= size || part.is_empty() {
        RangeRequest::Unsatisfiable
    } else {
        RangeRequest::Part(part)
    }
}

/// Parses an optional number: `None` if it is invalid, `Some(None)` if it is absent. A number that is
/// too large saturates.
#[allow(
    clippy::option_option,
    reason = "invalid, absent and present are three cases"
)]
fn number(text: &str) -> Option<Option<u64>> {
    let text = text.trim();
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| (!text.is_empty()).then(|| text.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_ranges_are_parsed_and_others_ignored() {
        for (header, expected) in [
            ("bytes=0-0", RangeRequest::Part(0..1)),
            ("bytes=2-4", RangeRequest::Part(2..5)),
            ("Bytes = 2-", RangeRequest::Part(2..10)),
            ("bytes=-3", RangeRequest::Part(7..10)),
            ("bytes=-99", RangeRequest::Part(0..10)),
            ("bytes=9-99999999999999999999999", RangeRequest::Part(9..10)),
            ("bytes=10-", RangeRequest::Unsatisfiable),
            (
                "bytes=99999999999999999999999-",
                RangeRequest::Unsatisfiable,
            ),
            ("bytes=-0", RangeRequest::Unsatisfiable),
            ("bytes=0-1,3-4", RangeRequest::Whole),
            ("bytes=4-2", RangeRequest::Whole),
            ("bytes=-", RangeRequest::Whole),
            ("bytes=+1-2", RangeRequest::Whole),
            ("bytes", RangeRequest::Whole),
            ("items=0-1", RangeRequest::Whole),
        ] {
            assert_eq!(parse(Some(header), 10), expected, "{header}");
        }
        assert_eq!(parse(None, 10), RangeRequest::Whole);
        assert_eq!(parse(Some("bytes=0-"), 0), RangeRequest::Unsatisfiable);
    }
}
