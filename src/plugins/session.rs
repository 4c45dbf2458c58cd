//! A plugin's session: the options it was opened with, its events, and why it ended.

use super::answered::Answered;
use super::counters::Counters;
use super::scratch_dir::ScratchDir;
use super::slot::SlotAssignment;
use crate::message::FailedHook;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{SetOnce, mpsc};

/// Plugin sessions that may be open at once. Further ones are refused. Default 1,024.
pub(crate) const MAX_SESSIONS: usize = 1024;

/// The hooks that a session can declare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HookKind {
    /// Answers requests.
    Serve,
    /// Changes responses.
    Transform,
    /// Resolves the specifiers of imports.
    ResolveImport,
    /// Subscribes to the messages of pages.
    SubscribeMessages,
}

impl HookKind {
    /// Returns how failures name the hook; none for one that answers no requests.
    #[must_use]
    pub(crate) fn failed(self) -> Option<FailedHook> {
        match self {
            Self::Serve => Some(FailedHook::Serve),
            Self::Transform => Some(FailedHook::Transform),
            Self::ResolveImport => Some(FailedHook::ResolveImport),
            Self::SubscribeMessages => None,
        }
    }
}

/// The options that a plugin passes when it opens a session.
#[derive(Debug, Default)]
pub(crate) struct SessionOptions {
    /// Unique among live sessions; empty = assign one.
    pub name: String,
    pub version: String,
    /// The hooks that the plugin will open. It is ready once all of them are open.
    pub hooks: Vec<HookKind>,
    /// Take the name over from a live session, which then ends.
    pub replace_existing: bool,
    /// Inject the socket client into pages while the session lives.
    pub inject_web_socket: bool,
    /// The secret that the daemon passed to a process it started; empty = not started by the daemon.
    pub launch_id: String,
    pub scratch: Option<ScratchDir>,
}

/// Why a session could not be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionError {
    #[error(
        "plugin name {0:?} is not valid (use a lower-case letter, then lower-case letters, digits or -, at most 63)"
    )]
    NameInvalid(String),
    #[error(
        "a plugin named {0:?} is already connected (choose another name, or set replace_existing to take over)"
    )]
    NameTaken(String),
    #[error("the limit of {MAX_SESSIONS} open plugin sessions is reached (end some of them first)")]
    TooMany,
}

/// Why an operation on a session's hooks was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HookError {
    #[error("no live session has this id (open ServerStart first and keep its stream open)")]
    SessionEnded,
    #[error(
        "the hook was not declared in ServerStartRequest.hooks (declare it when the session opens)"
    )]
    Undeclared,
    #[error("the session already has an open stream for this hook (close it first)")]
    AlreadyOpen,
}

/// An event that the daemon sends to a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SessionEvent {
    /// All declared hooks are open. Sent once.
    Ready,
    /// The daemon stops, or ends the plugin.
    Stopping {
        /// Text for humans.
        reason: String,
        /// How long the plugin has to finish.
        grace: Duration,
    },
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionEnd {
    /// Its stream or its process ended, or it was ended by request.
    Closed,
    /// Another session took its name over.
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
    pub(super) assignment: SlotAssignment,
    pub(super) scratch: Option<ScratchDir>,
    pub(super) events: mpsc::Sender<SessionEvent>,
    pub(super) ended: SetOnce<SessionEnd>,
}

impl Session {
    /// The session's id. It is a secret: a program that has it may open the session's hooks.
    #[must_use]
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The plugin's name: the requested one, or else an assigned one.
    #[must_use]
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    #[must_use]
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// The declared hooks.
    #[must_use]
    pub(crate) fn hooks(&self) -> &[HookKind] {
        &self.hooks
    }

    /// The counters of calls to this plugin. Sessions of a configured plugin share them.
    #[must_use]
    pub(crate) fn counters(&self) -> &Arc<Counters> {
        &self.assignment.counters
    }

    /// The record of what the plugin answers, if its pages are refreshed after a restart.
    pub(super) fn answered(&self) -> Option<&Arc<Answered>> {
        self.assignment.answered.as_ref()
    }

    /// The index of the plugin in the configuration; none = it is not configured.
    #[must_use]
    pub(crate) fn slot(&self) -> Option<usize> {
        self.assignment.index
    }

    /// The plugin's own part of the configuration, as JSON.
    #[must_use]
    pub(crate) fn config_json(&self) -> &str {
        &self.assignment.config_json
    }

    /// The session's scratch directory; none = it could not be created.
    #[must_use]
    pub(crate) fn scratch_dir(&self) -> Option<&Path> {
        self.scratch.as_ref().map(ScratchDir::path)
    }

    /// Waits until the session ends.
    pub(crate) async fn ended(&self) -> SessionEnd {
        *self.ended.wait().await
    }
}
