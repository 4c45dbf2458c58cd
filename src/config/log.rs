//! The settings `log` and `log_format`.

use std::str::FromStr;
use tracing::level_filters::LevelFilter;

/// Format of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object per line.
    Json,
}

impl LogFormat {
    pub(super) const WORDS: &[&str] = &["text", "json"];
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(format!("{text:?} is not text or json")),
        }
    }
}

/// Log filter: one level for everything, or levels by part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogLevels {
    /// Level by log target; the target is none for the default level.
    pub levels: Vec<(Option<String>, LevelFilter)>,
}

impl FromStr for LogLevels {
    type Err = String;

    /// Parses levels and `part=level` pairs, separated by commas. A part is a module of pagewire, or a
    /// whole log target if it contains `::`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let level = |directive: &str| match directive.trim().split_once('=') {
            Some((target, level)) if target.contains("::") => {
                Some((Some(target.to_owned()), level.parse().ok()?))
            }
            Some((part, level)) => Some((Some(format!("pagewire::{part}")), level.parse().ok()?)),
            None => Some((None, directive.trim().parse().ok()?)),
        };
        let levels: Option<_> = text.split(',').map(level).collect();
        let levels = levels.ok_or_else(|| {
            format!(
                "{text:?} is neither a level (off, error, warn, info, debug, trace) nor a list such as info,pages=debug"
            )
        })?;
        Ok(Self { levels })
    }
}
