//! The daemon as a whole: bind, spawn, drain. The only module that knows every edge.

mod admit;
mod authority;
mod base_path;
mod certificate;
mod connection;
mod console;
mod front;
mod http;
mod listeners;
mod metrics;
mod request_line;
mod scratch;
mod tls;
mod token;
mod watched;

use crate::browser::{self, Browser};
use crate::config::{Config, ControlAddress, WatchMode};
use crate::control::{Auth, Control, SERVICE_NAME};
use crate::discovery::{self, Registration};
use crate::hub::Hub;
use crate::node_resolve::NodeResolve;
use crate::pages::Pages;
use crate::plugins::PluginRegistry;
use crate::supervise::{Supervisor, Surroundings};
use crate::watch::{self, Watcher};
use authority::Authorities;
use connection::Served;
use front::Front;
use listeners::ControlListener;
use metrics::Counted;
use scratch::Scratch;
use serde::Serialize;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tls::Tls;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::UnixListenerStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;
use tonic::transport::server::TcpIncoming;
use tonic_health::ServingStatus;
use watched::Watched;

pub(crate) use listeners::BindError;
pub(crate) use tls::check_files;
pub(crate) use token::TokenFile;

/// How long plugins have to finish when the daemon stops; then their streams are cut. Default 2 s.
pub(crate) const STOP_GRACE: Duration = Duration::from_secs(2);

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
pub(crate) struct Ready {
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
    /// The certificate of who vouches for the pages' own; none without TLS, or with a given one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authority_file: Option<PathBuf>,
}

/// A daemon that is bound and does not answer yet.
pub(crate) struct Server {
    config: Config,
    pages: Vec<TcpListener>,
    tls: Option<Tls>,
    controls: Vec<ControlListener>,
    token: Option<TokenFile>,
    ready: Ready,
}

impl Server {
    /// Binds every address, or none.
    pub(crate) async fn bind(mut config: Config) -> Result<Self, BindError> {
        let tls = config.tls.as_ref().map(Tls::load).transpose()?;
        let pages = listeners::pages(config.host, config.port)?;
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
            pages,
            tls,
            controls,
            token,
            ready,
        })
    }

    /// Answers until `stop` is cancelled, then drains. `started` is called once everything
    /// would answer.
    pub(crate) async fn run(
        self,
        stop: CancellationToken,
        started: impl FnOnce(&Ready),
    ) -> io::Result<()> {
        let Self {
            config,
            pages: page_listeners,
            tls,
            controls,
            token,
            ready,
        } = self;
        let hub = Hub::new();
        let plugins = Arc::new(PluginRegistry::new(config.inject, config.plugins.clone()));
        let connections = TaskTracker::new();
        let root_dirs: Vec<_> = config.roots.dirs().map(Path::to_owned).collect();
        let start_time = SystemTime::now();
        // Goes with this function.
        let scratch = Scratch::create()
            .inspect_err(|error| {
                tracing::warn!(target: "pagewire::server", %error, "plugins get no scratch folders");
            })
            .ok();
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
            watches: config.watch != WatchMode::Off,
            debug: config.debug,
            sessions: TaskTracker::new(),
            cut: CancellationToken::new(),
        });
        let pages = Pages::new(
            &config,
            hub.clone(),
            plugins.clone(),
            connections.clone(),
            stop.clone(),
        );
        let front = front(&config, &hub, pages.clone(), &connections);
        let refusing = Arc::new(front.but(front::Answers::NoRoom));
        let to_https = Arc::new(front.but(front::Answers::ToHttps));
        let served = Served {
            front: Arc::new(front),
            tls: tls.map(|tls| (tls.acceptor, to_https)),
        };
        let refusals = Served {
            front: refusing,
            ..served.clone()
        };

        let (health, health_service) = tonic_health::server::health_reporter();
        health
            .set_service_status(SERVICE_NAME, ServingStatus::Serving)
            .await;
        let routes = control.routes(Routes::new(health_service));

        // Ends with this function.
        let mut clock = JoinSet::new();
        let requests = hub.clone();
        clock.spawn(async move { requests.expire_requests().await });
        hub.park_requests(plugins.is_starting());
        clock.spawn(park_requests(hub.clone(), plugins.clone()));
        if config.console {
            let hub = hub.clone();
            clock.spawn(async move { console::log(&hub).await });
        }
        if config.node_resolve {
            let resolve = NodeResolve::open(&plugins, config.roots.clone());
            clock.spawn(resolve.map_err(io::Error::other)?.run());
        }
        watch_folders(&config, &hub, &plugins, &mut clock).await?;
        for listener in page_listeners {
            http::spawn(
                listener,
                served.clone(),
                refusals.clone(),
                &connections,
                stop.clone(),
            );
        }
        let endpoint = target_of(controls[0].address())?;
        let mut control_servers = JoinSet::new();
        for listener in controls {
            let auth = match (listener.address(), &token) {
                (ControlAddress::Tcp(_), Some(token)) => Auth::token(token.secret()),
                _ => Auth::transport(),
            };
            let counted = Counted {
                control: control.clone(),
                pages: pages.clone(),
            };
            let routes = metrics::beside(routes.clone(), auth, counted);
            let cut = control.cut.clone();
            control_servers.spawn(serve_control(listener, routes, config.debug, cut));
        }
        let around = Surroundings {
            endpoint,
            token: token.as_ref().map(|token| token.secret().to_owned()),
            folder: config.roots.dir().to_owned(),
            debug: config.debug,
            stop_grace: STOP_GRACE,
        };
        let terminate = CancellationToken::new();
        let mut supervisor = Supervisor::start(&plugins, around, &terminate);
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
        terminate.cancel();
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
        let drained = within(
            DRAIN_GRACE,
            "page connections are still open",
            connections.wait(),
        );
        // Bounded by itself, up to SIGKILL.
        tokio::join!(drained, supervisor.ended());
        let streams_end = async { while control_servers.join_next().await.is_some() {} };
        within(DRAIN_GRACE, "control streams are still open", streams_end).await;
        Ok(())
    }
}

