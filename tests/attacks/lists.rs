//! Programs that send long lists and texts: each has a bound, which the error names, and what the daemon
//! sends back stays below what gRPC libraries accept.

use super::{MIB, assert_still_serving};
use crate::support::{Serve, Session, Site, TestServer, Transform, assert_status};
use pagewire_client::proto::serve_content::Body;
use pagewire_client::proto::target::Selector;
use pagewire_client::proto::{
    self, RequestFilter, ServeOpen, TransformContent, TransformOpen, serve_result, transform_result,
};
use prost::Message;
use tonic::{Code, Request, Status};

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("/{number}")).collect()
}

/// Returns two texts with this many bytes together.
fn long(bytes: usize) -> Vec<String> {
    let text = "/".to_owned() + &"x".repeat(bytes / 2 - 1);
    vec![text; 2]
}

fn target(selector: Selector) -> proto::Target {
    proto::Target {
        selector: Some(selector),
        exclude_socket_ids: Vec::new(),
    }
}

fn ids(socket_ids: Vec<String>) -> proto::Target {
    target(Selector::Ids(proto::SocketIds { socket_ids }))
}

fn send(target: proto::Target) -> proto::SendRequest {
    proto::SendRequest {
        target: Some(target),
        payload: Some(proto::send_request::Payload::Json("1".into())),
        delivery: None,
    }
}

fn import(target: proto::Target, args_json: Vec<String>) -> proto::SendImportRequest {
    let path = "/x.js".to_owned();
    proto::SendImportRequest {
        target: Some(target),
        module: Some(proto::send_import_request::Module::ImportPath(path)),
        args_json,
        await_result: true,
        ..Default::default()
    }
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, Status>, field: &str, limit: &str) {
    let status = assert_status(result, Code::InvalidArgument, "FIELD_INVALID");
    let message = status.message();
    let names_both = message.starts_with(field) && message.contains(limit);
    assert!(names_both, "{field} {limit}: {message}");
}

#[tokio::test]
async fn every_list_of_a_request_is_bounded_and_the_error_names_field_and_limit() {
    let server = TestServer::start(&Site::page()).await;
    let mut client = server.client().await.raw();
    for (list, limit) in [(numbered(10_001), "10000"), (long(600_000), "524288")] {
        refused(
            client.send(send(ids(list.clone()))).await,
            "target.ids",
            limit,
        );
        let tabs = proto::TabIds {
            tab_ids: list.clone(),
        };
        let tabs = target(Selector::Tabs(tabs));
        refused(client.send(send(tabs)).await, "target.tabs", limit);
        let pages = proto::PageIds {
            page_ids: list.clone(),
        };
        let pages = target(Selector::Pages(pages));
        refused(client.send(send(pages)).await, "target.pages", limit);
        let mut all = target(Selector::All(proto::AllSockets {}));
        all.exclude_socket_ids = list;
        let sent = client.send_import(import(all, Vec::new())).await;
        refused(sent, "target.exclude_socket_ids", limit);
    }
    let all = target(Selector::All(proto::AllSockets {}));
    let args = vec!["1".to_owned(); 10_001];
    let sent = client.send_import(import(all.clone(), args.clone())).await;
    refused(sent, "args_json", "10000");
    let log = proto::SendConsoleLogRequest {
        target: Some(all.clone()),
        args_json: args,
        ..Default::default()
    };
    refused(client.send_console_log(log).await, "args_json", "10000");
    let url = "x".repeat(17 * MIB);
    let command = proto::send_command_request::Command::Navigate(proto::Navigate { url });
    let command = proto::SendCommandRequest {
        target: Some(all),
        command: Some(command),
        delivery: None,
    };
    refused(
        client.send_command(command).await,
        "navigate.url",
        "16777216",
    );
    for (list, limit) in [(numbered(10_001), "10000"), (long(3 * MIB), "2097152")] {
        let lists = [
            proto::InvalidateRequest {
                exact_paths: list.clone(),
                ..Default::default()
            },
            proto::InvalidateRequest {
                path_prefixes: list.clone(),
                ..Default::default()
            },
            proto::InvalidateRequest {
                file_paths: list,
                ..Default::default()
            },
        ];
        for (request, field) in
            lists
                .into_iter()
                .zip(["exact_paths", "path_prefixes", "file_paths"])
        {
            refused(client.invalidate(request).await, field, limit);
        }
    }
    for (message_types, limit) in [(numbered(10_001), "10000"), (long(2 * MIB), "1048576")] {
        let request = proto::SubscribeMessagesRequest {
            message_types,
            ..Default::default()
        };
        let subscribed = client.subscribe_messages(request).await;
        refused(subscribed.map(drop), "message_types", limit);
    }
    let request = proto::ServerStartRequest {
        required_features: numbered(1001),
        ..Default::default()
    };
    let opened = client.server_start(request).await.map(drop);
    refused(opened, "required_features", "1000");
    let version = "1".repeat(257);
    let request = proto::ServerStartRequest {
        plugin_version: version.clone(),
        ..Default::default()
    };
    refused(
        client.server_start(request).await.map(drop),
        "plugin_version",
        "256",
    );
    let request = proto::ServerStartRequest {
        launch_id: version,
        ..Default::default()
    };
    refused(
        client.server_start(request).await.map(drop),
        "launch_id",
        "256",
    );

    let declared = proto::ServerStartRequest {
        plugin_name: "p".into(),
        // Repeated hooks count once.
        hooks: vec![proto::Hook::Serve.into(); 100_000],
        ..Default::default()
    };
    let mut session = Session::open_as(&server, declared)
        .await
        .expect("a session");
    let forward = |forward_request_headers| ServeOpen {
        options: Some(proto::HookOptions {
            forward_request_headers,
            ..Default::default()
        }),
        ..Default::default()
    };
    let filters = |filters| ServeOpen {
        filters,
        ..Default::default()
    };
    let filter = |exact_paths| RequestFilter {
        exact_paths,
        ..Default::default()
    };
    let files = |file_paths| RequestFilter {
        file_paths,
        ..Default::default()
    };
    for (open, field, limit) in [
        (
            forward(numbered(1001)),
            "options.forward_request_headers",
            "1000",
        ),
        (
            forward(long(100_000)),
            "options.forward_request_headers",
            "65536",
        ),
        (filters(vec![filter(numbered(10_001))]), "filters", "10000"),
        (
            filters(vec![filter(numbered(100)); 100]),
            "filters",
            "10000",
        ),
        (filters(vec![filter(long(2 * MIB))]), "filters", "1048576"),
        (
            filters(vec![files(numbered(7000))]),
            "filters.file_paths",
            "1000",
        ),
    ] {
        let opened = session.serve(open).await.map(drop);
        refused(opened, field, limit);
    }
    let _hook = session
        .serve(filters(vec![files(numbered(1000))]))
        .await
        .expect("a hook");
    let list = client
        .list_plugins(proto::ListPluginsRequest::default())
        .await;
    let plugins = list.expect("a list").into_inner().plugins;
    assert_eq!(plugins[0].hooks.len(), 1);
    assert_still_serving(&server, "long lists").await;
}

