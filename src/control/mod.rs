//! The control edge: the gRPC service that programs speak to.
//!
//! A method validates, calls the core and streams what it says: nothing else. The types of the
//! contract live here alone; `convert` is the one place where they change.

mod auth;
mod convert;
mod deadline;
mod hook;
mod import;
mod info;
mod invalidate;
mod plugins;
mod reflection;
mod resolve_import;
mod send;
mod serve;
mod session;
mod sockets;
mod status;
mod subscribe;
mod transform;
mod values;

use crate::hub::Hub;
use crate::paths::Roots;
use crate::plugins::{PluginRegistry, ResolveImport, Serve, Transform};
use futures_util::Stream;
use reflection::Reflection;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::SystemTime;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;
use tonic::{Request, Response, Status, Streaming};

pub(crate) use auth::Auth;

/// The contract, compiled.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    reason = "generated"
)]
pub(crate) mod proto {
    tonic::include_proto!("pagewire.v1");
}

use proto::control_service_server::{ControlService, ControlServiceServer};

/// Largest frame that a program may send to pages. Default 16 MiB.
pub(crate) const MAX_DOWN_FRAME_BYTES: usize = 16 * 1024 * 1024;

/// Largest request message. A larger one ends its stream and all that is beside it on it, so there is
/// room to read what is too large and to answer it by itself. Default 32 MiB.
const MAX_REQUEST_BYTES: usize = 2 * MAX_DOWN_FRAME_BYTES;

/// What the service needs.
pub(crate) struct Control {
    /// The pages.
    pub hub: Arc<Hub>,
    /// The plugins.
    pub plugins: Arc<PluginRegistry>,
    /// URLs that pages are served at.
    pub base_urls: Vec<String>,
    /// Origins that were allowed by name.
    pub allowed_origins: Vec<String>,
    /// The served folders.
    pub roots: Roots,
    /// Where sessions get folders of their own; none = nowhere.
    pub scratch_dir: Option<PathBuf>,
    /// When the daemon started.
    pub start_time: SystemTime,
    /// Changes of files are logged.
    pub watching: bool,
    /// Suspends the deadlines of calls.
    pub debug: bool,
    /// The open `ServerStart` streams: a stop waits for them.
    pub sessions: TaskTracker,
    /// Cut when the grace of a stop is over: every stream ends.
    pub force_stop: CancellationToken,
}

impl Control {
    /// The control service, health and reflection, as the routes of a gRPC server.
    #[must_use]
    pub(crate) fn routes(self: &Arc<Self>, health: impl Into<Routes>) -> Routes {
        let service = ControlServiceServer::new(Service(self.clone()))
            .max_decoding_message_size(MAX_REQUEST_BYTES);
        health.into().add_service(Reflection).add_service(service)
    }
}

/// The name of the service, as health checks know it.
pub(crate) const SERVICE_NAME: &str = "pagewire.v1.ControlService";

/// A response stream.
type BoxStream<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

struct Service(Arc<Control>);

#[tonic::async_trait]
impl ControlService for Service {
    type ServerStartStream = BoxStream<proto::ServerStartResponse>;
    type ServeStream = BoxStream<proto::ServeResponse>;
    type TransformStream = BoxStream<proto::TransformResponse>;
    type ResolveImportStream = BoxStream<proto::ResolveImportResponse>;
    type SendStreamStream = BoxStream<proto::SendStreamResponse>;
    type SubscribeMessagesStream = BoxStream<proto::SubscribeMessagesResponse>;

    async fn server_start(
        &self,
        request: Request<proto::ServerStartRequest>,
    ) -> Result<Response<Self::ServerStartStream>, Status> {
        session::open(&self.0, request.into_inner()).map(Response::new)
    }

    async fn end_session(
        &self,
        request: Request<proto::EndSessionRequest>,
    ) -> Result<Response<proto::EndSessionResponse>, Status> {
        session::end(&self.0, request.get_ref()).map(Response::new)
    }

    async fn serve(
        &self,
        request: Request<Streaming<proto::ServeRequest>>,
    ) -> Result<Response<Self::ServeStream>, Status> {
        let session = session::of_request(&self.0, request.metadata())?;
        let stream = hook::open::<Serve>(&self.0, session, request.into_inner());
        Ok(Response::new(stream))
    }

