//! The running daemon: its wait for the end, and its drain.

use super::token::TokenFile;
use crate::control::{Control, SERVICE_NAME};
use crate::discovery::Registration;
use crate::hub::Hub;
use crate::plugins::{PluginRegistry, ScratchRoot};
use crate::supervise::Supervisor;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

/// Time that plugins have to finish when the daemon stops; then their streams are cut. Default 2 s.
pub(super) const STOP_GRACE: Duration = Duration::from_secs(2);

/// Time for each further step of a drain: open responses, closing handshakes. An overrun is logged as
/// a warning. Default 2 s.
const DRAIN_GRACE: Duration = Duration::from_secs(2);

/// Close code of pages when the daemon stops (RFC 6455, section 7.4.1: going away).
const CLOSE_GOING_AWAY: u16 = 1001;

/// A daemon that responds. Dropping it stops all of its parts at once.
pub(super) struct Running {
    pub(super) hub: Arc<Hub>,
    pub(super) plugins: Arc<PluginRegistry>,
    pub(super) control: Arc<Control>,
    pub(super) connections: TaskTracker,
    pub(super) control_servers: JoinSet<io::Result<()>>,
    pub(super) health: HealthReporter,
    pub(super) supervisor: Supervisor,
    /// Ends the plugins that the daemon started.
    pub(super) terminate: CancellationToken,
    pub(super) registration: Option<Registration>,
    pub(super) _tasks: JoinSet<()>,
    pub(super) _token: Option<TokenFile>,
    pub(super) _scratch: Option<ScratchRoot>,
}

impl Running {
    /// Waits until `stop` is cancelled; fails when a control listener breaks before.
    pub(super) async fn until(&mut self, stop: &CancellationToken) -> io::Result<()> {
        tokio::select! {
            () = stop.cancelled() => Ok(()),
            Some(ended) = self.control_servers.join_next() => {
                ended.map_err(io::Error::other)??;
                Err(io::Error::other("a control listener ended"))
            }
        }
    }

    /// Ends plugins, pages and control streams in this order, each within its grace period.
    pub(super) async fn drain(mut self) {
        tracing::info!(target: "pagewire::server", "stopping");
        // Clients that look for a daemon from now on need another one.
        drop(self.registration.take());
        self.health
            .set_service_status(SERVICE_NAME, ServingStatus::NotServing)
            .await;
        self.supervisor.record_descendants();
        self.plugins
            .announce_stop("the daemon is stopping", STOP_GRACE);
        self.terminate.cancel();
        let sessions = &self.control.sessions;
        sessions.close();
        within(STOP_GRACE, "plugins are still connected", sessions.wait()).await;

        self.hub
            .close_all(CLOSE_GOING_AWAY, "the daemon is stopping");
        self.control.force_stop.cancel();
        self.connections.close();
        let pages_drained = within(
            DRAIN_GRACE,
            "page connections are still open",
            self.connections.wait(),
        );
        // The supervisor has time limits of its own, after which it kills the remaining plugins.
        tokio::join!(pages_drained, self.supervisor.ended());

        let servers_ended = async { while self.control_servers.join_next().await.is_some() {} };
        within(DRAIN_GRACE, "control streams are still open", servers_ended).await;
    }
}

/// Waits for a step of the drain, up to its grace period.
async fn within(grace: Duration, overrun: &str, step: impl Future<Output = ()>) {
    if tokio::time::timeout(grace, step).await.is_err() {
        tracing::warn!(target: "pagewire::server", ?grace, "{overrun}; stopping anyway");
    }
}
