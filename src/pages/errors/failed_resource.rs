//! What a failure of a plugin means to pages and in the log: where it is, and of which resource it is the response.

use crate::message::{FailedHook, FailedResource, truncate};
use crate::pages::fetch_metadata::SEC_FETCH_DEST;
use crate::pages::request::PageRequest;
use crate::pages::response::page_response::PageResponse;
use crate::plugins::{HookFailure, SourceLocation};
use axum::http::Method;

/// Longest message, file, frame and stack of a failure that page errors and pages name as the cause of a resource
/// that did not load; longer ones are truncated. Default 16 KiB each.
const MAX_FAILED_TEXT_BYTES: usize = 16 * 1024;

/// Rows of a plugin's stack in the log; the others are omitted. Default 5.
const LOGGED_STACK_ROWS: usize = 5;

/// Longest row of a stack in the log; a longer one is truncated. Default 300 B.
const LOGGED_ROW_BYTES: usize = 300;

/// Sets the failure of which a response is the error page. Only resources are loaded with GET.
pub(super) fn record(
    request: &PageRequest<'_>,
    response: &mut PageResponse,
    plugin: &str,
    hook: Option<FailedHook>,
    failure: &HookFailure,
) {
    if request.parts.method != Method::GET {
        return;
    }
    let fit = |text: &str| {
        let mut text = text.to_owned();
        truncate(&mut text, MAX_FAILED_TEXT_BYTES);
        text
    };
    let default = SourceLocation::default();
    let location = failure.location.as_ref().unwrap_or(&default);
    response.failure = Some(Box::new(FailedResource {
        plugin: plugin.to_owned(),
        hook,
        url: request.target().to_owned(),
        status: response.status.as_u16(),
        message: fit(&failure.message),
        file: fit(&location.file),
        line: location.line,
        column: location.column,
        frame: fit(&location.frame),
        stack: fit(&failure.stack),
        is_code: is_code(request.header(&SEC_FETCH_DEST)),
    }));
}

/// Whether a response for this destination is a script or a stylesheet. Requests to hosts that the browser does not
/// trust name none.
fn is_code(destination: &str) -> bool {
    matches!(destination, "" | "script" | "style")
        || destination.ends_with("worker")
        || destination.ends_with("worklet")
}

/// Returns file, line and column, as far as they are known.
pub(super) fn place(location: &SourceLocation) -> String {
    let mut place = location.file.clone();
    for number in [location.line, location.column] {
        if number > 0 {
            place.push(':');
            place.push_str(&number.to_string());
        }
    }
    place
}

/// Returns the rows of a stack that are closest to the cause, on one line. Python writes them last.
pub(super) fn logged_stack(stack: &str) -> Option<String> {
    let mut rows: Vec<&str> = stack.lines().map(str::trim).collect();
    rows.retain(|row| !row.is_empty());
    let omitted = rows.len().saturating_sub(LOGGED_STACK_ROWS);
    let is_last_first = rows
        .first()?
        .starts_with("Traceback (most recent call last)");
    let kept = if is_last_first {
        &rows[omitted..]
    } else {
        &rows[..rows.len() - omitted]
    };
    let cut = |row: &&str| row[..row.floor_char_boundary(LOGGED_ROW_BYTES)].to_owned();
    Some(kept.iter().map(cut).collect::<Vec<_>>().join(" | "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_has_the_rows_of_a_stack_that_are_closest_to_the_cause() {
        assert_eq!(logged_stack("\n \n"), None);
        let stack =
            "Error: no\n    at a (a.js:1:2)\n    at b\n    at c\n    at d\n    at e\n    at f\n";
        let logged = "Error: no | at a (a.js:1:2) | at b | at c | at d";
        assert_eq!(logged_stack(stack).as_deref(), Some(logged));
        let traceback = "Traceback (most recent call last):\n  File \"r.py\", line 1, in run\n    run()\n  \
            File \"h.py\", line 2, in serve\n    compile()\n  File \"c.py\", line 3, in compile\n    raise\nValueError: no\n";
        let logged = r#"compile() | File "c.py", line 3, in compile | raise | ValueError: no"#;
        let found = logged_stack(traceback).expect("rows");
        assert!(found.ends_with(logged), "{found}");
        assert_eq!(found.matches(" | ").count(), LOGGED_STACK_ROWS - 1);
        let long = "é".repeat(LOGGED_ROW_BYTES);
        let logged = "é".repeat(LOGGED_ROW_BYTES / 2);
        assert_eq!(logged_stack(&long), Some(logged));
    }
}
