//! Plugin sessions: one for each open `ServerStart` stream.

use super::configured::{Place, Slot};
use super::counters::Counters;
use super::hook::{Hook, HookGuard, Kind};
use super::order::Order;
use super::remembered::Remembered;
use super::scratch::ScratchDir;
use super::serve::Serve;
use super::stale::Stale;
use crate::config::{Inject, PluginConfig, is_plugin_name};
use crate::ids;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{SetOnce, mpsc, watch};

/// Plugin sessions that may be open at once. One more is refused. Default 1,024.
pub const MAX_SESSIONS: usize = 1024;

/// What a plugin can implement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookKind {
    /// Answer requests.
    Serve,
    /// Listen to pages.
    SubscribeMessages,
}

/// What a plugin says of itself when it comes.
#[derive(Debug, Default)]
pub struct OpenSession {
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
pub enum SessionError {
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
pub enum HookError {
    /// No session has this id, or no longer.
    #[error(
        "the session has ended, or there never was one with this id (open ServerStart first and keep its stream)"
    )]
    SessionGone,
    /// `ServerStart` did not name it.
    #[error("the hook was not declared in ServerStartRequest.hooks")]
    Undeclared,
    /// A stream of this hook is open.
    #[error("the session has opened this hook already")]
    AlreadyOpen,
}

/// What a session is told after its beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionEvent {
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
pub enum SessionEnd {
    /// Its stream ended.
    Closed,
    /// Another session took its name.
    Replaced,
}

/// A connected plugin.
pub struct Session {
    id: String,
    name: String,
    hooks: Vec<HookKind>,
    version: String,
    inject_web_socket: bool,
    launch_id: String,
    place: Place,
    scratch: Option<ScratchDir>,
    events: mpsc::Sender<SessionEvent>,
    ended: SetOnce<SessionEnd>,
}

impl Session {
    /// A secret: who has it may open the session's hooks.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The plugin's final name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// For people.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The hooks it declared.
    #[must_use]
    pub fn hooks(&self) -> &[HookKind] {
        &self.hooks
    }

    /// What became of the calls to it.
    #[must_use]
    pub fn counters(&self) -> &Arc<Counters> {
        &self.place.counters
    }

    /// Its place in the configuration.
    #[must_use]
    pub fn place(&self) -> Option<usize> {
        self.place.at
    }

    /// What the configuration tells it of itself, as JSON.
    #[must_use]
    pub fn config_json(&self) -> &str {
        &self.place.config_json
    }

    pub(super) fn launch_id(&self) -> &str {
        &self.launch_id
    }

    /// The folder of its own, if one could be made.
    #[must_use]
    pub fn scratch_dir(&self) -> Option<&Path> {
        self.scratch.as_ref().map(ScratchDir::path)
    }

    /// Waits until the session ends: everything it had ends with it.
    pub async fn ended(&self) -> SessionEnd {
        *self.ended.wait().await
    }
}

/// All connected plugins.
#[derive(Default)]
pub struct Plugins {
    /// Held for moments, never across an await or a call.
    state: Mutex<State>,
    serve: Order<Serve>,
    remembered: Remembered,
    inject: Inject,
    /// Live sessions that ask for it.
    injecting: AtomicUsize,
    /// Required plugins that are not ready; sent whenever a plugin becomes ready or leaves.
    pub(super) missing: watch::Sender<usize>,
}

#[derive(Default)]
pub(super) struct State {
    /// By plugin name.
    pub(super) sessions: BTreeMap<String, Live>,
    /// The configured plugins, in their order.
    pub(super) slots: Vec<Slot>,
    /// Nobody becomes ready any more.
    pub(super) stopping: bool,
    tools: u64,
}

pub(super) struct Live {
    pub(super) session: Arc<Session>,
    open: Vec<HookKind>,
    /// Readiness is said once, even when a hook is withdrawn and opened again.
    announced: bool,
}

