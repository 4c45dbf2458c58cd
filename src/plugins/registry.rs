//! All connected plugins: a session for each open `ServerStart` stream, and the hooks they have.

use super::configured::Slot;
use super::dependents::Dependents;
use super::hook::{Hook, HookGuard, HookType};
use super::hook_set::HookSet;
use super::invalidation::Invalidation;
use super::resolve_import::ResolveImport;
use super::serve::Serve;
use super::session::{
    HookError, HookKind, MAX_SESSIONS, Session, SessionEnd, SessionError, SessionEvent,
    SessionOptions,
};
use super::transform::Transform;
use crate::config::{Inject, PluginConfig, is_plugin_name};
use crate::ids;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{SetOnce, mpsc, watch};

/// All connected plugins.
pub(crate) struct PluginRegistry {
    /// Held for moments, never across an await or a call.
    state: Mutex<State>,
    serve: HookSet<Serve>,
    transform: HookSet<Transform>,
    resolve_import: HookSet<ResolveImport>,
    dependents: Arc<Dependents>,
    inject: Inject,
    /// Live sessions that ask for it.
    injecting: AtomicUsize,
    /// Any configured plugin is required.
    pub(super) requires: bool,
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

impl PluginRegistry {
    /// None is connected yet; the socket client is put into pages as `inject` says.
    #[must_use]
    pub(crate) fn new(inject: Inject, configured: Vec<PluginConfig>) -> Self {
        let requires = configured.iter().any(|plugin| plugin.required);
        let state = State {
            slots: configured.into_iter().map(Slot::new).collect(),
            ..State::default()
        };
        let missing = watch::Sender::default();
        state.say_missing(&missing);
        let dependents = Arc::default();
        Self {
            state: Mutex::new(state),
            serve: HookSet::new(&dependents),
            transform: HookSet::new(&dependents),
            resolve_import: HookSet::new(&dependents),
            dependents,
            inject,
            injecting: AtomicUsize::new(0),
            requires,
            missing,
        }
    }

    /// Opens a session; the receiver gets its events.
    pub(crate) fn open_session(
        self: &Arc<Self>,
        asked: SessionOptions,
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
    pub(crate) fn session(&self, session_id: &str) -> Result<Arc<Session>, HookError> {
        self.lock()
            .sessions
            .values()
            .find(|live| live.session.id == session_id)
            .map(|live| live.session.clone())
            .ok_or(HookError::SessionEnded)
    }

    /// Ends the live session with this id and everything it had.
    pub(crate) fn end_session(&self, session_id: &str) -> Result<(), HookError> {
        let session = self.session(session_id)?;
        let mut state = self.lock();
        state.live(&session)?;
        self.end(&mut state, &session, SessionEnd::Closed);
        Ok(())
    }

    /// The live sessions by name, and whether each is ready.
    #[must_use]
    pub(crate) fn sessions(&self) -> Vec<(Arc<Session>, bool)> {
        let state = self.lock();
        state
            .sessions
            .values()
            .map(|live| (live.session.clone(), live.announced))
            .collect()
    }

    /// Opens a hook of a session: from now on its plugin is asked.
    pub(crate) fn open_hook<K: HookType>(
        self: &Arc<Self>,
        session: &Arc<Session>,
        hook: Arc<Hook<K>>,
    ) -> Result<HookGuard<K>, HookError> {
        let mut state = self.lock();
        let live = state.live(session)?;
        live.check_may_open(K::HOOK)?;
        K::hooks(self).order.add(hook.clone());
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
    pub(crate) fn register_subscription(&self, session: &Arc<Session>) -> Result<(), HookError> {
        let mut state = self.lock();
        let live = state.live(session)?;
        if !live.open.contains(&HookKind::SubscribeMessages) {
            live.opened(HookKind::SubscribeMessages);
            state.say_missing(&self.missing);
        }
        Ok(())
    }

    /// The serve hooks.
    #[must_use]
    pub(crate) fn serve(&self) -> &HookSet<Serve> {
        &self.serve
    }

    /// The transform hooks.
    #[must_use]
    pub(crate) fn transform(&self) -> &HookSet<Transform> {
        &self.transform
    }

    /// The resolve-import hooks.
    #[must_use]
    pub(crate) fn resolve_import(&self) -> &HookSet<ResolveImport> {
        &self.resolve_import
    }

    /// Which URL paths are answered from which files, by what plugins said.
    #[must_use]
    pub(crate) fn dependents(&self) -> &Arc<Dependents> {
        &self.dependents
    }

    /// Forgets kept results, of all hooks, and says for which URL path each was. What was begun
    /// before is not kept.
    pub(crate) fn invalidate(&self, stale: &Invalidation) -> Vec<String> {
        let mut forgotten = self.serve.cache.invalidate(stale);
        forgotten.append(&mut self.transform.cache.invalidate(stale));
        forgotten.append(&mut self.resolve_import.cache.invalidate(stale));
        forgotten
    }

    /// Whether the socket client is to be put into pages.
    #[must_use]
    pub(crate) fn inject_client(&self) -> bool {
        match self.inject {
            Inject::Always => true,
            Inject::Never => false,
            Inject::Asked => self.injecting.load(Ordering::Relaxed) > 0,
        }
    }

    /// Tells every session that the daemon stops.
    pub(crate) fn announce_stop(&self, reason: &str, grace: Duration) {
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

    pub(super) fn withdraw<K: HookType>(&self, session: &Session, hook: &Arc<Hook<K>>) {
        let mut state = self.lock();
        let hooks = K::hooks(self);
        hooks.order.remove(hook);
        hooks.cache.remove_hook(hook.id());
        if let Ok(live) = state.live(session) {
            live.open.retain(|open| *open != K::HOOK);
        }
    }

    /// Everything the session had goes before its name is free (promise P9).
    pub(super) fn end(&self, state: &mut State, session: &Session, end: SessionEnd) {
        if state.live(session).is_err() {
            return;
        }
        self.serve.order.remove_plugin(&session.name);
        self.transform.order.remove_plugin(&session.name);
        self.resolve_import.order.remove_plugin(&session.name);
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
            .ok_or(HookError::SessionEnded)
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
pub(crate) struct SessionGuard {
    plugins: Arc<PluginRegistry>,
    session: Arc<Session>,
}

impl SessionGuard {
    /// The session.
    #[must_use]
    pub(crate) fn session(&self) -> &Arc<Session> {
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
