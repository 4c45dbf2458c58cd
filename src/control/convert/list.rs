//! Bounds of lists in messages of programs.

use crate::control::status::invalid;
use tonic::Status;

/// Checks the number and the bytes of a list in a request.
pub(in crate::control) fn check_list<'a>(
    field: &str,
    list: impl IntoIterator<Item = &'a String>,
    max: usize,
    max_bytes: usize,
) -> Result<(), Status> {
    excess(list, max, max_bytes).map_or(Ok(()), |text| Err(invalid(field, text)))
}

/// Returns what is wrong with a list that has too many entries or bytes.
pub(super) fn excess<'a>(
    list: impl IntoIterator<Item = &'a String>,
    max: usize,
    max_bytes: usize,
) -> Option<String> {
    let (mut entries, mut bytes) = (0, 0);
    for text in list {
        entries += 1;
        bytes += text.len();
    }
    if entries > max {
        Some(format!(
            "{entries} entries are too many (the limit is {max})"
        ))
    } else if bytes > max_bytes {
        Some(format!(
            "{bytes} bytes are too many together (the limit is {max_bytes})"
        ))
    } else {
        None
    }
}
