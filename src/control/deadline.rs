//! The caller's deadline, `grpc-timeout`. The transport responds with CANCELLED when it expires, so a
//! method stops waiting a little earlier and reports what it has.

use super::limits::MAX_WAIT;
use super::status;
use std::time::Duration;
use tonic::Status;
use tonic::metadata::MetadataMap;

/// How much earlier than the caller's deadline a method stops waiting.
const MARGIN: Duration = Duration::from_millis(50);

/// Returns the time until the caller's deadline, less the margin and at most [`MAX_WAIT`]; none without a
/// deadline.
pub(super) fn remaining(metadata: &MetadataMap) -> Result<Option<Duration>, Status> {
    let Some(value) = metadata.get("grpc-timeout") else {
        return Ok(None);
    };
    value
        .to_str()
        .ok()
        .and_then(parse)
        .map(|time| Some(time.saturating_sub(MARGIN.min(time / 10)).min(MAX_WAIT)))
        .ok_or_else(|| status::invalid("grpc-timeout", format!("{value:?} is not a gRPC timeout (write up to eight digits and a unit: H, M, S, m, u or n)")))
}

/// Parses up to eight digits and a unit, as the gRPC protocol over HTTP/2 defines them.
fn parse(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let digits = &text[..text.len() - unit.len_utf8()];
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    match unit {
        'H' => Some(Duration::from_secs(number * 3600)),
        'M' => Some(Duration::from_secs(number * 60)),
        'S' => Some(Duration::from_secs(number)),
        'm' => Some(Duration::from_millis(number)),
        'u' => Some(Duration::from_micros(number)),
        'n' => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::parse;
    use std::time::Duration;

    #[test]
    fn parses_timeouts_in_the_format_of_grpc() {
        assert_eq!(parse("100m"), Some(Duration::from_millis(100)));
        assert_eq!(parse("2S"), Some(Duration::from_secs(2)));
        assert_eq!(parse("1H"), Some(Duration::from_hours(1)));
        for text in ["", "S", "1", "1x", "-1S", "123456789S", "1é"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
