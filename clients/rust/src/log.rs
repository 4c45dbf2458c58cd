//! The log of plugins: through `tracing` if the program has a subscriber, otherwise lines on standard error.

use std::{
    fmt,
    io::{self, Write},
};

/// Logs a text at a level of `tracing`: `log!(info, "connected to {url}")`.
macro_rules! log {
    ($level:ident, $($text:tt)+) => {
        if tracing::dispatcher::has_been_set() {
            tracing::$level!(target: "pagewire_client", $($text)+);
        } else {
            $crate::log::print(stringify!($level), format_args!($($text)+));
        }
    };
}
pub(crate) use log;

/// Prints a line in one write. Unlike std's macros it does not panic when that fails.
pub(crate) fn print(level: &str, text: fmt::Arguments<'_>) {
    let line = format!("pagewire {level}: {text}\n");
    let _ = io::stderr().write_all(line.as_bytes());
}
