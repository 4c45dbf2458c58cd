//! The control edge: the gRPC service for programs.
//!
//! A method validates its request, calls the core and streams the results; it contains no other logic.
//! The generated types do not leave this module, and `convert` is the one place where they are converted.

mod auth;
mod convert;
mod deadline;
mod hook;
mod import;
mod info;
mod invalidate;
mod limits;
mod plugins;
mod reflection;
mod send;
mod session;
mod sockets;
mod status;
mod subscribe;

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

pub(crate) use auth::{Auth, incomplete_message, too_many_connections};
pub(crate) use limits::MAX_REQUEST_BYTES;

/// Types that are generated from the contract.
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

/// State shared by all methods of the control service.
pub(crate) struct Control {
    pub hub: Arc<Hub>,
    pub plugins: Arc<PluginRegistry>,
    /// URLs that pages are served under.
    pub base_urls: Vec<String>,
    /// Origins that the configuration allows to open a web socket.
    pub allowed_origins: Vec<String>,
    pub roots: Roots,
    /// Parent of the sessions' scratch folders; none = sessions have none.
    pub scratch_dir: Option<PathBuf>,
    pub start_time: SystemTime,
    /// Changes of files are recorded in the event log.
    pub watching: bool,
    /// Calls to plugins have no timeout.
    pub debug: bool,
    /// Open `ServerStart` streams, which a stop waits for.
    pub sessions: TaskTracker,
    /// Cancelled when the grace period of a stop is over, which ends every stream.
    pub force_stop: CancellationToken,
}

impl Control {
    /// Returns the routes of the control service, of health checks and of reflection.
    pub(crate) fn routes(self: &Arc<Self>, health: impl Into<Routes>) -> Routes {
        let service = ControlServiceServer::new(Service(self.clone()))
            .max_decoding_message_size(MAX_REQUEST_BYTES);
        health.into().add_service(Reflection).add_service(service)
    }
}

/// Name of the service in health checks.
pub(crate) const SERVICE_NAME: &str = "pagewire.v1.ControlService";

/// Response stream of a method.
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
        let session = session::require_in_metadata(&self.0, request.metadata())?;
        let stream = hook::open::<Serve>(&self.0, session, request.into_inner());
        Ok(Response::new(stream))
    }

    async fn transform(
        &self,
        request: Request<Streaming<proto::TransformRequest>>,
    ) -> Result<Response<Self::TransformStream>, Status> {
        let session = session::require_in_metadata(&self.0, request.metadata())?;
        let stream = hook::open::<Transform>(&self.0, session, request.into_inner());
        Ok(Response::new(stream))
    }

    async fn resolve_import(
        &self,
        request: Request<Streaming<proto::ResolveImportRequest>>,
    ) -> Result<Response<Self::ResolveImportStream>, Status> {
        let session = session::require_in_metadata(&self.0, request.metadata())?;
        let stream = hook::open::<ResolveImport>(&self.0, session, request.into_inner());
        Ok(Response::new(stream))
    }

    async fn invalidate(
        &self,
        request: Request<proto::InvalidateRequest>,
    ) -> Result<Response<proto::InvalidateResponse>, Status> {
        invalidate::invalidate(&self.0, request.into_inner())
            .await
            .map(Response::new)
    }

    async fn send(
        &self,
        request: Request<proto::SendRequest>,
    ) -> Result<Response<proto::SendResponse>, Status> {
        let time_left = deadline::remaining(request.metadata())?;
        let report = send::send(&self.0, request.into_inner())
            .await?
            .report(time_left)
            .await;
        Ok(Response::new(proto::SendResponse {
            report: Some(report),
        }))
    }

    async fn send_stream(
        &self,
        request: Request<Streaming<proto::SendStreamRequest>>,
    ) -> Result<Response<Self::SendStreamStream>, Status> {
        Ok(Response::new(send::stream::open(
            &self.0,
            request.into_inner(),
        )))
    }

    async fn send_import(
        &self,
        request: Request<proto::SendImportRequest>,
    ) -> Result<Response<proto::SendImportResponse>, Status> {
        let time_left = deadline::remaining(request.metadata())?;
        import::send(&self.0, request.into_inner(), time_left)
            .await
            .map(Response::new)
    }

    async fn send_console_log(
        &self,
        request: Request<proto::SendConsoleLogRequest>,
    ) -> Result<Response<proto::SendConsoleLogResponse>, Status> {
        let time_left = deadline::remaining(request.metadata())?;
        let report = send::page_actions::console_log(&self.0, request.into_inner())
            .await?
            .report(time_left)
            .await;
        Ok(Response::new(proto::SendConsoleLogResponse {
            report: Some(report),
        }))
    }

    async fn send_command(
        &self,
        request: Request<proto::SendCommandRequest>,
    ) -> Result<Response<proto::SendCommandResponse>, Status> {
        let time_left = deadline::remaining(request.metadata())?;
        let report = send::page_actions::command(&self.0, request.into_inner())
            .await?
            .report(time_left)
            .await;
        Ok(Response::new(proto::SendCommandResponse {
            report: Some(report),
        }))
    }

    async fn subscribe_messages(
        &self,
        request: Request<proto::SubscribeMessagesRequest>,
    ) -> Result<Response<Self::SubscribeMessagesStream>, Status> {
        let session = session::find_in_metadata(&self.0, request.metadata())?;
        subscribe::open(&self.0, session, request.into_inner())
            .await
            .map(Response::new)
    }

    async fn list_sockets(
        &self,
        request: Request<proto::ListSocketsRequest>,
    ) -> Result<Response<proto::ListSocketsResponse>, Status> {
        sockets::list(&self.0, request.into_inner())
            .await
            .map(Response::new)
    }

    async fn close_sockets(
        &self,
        request: Request<proto::CloseSocketsRequest>,
    ) -> Result<Response<proto::CloseSocketsResponse>, Status> {
        sockets::close(&self.0, request.into_inner())
            .await
            .map(Response::new)
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
