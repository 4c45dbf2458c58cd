//! The caller's own deadline, `grpc-timeout`. The transport answers CANCELLED when it expires,
//! so we stop a margin earlier and report what there is.

use super::status;
use std::time::Duration;
use tonic::Status;
use tonic::metadata::MetadataMap;

/// How much earlier than the caller's deadline the waiting ends.
const MARGIN: Duration = Duration::from_millis(50);

/// What is left of the caller's deadline, less the margin; none when it set none.
pub(super) fn of_request(metadata: &MetadataMap) -> Result<Option<Duration>, Status> {
    let Some(value) = metadata.get("grpc-timeout") else {
        return Ok(None);
    };
    value
        .to_str()
        .ok()
        .and_then(parse)
        .map(|left| Some(left.saturating_sub(MARGIN.min(left / 10))))
        .ok_or_else(|| status::invalid("grpc-timeout", format!("{value:?} is no timeout")))
}

/// At most eight digits and a unit (the gRPC protocol over HTTP/2).
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
    fn timeouts_are_read_as_grpc_writes_them() {
        assert_eq!(parse("100m"), Some(Duration::from_millis(100)));
        assert_eq!(parse("2S"), Some(Duration::from_secs(2)));
        assert_eq!(parse("1H"), Some(Duration::from_hours(1)));
        for text in ["", "S", "1", "1x", "-1S", "123456789S", "1é"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