    async fn transform(
        &self,
        request: Request<Streaming<proto::TransformRequest>>,
    ) -> Result<Response<Self::TransformStream>, Status> {
        let session = session::of_request(&self.0, request.metadata())?;
        let stream = hook::open::<Transform>(&self.0, session, request.into_inner());
        Ok(Response::new(stream))
    }

    async fn resolve_import(
        &self,
        request: Request<Streaming<proto::ResolveImportRequest>>,
    ) -> Result<Response<Self::ResolveImportStream>, Status> {
        let session = session::of_request(&self.0, request.metadata())?;
        let stream = hook::open::<ResolveImport>(&self.0, session, request.into_inner());
        Ok(Response::new(stream))
    }

    async fn invalidate(
        &self,
        request: Request<proto::InvalidateRequest>,
    ) -> Result<Response<proto::InvalidateResponse>, Status> {
        invalidate::invalidate(&self.0, request.into_inner()).map(Response::new)
    }

    async fn send(
        &self,
        request: Request<proto::SendRequest>,
    ) -> Result<Response<proto::SendResponse>, Status> {
        let left = deadline::of_request(request.metadata())?;
        let report = send::send(&self.0, request.into_inner())?
            .report(left)
            .await;
        Ok(Response::new(proto::SendResponse {
            report: Some(report),
        }))
    }

    async fn send_stream(
        &self,
        request: Request<Streaming<proto::SendStreamRequest>>,
    ) -> Result<Response<Self::SendStreamStream>, Status> {
        Ok(Response::new(send::stream(&self.0, request.into_inner())))
    }

    async fn send_import(
        &self,
        request: Request<proto::SendImportRequest>,
    ) -> Result<Response<proto::SendImportResponse>, Status> {
        let left = deadline::of_request(request.metadata())?;
        import::send(&self.0, request.into_inner(), left)
            .await
            .map(Response::new)
    }

    async fn send_console_log(
        &self,
        request: Request<proto::SendConsoleLogRequest>,
    ) -> Result<Response<proto::SendConsoleLogResponse>, Status> {
        let left = deadline::of_request(request.metadata())?;
        let report = send::console_log(&self.0, request.into_inner())?
            .report(left)
            .await;
        Ok(Response::new(proto::SendConsoleLogResponse {
            report: Some(report),
        }))
    }

    async fn send_command(
        &self,
        request: Request<proto::SendCommandRequest>,
    ) -> Result<Response<proto::SendCommandResponse>, Status> {
        let left = deadline::of_request(request.metadata())?;
        let report = send::command(&self.0, request.into_inner())?
            .report(left)
            .await;
        Ok(Response::new(proto::SendCommandResponse {
            report: Some(report),
        }))
    }

    async fn subscribe_messages(
        &self,
        request: Request<proto::SubscribeMessagesRequest>,
    ) -> Result<Response<Self::SubscribeMessagesStream>, Status> {
        let session = session::of_request_if_any(&self.0, request.metadata())?;
        subscribe::open(&self.0, session, request.into_inner()).map(Response::new)
    }

    async fn list_sockets(
        &self,
        request: Request<proto::ListSocketsRequest>,
    ) -> Result<Response<proto::ListSocketsResponse>, Status> {
        sockets::list(&self.0, request.into_inner()).map(Response::new)
    }

    async fn close_sockets(
        &self,
        request: Request<proto::CloseSocketsRequest>,
    ) -> Result<Response<proto::CloseSocketsResponse>, Status> {
        sockets::close(&self.0, request.into_inner()).map(Response::new)
    }

    async fn get_server_info(
        &self,
        _: Request<proto::GetServerInfoRequest>,
    ) -> Result<Response<proto::GetServerInfoResponse>, Status> {
        Ok(Response::new(info::get(&self.0)))
    }

    async fn list_plugins(
        &self,
        request: Request<proto::ListPluginsRequest>,
    ) -> Result<Response<proto::ListPluginsResponse>, Status> {
        plugins::list(&self.0, &request.into_inner()).map(Response::new)
    }
}