impl Plugins {
    /// None is connected yet; the socket client is put into pages as `inject` says.
    #[must_use]
    pub fn new(inject: Inject, configured: Vec<PluginConfig>) -> Self {
        let state = State {
            slots: configured.into_iter().map(Slot::new).collect(),
            ..State::default()
        };
        let plugins = Self {
            inject,
            ..Self::default()
        };
        state.say_missing(&plugins.missing);
        *plugins.lock() = state;
        plugins
    }

    /// Opens a session; the receiver gets its events.
    pub fn open_session(
        self: &Arc<Self>,
        asked: OpenSession,
    ) -> Result<(SessionGuard, mpsc::Receiver<SessionEvent>), SessionError> {
        let mut state = self.lock();
        let name = if !asked.name.is_empty() {
            check_name(asked.name)?
        } else if let Some(name) = state.name_of_launch(&asked.launch_id) {
            name
        } else {
            state.tools += 1;
            format!("tool-{}", state.tools)
        };
        if let Some(live) = state.sessions.get(&name) {
            if !asked.replace_existing {
                return Err(SessionError::NameTaken(name));
            }
            let replaced = live.session.clone();
            self.end(&mut state, &replaced, SessionEnd::Replaced);
        }
        if state.sessions.len() >= MAX_SESSIONS {
            return Err(SessionError::TooMany);
        }
        let place = state.take_place(&name, &asked.launch_id);
        // One event of each kind at most.
        let (events, receiver) = mpsc::channel(2);
        let session = Arc::new(Session {
            id: ids::random(),
            name: name.clone(),
            hooks: asked.hooks,
            version: asked.version,
            inject_web_socket: asked.inject_web_socket,
            launch_id: asked.launch_id,
            place,
            scratch: asked.scratch,
            events,
            ended: SetOnce::new(),
        });
        if session.inject_web_socket {
            self.injecting.fetch_add(1, Ordering::Relaxed);
        }
        let mut live = Live {
            session: session.clone(),
            open: Vec::new(),
            announced: false,
        };
        live.announce_if_ready();
        state.sessions.insert(name, live);
        state.say_missing(&self.missing);
        Ok((
            SessionGuard {
                plugins: self.clone(),
                session,
            },
            receiver,
        ))
    }

    /// The live session with this id.
    pub fn session(&self, session_id: &str) -> Result<Arc<Session>, HookError> {
        self.lock()
            .sessions
            .values()
            .find(|live| live.session.id == session_id)
            .map(|live| live.session.clone())
            .ok_or(HookError::SessionGone)
    }

    /// The live sessions by name, and whether each is ready.
    #[must_use]
    pub fn sessions(&self) -> Vec<(Arc<Session>, bool)> {
        let state = self.lock();
        state
            .sessions
            .values()
            .map(|live| (live.session.clone(), live.announced))
            .collect()
    }

    /// Opens a hook of a session: from now on its plugin is asked.
    pub fn open<K: Kind>(
        self: &Arc<Self>,
        session: &Arc<Session>,
        hook: Arc<Hook<K>>,
    ) -> Result<HookGuard<K>, HookError> {
        let mut state = self.lock();
        let live = state.live(session)?;
        live.check_may_open(K::HOOK)?;
        K::order(self).add(hook.clone());
        live.opened(K::HOOK);
        state.say_missing(&self.missing);
        Ok(HookGuard {
            plugins: self.clone(),
            session: session.clone(),
            hook,
        })
    }

    /// Counts a subscription towards a session's readiness. Subscriptions need no session;
    /// one that a plugin declared makes it wait.
    pub fn opened_subscription(&self, session: &Arc<Session>) -> Result<(), HookError> {
        let mut state = self.lock();
        let live = state.live(session)?;
        if !live.open.contains(&HookKind::SubscribeMessages) {
            live.opened(HookKind::SubscribeMessages);
            state.say_missing(&self.missing);
        }
        Ok(())
    }

