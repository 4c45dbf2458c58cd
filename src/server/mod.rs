//! The daemon as a whole: bind, spawn, drain. The only module that knows every edge.

mod admit;
mod console;
mod http;
mod listeners;
mod request_line;
mod token;

use crate::browser::{self, Browser};
use crate::config::{Config, ControlAddress, WatchMode};
use crate::control::{Auth, Control, SERVICE_NAME};
use crate::discovery::{self, Registration};
use crate::hub::Hub;
use crate::pages::{self, Pages};
use crate::plugins::Plugins;
use crate::watch::Watcher;
use axum::Router;
use axum::routing::any;
use listeners::ControlListener;
use serde::Serialize;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_stream::wrappers::UnixListenerStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::service::{InterceptorLayer, Routes};
use tonic::transport::server::TcpIncoming;
use tonic_health::ServingStatus;

pub use listeners::BindError;
pub use token::TokenFile;

/// How long plugins have to finish when the daemon stops; then their streams are cut. Default 2 s.
pub const STOP_GRACE: Duration = Duration::from_secs(2);

/// How long the rest of a stop may take: pages that are being answered, closing handshakes.
/// Overrun is a warning. Default 2 s.
const DRAIN_GRACE: Duration = Duration::from_secs(2);

/// The close code that pages get when the daemon stops (RFC 6455, section 7.4.1: going away).
const CLOSE_GOING_AWAY: u16 = 1001;

/// Keepalive of control connections: a peer that is gone is noticed within 15 s.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// One unread stream must not starve the others of its connection.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 64 * 1024 * 1024;

/// Streams of one control connection: client libraries put everything on one.
const MAX_STREAMS: u32 = 10_000;

/// The ready line: where to reach a daemon that is bound and would answer.
#[derive(Clone, Debug, Serialize)]
pub struct Ready {
    /// The daemon's version.
    pub pagewire: &'static str,
    /// The first URL of the pages.
    pub http: String,
    /// The first control address.
    pub control: String,
    /// All control addresses.
    pub controls: Vec<String>,
    /// The file that holds the token; none when no control address needs one.
    pub token_file: Option<PathBuf>,
}

/// A daemon that is bound and does not answer yet.
pub struct Server {
    config: Config,
    pages: Vec<TcpListener>,
    controls: Vec<ControlListener>,
    token: Option<TokenFile>,
    ready: Ready,
}

impl Server {
    /// Binds every address, or none.
    pub async fn bind(mut config: Config) -> Result<Self, BindError> {
        let pages = listeners::pages(config.host, config.port).await?;
        let page_addresses = listeners::addresses(&pages)?;
        let next_port = page_addresses[0].port().saturating_add(1);
        let controls = listeners::controls(&config.controls, next_port).await?;
        let control_addresses: Vec<String> = controls
            .iter()
            .map(|control| control.address().to_string())
            .collect();
        let needs_token = controls
            .iter()
            .any(|control| matches!(control.address(), ControlAddress::Tcp(_)));
        let token = needs_token.then(TokenFile::create).transpose()?;
        config.root.hide(&discovery::runtime_folder());
        let ready = Ready {
            pagewire: env!("CARGO_PKG_VERSION"),
            http: url_of(page_addresses[0]),
            control: control_addresses[0].clone(),
            controls: control_addresses,
            token_file: token.as_ref().map(|token| token.path().to_owned()),
        };
        Ok(Self {
            config,
            pages,
            controls,
            token,
            ready,
        })
    }

    /// Where it is bound.
    #[must_use]
    pub fn ready(&self) -> &Ready {
        &self.ready
    }