/// Watches every served folder if that is configured. Returns once all of their files are known: who
/// reads the ready line may change a file at once.
async fn watch_folders(
    config: &Config,
    hub: &Arc<Hub>,
    plugins: &PluginRegistry,
    clock: &mut JoinSet<()>,
) -> io::Result<()> {
    let told = match (config.watch, config.no_files) {
        (WatchMode::Off, _) => return Ok(()),
        (WatchMode::Events, _) => watch::Pages::Nothing,
        (WatchMode::Pages, false) => watch::Pages::Paths,
        (WatchMode::Pages, true) => watch::Pages::Reload,
    };
    for (prefix, root) in config.roots.each() {
        let poll = config.watch_poll;
        let open = move || Watcher::open(root, prefix, poll);
        let watcher = tokio::task::spawn_blocking(open).await;
        let watcher = watcher.map_err(io::Error::other)?;
        let dependents = plugins.dependents().clone();
        clock.spawn(watcher.run(hub.clone(), dependents, told));
    }
    Ok(())
}

/// Has requests of pages wait for as long as a required plugin is starting.
async fn park_requests(hub: Arc<Hub>, plugins: Arc<PluginRegistry>) {
    let mut changes = plugins.readiness_changes();
    loop {
        hub.park_requests(plugins.is_starting());
        if changes.changed().await.is_err() {
            return;
        }
    }
}

/// A control address as gRPC libraries take it, wherever they run.
fn target_of(address: &ControlAddress) -> io::Result<String> {
    Ok(match address {
        ControlAddress::Tcp(address) => address.to_string(),
        ControlAddress::Unix(path) => format!("unix:{}", std::path::absolute(path)?.display()),
    })
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
        authority_file: ready.authority_file.clone(),
        start_time,
    };
    Registration::write(&daemon)
        .inspect_err(|error| {
            tracing::warn!(target: "pagewire::server", %error, "programs must be told where the daemon is: it cannot leave its address");
        })
        .ok()
}

fn front(config: &Config, hub: &Arc<Hub>, pages: Arc<Pages>, connections: &TaskTracker) -> Front {
    let browser = Arc::new(Browser {
        hub: hub.clone(),
        allowed: config.allowed.clone(),
        debug: config.debug,
        connections: connections.clone(),
    });
    Front {
        allowed: Arc::new(config.allowed.clone()),
        answers: front::Answers::Site {
            base: config.base_path.clone(),
            ours: browser::routes(browser).fallback(front::not_ours),
            pages,
        },
    }
}

async fn serve_control(
    listener: ControlListener,
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
        // For /metrics. What gRPC there is needs HTTP/2.
        .accept_http1(true)
        .add_routes(routes);
    let stop = cut.cancelled_owned();
    match listener {
        ControlListener::Tcp(_, listener) => {
            let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
            server.serve_with_incoming_shutdown(incoming, stop).await
        }
        ControlListener::Unix(file, listener) => {
            // The path of a socket is sent as its authority, by some libraries.
            let incoming = UnixListenerStream::new(listener).map(|accepted| {
                Ok::<_, io::Error>(Watched::new(accepted?, Authorities::default()))
            });
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
fn url_of(address: SocketAddr, tls: bool) -> String {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]),
        ip => ip,
    };
    let scheme = if tls { "https" } else { "http" };
    format!("{scheme}://{}", SocketAddr::new(ip, address.port()))
}
