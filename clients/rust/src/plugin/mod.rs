//! The plugin builder.

mod context;
mod handlers;
mod hook;
mod listen;
mod request;
mod resolve_import;
mod running;
mod serve;
mod session;
mod signals;
mod start;
mod transform;

pub use context::Context;
pub(crate) use context::SessionId;
pub use handlers::HandlerResult;
pub use request::{BodyTooLarge, Request};
pub use resolve_import::Imports;
pub use running::StopHandle;
pub use transform::Response;

use crate::{
    Change, Client, Message, Outcome, ResolveOptions, Resolved, ServeOptions, Socket, SocketClosed,
    TransformOptions,
};
use handlers::{Listeners, StartHandler, StopHandler};
use hook::DeclaredHook;
use resolve_import::ResolveImport;
use serde::Serialize;
use serve::Serve;
use std::sync::Arc;
use transform::Transform;

/// A plugin: its name and its handlers.
///
/// Handlers are closures that return a future. They may use the client freely, run concurrently, and are tasks
/// of the runtime: a handler that blocks a thread delays others. A handler that fails or panics never ends the
/// plugin, and its error is logged. Those of hooks ([`serve`](Plugin::serve), [`transform`](Plugin::transform),
/// [`resolve_import`](Plugin::resolve_import)) are also shown in the page, those of
/// [`on_request`](Plugin::on_request) are sent to the page. The exceptions are
/// [`server_start`](Plugin::server_start) and [`server_stop`](Plugin::server_stop), whose errors end
/// [`run`](Plugin::run).
///
/// Events of one socket are handled sequentially, in order; those of different sockets concurrently, at most 256
/// in total. A plugin that falls behind further than the daemon's buffer allows is disconnected
/// (`SUBSCRIBER_SLOW`), logs that, and reconnects: nothing is lost silently.
///
/// The log goes through `tracing` (target `pagewire_client`) if the program has a subscriber, otherwise to
/// standard error. It also contains when the plugin has connected and when it has lost the daemon.
#[must_use = "a plugin does nothing until it is run"]
pub struct Plugin {
    name: String,
    version: String,
    required_features: Vec<String>,
    inject_web_socket: bool,
    replace_existing: bool,
    /// `None` = it depends on the form of `run`.
    handles_signals: Option<bool>,
    server_start: Option<StartHandler>,
    server_stop: Option<StopHandler>,
    serve: Option<DeclaredHook<Serve>>,
    transform: Option<DeclaredHook<Transform>>,
    resolve_import: Option<DeclaredHook<ResolveImport>>,
    listeners: Arc<Listeners>,
    /// The first handler that was declared twice.
    declared_twice: Option<String>,
    stop: StopHandle,
}