#[tokio::test]
async fn a_response_to_the_longest_lists_is_below_3_mib() {
    const LIMIT: usize = 3 * MIB;
    let server = TestServer::start(&Site::page()).await;
    let mut client = server.client().await.raw();
    let unknown: Vec<_> = (0..10_000).map(|number| format!("{number:052}")).collect();
    let sent = client
        .send(send(ids(unknown.clone())))
        .await
        .expect("a report")
        .into_inner();
    assert_eq!(
        sent.report.as_ref().expect("a report").unreached.len(),
        10_000
    );
    assert!(sent.encoded_len() < LIMIT, "{}", sent.encoded_len());
    let sent = client.send_import(import(ids(unknown), Vec::new())).await;
    let sent = sent.expect("a response").into_inner();
    assert_eq!(sent.results.len(), 10_000);
    assert!(sent.encoded_len() < LIMIT, "{}", sent.encoded_len());
}

#[tokio::test]
async fn metadata_beyond_its_limit_is_refused_and_the_connection_stays() {
    let server = TestServer::start(&Site::page()).await;
    let mut client = server.client().await.raw();
    let mut info = async |bytes: usize| {
        let mut request = Request::new(proto::GetServerInfoRequest {});
        let value = "x".repeat(bytes).parse().expect("ASCII");
        request.metadata_mut().insert("x", value);
        client.get_server_info(request).await
    };
    info(15_000).await.expect("a response");
    info(20_000).await.expect_err("it has too much metadata");
    info(15_000).await.expect("a response");
}

fn inline(body: &'static str) -> proto::ServeContent {
    proto::ServeContent {
        body: Some(Body::InlineBody(body.into())),
        ..Default::default()
    }
}

fn everything() -> Vec<RequestFilter> {
    vec![RequestFilter {
        match_all: true,
        ..Default::default()
    }]
}

fn header(name: &str, bytes: usize) -> proto::Header {
    proto::Header {
        name: name.into(),
        value: vec![b'v'; bytes].into(),
    }
}

