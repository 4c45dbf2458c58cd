//! A plugin's session: what it said when it came, and what it is told.

use super::configured::Place;
use super::counters::Counters;
use super::scratch_dir::ScratchDir;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{SetOnce, mpsc};

/// Plugin sessions that may be open at once. One more is refused. Default 1,024.
pub(crate) const MAX_SESSIONS: usize = 1024;

/// What a plugin can implement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HookKind {
    /// Answer requests.
    Serve,
    /// Change responses.
    Transform,
    /// Say what imports stand for.
    ResolveImport,
    /// Listen to pages.
    SubscribeMessages,
}

/// What a plugin says of itself when it comes.
#[derive(Debug, Default)]
pub(crate) struct SessionOptions {
    /// Unique among live sessions; empty = assign one.
    pub name: String,
    /// For people.
    pub version: String,
    /// The hooks it will open.
    pub hooks: Vec<HookKind>,
    /// Take the name over from a live session.
    pub replace_existing: bool,
    /// Have the socket client injected while it lives.
    pub inject_web_socket: bool,
    /// The secret that the daemon gave to a process it started; empty = it came by itself.
    pub launch_id: String,
    /// A folder of its own.
    pub scratch: Option<ScratchDir>,
}

/// Why a session could not be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionError {
    /// The name breaks the rule.
    #[error(
        "plugin name {0:?} is not valid (a lower-case letter, then letters, digits or -, 63 at most)"
    )]
    NameInvalid(String),
    /// A live session has it.
    #[error(
        "a plugin named {0:?} is connected (choose another name, or set replace_existing to take over)"
    )]
    NameTaken(String),
    /// See [`MAX_SESSIONS`].
    #[error("{MAX_SESSIONS} plugin sessions are open, which is the limit")]
    TooMany,
}

/// Why a hook could not be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HookError {
    /// No session has this id, or no longer.
    #[error(
        "the session has ended, or there never was one with this id (open ServerStart first and keep its stream)"
    )]
    SessionEnded,
    /// `ServerStart` did not name it.
    #[error("the hook was not declared in ServerStartRequest.hooks")]
    Undeclared,
    /// A stream of this hook is open.
    #[error("the session has opened this hook already")]
    AlreadyOpen,
}

/// What a session is told after its beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SessionEvent {
    /// All declared hooks are open.
    Ready,
    /// The daemon stops.
    Stopping {
        /// For people.
        reason: String,
        /// How long the plugin has to finish.
        grace: Duration,
    },
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionEnd {
    /// Its stream ended.
    Closed,
    /// Another session took its name.
    Replaced,
}

/// A connected plugin.
pub(crate) struct Session {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) hooks: Vec<HookKind>,
    pub(super) version: String,
    pub(super) inject_web_socket: bool,
    pub(super) launch_id: String,
    pub(super) place: Place,
    pub(super) scratch: Option<ScratchDir>,
    pub(super) events: mpsc::Sender<SessionEvent>,
    pub(super) ended: SetOnce<SessionEnd>,
}

impl Session {
    /// A secret: who has it may open the session's hooks.
    #[must_use]
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The plugin's final name.
    #[must_use]
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// For people.
    #[must_use]
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// The hooks it declared.
    #[must_use]
    pub(crate) fn hooks(&self) -> &[HookKind] {
        &self.hooks
    }

    /// What became of the calls to it.
    #[must_use]
    pub(crate) fn counters(&self) -> &Arc<Counters> {
        &self.place.counters
    }

    /// Its place in the configuration.
    #[must_use]
    pub(crate) fn place(&self) -> Option<usize> {
        self.place.at
    }

    /// What the configuration tells it of itself, as JSON.
    #[must_use]
    pub(crate) fn config_json(&self) -> &str {
        &self.place.config_json
    }

    pub(super) fn launch_id(&self) -> &str {
        &self.launch_id
    }

    /// The folder of its own, if one could be made.
    #[must_use]
    pub(crate) fn scratch_dir(&self) -> Option<&Path> {
        self.scratch.as_ref().map(ScratchDir::path)
    }

    /// Waits until the session ends: everything it had ends with it.
    pub(crate) async fn ended(&self) -> SessionEnd {
        *self.ended.wait().await
    }
}
