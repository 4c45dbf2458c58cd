//! Plugin sessions and hook streams without a client library.

use super::{TestServer, within};
use pagewire_client::proto::{self, server_start_response};
use pagewire_client::{Client, PluginInfo, RawClient};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Response, Status, Streaming};
use tonic_types::StatusExt;

/// Waits until the plugin is listed and fulfils the condition.
pub async fn listed(
    server: &TestServer,
    name: &str,
    what: &str,
    is: impl Fn(&PluginInfo) -> bool,
) -> PluginInfo {
    let client = server.client().await;
    let look = async {
        loop {
            let list = client.plugins().await.expect("a list");
            let mut found = list.into_iter().filter(|plugin| plugin.plugin_name == name);
            if let Some(found) = found.next().filter(|plugin| is(plugin)) {
                return found;
            }
        }
    };
    within(&format!("{name} to be {what}"), look).await
}

/// Open `ServerStart` stream.
pub struct Session {
    pub client: RawClient,
    pub started: proto::ServerStarted,
    pub events: Streaming<proto::ServerStartResponse>,
}

impl Session {
    pub async fn open(server: &TestServer, name: &str) -> Self {
        let request = proto::ServerStartRequest {
            plugin_name: name.into(),
            ..Default::default()
        };
        Self::open_as(server, request).await.expect("a session")
    }

    pub async fn open_as(
        server: &TestServer,
        request: proto::ServerStartRequest,
    ) -> Result<Self, Status> {
        Self::over(server.client().await, request).await
    }

    /// Opens a session on the connection of this client.
    pub async fn over(client: Client, request: proto::ServerStartRequest) -> Result<Self, Status> {
        let mut client = client.raw();
        let mut events = client.server_start(request).await?.into_inner();
        let first = within("ServerStarted", events.message())
            .await?
            .expect("a first message");
        let Some(server_start_response::Event::Started(started)) = first.event else {
            panic!("the first message is not `started`: {first:?}");
        };
        Ok(Self {
            client,
            started,
            events,
        })
    }

    pub async fn event(&mut self) -> Option<server_start_response::Event> {
        let next = within("a session event", self.events.message())
            .await
            .expect("an open session");
        next.and_then(|response| response.event)
    }

    /// Returns a request that carries the session id.
    pub fn request<T>(&self, message: T) -> Request<T> {
        with_session(&self.started.session_id, message)
    }

    /// Opens a session that declares this one hook, and then opens the hook.
    pub async fn with_hook<K: Hook>(
        server: &TestServer,
        name: &str,
        open: K::Open,
    ) -> (Self, HookStream<K>) {
        let request = proto::ServerStartRequest {
            plugin_name: name.into(),
            hooks: vec![K::HOOK.into()],
            ..Default::default()
        };
        let mut session = Self::open_as(server, request).await.expect("a session");
        let hook = session.hook(open).await.expect("a hook");
        (session, hook)
    }

    /// Opens the serve hook and waits until it is active.
    pub async fn serve(&mut self, open: proto::ServeOpen) -> Result<ServeHook, Status> {
        self.hook(open).await
    }

    /// Opens a hook and waits until it is active.
    pub async fn hook<K: Hook>(&mut self, open: K::Open) -> Result<HookStream<K>, Status> {
        let (sender, requests) = mpsc::channel(16);
        sender.send(K::open(open)).await.expect("room");
        let request = self.request(ReceiverStream::new(requests));
        let start = K::start(&mut self.client, request);
        let responses = within("headers", start).await?.into_inner();
        let mut hook = HookStream { sender, responses };
        match hook.next().await? {
            Some(HookMessage::Opened) => Ok(hook),
            other => panic!("expected opened, got {other:?}"),
        }
    }
}

pub fn with_session<T>(session_id: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let value = session_id.parse().expect("a session id is ASCII");
    request.metadata_mut().insert("pagewire-session", value);
    request
}

/// Message of the daemon on a hook stream.
#[derive(Debug)]
pub enum HookMessage<Call> {
    Opened,
    Call(Call),
    Cancel(proto::CallCancel),
    FiltersUpdated,
}

/// Hook type, as the contract defines it.
pub trait Hook: Sized {
    type Request: Send + 'static;
    type Response: Send + 'static;
    type Open;
    type Call: std::fmt::Debug;
    type Outcome;
    const HOOK: proto::Hook;

    fn open(open: Self::Open) -> Self::Request;
    fn result(call_id: u64, outcome: Option<Self::Outcome>) -> Self::Request;
    fn update(filters: Vec<proto::RequestFilter>) -> Self::Request;
    fn message(response: Self::Response) -> Option<HookMessage<Self::Call>>;
    fn call_id(call: &Self::Call) -> u64;
    fn start(
        client: &mut RawClient,
        requests: Request<ReceiverStream<Self::Request>>,
    ) -> impl Future<Output = Result<Response<Streaming<Self::Response>>, Status>> + Send;
}

