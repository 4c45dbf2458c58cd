//! The settings `inject` and `watch`.

use std::str::FromStr;

/// When the socket client is injected into pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Inject {
    /// While a connected plugin requests it.
    #[default]
    WhenRequested,
    Always,
    Never,
}

impl Inject {
    pub(super) const WORDS: &[&str] = &["asked", "always", "never"];
}

impl FromStr for Inject {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "asked" => Ok(Self::WhenRequested),
            "always" => Ok(Self::Always),
            "never" => Ok(Self::Never),
            _ => Err(format!("{text:?} is not one of asked, always, never")),
        }
    }
}

/// What happens when a served file changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum WatchMode {
    /// Files are not watched.
    #[default]
    Off,
    /// Pages update or reload, and subscribers get an event.
    Pages,
    /// Only subscribers get an event.
    Events,
}

impl WatchMode {
    /// The words accepted in addition to true and false.
    pub(super) const WORDS: &[&str] = &["events"];
}

impl FromStr for WatchMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "false" => Ok(Self::Off),
            "true" => Ok(Self::Pages),
            "events" => Ok(Self::Events),
            _ => Err(format!("{text:?} is not true, false or events")),
        }
    }
}
