//! The assembled daemon, and the start of everything that runs in it.

use super::accept;
use super::connection::ConnectionHandler;
use super::control_server;
use super::incoming_messages::IncomingMessages;
use super::listeners::ControlListener;
use super::metrics::{self, MetricsSource};
use super::plugin_files;
use super::ready::Ready;
use super::running::{Running, STOP_GRACE};
use super::tasks;
use super::token::TokenFile;
use crate::config::{Config, ControlAddress, WatchMode};
use crate::control::{Auth, Control, SERVICE_NAME};
use crate::discovery::{self, Registration};
use crate::hub::Hub;
use crate::javascript::PackageSources;
use crate::pages::PageService;
use crate::plugins::{PluginRegistry, ScratchRoot};
use crate::supervise::{LaunchContext, Supervisor};
use std::borrow::Cow;
use std::io;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;
use tonic_health::ServingStatus;

/// The core and the edges, connected to each other.
pub(super) struct Assembly {
    pub(super) config: Config,
    pub(super) hub: Arc<Hub>,
    pub(super) plugins: Arc<PluginRegistry>,
    pub(super) control: Arc<Control>,
    pub(super) pages: Arc<PageService>,
    pub(super) packages: Option<Arc<PackageSources>>,
    pub(super) page_listeners: Vec<TcpListener>,
    pub(super) handler: ConnectionHandler,
    /// Handler of connections past the limit.
    pub(super) refusals: ConnectionHandler,
    pub(super) connections: TaskTracker,
    pub(super) control_listeners: Vec<ControlListener>,
    pub(super) token: Option<TokenFile>,
    pub(super) scratch: Option<ScratchRoot>,
    pub(super) ready: Ready,
    pub(super) start_time: SystemTime,
}

impl Assembly {
    /// Starts the background tasks, the accept loops and the configured plugins. Once it returns, every
    /// part responds.
    pub(super) async fn serve(self, stop: &CancellationToken) -> io::Result<Running> {
        // Before any program can be answered: one that is given an address finds the token with it.
        let registration = register(&self.ready, &self.config, self.start_time);
        let (health, health_service) = tonic_health::server::health_reporter();
        health
            .set_service_status(SERVICE_NAME, ServingStatus::Serving)
            .await;
        let mut tasks = tasks::spawn(&self.config, &self.hub, &self.plugins, self.packages).await?;
        let changes = plugin_files::watch(&self.config, &self.hub, &mut tasks).await?;
        let endpoint = grpc_target(self.control_listeners[0].address())?;
        for listener in self.page_listeners {
            accept::spawn(
                listener,
                self.handler.clone(),
                self.refusals.clone(),
                &self.connections,
                stop.clone(),
            );
        }
        let routes = self.control.routes(Routes::new(health_service));
        let messages = IncomingMessages::new(self.config.debug);
        let mut control_servers = JoinSet::new();
        for listener in self.control_listeners {
            let auth = match (listener.address(), &self.token) {
                (ControlAddress::Tcp(_), Some(token)) => Auth::token(token.secret()),
                _ => Auth::transport(),
            };
            let source = MetricsSource {
                control: self.control.clone(),
                pages: self.pages.clone(),
            };
            let routes = metrics::add_route(routes.clone(), auth, source, messages.clone());
            let cut = self.control.force_stop.clone();
            let debug = self.config.debug;
            control_servers.spawn(control_server::serve(listener, routes, debug, cut));
        }
        let terminate = CancellationToken::new();
        let launch_context = LaunchContext {
            endpoint,
            token: self.token.as_ref().map(|token| token.secret().to_owned()),
            folder: self.config.roots.dir().into_owned(),
            debug: self.config.debug,
            stop_grace: STOP_GRACE,
            refreshes_pages: self.config.watch != WatchMode::Events,
        };
        let supervisor = Supervisor::start(
            &self.plugins,
            &self.hub,
            launch_context,
            changes,
            &terminate,
        );
        Ok(Running {
            registration,
            hub: self.hub,
            plugins: self.plugins,
            control: self.control,
            connections: self.connections,
            control_servers,
            health,
            supervisor,
            terminate,
            _tasks: tasks,
            _token: self.token,
            _scratch: self.scratch,
        })
    }
}

/// Returns a control address in the notation of gRPC libraries, valid in any working folder.
fn grpc_target(address: &ControlAddress) -> io::Result<String> {
    Ok(match address {
        ControlAddress::Tcp(address) => address.to_string(),
        ControlAddress::Unix(path) => format!("unix:{}", std::path::absolute(path)?.display()),
    })
}

/// Writes the discovery file. Without it the daemon still runs: clients can be given its endpoint.
fn register(ready: &Ready, config: &Config, start_time: SystemTime) -> Option<Registration> {
    let daemon = discovery::Daemon {
        pagewire: ready.pagewire.to_owned(),
        pid: std::process::id(),
        root_dirs: config.roots.dirs().map(Cow::into_owned).collect(),
        http: ready.http.clone(),
        control: ready.control.clone(),
        controls: ready.controls.clone(),
        token_file: ready.token_file.clone(),
        authority_file: ready.authority_file.clone(),
        start_time,
    };
    Registration::write(&daemon)
        .inspect_err(|error| {
            tracing::warn!(target: "pagewire::server", %error, "cannot write the discovery file; clients need --endpoint");
        })
        .ok()
}
