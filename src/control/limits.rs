//! Limits and defaults of the control service.

use std::time::Duration;

/// Largest frame that a program may send to pages. A larger one is refused. Default 16 MiB.
pub(super) const MAX_SEND_BYTES: usize = 16 * 1024 * 1024;

/// Largest request message. A larger one ends its whole stream, so this leaves room to read an oversized
/// frame and to refuse only that one. Default 32 MiB.
pub(crate) const MAX_REQUEST_BYTES: usize = 2 * MAX_SEND_BYTES;

/// Longest text of an error, in bytes; the middle of a longer one is cut. The text travels
/// percent-encoded in headers and once more in the details, and clients close a connection with more
/// than 8 to 16 KiB of headers. Default 1 KiB.
pub(super) const MAX_ERROR_TEXT_BYTES: usize = 1024;

/// Calls to one hook that may be outstanding, unless the plugin sets another number. Default 32.
pub(super) const DEFAULT_CONCURRENT_CALLS: usize = 32;

/// Largest number of outstanding calls that a plugin can set; a larger one is lowered to it.
pub(super) const MAX_CONCURRENT_CALLS: usize = 1024;

/// Timeout of a call, unless the plugin sets another. Default 5 s.
pub(super) const DEFAULT_CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest timeout that a plugin can set; a longer one is lowered to it. Default 60 s.
pub(super) const MAX_CALL_TIMEOUT: Duration = Duration::from_mins(1);

/// Largest body of a call or a result. Default 16 MiB.
pub(super) const MAX_BODY_BYTES: usize = MAX_SEND_BYTES;

/// Largest body that a plugin gets to transform, unless it sets another size. Default 1 MiB.
pub(super) const DEFAULT_TRANSFORM_BODY_BYTES: usize = 1024 * 1024;

/// Replies on a hook's stream that may wait to be sent. At the limit the plugin's messages are not
/// read until it has read the replies. Default 4.
pub(super) const MAX_QUEUED_REPLIES: usize = 4;

/// Messages on a session's stream that may wait to be sent. At the limit no further event of the session is
/// taken until the plugin has read some. Default 4.
pub(super) const MAX_QUEUED_SESSION_EVENTS: usize = 4;

/// Sockets in the first message of a session. If there are more, the message says so. Default 1,000.
pub(super) const MAX_STARTED_SOCKETS: usize = 1000;

/// Entries on one page of a list, unless the caller sets another number. Default 100.
pub(super) const DEFAULT_PAGE_SIZE: usize = 100;

/// Most entries on one page of a list; a larger number is lowered to it. Default 1,000.
pub(super) const MAX_PAGE_SIZE: usize = 1000;

/// Bytes of one page of a list, below the 4 MiB that every gRPC library accepts by default.
pub(super) const MAX_PAGE_BYTES: usize = 3 * 1024 * 1024 - 64 * 1024;

/// Longest close reason (RFC 6455, section 5.5: a control frame holds 125 bytes).
pub(super) const MAX_CLOSE_REASON_BYTES: usize = 123;

/// How long pages have to confirm a delivery when the caller sets no deadline. Default 10 s.
pub(super) const CONFIRM_TIMEOUT: Duration = Duration::from_secs(10);

/// Sends of one stream that are queued before their pages are written to. Default 64.
pub(super) const SEND_BATCH: usize = 64;

/// How long pages have for an awaited import when the caller sets no timeout. Default 10 s.
pub(super) const IMPORT_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest time that a method waits for pages. A longer timeout of an import is refused; a caller's
/// later deadline is lowered to it. Default 365 days.
pub(super) const MAX_WAIT: Duration = Duration::from_hours(365 * 24);

/// Largest result of an import at one page, unless the caller sets another size. Default 1 MiB.
pub(super) const DEFAULT_RESULT_BYTES: u32 = 1024 * 1024;

/// All results of one import together, below the 4 MiB that every gRPC library accepts by default.
pub(super) const ALL_RESULTS_BYTES: usize = 3 * 1024 * 1024 - 256 * 1024;

/// Message types that a subscription may list; one with more is refused. Default 10,000.
pub(super) const MAX_MESSAGE_TYPES: usize = 10_000;

/// Largest event that is delivered with its content, unless the subscriber sets another size. Default
/// 1 MiB.
pub(super) const DEFAULT_EVENT_BYTES: usize = 1024 * 1024;

/// Ids in one list of a target, by number and by bytes together: the report has a row for each unknown one.
/// A longer list is refused. Default 10,000 and 512 KiB.
pub(super) const MAX_TARGET_IDS: usize = 10_000;
pub(super) const MAX_TARGET_ID_BYTES: usize = 512 * 1024;

/// Bytes of a row for a page in the response to an import, besides the page's id: its place in the report and
/// its result.
pub(super) const RESULT_ROW_BYTES: usize = 48;

/// Arguments of one message to pages; one with more is refused. Default 10,000.
pub(super) const MAX_ARGS: usize = 10_000;

/// Text of all message types that a subscription lists; one with more is refused. Default 1 MiB.
pub(super) const MAX_MESSAGE_TYPE_BYTES: usize = 1024 * 1024;

/// Features that a plugin requires; a session with more is refused. Default 1,000.
pub(super) const MAX_REQUIRED_FEATURES: usize = 1000;

/// Longest version of a plugin, which lists of plugins repeat, and longest launch id. A session with a longer
/// one is refused. Default 256 B.
pub(super) const MAX_VERSION_BYTES: usize = 256;

/// Request headers that a hook forwards, by number and by bytes together; a hook with more is refused ("*"
/// forwards all). Default 1,000 and 64 KiB.
pub(super) const MAX_FORWARDED_HEADERS: usize = 1000;
pub(super) const MAX_FORWARDED_BYTES: usize = 64 * 1024;

/// Filters of one hook with all their entries except regular expressions, by number and by bytes together;
/// a hook with more is refused. Default 10,000 and 1 MiB.
pub(super) const MAX_FILTER_ENTRIES: usize = 10_000;
pub(super) const MAX_FILTER_TEXT_BYTES: usize = 1024 * 1024;

/// Files in the filters of one hook, whose links are resolved; a hook with more is refused. Default 1,000.
pub(super) const MAX_FILTER_FILES: usize = 1000;

/// Files that a result depends on, by number and by bytes together. A result with more is a failure of the
/// plugin. Default 10,000 and 2 MiB.
pub(super) const MAX_DEPENDS_ON: usize = 10_000;
pub(super) const MAX_DEPENDS_ON_BYTES: usize = 2 * 1024 * 1024;

/// Longest text of a plugin's failure: its message, stack, file and frame. A longer one is truncated. Default
/// 64 KiB.
pub(super) const MAX_FAILURE_BYTES: usize = 64 * 1024;

/// Paths in one list of an invalidation, by number and by bytes together; one with more is refused. Default
/// 10,000 and 2 MiB.
pub(super) const MAX_INVALIDATED_PATHS: usize = 10_000;
pub(super) const MAX_INVALIDATED_BYTES: usize = 2 * 1024 * 1024;