    /// The open serve hooks.
    #[must_use]
    pub fn serve_order(&self) -> &Order<Serve> {
        &self.serve
    }

    /// What plugins said of requests that is to be remembered.
    #[must_use]
    pub fn remembered(&self) -> &Remembered {
        &self.remembered
    }

    /// Forgets kept results, of all hooks, and says how many. What was begun before is not kept.
    pub fn forget(&self, stale: &Stale) -> usize {
        self.remembered.forget(stale)
    }

    /// Whether the socket client is to be put into pages.
    #[must_use]
    pub fn inject_client(&self) -> bool {
        match self.inject {
            Inject::Always => true,
            Inject::Never => false,
            Inject::Asked => self.injecting.load(Ordering::Relaxed) > 0,
        }
    }

    /// Tells every session that the daemon stops.
    pub fn announce_stop(&self, reason: &str, grace: Duration) {
        let mut state = self.lock();
        state.stopping = true;
        state.say_missing(&self.missing);
        for live in state.sessions.values() {
            let event = SessionEvent::Stopping {
                reason: reason.to_owned(),
                grace,
            };
            // Two events fit, and each is sent once.
            let _ = live.session.events.try_send(event);
        }
    }

    pub(super) fn withdraw<K: Kind>(&self, session: &Session, hook: &Arc<Hook<K>>) {
        let mut state = self.lock();
        K::order(self).remove(hook);
        self.remembered.end(hook.id());
        if let Ok(live) = state.live(session) {
            live.open.retain(|open| *open != K::HOOK);
        }
    }

    /// Everything the session had goes before its name is free (promise P9).
    pub(super) fn end(&self, state: &mut State, session: &Session, end: SessionEnd) {
        if state.live(session).is_err() {
            return;
        }
        self.serve.remove_plugin(&session.name);
        if session.inject_web_socket {
            self.injecting.fetch_sub(1, Ordering::Relaxed);
        }
        let _ = session.ended.set(end);
        state.sessions.remove(&session.name);
        state.say_missing(&self.missing);
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn live(&mut self, session: &Session) -> Result<&mut Live, HookError> {
        self.sessions
            .get_mut(&session.name)
            .filter(|live| live.session.id == session.id)
            .ok_or(HookError::SessionGone)
    }
}

impl Live {
    /// All declared hooks are open, or have been.
    pub(super) fn is_ready(&self) -> bool {
        self.announced
    }

    fn check_may_open(&self, hook: HookKind) -> Result<(), HookError> {
        if !self.session.hooks.contains(&hook) {
            Err(HookError::Undeclared)
        } else if self.open.contains(&hook) {
            Err(HookError::AlreadyOpen)
        } else {
            Ok(())
        }
    }

    fn opened(&mut self, hook: HookKind) {
        self.open.push(hook);
        self.announce_if_ready();
    }

    fn announce_if_ready(&mut self) {
        let ready = self
            .session
            .hooks
            .iter()
            .all(|hook| self.open.contains(hook));
        if ready && !self.announced {
            self.announced = true;
            // There is room for each event, and each is sent once.
            let _ = self.session.events.try_send(SessionEvent::Ready);
        }
    }
}

fn check_name(name: String) -> Result<String, SessionError> {
    if is_plugin_name(&name) {
        Ok(name)
    } else {
        Err(SessionError::NameInvalid(name))
    }
}

/// Holds a session open. Dropping it ends the session and everything it had.
pub struct SessionGuard {
    plugins: Arc<Plugins>,
    session: Arc<Session>,
}

impl SessionGuard {
    /// The session.
    #[must_use]
    pub fn session(&self) -> &Arc<Session> {
        &self.session
    }
}

impl Drop for SessionGuard {
    fn drop(&mut self) {
        let mut state = self.plugins.lock();
        self.plugins
            .end(&mut state, &self.session, SessionEnd::Closed);
    }
}
