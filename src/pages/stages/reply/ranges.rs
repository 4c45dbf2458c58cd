//! Byte ranges (RFC 9110, section 14).

use std::ops::Range;

/// What a `Range` header asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RangeRequest {
    /// The whole: no range, one that is not understood, or several. A server may ignore the header
    /// (section 14.2), and who asks for several ranges must be ready for that.
    Whole,
    /// These octets.
    Part(Range<u64>),
    /// 416: they begin behind the end.
    Unsatisfiable,
}

/// Reads the header for a representation of this size.
pub(crate) fn asked(header: Option<&str>, size: u64) -> RangeRequest {
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

/// Digits alone, or nothing; a number that is larger than any file is just that large.
#[allow(
    clippy::option_option,
    reason = "wrong, absent and given are three things"
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
    fn single_ranges_are_understood_and_others_ignored() {
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
            assert_eq!(asked(Some(header), 10), expected, "{header}");
        }
        assert_eq!(asked(None, 10), RangeRequest::Whole);
        assert_eq!(asked(Some("bytes=0-"), 0), RangeRequest::Unsatisfiable);
    }
}
