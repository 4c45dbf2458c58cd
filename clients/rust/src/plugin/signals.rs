//! SIGINT and SIGTERM stop the plugins that handle them.

use super::StopHandle;
use crate::log::log;
use std::{
    io, mem, process,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    thread,
};
use tokio::runtime;

/// The plugins that the next signal stops. If there are none, because the previous signal has stopped them or
/// because they have ended, it ends the program.
static PLUGINS: Mutex<Vec<StopHandle>> = Mutex::new(Vec::new());
/// Initialised once the program handles signals. It does so until it exits, because Tokio does not restore the
/// default.
static LISTENING: OnceLock<()> = OnceLock::new();
/// A program that a signal has ended exits with this plus the number of the signal, as in a shell.
const SIGNAL_EXIT_CODE: i32 = 128;

/// Signals stop a plugin until this guard is dropped.
pub(super) struct StopsAtSignal(StopHandle);

impl StopsAtSignal {
    pub(super) fn new(plugin: &StopHandle) -> Self {
        LISTENING.get_or_init(|| {
            if let Err(error) = listen() {
                log!(warn, "cannot handle signals: {error}");
            }
        });
        plugins().push(plugin.clone());
        Self(plugin.clone())
    }
}

impl Drop for StopsAtSignal {
    fn drop(&mut self) {
        plugins().retain(|plugin| !plugin.stops_same(&self.0));
    }
}

fn plugins() -> MutexGuard<'static, Vec<StopHandle>> {
    PLUGINS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Handles signals in a thread, so that the second one ends the program even while a handler blocks the
/// runtime.
fn listen() -> io::Result<()> {
    let mut signals = Signals::new()?;
    let listening = move || {
        let runtime = runtime::Builder::new_current_thread().enable_io().build();
        let runtime = runtime.expect("a program that connects can create a runtime");
        runtime.block_on(async {
            loop {
                let number = signals.next().await;
                let running = mem::take(&mut *plugins());
                if running.is_empty() {
                    process::exit(SIGNAL_EXIT_CODE + number);
                }
                running.iter().for_each(StopHandle::stop);
            }
        });
    };
    let thread = thread::Builder::new().name("pagewire-signals".to_owned());
    thread.spawn(listening).map(drop)
}

#[cfg(unix)]
struct Signals([tokio::signal::unix::Signal; 2]);

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self([
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
        ]))
    }

    /// Waits for a signal; returns its number.
    async fn next(&mut self) -> i32 {
        use tokio::signal::unix::SignalKind;
        let [interrupt, terminate] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => SignalKind::interrupt().as_raw_value(),
            _ = terminate.recv() => SignalKind::terminate().as_raw_value(),
        }
    }
}

/// Ctrl-C, which other systems have instead.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> i32 {
        // Fails only where there is no Ctrl-C.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        2
    }
}
