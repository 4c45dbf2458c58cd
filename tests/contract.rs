//! The control service as any gRPC client sees it.

use crate::support::{Session, Site, TestServer, assert_status, within};
use pagewire_client::proto;
use tonic::transport::Channel;
use tonic::{Code, Request};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

async fn channel(server: &TestServer) -> Channel {
    let url = format!("http://{}", server.control());
    let endpoint = Channel::from_shared(url).expect("a URL");
    within("a connection", endpoint.connect())
        .await
        .expect("a listener")
}

fn authorized<T>(server: &TestServer, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let value = format!("Bearer {}", server.token).parse().expect("ASCII");
    request.metadata_mut().insert("authorization", value);
    request
}

#[tokio::test]
async fn health_is_served() {
    let server = TestServer::start(&Site::page()).await;
    let mut health = HealthClient::new(channel(&server).await);
    for service in ["", "pagewire.v1.ControlService"] {
        let request = HealthCheckRequest {
            service: service.into(),
        };
        let response = health
            .check(authorized(&server, request))
            .await
            .expect("health");
        assert_eq!(
            response.into_inner().status(),
            ServingStatus::Serving,
            "{service}"
        );
    }
}

#[tokio::test]
async fn reflection_lists_the_service_and_its_files() {
    let server = TestServer::start(&Site::page()).await;
    let mut reflection = ServerReflectionClient::new(channel(&server).await);
    let ask = |message| ServerReflectionRequest {
        host: String::new(),
        message_request: Some(message),
    };
    let requests = tokio_stream::iter([
        ask(MessageRequest::ListServices(String::new())),
        ask(MessageRequest::FileContainingSymbol(
            "pagewire.v1.ControlService".into(),
        )),
    ]);
    let request = authorized(&server, requests);
    let mut answers = reflection
        .server_reflection_info(request)
        .await
        .expect("reflection")
        .into_inner();
    let services = within("the services", answers.message())
        .await
        .expect("an answer");
    let Some(MessageResponse::ListServicesResponse(list)) =
        services.and_then(|a| a.message_response)
    else {
        panic!("no list of services");
    };
    let names: Vec<_> = list
        .service
        .iter()
        .map(|service| service.name.as_str())
        .collect();
    for name in ["pagewire.v1.ControlService", "grpc.health.v1.Health"] {
        assert!(names.contains(&name), "{names:?}");
    }
    let file = within("the file", answers.message())
        .await
        .expect("an answer");
    let Some(MessageResponse::FileDescriptorResponse(_)) = file.and_then(|a| a.message_response)
    else {
        panic!("no descriptor of the service");
    };
}

#[tokio::test]
async fn server_info_reports_addresses_and_limits() {
    let server = TestServer::start(&Site::page()).await;
    let info = server.client().await.info().await.expect("info");
    assert_eq!(info.server_version, env!("CARGO_PKG_VERSION"));
    assert_eq!(
        info.base_urls.first().map(String::as_str),
        server.ready["http"].as_str()
    );
    for feature in [
        "import.await",
        "serve",
        "transform",
        "resolve_import",
        "invalidate",
    ] {
        assert!(info.features.iter().any(|has| has == feature), "{feature}");
    }
    let limits = info.limits.expect("limits");
    assert_eq!(limits.max_socket_queue_bytes, 1024 * 1024);
    assert_eq!(limits.event_log_bytes, 64 * 1024 * 1024);
}

#[tokio::test]
async fn a_session_begins_with_the_connected_sockets() {
    let server = TestServer::start(&Site::page()).await;
    let page = server.page().await;
    let session = Session::open(&server, "first").await;
    let started = &session.started;
    assert_eq!(started.plugin_name, "first");
    assert_eq!(started.sockets.len(), 1);
    assert_eq!(started.sockets[0].socket_id, page.id);
    assert!(started.sockets[0].ready);
    assert!(
        started
            .position
            .as_ref()
            .is_some_and(|position| position.sequence >= 2)
    );
    assert_eq!(started.session_id.len(), 26);
    assert!(started.root_dirs[0].starts_with('/'));
}

#[tokio::test]
async fn a_session_without_hooks_is_ready_at_once_and_is_given_a_name() {
    let server = TestServer::start(&Site::page()).await;
    let mut session = Session::open(&server, "").await;
    assert_eq!(session.started.plugin_name, "tool-1");
    let event = session.event().await;
    assert!(
        matches!(event, Some(proto::server_start_response::Event::Ready(_))),
        "{event:?}"
    );
}

#[tokio::test]
async fn a_name_is_taken_while_its_session_is_open_and_free_afterwards() {
    let server = TestServer::start(&Site::page()).await;
    let first = Session::open(&server, "name").await;
    let open = |replace_existing| proto::ServerStartRequest {
        plugin_name: "name".into(),
        replace_existing,
        ..Default::default()
    };
    let taken = Session::open_as(&server, open(false)).await.map(|_| ());
    assert_status(taken, Code::AlreadyExists, "PLUGIN_NAME_TAKEN");

    let second = Session::open_as(&server, open(true))
        .await
        .expect("a takeover");
    let mut events = first.events;
    let end = loop {
        match within("the first session's end", events.message()).await {
            Ok(Some(_)) => {}
            end => break end,
        }
    };
    assert_status(end, Code::Aborted, "REPLACED");
    drop(second);
    // The daemon notices the end of the stream without further messages: the name is free soon after.
    let freed = async {
        while Session::open_as(&server, open(false)).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    within("the name to be free", freed).await;
}

#[tokio::test]
async fn bad_names_and_missing_features_are_refused() {
    let server = TestServer::start(&Site::page()).await;
    for name in ["Upper", "1st", "with space", "-x", &"x".repeat(64)] {
        let request = proto::ServerStartRequest {
            plugin_name: name.into(),
            ..Default::default()
        };
        let refused = Session::open_as(&server, request).await.map(|_| ());
        assert_status(refused, Code::InvalidArgument, "FIELD_INVALID");
    }
    let request = proto::ServerStartRequest {
        required_features: vec![
            "import.await".into(),
            "time-travel".into(),
            "teleport".into(),
        ],
        ..Default::default()
    };
    let refused = Session::open_as(&server, request).await.map(|_| ());
    let status = assert_status(refused, Code::FailedPrecondition, "FEATURE_UNSUPPORTED");
    assert!(
        status.message().contains("time-travel, teleport"),
        "{}",
        status.message()
    );
    assert!(
        !status.message().contains("import.await"),
        "{}",
        status.message()
    );
}