    /// Answers until `stop` is cancelled, then drains. `started` is called once everything
    /// would answer.
    pub async fn run(
        self,
        stop: CancellationToken,
        started: impl FnOnce(&Ready),
    ) -> io::Result<()> {
        let Self {
            config,
            pages: page_listeners,
            controls,
            token,
            ready,
        } = self;
        let hub = Hub::new();
        let plugins = Arc::new(Plugins::new(config.inject));
        let connections = TaskTracker::new();
        let root_dirs = vec![config.root.dir().to_owned()];
        let start_time = SystemTime::now();
        let control = Arc::new(Control {
            hub: hub.clone(),
            plugins: plugins.clone(),
            base_urls: listeners::addresses(&page_listeners)?
                .into_iter()
                .map(url_of)
                .collect(),
            root_dirs: root_dirs.clone(),
            start_time,
            watches: config.watch != WatchMode::Off,
            debug: config.debug,
            sessions: TaskTracker::new(),
            cut: CancellationToken::new(),
        });
        let router = router(&config, &hub, &plugins, &connections);

        let (health, health_service) = tonic_health::server::health_reporter();
        health
            .set_service_status(SERVICE_NAME, ServingStatus::Serving)
            .await;
        let routes = control.routes(Routes::new(health_service));

        // Ends with this function.
        let mut clock = JoinSet::new();
        let requests = hub.clone();
        clock.spawn(async move { requests.expire_requests().await });
        if config.console {
            let hub = hub.clone();
            clock.spawn(async move { console::log(&hub).await });
        }
        if config.watch != WatchMode::Off {
            let (root, poll) = (config.root.clone(), config.watch_poll);
            // Before the ready line: who reads it may change a file at once.
            let watcher = tokio::task::spawn_blocking(move || Watcher::open(root, poll));
            let watcher = watcher.await.map_err(io::Error::other)?;
            let tell_pages = config.watch == WatchMode::Pages;
            clock.spawn(watcher.run(hub.clone(), tell_pages));
        }
        for listener in page_listeners {
            http::spawn(listener, router.clone(), &connections, stop.clone());
        }
        let mut control_servers = JoinSet::new();
        for listener in controls {
            let auth = match (listener.address(), &token) {
                (ControlAddress::Tcp(_), Some(token)) => Auth::token(token.secret()),
                _ => Auth::transport(),
            };
            let cut = control.cut.clone();
            control_servers.spawn(serve_control(
                listener,
                auth,
                routes.clone(),
                config.debug,
                cut,
            ));
        }
        let registration = register(&ready, root_dirs, start_time);
        started(&ready);

        tokio::select! {
            () = stop.cancelled() => {}
            // A control listener ends by itself only when it breaks.
            Some(ended) = control_servers.join_next() => {
                ended.map_err(io::Error::other)??;
                return Err(io::Error::other("a control listener ended"));
            }
        }
        tracing::info!(target: "pagewire::server", "stopping");
        // Who looks for a daemon now wants another.
        drop(registration);
        health
            .set_service_status(SERVICE_NAME, ServingStatus::NotServing)
            .await;
        plugins.announce_stop("the daemon is stopping", STOP_GRACE);
        control.sessions.close();
        within(
            STOP_GRACE,
            "plugins are still connected",
            control.sessions.wait(),
        )
        .await;
        hub.close_all(CLOSE_GOING_AWAY, "the daemon is stopping");
        control.cut.cancel();
        connections.close();
        within(
            DRAIN_GRACE,
            "page connections are still open",
            connections.wait(),
        )
        .await;
        let streams_end = async { while control_servers.join_next().await.is_some() {} };
        within(DRAIN_GRACE, "control streams are still open", streams_end).await;
        Ok(())
    }
}

/// Lets programs find the daemon. One that cannot be found can still be named.
fn register(
    ready: &Ready,
    root_dirs: Vec<PathBuf>,
    start_time: SystemTime,
) -> Option<Registration> {
    let daemon = discovery::Daemon {
        pagewire: ready.pagewire.to_owned(),
        pid: std::process::id(),
        root_dirs,
        http: ready.http.clone(),
        control: ready.control.clone(),
        controls: ready.controls.clone(),
        token_file: ready.token_file.clone(),
        start_time,
    };
    Registration::write(&daemon)
        .inspect_err(|error| {
            tracing::warn!(target: "pagewire::server", %error, "programs must be told where the daemon is: it cannot leave its address");
        })
        .ok()
}

fn router(
    config: &Config,
    hub: &Arc<Hub>,
    plugins: &Arc<Plugins>,
    connections: &TaskTracker,
) -> Router {
    let browser = Arc::new(Browser {
        hub: hub.clone(),
        allowed: config.allowed.clone(),
        debug: config.debug,
        connections: connections.clone(),
    });
    let pages = Arc::new(Pages {
        root: config.root.clone(),
        hub: hub.clone(),
        plugins: plugins.clone(),
    });
    let pages = Router::new().fallback(any(pages::handle)).with_state(pages);
    let router = browser::routes(browser).fallback_service(pages);
    admit::guard(router, config.allowed.clone())
}

async fn serve_control(
    listener: ControlListener,
    auth: Auth,
    routes: Routes,
    debug: bool,
    cut: CancellationToken,
) -> io::Result<()> {
    let server = tonic::transport::Server::builder()
        // At a breakpoint nobody answers pings.
        .http2_keepalive_interval((!debug).then_some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_concurrent_streams(MAX_STREAMS)
        .layer(InterceptorLayer::new(auth))
        .add_routes(routes);
    let stop = cut.cancelled_owned();
    match listener {
        ControlListener::Tcp(_, listener) => {
            let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
            server.serve_with_incoming_shutdown(incoming, stop).await
        }
        ControlListener::Unix(file, listener) => {
            let incoming = UnixListenerStream::new(listener);
            let served = server.serve_with_incoming_shutdown(incoming, stop).await;
            drop(file);
            served
        }
    }
    .map_err(io::Error::other)
}

async fn within(grace: Duration, overrun: &str, work: impl Future<Output = ()>) {
    if tokio::time::timeout(grace, work).await.is_err() {
        tracing::warn!(target: "pagewire::server", ?grace, "{overrun}; stopping all the same");
    }
}

/// A URL that a browser on this machine can open.
fn url_of(address: SocketAddr) -> String {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, address.port()))
}
