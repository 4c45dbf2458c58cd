//! Built-in plugin that resolves bare specifiers (`import 'lit'`) to files as Node.js and bundlers do, and chooses
//! the form in which a CommonJS module is loaded (`crate::javascript::Form`).
//!
//! It has a session and a resolve-import hook like any other plugin, so its results are cached, counted
//! and listed like theirs. It is called last, with the specifiers that no other plugin resolved.

mod import;
mod importer;
mod modules;
mod require;
mod resolver;

use crate::hub::Patterns;
use crate::javascript::PackageSources;
use crate::paths::Roots;
use crate::plugins::{
    CallMessage, Calls, FailureMode, Hook, HookFailure, HookGuard, HookKind, HookOptions,
    MAX_HOOK_REGEX_BYTES, PluginRegistry, RequestFilter, RequestFilters, ResolveImport,
    ResolveImportCall, ResolveImportOptions, ResolveImportOutcome, SessionError, SessionGuard,
    SessionOptions,
};
use import::SpecifierMapper;
use resolver::STACK_BYTES;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::sync::oneshot::error::TryRecvError;
use tokio::sync::{mpsc, oneshot};

/// The plugin name of the session.
const NAME: &str = "node-resolve";

/// Modules resolved concurrently; further ones queue. Default 64.
const CONCURRENT_CALLS: usize = 64;

/// How long resolving a module may take. Then the page gets 504, and no further specifier is resolved. It makes
/// progress as long as it runs, but the machine may be busy. Default 60 s.
const CALL_TIMEOUT: Duration = Duration::from_mins(1);

/// Matches bare specifiers and `node:` URLs: no paths, and no URLs with another scheme.
const SPECIFIERS: &str = "^(?:node:|[^/:]+(?:/|$))";

/// The plugin's open session and hook. Dropping it closes both.
pub(crate) struct NodeResolve {
    _session: SessionGuard,
    guard: HookGuard<ResolveImport>,
    calls: mpsc::Receiver<CallMessage<ResolveImportCall>>,
    mapper: Arc<SpecifierMapper>,
}

impl NodeResolve {
    /// Opens the session and the hook, whose calls [`NodeResolve::run`] answers.
    ///
    /// # Errors
    /// Fails if another session has the plugin name.
    pub(crate) async fn open(
        plugins: &Arc<PluginRegistry>,
        roots: Roots,
        packages: Arc<PackageSources>,
    ) -> Result<Self, SessionError> {
        let everything = RequestFilter {
            match_all: true,
            ..RequestFilter::default()
        };
        let filters = RequestFilters::compile(vec![everything]).await;
        let specifiers = Patterns::compile(vec![SPECIFIERS.to_owned()], MAX_HOOK_REGEX_BYTES).await;
        let session_options = SessionOptions {
            name: NAME.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            hooks: vec![HookKind::ResolveImport],
            ..SessionOptions::default()
        };
        let (session, _) = plugins.open_session(session_options)?;
        let options = HookOptions {
            filters: filters.expect("it has no patterns"),
            failure_mode: FailureMode::Fail,
            forward_headers: HashSet::new(),
            type_options: ResolveImportOptions {
                specifiers: Some(specifiers.expect("the constant pattern compiles")),
                is_last: true,
            },
        };
        let (calls, receiver) = Calls::new(CONCURRENT_CALLS, Some(CALL_TIMEOUT));
        let hook = Hook::new(session.session(), options, calls);
        let guard = plugins
            .open_hook(session.session(), hook)
            .expect("the session is new and declares the hook");
        Ok(Self {
            _session: session,
            guard,
            calls: receiver,
            mapper: Arc::new(SpecifierMapper::new(roots, packages)),
        })
    }

    /// Answers calls until the hook's stream ends.
    pub(crate) async fn run(mut self) {
        // Dropping the sender of a call cancels it. Those of ended calls are removed with the next call.
        let mut running = HashMap::new();
        while let Some(message) = self.calls.recv().await {
            let (id, call) = match message {
                CallMessage::Call { id, call, .. } => (id, call),
                // The page is gone, or the deadline has passed.
                CallMessage::Cancel { id, .. } => {
                    running.remove(&id);
                    continue;
                }
            };
            running.retain(|_, cancel: &mut oneshot::Sender<()>| !cancel.is_closed());
            let (cancel, mut cancelled) = oneshot::channel();
            running.insert(id, cancel);
            let (mapper, hook) = (self.mapper.clone(), self.guard.hook().clone());
            let spawned = thread::Builder::new()
                .name("node-resolve".to_owned())
                .stack_size(STACK_BYTES)
                .spawn(move || {
                    let is_cancelled = || cancelled.try_recv() == Err(TryRecvError::Closed);
                    if let Some(resolved) = mapper.resolve_imports(&call, is_cancelled) {
                        hook.resolve(id, ResolveImportOutcome::Resolved(resolved));
                    }
                });
            if let Err(error) = spawned {
                let failure = HookFailure {
                    status: 503,
                    message: format!("cannot start a thread to resolve imports: {error}"),
                    ..HookFailure::default()
                };
                let outcome = ResolveImportOutcome::Failure(failure);
                self.guard.hook().resolve(id, outcome);
            }
        }
    }
}