impl Plugin {
    /// A plugin with this name, unique among the connected plugins: `[a-z][a-z0-9-]{0,62}`. The daemon's
    /// configuration and its order of plugins are keyed by it.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            version: String::new(),
            required_features: Vec::new(),
            inject_web_socket: false,
            replace_existing: false,
            handles_signals: None,
            server_start: None,
            server_stop: None,
            serve: None,
            transform: None,
            resolve_import: None,
            listeners: Arc::default(),
            declared_twice: None,
            stop: StopHandle::new(),
        }
    }

    /// The plugin's version, for people.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// Refuses to run (`FEATURE_UNSUPPORTED`) with a daemon that lacks any of these features.
    pub fn required_features<I: IntoIterator<Item: Into<String>>>(mut self, features: I) -> Self {
        let features = features.into_iter().map(Into::into);
        self.required_features.extend(features);
        self
    }

    /// Refuses to run with a daemon that lacks this feature.
    #[deprecated(since = "0.1.0", note = "use `required_features`, which takes several")]
    pub fn require_feature(self, feature: impl Into<String>) -> Self {
        self.required_features([feature])
    }

    /// Requests the injection of the socket client into HTML pages, so that they connect. Default: not
    /// requested. The daemon's `--inject` takes precedence.
    pub fn inject_web_socket(mut self) -> Self {
        self.inject_web_socket = true;
        self
    }

    /// Replaces a connected plugin of the same name. Default: a name that is taken is an error
    /// (`PLUGIN_NAME_TAKEN`).
    pub fn replace_existing(mut self) -> Self {
        self.replace_existing = true;
        self
    }

    /// Whether SIGINT (Ctrl-C) and SIGTERM [stop](StopHandle::stop) the plugin; a second signal ends the program
    /// at once. Default: yes for [`run`](Plugin::run) and [`run_once`](Plugin::run_once), no for
    /// [`run_with`](Plugin::run_with) and [`run_once_with`](Plugin::run_once_with).
    ///
    /// A program that handles these signals itself passes `false`: Tokio never restores what a signal does by
    /// default. After the plugin has ended, a signal ends the program.
    pub fn handle_signals(mut self, handle: bool) -> Self {
        self.handles_signals = Some(handle);
        self
    }

    /// Called once all hooks of this plugin are open, and again after each reconnect. Calls and events that arrive
    /// before it returns wait for it, so it must not wait for a page that needs this plugin. Events wait as long
    /// as it takes; a call fails with status 503 after 10 s, or 0.5 s before its deadline.
    pub fn server_start<H, F>(mut self, handler: H) -> Self
    where
        H: Fn(Context) -> F + Send + Sync + 'static,
        F: Future<Output = HandlerResult> + Send + 'static,
    {
        self.check_declared_once("server_start", self.server_start.is_some());
        self.server_start = Some(Arc::new(move |context| Box::pin(handler(context))));
        self
    }

    /// Called when the daemon stops, or the program [stops](StopHandle::stop) the plugin. It has the grace period
    /// of the daemon, or 2 s when the program stops the plugin. Not called when the connection is lost.
    pub fn server_stop<H, F>(mut self, handler: H) -> Self
    where
        H: Fn(Client) -> F + Send + Sync + 'static,
        F: Future<Output = HandlerResult> + Send + 'static,
    {
        self.check_declared_once("server_stop", self.server_stop.is_some());
        self.server_stop = Some(Arc::new(move |client| Box::pin(handler(client))));
        self
    }

    /// Serves the requests that match any of the filters: a [`Filter`](crate::Filter), several, or those of
    /// [`ServeOptions`]. The handler returns a [`Content`](crate::Content), a [`Skip`](crate::Skip), or an
    /// `Option<Content>` whose `None` skips. Its error, or a panic, is shown in the page; a
    /// [`Failure`](crate::Failure) adds the location in the source.
    ///
    /// Calls run concurrently. A call is cancelled when no request waits for it any more: its future is dropped.
    /// A plugin has one serve handler, which distinguishes paths itself.
    pub fn serve<H, F, O>(mut self, options: impl Into<ServeOptions>, handler: H) -> Self
    where
        H: Fn(Request) -> F + Send + Sync + 'static,
        F: Future<Output = HandlerResult<O>> + Send + 'static,
        O: Into<Outcome>,
    {
        self.check_declared_once("serve", self.serve.is_some());
        let ServeOptions { open, filters } = options.into();
        let handler = move |request| {
            let output = handler(request);
            async move {
                match output.await?.into() {
                    Outcome::Failure(failure) => Err(failure.into()),
                    outcome => Ok(outcome),
                }
            }
        };
        self.serve = Some(DeclaredHook::new(open, filters, handler));
        self
    }

    /// Transforms the responses that match any of the filters, whatever their source: a
    /// [`Filter`](crate::Filter), several, or those of [`TransformOptions`]. The handler returns a [`Change`],
    /// or an `Option<Change>` whose `None` leaves the response unchanged. Otherwise like
    /// [`serve`](Plugin::serve).
    ///
    /// Results are cached, including `None`: the handler is not called again for an unchanged response, unless
    /// the change has [`no_cache`](Change::no_cache).
    ///
    /// ```no_run
    /// # use pagewire_client::{Change, Filter, Plugin};
    /// let plugin = Plugin::new("colors").transform(Filter::mime("text/css"), |response| async move {
    ///     let css = response.text()?;
    ///     Ok(css.contains("$accent").then(|| Change::new().body(css.replace("$accent", "#c00"))))
    /// });
    /// ```
    pub fn transform<H, F, O>(mut self, options: impl Into<TransformOptions>, handler: H) -> Self
    where
        H: Fn(Response) -> F + Send + Sync + 'static,
        F: Future<Output = HandlerResult<O>> + Send + 'static,
        O: Into<Option<Change>>,
    {
        self.check_declared_once("transform", self.transform.is_some());
        let TransformOptions { open, filters } = options.into();
        self.transform = Some(DeclaredHook::new(open, filters, handler));
        self
    }

    /// Resolves the imports of modules that match any of the filters: a [`Filter`](crate::Filter), several, or
    /// those of [`ResolveOptions`]. The handler is called once per module, with all its [`Imports`]. It returns
    /// the result of [`Imports::resolve`], or a `Vec<Option<String>>` with one entry per import; `None` leaves
    /// an import to the next plugin. Otherwise like [`serve`](Plugin::serve).
    ///
    /// The result is cached until the module changes, a file that it
    /// [depends on](Resolved::depends_on) changes or appears, or it is invalidated.
    ///
    /// ```no_run
    /// # use pagewire_client::{Filter, Plugin, ResolveOptions};
    /// let bare = ResolveOptions::new([Filter::all()]).specifiers(["^[^./]"]);
    /// let plugin = Plugin::new("vendor").resolve_import(bare, |imports| async move {
    ///     Ok(imports.resolve(|import| Some(format!("/vendor/{}.js", import.specifier))))
    /// });
    /// ```
    ///
    /// A handler that awaits something, or may fail:
    ///
    /// ```no_run
    /// # use pagewire_client::{Filter, HandlerResult, Plugin};
    /// # async fn find(specifier: &str) -> HandlerResult<Option<String>> { Ok(None) }
    /// let plugin = Plugin::new("find").resolve_import(Filter::all(), |imports| async move {
    ///     let mut found = Vec::new();
    ///     for import in &imports {
    ///         found.push(find(&import.specifier).await?);
    ///     }
    ///     Ok(found)
    /// });
    /// ```
    pub fn resolve_import<H, F, O>(mut self, options: impl Into<ResolveOptions>, handler: H) -> Self
    where
        H: Fn(Imports) -> F + Send + Sync + 'static,
        F: Future<Output = HandlerResult<O>> + Send + 'static,
        O: Into<Resolved>,
    {
        self.check_declared_once("resolve_import", self.resolve_import.is_some());
        let ResolveOptions { open, filters } = options.into();
        self.resolve_import = Some(DeclaredHook::new(open, filters, handler));
        self
    }

    /// Called for every message of this type.
    pub fn on_message<H, F>(mut self, message_type: impl Into<String>, handler: H) -> Self
    where
        H: Fn(Message, Client) -> F + Send + Sync + 'static,
        F: Future<Output = HandlerResult> + Send + 'static,
    {
        let message_type = self.check_type_once(message_type.into());
        let handler = Arc::new(move |message, client| Box::pin(handler(message, client)) as _);
        self.listeners_mut().messages.insert(message_type, handler);
        self
    }

    /// Answers every request of this type that a page sends with `sendMessageWaitForResponse`: with the returned
    /// value as JSON, or with the error of the handler. The page waits up to 20 s. The handler is also called
    /// for a plain message of this type (one that expects no reply); its result is discarded.
    pub fn on_request<H, F, R>(mut self, message_type: impl Into<String>, handler: H) -> Self
    where
        H: Fn(Message, Client) -> F + Send + Sync + 'static,
        F: Future<Output = HandlerResult<R>> + Send + 'static,
        R: Serialize,
    {
        let message_type = self.check_type_once(message_type.into());
        let handler = Arc::new(move |message, client| {
            let reply = handler(message, client);
            Box::pin(async move { Ok(serde_json::to_string(&reply.await?)?) }) as _
        });
        self.listeners_mut().requests.insert(message_type, handler);
        self
    }

    /// Called for every socket that opens; its page may not have sent its hello yet.
    pub fn on_socket_opened<H, F>(mut self, handler: H) -> Self
    where
        H: Fn(Socket, Client) -> F + Send + Sync + 'static,
        F: Future<Output = HandlerResult> + Send + 'static,
    {
        self.check_declared_once("on_socket_opened", self.listeners.socket_opened.is_some());
        let handler = Arc::new(move |socket, client| Box::pin(handler(socket, client)) as _);
        self.listeners_mut().socket_opened = Some(handler);
        self
    }

    /// Called once for every socket that becomes ready: its page has sent its hello. Sockets that were ready when
    /// the plugin started are in [`Context::sockets`].
    pub fn on_socket_ready<H, F>(mut self, handler: H) -> Self
    where
        H: Fn(Socket, Client) -> F + Send + Sync + 'static,
        F: Future<Output = HandlerResult> + Send + 'static,
    {
        self.check_declared_once("on_socket_ready", self.listeners.socket_ready.is_some());
        let handler = Arc::new(move |socket, client| Box::pin(handler(socket, client)) as _);
        self.listeners_mut().socket_ready = Some(handler);
        self
    }

    /// Called for every socket that closes, after its messages.
    pub fn on_socket_closed<H, F>(mut self, handler: H) -> Self
    where
        H: Fn(SocketClosed, Client) -> F + Send + Sync + 'static,
        F: Future<Output = HandlerResult> + Send + 'static,
    {
        self.check_declared_once("on_socket_closed", self.listeners.socket_closed.is_some());
        let handler = Arc::new(move |closed, client| Box::pin(handler(closed, client)) as _);
        self.listeners_mut().socket_closed = Some(handler);
        self
    }

    /// Sets `started` once the plugin has started: its `server_start`, if it has one, has returned.
    #[cfg(feature = "testing")]
    pub(crate) fn notify_start(mut self, started: tokio::sync::watch::Sender<bool>) -> Self {
        let server_start = self.server_start.take();
        self.server_start = Some(Arc::new(move |context| {
            let starting = server_start.as_ref().map(|handler| handler(context));
            let started = started.clone();
            Box::pin(async move {
                if let Some(starting) = starting {
                    starting.await?;
                }
                started.send_replace(true);
                Ok(())
            })
        }));
        self
    }

    fn listeners_mut(&mut self) -> &mut Listeners {
        Arc::get_mut(&mut self.listeners).expect("listeners are shared only while the plugin runs")
    }

    fn check_declared_once(&mut self, what: &str, is_declared: bool) {
        if is_declared {
            self.declared_twice.get_or_insert_with(|| what.to_owned());
        }
    }

    fn check_type_once(&mut self, message_type: String) -> Arc<str> {
        let listeners = &self.listeners;
        let is_declared = listeners.messages.contains_key(&*message_type)
            || listeners.requests.contains_key(&*message_type);
        self.check_declared_once(
            &format!("the handler of message `{message_type}`"),
            is_declared,
        );
        message_type.into()
    }
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Plugin")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
