//! Opening, finding and ending sessions.

use super::PluginRegistry;
use super::state::{LiveSession, State};
use crate::config::is_plugin_name;
use crate::ids;
use crate::plugins::session::{
    HookError, HookKind, MAX_SESSIONS, Session, SessionEnd, SessionError, SessionEvent,
    SessionOptions,
};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{SetOnce, mpsc};

/// Guard of an open session. Dropping it ends the session, and withdraws its hooks.
pub(crate) struct SessionGuard {
    plugins: Arc<PluginRegistry>,
    session: Arc<Session>,
}

impl SessionGuard {
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

impl PluginRegistry {
    /// Opens a session. The receiver yields the session's events.
    pub(crate) fn open_session(
        self: &Arc<Self>,
        options: SessionOptions,
    ) -> Result<(SessionGuard, mpsc::Receiver<SessionEvent>), SessionError> {
        let mut state = self.lock();
        let name = if !options.name.is_empty() {
            check_name(options.name)?
        } else if let Some(name) = state.name_of_launch(&options.launch_id) {
            name
        } else {
            state.assign_name()
        };
        if let Some(live) = state.sessions.get(&name) {
            if !options.replace_existing {
                return Err(SessionError::NameTaken(name));
            }
            let replaced = live.session.clone();
            self.end(&mut state, &replaced, SessionEnd::Replaced);
        }
        if state.sessions.len() >= MAX_SESSIONS {
            return Err(SessionError::TooMany);
        }
        let assignment = state.assign_slot(&name, &options.launch_id);
        // Room for `Ready`, and for a stop of the plugin and of the daemon.
        let (events, receiver) = mpsc::channel(3);
        let session = Arc::new(Session {
            id: ids::random(),
            name: name.clone(),
            hooks: options.hooks,
            version: options.version,
            inject_web_socket: options.inject_web_socket,
            launch_id: options.launch_id,
            assignment,
            scratch: options.scratch,
            events,
            ended: SetOnce::new(),
        });
        if session.inject_web_socket {
            self.injecting_sessions.fetch_add(1, Ordering::Relaxed);
        }
        state
            .sessions
            .insert(name, LiveSession::new(session.clone()));
        state.publish_unready(&self.unready);
        Ok((
            SessionGuard {
                plugins: self.clone(),
                session,
            },
            receiver,
        ))
    }

    /// Returns the live session with this id.
    pub(crate) fn session(&self, session_id: &str) -> Result<Arc<Session>, HookError> {
        self.lock()
            .sessions
            .values()
            .find(|live| live.session.id == session_id)
            .map(|live| live.session.clone())
            .ok_or(HookError::SessionEnded)
    }

    /// Returns the live sessions by name, and whether each is ready.
    #[must_use]
    pub(crate) fn sessions(&self) -> Vec<(Arc<Session>, bool)> {
        let state = self.lock();
        state
            .sessions
            .values()
            .map(|live| (live.session.clone(), live.is_ready()))
            .collect()
    }

    /// Counts a subscription towards the readiness of a session that declares subscriptions.
    pub(crate) fn register_subscription(&self, session: &Arc<Session>) -> Result<(), HookError> {
        let mut state = self.lock();
        let live = state.live(session)?;
        if !live.has_open(HookKind::SubscribeMessages) {
            live.add_open(HookKind::SubscribeMessages);
            state.publish_unready(&self.unready);
        }
        Ok(())
    }

    /// Ends the live session with this id.
    pub(crate) fn end_session(&self, session_id: &str) -> Result<(), HookError> {
        let session = self.session(session_id)?;
        let mut state = self.lock();
        state.live(&session)?;
        self.end(&mut state, &session, SessionEnd::Closed);
        Ok(())
    }

    /// Ends a session, if it is live. Its hooks are withdrawn before its name becomes available, so a
    /// successor with the same name never sees them.
    pub(super) fn end(&self, state: &mut State, session: &Session, end: SessionEnd) {
        if state.live(session).is_err() {
            return;
        }
        self.serve.order.remove_plugin(&session.name);
        self.transform.order.remove_plugin(&session.name);
        self.resolve_import.order.remove_plugin(&session.name);
        if session.inject_web_socket {
            self.injecting_sessions.fetch_sub(1, Ordering::Relaxed);
        }
        let _ = session.ended.set(end);
        state.sessions.remove(&session.name);
        state.publish_unready(&self.unready);
    }

    /// Notifies every session that the daemon is stopping.
    pub(crate) fn announce_stop(&self, reason: &str, grace: Duration) {
        let mut state = self.lock();
        state.stopping = true;
        state.publish_unready(&self.unready);
        for live in state.sessions.values() {
            let event = SessionEvent::Stopping {
                reason: reason.to_owned(),
                grace,
            };
            // Never full: the channel has room for each event, and each is sent once.
            let _ = live.session.events.try_send(event);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Inject;

    #[test]
    fn sessions_are_bounded_and_an_ended_one_makes_room() {
        let plugins = Arc::new(PluginRegistry::new(Inject::Never, Vec::new()));
        let open = |number: usize| {
            plugins.open_session(SessionOptions {
                name: format!("plugin-{number}"),
                ..SessionOptions::default()
            })
        };
        let opened: Result<Vec<_>, _> = (0..MAX_SESSIONS).map(open).collect();
        let mut opened = opened.expect("within the limit");
        let Err(error) = open(MAX_SESSIONS) else {
            panic!("the limit does not hold");
        };
        assert!(error.to_string().contains("1024"), "{error}");
        drop(opened.pop());
        assert!(open(MAX_SESSIONS).is_ok());
    }
}