/// Implements [`Hook`] for a hook type of the contract: all have messages of the same shape.
macro_rules! hook {
    ($kind:ident, $method:ident, $open:ident, $call:ident, $result:ident, $request:ident, $response:ident,
     $from_plugin:ident, $to_plugin:ident, $outcome:ident) => {
        pub struct $kind;

        impl Hook for $kind {
            type Request = proto::$request;
            type Response = proto::$response;
            type Open = proto::$open;
            type Call = proto::$call;
            type Outcome = proto::$outcome::Outcome;
            const HOOK: proto::Hook = proto::Hook::$kind;

            fn open(open: proto::$open) -> proto::$request {
                let message = Some(proto::$from_plugin::Message::Open(open));
                proto::$request { message }
            }

            fn result(call_id: u64, outcome: Option<Self::Outcome>) -> proto::$request {
                let result = proto::$result { call_id, outcome };
                let message = Some(proto::$from_plugin::Message::Result(result));
                proto::$request { message }
            }

            fn update(filters: Vec<proto::RequestFilter>) -> proto::$request {
                let update = proto::UpdateFilters {
                    filters,
                    ..Default::default()
                };
                let message = Some(proto::$from_plugin::Message::UpdateFilters(update));
                proto::$request { message }
            }

            fn message(response: proto::$response) -> Option<HookMessage<proto::$call>> {
                use proto::$to_plugin::Message;
                Some(match response.message? {
                    Message::Opened(_) => HookMessage::Opened,
                    Message::Call(call) => HookMessage::Call(call),
                    Message::Cancel(cancel) => HookMessage::Cancel(cancel),
                    Message::FiltersUpdated(_) => HookMessage::FiltersUpdated,
                })
            }

            fn call_id(call: &proto::$call) -> u64 {
                call.call_id
            }

            async fn start(
                client: &mut RawClient,
                requests: Request<ReceiverStream<proto::$request>>,
            ) -> Result<Response<Streaming<proto::$response>>, Status> {
                client.$method(requests).await
            }
        }
    };
}

hook!(
    Serve,
    serve,
    ServeOpen,
    ServeCall,
    ServeResult,
    ServeRequest,
    ServeResponse,
    serve_request,
    serve_response,
    serve_result
);
hook!(
    Transform,
    transform,
    TransformOpen,
    TransformCall,
    TransformResult,
    TransformRequest,
    TransformResponse,
    transform_request,
    transform_response,
    transform_result
);
hook!(
    ResolveImport,
    resolve_import,
    ResolveImportOpen,
    ResolveImportCall,
    ResolveImportResult,
    ResolveImportRequest,
    ResolveImportResponse,
    resolve_import_request,
    resolve_import_response,
    resolve_import_result
);

pub type ServeHook = HookStream<Serve>;

/// Open stream of a hook.
pub struct HookStream<K: Hook> {
    pub sender: mpsc::Sender<K::Request>,
    pub responses: Streaming<K::Response>,
}

impl<K: Hook> HookStream<K> {
    pub async fn next(&mut self) -> Result<Option<HookMessage<K::Call>>, Status> {
        let next = within("a message on the hook's stream", self.responses.message()).await?;
        Ok(next.and_then(K::message))
    }

    pub async fn call(&mut self) -> K::Call {
        match self.next().await.expect("an open stream") {
            Some(HookMessage::Call(call)) => call,
            other => panic!("expected a call, got {other:?}"),
        }
    }

    pub async fn cancelled(&mut self) -> proto::CallCancel {
        match self.next().await.expect("an open stream") {
            Some(HookMessage::Cancel(cancel)) => cancel,
            other => panic!("expected a cancel, got {other:?}"),
        }
    }

    pub async fn answer(&mut self, call_id: u64, outcome: K::Outcome) {
        self.send(K::result(call_id, Some(outcome))).await;
    }

    /// Takes the next call and answers it.
    pub async fn answer_next(&mut self, outcome: K::Outcome) -> K::Call {
        let call = self.call().await;
        self.answer(K::call_id(&call), outcome).await;
        call
    }

    /// Answers every call from now on.
    pub fn answering(mut self, outcome: impl Fn(&K::Call) -> K::Outcome + Send + 'static) -> Calls
    where
        K: 'static,
        K::Call: Send,
        K::Outcome: Send,
    {
        let calls = Calls::default();
        let counted = calls.0.clone();
        tokio::spawn(async move {
            while let Ok(Some(response)) = self.responses.message().await {
                if let Some(HookMessage::Call(call)) = K::message(response) {
                    counted.fetch_add(1, Ordering::SeqCst);
                    let outcome = outcome(&call);
                    self.answer(K::call_id(&call), outcome).await;
                }
            }
        });
        calls
    }

    /// Changes the filters and waits until they are active.
    pub async fn update(&mut self, filters: Vec<proto::RequestFilter>) {
        self.send(K::update(filters)).await;
        let message = self.next().await.expect("an open stream");
        assert!(
            matches!(message, Some(HookMessage::FiltersUpdated)),
            "{message:?}"
        );
    }

    pub async fn send(&mut self, message: K::Request) {
        self.sender.send(message).await.expect("an open stream");
    }
}

/// Counter of answered calls.
#[derive(Clone, Default)]
pub struct Calls(Arc<AtomicUsize>);

impl Calls {
    pub fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// Asserts the code and the reason of a status.
#[track_caller]
pub fn assert_status<T: std::fmt::Debug>(
    result: Result<T, Status>,
    code: Code,
    reason: &str,
) -> Status {
    let status = result.expect_err("it should have been refused");
    let found = status.get_details_error_info().map(|info| info.reason);
    assert_eq!(
        (status.code(), found.as_deref()),
        (code, Some(reason)),
        "{status:?}"
    );
    status
}