#[tokio::test]
async fn headers_that_clients_would_refuse_are_a_failure_that_names_plugin_header_and_limit() {
    let server = TestServer::start(&Site::page()).await;
    let open = ServeOpen {
        filters: everything(),
        ..Default::default()
    };
    let (_session, hook) = Session::with_hook::<Serve>(&server, "large", open).await;
    hook.answering(|call: &proto::ServeCall| {
        let path = &*call.request.as_ref().expect("a request").path;
        let mut content = inline("body");
        match path {
            "/one" => content.headers.push(header("x-long", 40_000)),
            "/huge" => content.headers.push(header("x-long", 3_000_000)),
            "/name" => content.headers.push(header(&"x".repeat(3_000_000), 1)),
            "/sum" => content.headers = vec![header("x-some", 30_000); 5],
            "/type" => content.content_type = "text/".to_owned() + &"x".repeat(40_000),
            _ => content.headers.push(header("x-long", 30_000)),
        }
        serve_result::Outcome::Content(content)
    });
    for (path, part, limit) in [
        ("/one", "x-long", "32768"),
        ("/huge", "x-long", "32768"),
        ("/name", "xxxx", "32768"),
        ("/sum", "150030", "131072"),
        ("/type", "content type", "32768"),
    ] {
        let response = server.get(path).await;
        let text = response.text();
        assert_eq!(response.status, 500, "{path}");
        let names_all = ["large", part, limit]
            .iter()
            .all(|name| text.contains(name));
        assert!(names_all && text.len() < 100_000, "{path}: {text}");
    }
    let response = server.get("/fine").await;
    assert_eq!(response.status, 200);
    assert_eq!(response.header("x-long").map(str::len), Some(30_000));
}

#[tokio::test]
async fn a_status_without_content_has_no_body_whatever_plugins_send() {
    let server = TestServer::start(&Site::page()).await;
    let open = ServeOpen {
        filters: vec![RequestFilter {
            path_prefixes: vec!["/status/".into()],
            ..Default::default()
        }],
        ..Default::default()
    };
    let (_serving, hook) = Session::with_hook::<Serve>(&server, "serving", open).await;
    hook.answering(|call: &proto::ServeCall| {
        let path = &call.request.as_ref().expect("a request").path;
        let status = path.rsplit('/').next().and_then(|name| name.parse().ok());
        serve_result::Outcome::Content(proto::ServeContent {
            status: status.unwrap_or_default(),
            content_type: "text/html".into(),
            ..inline("<html><head></head><body>content</body></html>")
        })
    });
    let check = async || {
        for status in [204, 205, 304] {
            let response = server.get(&format!("/status/{status}")).await;
            assert_eq!((response.status, response.text().as_str()), (status, ""));
            let length = response.header("content-length").unwrap_or("0");
            assert_eq!(length, "0", "{status}");
        }
        for status in [200, 206, 404] {
            let response = server.get(&format!("/status/{status}")).await;
            assert_eq!(response.status, status);
            assert!(response.text().contains("<body>"), "{status}");
        }
    };
    check().await;
    let open = TransformOpen {
        filters: everything(),
        ..Default::default()
    };
    let (_transforming, hook) = Session::with_hook::<Transform>(&server, "other", open).await;
    hook.answering(|_| {
        transform_result::Outcome::Content(TransformContent {
            body: Some("<body>changed".into()),
            ..Default::default()
        })
    });
    check().await;
}

#[tokio::test]
async fn lists_and_texts_of_results_are_bounded_and_the_error_names_the_limit() {
    let server = TestServer::start(&Site::page()).await;
    let open = ServeOpen {
        filters: everything(),
        ..Default::default()
    };
    let (_session, hook) = Session::with_hook::<Serve>(&server, "p", open).await;
    hook.answering(|call: &proto::ServeCall| {
        let path = &*call.request.as_ref().expect("a request").path;
        let mut content = inline("body");
        match path {
            "/many" => content.depends_on_files = numbered(300_000),
            "/long" => content.depends_on_files = long(3 * MIB),
            "/failure" => {
                return serve_result::Outcome::Failure(proto::HookFailure {
                    message: "m".repeat(3 * MIB),
                    stack: "s".repeat(3 * MIB),
                    ..Default::default()
                });
            }
            _ => content.depends_on_files = numbered(10_000),
        }
        serve_result::Outcome::Content(content)
    });
    for (path, limit) in [("/many", "10000"), ("/long", "2097152")] {
        let response = server.get(path).await;
        let text = response.text();
        assert_eq!(response.status, 500, "{path}");
        let names_both = text.contains("depends_on_files") && text.contains(limit);
        assert!(names_both, "{path}: {text}");
    }
    assert_eq!(server.get("/some").await.text(), "body");
    let response = server.get("/failure").await;
    assert_eq!(response.status, 500);
    assert!(response.body.len() < MIB, "{}", response.body.len());
}
