//! The daemon as a whole: bind, assemble, serve, drain. The only module that knows every edge.

mod accept;
mod accept_retry;
mod admit;
mod assembly;
mod authority;
mod base_path;
mod connection;
mod console;
mod control_connections;
mod control_server;
mod embedding;
mod frontend;
mod incoming_messages;
mod listeners;
mod metrics;
mod plugin_files;
mod progress;
mod ready;
mod request_line;
mod running;
mod tap;
mod tasks;
mod tls;
mod token;

use crate::browser::{self, Browser};
use crate::config::{Config, ControlAddress, WatchMode};
use crate::control::Control;
use crate::discovery;
use crate::hub::Hub;
use crate::javascript::PackageSources;
use crate::pages::PageService;
use crate::plugins::{PluginRegistry, ScratchRoot};
use assembly::Assembly;
use connection::ConnectionHandler;
use frontend::{Frontend, Handler};
use listeners::ControlListener;
use ready::url_of;
use std::io;
use std::sync::Arc;
use std::time::SystemTime;
use tls::Tls;
use token::TokenFile;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use listeners::BindError;
pub(crate) use ready::Ready;
pub(crate) use tls::check_files;

/// A daemon with every address bound. Connections wait in the listeners' backlogs.
pub(crate) struct Server {
    config: Config,
    page_listeners: Vec<TcpListener>,
    tls: Option<Tls>,
    control_listeners: Vec<ControlListener>,
    token: Option<TokenFile>,
    ready: Ready,
}

impl Server {
    /// Binds all addresses; when one fails, none stays bound.
    pub(crate) async fn bind(mut config: Config) -> Result<Self, BindError> {
        let tls = config.tls.as_ref().map(Tls::load).transpose()?;
        let page_listeners = listeners::pages(config.host, config.port)?;
        let page_addresses = listeners::addresses(&page_listeners)?;
        let next_port = page_addresses[0].port().saturating_add(1);
        let control_listeners = listeners::controls(&config.controls, next_port).await?;
        let control_addresses: Vec<String> = control_listeners
            .iter()
            .map(|listener| listener.address().to_string())
            .collect();
        let needs_token = control_listeners
            .iter()
            .any(|listener| matches!(listener.address(), ControlAddress::Tcp(_)));
        let token = needs_token.then(TokenFile::create).transpose()?;
        config.roots.hide(&discovery::runtime_folder());
        if let Some(tls) = &tls {
            config.roots.hide(&tls.key_file);
        }
        let ready = Ready {
            pagewire: env!("CARGO_PKG_VERSION"),
            http: url_of(page_addresses[0], tls.is_some()),
            control: control_addresses[0].clone(),
            controls: control_addresses,
            token_file: token.as_ref().map(|token| token.path().to_owned()),
            authority_file: tls.as_ref().and_then(|tls| tls.authority_file.clone()),
        };
        Ok(Self {
            config,
            page_listeners,
            tls,
            control_listeners,
            token,
            ready,
        })
    }

    /// Serves until `stop` is cancelled, then drains. Calls `started` once every part responds.
    pub(crate) async fn run(
        self,
        stop: CancellationToken,
        started: impl FnOnce(&Ready),
    ) -> io::Result<()> {
        let ready = self.ready.clone();
        let mut running = self.assemble(&stop)?.serve(&stop).await?;
        started(&ready);
        running.until(&stop).await?;
        running.drain().await;
        Ok(())
    }

    /// Creates the core and the edges around it. Nothing runs yet.
    fn assemble(self, stop: &CancellationToken) -> io::Result<Assembly> {
        let Self {
            config,
            page_listeners,
            tls,
            control_listeners,
            token,
            ready,
        } = self;
        let hub = Hub::new();
        let plugins = Arc::new(PluginRegistry::new(config.inject, config.plugins.clone()));
        let connections = TaskTracker::new();
        let scratch = create_scratch_root()
            .inspect_err(|error| {
                tracing::warn!(target: "pagewire::server", %error, "cannot create the scratch folder; plugins get none");
            })
            .ok();
        let start_time = SystemTime::now();
        let control = Arc::new(Control {
            hub: hub.clone(),
            plugins: plugins.clone(),
            base_urls: listeners::addresses(&page_listeners)?
                .into_iter()
                .map(|address| url_of(address, tls.is_some()))
                .collect(),
            allowed_origins: config.allowed.origins.clone(),
            roots: config.roots.clone(),
            scratch_dir: scratch.as_ref().map(|scratch| scratch.path().to_owned()),
            start_time,
            watching: config.watch != WatchMode::Off,
            debug: config.debug,
            sessions: TaskTracker::new(),
            force_stop: CancellationToken::new(),
        });
        let debug = config.debug;
        let packages = config
            .node_resolve
            .then(|| Arc::new(PackageSources::new(&config.node_env)));
        let pages = PageService::new(
            &config,
            hub.clone(),
            plugins.clone(),
            packages.clone(),
            connections.clone(),
            stop.clone(),
        )
        .map_err(io::Error::other)?;
        let frontend = Frontend {
            allowed: Arc::new(config.allowed.clone()),
            embeddings: Arc::default(),
            handler: Handler::Site {
                base: config.base_path.clone(),
                reserved: browser::routes(Arc::new(Browser {
                    hub: hub.clone(),
                    allowed: config.allowed.clone(),
                    base: config.base_path.clone(),
                    debug: config.debug,
                    connections: connections.clone(),
                }))
                .fallback(frontend::reserved_not_found),
                pages: pages.clone(),
            },
        };
        let redirect = frontend.with_handler(Handler::Fixed(admit::redirect_to_https));
        let redirect = Arc::new(redirect);
        let refusal = frontend.with_handler(Handler::Fixed(accept::too_many_connections));
        let handler = ConnectionHandler {
            frontend: Arc::new(frontend),
            tls: tls.map(|tls| (tls.acceptor, redirect)),
            debug,
        };
        let refusals = ConnectionHandler {
            frontend: Arc::new(refusal),
            ..handler.clone()
        };
        Ok(Assembly {
            config,
            hub,
            plugins,
            control,
            pages,
            packages,
            page_listeners,
            handler,
            refusals,
            connections,
            control_listeners,
            token,
            scratch,
            ready,
            start_time,
        })
    }
}

/// Creates `PID.scratch` in the runtime folder, which is never served.
fn create_scratch_root() -> io::Result<ScratchRoot> {
    let name = format!("{}.scratch", std::process::id());
    ScratchRoot::create(&discovery::private_folder()?, &name)
}
