//! The control port requires the token, and invalid arguments do not affect other callers.

use super::{MIB, assert_still_serving, contains};
use crate::support::{Page, Session, Site, TestServer, assert_status, raw_request, within};
use pagewire_client::proto;
use pagewire_client::{SocketFilter, SubscribeOptions, Target};
use serde_json::json;
use tonic::transport::Channel;
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_types::StatusExt;

#[tokio::test]
async fn http_1_on_the_control_port_reveals_nothing() {
    let server = TestServer::start(&Site::page()).await;
    let control = server.control().parse().expect("an address");
    let token = &server.token;
    for (line, headers, body) in [
        ("GET / HTTP/1.1", String::new(), ""),
        (
            "OPTIONS / HTTP/1.1",
            "Origin: http://evil.example\r\n".into(),
            "",
        ),
        (
            "POST /pagewire.v1.ControlService/GetServerInfo HTTP/1.1",
            "Content-Type: application/grpc\r\nContent-Length: 5\r\n".into(),
            "\0\0\0\0\0",
        ),
        // gRPC-web, even with the token.
        (
            "POST /pagewire.v1.ControlService/GetServerInfo HTTP/1.1",
            format!(
                "Authorization: Bearer {token}\r\nContent-Type: application/grpc-web\r\nContent-Length: 5\r\n"
            ),
            "\0\0\0\0\0",
        ),
        (
            "GET / HTTP/1.1",
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
                .into(),
            "",
        ),
        (
            "GET /__pagewire__/socket HTTP/1.1",
            "Connection: Upgrade\r\nUpgrade: websocket\r\n".into(),
            "",
        ),
    ] {
        let request = format!("{line}\r\nHost: localhost\r\n{headers}\r\n{body}");
        let response = raw_request(control, request.as_bytes()).await;
        assert_eq!(response.status, 505, "{line} {headers} is not answered");
        assert!(
            response.body.len() < 256,
            "{line} {headers}: {:?}",
            response.text()
        );
        assert!(!contains(&response, "pagewire"), "{line} {headers}");
    }
    server
        .client()
        .await
        .info()
        .await
        .expect("programs are served as before");
}

#[tokio::test]
async fn without_the_token_every_service_refuses_and_does_nothing() {
    let server = TestServer::start(&Site::page()).await;
    let mut page = server.page().await;
    let url = format!("http://{}", server.control());
    let endpoint = Channel::from_shared(url).expect("a URL");
    let channel = within("a connection", endpoint.connect())
        .await
        .expect("a listener");
    let almost = format!("Bearer {}x", &server.token[..server.token.len() - 1]);
    for (given, reason) in [
        (None, "TOKEN_MISSING"),
        (Some(String::new()), "TOKEN_INVALID"),
        (Some("Bearer ".into()), "TOKEN_INVALID"),
        (Some("Bearer wrong".into()), "TOKEN_INVALID"),
        (Some(server.token.clone()), "TOKEN_INVALID"),
        (Some(format!("Basic {}", server.token)), "TOKEN_INVALID"),
        (
            Some(format!("Bearer {}{}", server.token, server.token)),
            "TOKEN_INVALID",
        ),
        (
            Some(format!("Bearer {}", &server.token[1..])),
            "TOKEN_INVALID",
        ),
        (Some(almost), "TOKEN_INVALID"),
    ] {
        fn with<T>(given: Option<&String>, message: T) -> Request<T> {
            let mut request = Request::new(message);
            if let Some(given) = given {
                let value = given.parse().expect("a header");
                request.metadata_mut().insert("authorization", value);
            }
            request
        }
        let given = given.as_ref();
        let refused = |status, what: &str| {
            let status: Result<(), tonic::Status> = status;
            let status = assert_status(status, Code::Unauthenticated, reason);
            let names_remedy = status.message().contains("token_file");
            assert!(names_remedy, "{what} with {given:?}: {}", status.message());
        };
        let health = HealthClient::new(channel.clone())
            .check(with(given, HealthCheckRequest::default()))
            .await;
        refused(health.map(|_| ()), "health");
        let nothing = tokio_stream::empty::<ServerReflectionRequest>();
        let reflection = ServerReflectionClient::new(channel.clone())
            .server_reflection_info(with(given, nothing))
            .await;
        refused(reflection.map(|_| ()), "reflection");
        let mut control = proto::control_service_client::ControlServiceClient::new(channel.clone());
        let info = control
            .get_server_info(with(given, proto::GetServerInfoRequest {}))
            .await;
        refused(info.map(|_| ()), "info");
        let start = control
            .server_start(with(given, proto::ServerStartRequest::default()))
            .await;
        refused(start.map(|_| ()), "a session");
        let everyone = proto::Target {
            selector: Some(proto::target::Selector::All(proto::AllSockets {})),
            exclude_socket_ids: Vec::new(),
        };
        let send = proto::SendRequest {
            target: Some(everyone),
            payload: Some(proto::send_request::Payload::Json(
                "{\"type\":\"evil\"}".into(),
            )),
            delivery: None,
        };
        refused(control.send(with(given, send)).await.map(|_| ()), "a send");
    }
    let client = server.client().await;
    client
        .send(&Target::all(), json!({"type": "first"}))
        .await
        .expect("the send succeeds");
    assert_eq!(
        page.receive_json().await["type"],
        "first",
        "no other message came first"
    );
}

#[tokio::test]
async fn an_oversized_send_is_refused() {
    let server = TestServer::start(&Site::page()).await;
    let page = server.page().await;
    let client = server.client().await;
    let target = Target::socket(&page.id);
    let over = client.send_text(&target, "a".repeat(16 * MIB + 1)).await;
    let error = over.expect_err("it should have been refused");
    assert_eq!(
        (error.code(), error.reason()),
        (Some(Code::InvalidArgument), Some("FIELD_INVALID"))
    );
    let far_over = client.send_binary(&target, vec![0; 64 * MIB]).await;
    assert!(far_over.is_err(), "{far_over:?}");
    assert_still_serving(&server, "programs that send too much").await;
}

