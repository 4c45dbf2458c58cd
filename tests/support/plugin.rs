use super::{TestServer, within};
use pagewire_client::RawClient;
use pagewire_client::proto::{self, server_start_response};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Status, Streaming};
use tonic_types::StatusExt;

/// An open `ServerStart` stream.
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
        let mut client = server.client().await.raw();
        let mut events = client.server_start(request).await?.into_inner();
        let first = within("ServerStarted", events.message())
            .await?
            .expect("a first message");
        let Some(server_start_response::Event::Started(started)) = first.event else {
            panic!("the first message is not started: {first:?}");
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

    /// A request that carries the session.
    pub fn request<T>(&self, message: T) -> Request<T> {
        with_session(&self.started.session_id, message)
    }

    /// Opens the serve hook and waits until it is in force.
    pub async fn serve(&mut self, open: proto::ServeOpen) -> Result<ServeHook, Status> {
        let (sender, requests) = mpsc::channel(16);
        let open = proto::serve_request::Message::Open(open);
        sender
            .send(proto::ServeRequest {
                message: Some(open),
            })
            .await
            .expect("room");
        let request = self.request(ReceiverStream::new(requests));
        let responses = within("headers", self.client.serve(request))
            .await?
            .into_inner();
        let mut hook = ServeHook { sender, responses };
        match hook.next().await? {
            Some(proto::serve_response::Message::Opened(_)) => Ok(hook),
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

/// An open `Serve` stream.
pub struct ServeHook {
    pub sender: mpsc::Sender<proto::ServeRequest>,
    pub responses: Streaming<proto::ServeResponse>,
}

impl ServeHook {
    pub async fn next(&mut self) -> Result<Option<proto::serve_response::Message>, Status> {
        let next = within("a message on the serve stream", self.responses.message()).await?;
        Ok(next.and_then(|response| response.message))
    }

    pub async fn call(&mut self) -> proto::ServeCall {
        match self.next().await.expect("an open stream") {
            Some(proto::serve_response::Message::Call(call)) => call,
            other => panic!("expected a call, got {other:?}"),
        }
    }

    pub async fn answer(&mut self, call_id: u64, outcome: proto::serve_result::Outcome) {
        let result = proto::ServeResult {
            call_id,
            outcome: Some(outcome),
        };
        let message = proto::serve_request::Message::Result(result);
        self.sender
            .send(proto::ServeRequest {
                message: Some(message),
            })
            .await
            .expect("an open stream");
    }
}

/// Fails unless a status has this code and reason.
#[track_caller]
pub fn fails_with<T: std::fmt::Debug>(
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
