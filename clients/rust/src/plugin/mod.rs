//! A plugin as a few closures.

mod context;
mod handlers;
mod hook;
mod listen;
mod request;
mod resolve_import;
mod running;
mod serve;
mod session;
mod transform;

pub use context::Context;
pub(crate) use context::SessionId;
pub use handlers::HandlerResult;
pub use request::Request;
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

/// A plugin: its name, and what it does when something happens.
///
/// Handlers are closures that return a future. They may use the client freely, run at the same time
/// as each other, and are tasks of the runtime: one that blocks a thread holds up others. A handler
/// that fails or panics never ends the plugin: the hooks ([`serve`](Plugin::serve),
/// [`transform`](Plugin::transform), [`resolve_import`](Plugin::resolve_import)) show the failure in
/// the page, [`on_request`](Plugin::on_request) tells it the page, all others write it to standard
/// error. The exceptions are [`server_start`](Plugin::server_start) and
/// [`server_stop`](Plugin::server_stop), whose errors end [`run`](Plugin::run).
///
/// Events of one socket are handled one after the other, in order; those of different sockets at the
/// same time, 256 altogether. A plugin that falls behind by more than the daemon buffers is cut off
/// (`SUBSCRIBER_SLOW`), which is said on standard error, and comes back: nothing is lost silently.
#[must_use = "a plugin does nothing until it is run"]
pub struct Plugin {
    name: String,
    version: String,
    required_features: Vec<String>,
    inject_web_socket: bool,
    replace_existing: bool,
    server_start: Option<StartHandler>,
    server_stop: Option<StopHandler>,
    serve: Option<DeclaredHook<Serve>>,
    transform: Option<DeclaredHook<Transform>>,
    resolve_import: Option<DeclaredHook<ResolveImport>>,
    listeners: Arc<Listeners>,
    /// The first thing that was given twice.
    given_twice: Option<String>,
    stop: StopHandle,
}