#[tokio::test]
async fn an_invalid_or_oversized_regex_is_an_invalid_argument() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    for regex in [
        "(",
        "[",
        "a{2,1}",
        "*",
        "\\",
        "(?=x)",
        "(?<=x)y",
        r"(a)\1",
        "(a{1000}){1000}",
        "[a-z]{60000}",
        r"\w{5000}",
        "((((((a{20}){20}){20}){20}){20}){20}){20}",
    ] {
        let shown = &regex[..regex.len().min(40)];
        let filter = SocketFilter::url(regex);
        let is_refused = |outcome: Result<(), pagewire_client::Error>, what: &str| {
            let error = outcome.expect_err(shown);
            let found = (error.code(), error.reason());
            assert_eq!(
                found,
                (Some(Code::InvalidArgument), Some("FIELD_INVALID")),
                "{what}: {shown}"
            );
        };
        let listed = client.list_sockets(Some(filter.clone())).await;
        is_refused(listed.map(|_| ()), "a list");
        let sent = client
            .send(&Target::filter(filter.clone()), json!({"type": "x"}))
            .await;
        is_refused(sent.map(|_| ()), "a send");
        let options = SubscribeOptions::new().from_sockets(filter);
        is_refused(
            client.subscribe(options).await.map(|_| ()),
            "a subscription",
        );
    }
    assert_still_serving(&server, "expressions").await;
}

#[tokio::test]
async fn refusing_a_long_value_keeps_the_callers_connection() {
    // Errors are sent in headers: one that repeats a long value would not fit and would end the
    // connection with every call on it.
    let server = TestServer::start(&Site::page()).await;
    let mut session = Session::open(&server, "bystander").await;
    let _ready = session.event().await;
    let mut raw = session.client.clone();
    let everyone = || {
        Some(proto::Target {
            selector: Some(proto::target::Selector::All(proto::AllSockets {})),
            exclude_socket_ids: Vec::new(),
        })
    };
    for length in [5_000, 20_000, 1_000_000] {
        let long = "(".repeat(length);
        let filter = SocketFilter::url(long.clone());
        let list = proto::ListSocketsRequest {
            filter: Some(filter),
            ..Default::default()
        };
        let token = proto::ListSocketsRequest {
            page_token: long.clone(),
            ..Default::default()
        };
        let import = proto::SendImportRequest {
            target: everyone(),
            module: Some(proto::send_import_request::Module::ImportPath(long.clone())),
            ..Default::default()
        };
        let swap = proto::SwapStylesheets {
            paths: vec![long.clone()],
        };
        let command = proto::SendCommandRequest {
            target: everyone(),
            command: Some(proto::send_command_request::Command::SwapStylesheets(swap)),
            delivery: None,
        };
        let start = proto::ServerStartRequest {
            plugin_name: long.clone(),
            ..Default::default()
        };
        let feature = proto::ServerStartRequest {
            required_features: vec![long.clone()],
            ..Default::default()
        };
        let reply = proto::SendRequest {
            target: Some(proto::Target {
                selector: Some(proto::target::Selector::ReplyTo(long.clone())),
                exclude_socket_ids: Vec::new(),
            }),
            payload: Some(proto::send_request::Payload::Json("1".into())),
            delivery: None,
        };
        for (what, refused, reason) in [
            (
                "a regex",
                raw.list_sockets(list).await.err(),
                "FIELD_INVALID",
            ),
            (
                "a token",
                raw.list_sockets(token).await.err(),
                "FIELD_INVALID",
            ),
            (
                "a path",
                raw.send_import(import).await.err(),
                "FIELD_INVALID",
            ),
            (
                "a stylesheet",
                raw.send_command(command).await.err(),
                "FIELD_INVALID",
            ),
            (
                "a name",
                raw.server_start(start).await.err(),
                "FIELD_INVALID",
            ),
            (
                "a feature",
                raw.server_start(feature).await.err(),
                "FEATURE_UNSUPPORTED",
            ),
            (
                "a request id",
                raw.send(reply).await.err(),
                "REQUEST_NOT_FOUND",
            ),
        ] {
            let status = refused.expect("it should have been refused");
            let found = status.get_details_error_info().map(|info| info.reason);
            assert_eq!(
                found.as_deref(),
                Some(reason),
                "{what} of {length}: {status:?}"
            );
        }
    }
    // The session uses the same connection.
    server.signal(rustix::process::Signal::TERM);
    let next = session.event().await;
    let stopping = matches!(next, Some(proto::server_start_response::Event::Stopping(_)));
    assert!(stopping, "{next:?}");
}

#[tokio::test]
async fn a_backtracking_regex_is_matched_in_linear_time() {
    let server = TestServer::start(&Site::page()).await;
    // 2^100,000 steps for a backtracking matcher.
    let url = format!("http://localhost/{}!", "a".repeat(100_000));
    let _page = Page::open_as(server.http(), &json!({"url": url})).await;
    let client = server.client().await;
    for (regex, matches) in [
        ("(a+)+$", false),
        ("^(a|aa)+$", false),
        ("(x+x+)+y", false),
        ("(a+)+!$", true),
    ] {
        let listed = within(
            "a match",
            client.list_sockets(Some(SocketFilter::url(regex))),
        )
        .await;
        assert_eq!(
            listed.expect("a list").sockets.len(),
            usize::from(matches),
            "{regex}"
        );
    }
    assert_still_serving(&server, "backtracking expressions").await;
}