impl Plugin {
    /// A plugin of this name, which no other live plugin may have: `[a-z][a-z0-9-]{0,62}`. The
    /// daemon's configuration and its order of plugins are keyed by it.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            version: String::new(),
            required_features: Vec::new(),
            inject_web_socket: false,
            replace_existing: false,
            server_start: None,
            server_stop: None,
            serve: None,
            transform: None,
            resolve_import: None,
            listeners: Arc::default(),
            given_twice: None,
            stop: StopHandle::new(),
        }
    }

    /// The plugin's version, for people.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// Refuses to run (`FEATURE_UNSUPPORTED`) with a daemon that lacks this feature. May be
    /// repeated.
    pub fn require_feature(mut self, feature: impl Into<String>) -> Self {
        self.required_features.push(feature.into());
        self
    }

    /// Has the web socket client put into HTML pages, so that they connect. Default: not for this
    /// plugin. The daemon's `--inject` wins over it.
    pub fn inject_web_socket(mut self) -> Self {
        self.inject_web_socket = true;
        self
    }

    /// Takes the name over from a live plugin. Default: its being taken is an error
    /// (`PLUGIN_NAME_TAKEN`).
    pub fn replace_existing(mut self) -> Self {
        self.replace_existing = true;
        self
    }

    /// Called when all hooks of this plugin are in force, and again each time that the plugin came back
    /// to a daemon. Hooks may be called before it returns: what they need to be ready is prepared
    /// before [`run`](Plugin::run).
    pub fn server_start<H, F>(mut self, handler: H) -> Self
    where
        H: Fn(Context) -> F + Send + Sync + 'static,
        F: Future<Output = HandlerResult> + Send + 'static,
    {
        self.once("server_start", self.server_start.is_some());
        self.server_start = Some(Arc::new(move |context| Box::pin(handler(context))));
        self
    }

    /// Called when the daemon stops, or the program [ends](StopHandle::stop) the plugin. It has 2 s, or
    /// what the daemon grants. Not called when the connection is lost.
    pub fn server_stop<H, F>(mut self, handler: H) -> Self
    where
        H: Fn(Client) -> F + Send + Sync + 'static,
        F: Future<Output = HandlerResult> + Send + 'static,
    {
        self.once("server_stop", self.server_stop.is_some());
        self.server_stop = Some(Arc::new(move |client| Box::pin(handler(client))));
        self
    }

    /// Answers the requests that a [`Filter`](crate::Filter) matches, or any of several, as
    /// [`ServeOptions`] tell. The handler returns a [`Content`](crate::Content), a
    /// [`Skip`](crate::Skip), or an `Option<Content>` whose `None` skips. Its error is shown in the
    /// page, as is a panic; a [`Failure`](crate::Failure) brings its place in the source.
    ///
    /// Calls run at the same time. A call that nobody waits for any more is cancelled: its future is
    /// dropped. A plugin has one serve handler: it tells paths apart itself.
    pub fn serve<H, F, O>(mut self, what: impl Into<ServeOptions>, handler: H) -> Self
    where
        H: Fn(Request) -> F + Send + Sync + 'static,
        F: Future<Output = HandlerResult<O>> + Send + 'static,
        O: Into<Outcome>,
    {
        self.once("serve", self.serve.is_some());
        let ServeOptions { open, filters } = what.into();
        self.serve = Some(DeclaredHook::new(open, filters, handler));
        self
    }

    /// Changes the responses that a [`Filter`](crate::Filter) matches, or any of several, as
    /// [`TransformOptions`] tell, before the page gets them; wherever they come from. The handler
    /// returns a [`Change`], or an `Option` of one whose `None` leaves the response as it is.
    /// Otherwise as [`serve`](Plugin::serve).
    ///
    /// What comes of a response is cached, `None` too: an unchanged one is not asked about again,
    /// unless the change says [`no_cache`](Change::no_cache).
    ///
    /// ```no_run
    /// # use pagewire_client::{Change, Filter, Plugin};
    /// let plugin = Plugin::new("colors").transform(Filter::mime("text/css"), |response| async move {
    ///     let css = response.text()?;
    ///     Ok(css.contains("$accent").then(|| Change::new().body(css.replace("$accent", "#c00"))))
    /// });
    /// ```
    pub fn transform<H, F, O>(mut self, what: impl Into<TransformOptions>, handler: H) -> Self
    where
        H: Fn(Response) -> F + Send + Sync + 'static,
        F: Future<Output = HandlerResult<O>> + Send + 'static,
        O: Into<Option<Change>>,
    {
        self.once("transform", self.transform.is_some());
        let TransformOptions { open, filters } = what.into();
        self.transform = Some(DeclaredHook::new(open, filters, handler));
        self
    }

    /// Says what modules import, if a [`Filter`](crate::Filter) matches the module, or any of several,
    /// as [`ResolveOptions`] tell. The handler is called once for each module, with all its
    /// [`Imports`]. It returns what [`Imports::resolve`] makes, or a `Vec<Option<String>>` with one
    /// entry for each import; `None` leaves one to the next plugin. Otherwise as
    /// [`serve`](Plugin::serve).
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
    /// One that waits for something, or may fail:
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
    pub fn resolve_import<H, F, O>(mut self, what: impl Into<ResolveOptions>, handler: H) -> Self
    where
        H: Fn(Imports) -> F + Send + Sync + 'static,
        F: Future<Output = HandlerResult<O>> + Send + 'static,
        O: Into<Resolved>,
    {
        self.once("resolve_import", self.resolve_import.is_some());
        let ResolveOptions { open, filters } = what.into();
        self.resolve_import = Some(DeclaredHook::new(open, filters, handler));
        self
    }

    /// Called for every message of this type that a page sends.
    pub fn on_message<H, F>(mut self, message_type: impl Into<String>, handler: H) -> Self
    where
        H: Fn(Message, Client) -> F + Send + Sync + 'static,
        F: Future<Output = HandlerResult> + Send + 'static,
    {
        let message_type = self.once_per_type(message_type.into());
        let handler = Arc::new(move |message, client| Box::pin(handler(message, client)) as _);
        self.listening().messages.insert(message_type, handler);
        self
    }

    /// Answers every request of this type that a page makes with `sendMessageWaitForResponse`: with
    /// the value that the handler returns, as JSON, or with its error. The page waits up to 20 s. A
    /// message of this type that is no request has its handler called, and no answer.
    pub fn on_request<H, F, R>(mut self, message_type: impl Into<String>, handler: H) -> Self
    where
        H: Fn(Message, Client) -> F + Send + Sync + 'static,
        F: Future<Output = HandlerResult<R>> + Send + 'static,
        R: Serialize,
    {
        let message_type = self.once_per_type(message_type.into());
        let handler = Arc::new(move |message, client| {
            let answer = handler(message, client);
            Box::pin(async move { Ok(serde_json::to_string(&answer.await?)?) }) as _
        });
        self.listening().requests.insert(message_type, handler);
        self
    }

    /// Called for every socket that opens, at once: its page may not have said what it is.
    pub fn on_socket_opened<H, F>(mut self, handler: H) -> Self
    where
        H: Fn(Socket, Client) -> F + Send + Sync + 'static,
        F: Future<Output = HandlerResult> + Send + 'static,
    {
        self.once("on_socket_opened", self.listeners.socket_opened.is_some());
        let handler = Arc::new(move |socket, client| Box::pin(handler(socket, client)) as _);
        self.listening().socket_opened = Some(handler);
        self
    }

    /// Called for every socket that becomes ready, once: its page has said what it is. Sockets that
    /// were ready when the plugin started are in [`Context::sockets`].
    pub fn on_socket_ready<H, F>(mut self, handler: H) -> Self
    where
        H: Fn(Socket, Client) -> F + Send + Sync + 'static,
        F: Future<Output = HandlerResult> + Send + 'static,
    {
        self.once("on_socket_ready", self.listeners.socket_ready.is_some());
        let handler = Arc::new(move |socket, client| Box::pin(handler(socket, client)) as _);
        self.listening().socket_ready = Some(handler);
        self
    }

    /// Called for every socket that closes, after its messages.
    pub fn on_socket_closed<H, F>(mut self, handler: H) -> Self
    where
        H: Fn(SocketClosed, Client) -> F + Send + Sync + 'static,
        F: Future<Output = HandlerResult> + Send + 'static,
    {
        self.once("on_socket_closed", self.listeners.socket_closed.is_some());
        let handler = Arc::new(move |closed, client| Box::pin(handler(closed, client)) as _);
        self.listening().socket_closed = Some(handler);
        self
    }

    fn listening(&mut self) -> &mut Listeners {
        Arc::get_mut(&mut self.listeners).expect("only a running plugin shares them")
    }

    fn once(&mut self, what: &str, given: bool) {
        if given {
            self.given_twice.get_or_insert_with(|| what.to_owned());
        }
    }

    fn once_per_type(&mut self, message_type: String) -> Arc<str> {
        let listeners = &self.listeners;
        let given = listeners.messages.contains_key(&*message_type)
            || listeners.requests.contains_key(&*message_type);
        self.once(&format!("the handler of message `{message_type}`"), given);
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
