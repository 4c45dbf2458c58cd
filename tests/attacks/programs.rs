//! Programs that send values at the ends of their range, expressions that are costly to compile, or
//! cancellations by the hundred: nobody else is affected, themselves included.

use super::assert_still_serving;
use crate::support::{
    Page, ResolveImport, Serve, Session, Site, TestServer, Transform, assert_status,
    survives_cancellations, within,
};
use pagewire_client::proto::serve_content::Body;
use pagewire_client::proto::{
    self, RequestFilter, ServeOpen, TransformContent, TransformOpen, serve_result, transform_result,
};
use rustix::process::Signal;
use tokio::net::TcpStream;
use tokio::task::yield_now;
use tonic::{Code, Request};

fn everything() -> RequestFilter {
    RequestFilter {
        match_all: true,
        ..Default::default()
    }
}

fn headers(count: usize) -> Vec<proto::Header> {
    let header = |number| proto::Header {
        name: format!("x-{number}"),
        value: "v".into(),
    };
    (0..count).map(header).collect()
}

#[tokio::test]
async fn a_result_with_too_many_headers_is_a_failure_that_names_number_and_limit() {
    let server = TestServer::start(&Site::page()).await;
    let serving = ServeOpen {
        filters: vec![RequestFilter {
            path_prefixes: vec!["/served/".into()],
            ..Default::default()
        }],
        ..Default::default()
    };
    let (_serving, serve) = Session::with_hook::<Serve>(&server, "serving", serving).await;
    let count = |path: &str| path.rsplit('/').next().and_then(|name| name.parse().ok());
    serve.answering(move |call: &proto::ServeCall| {
        let path = &call.request.as_ref().expect("a request").path;
        serve_result::Outcome::Content(proto::ServeContent {
            body: Some(Body::InlineBody("body".into())),
            headers: headers(count(path).unwrap_or_default()),
            ..Default::default()
        })
    });
    for number in [1030, 24_577, 33_000, 100_000] {
        let response = server.get(&format!("/served/{number}")).await;
        let (status, text) = (response.status, response.text());
        assert_eq!(status, 500, "{number}: {text}");
        assert!(text.contains(&number.to_string()), "{text}");
        assert!(text.contains("1024"), "{text}");
        assert_eq!(response.header("pagewire-plugin"), Some("serving"));
    }
    let response = server.get("/served/80").await;
    assert_eq!((response.status, response.header("x-79")), (200, Some("v")));

    // Several plugins share the limit of a response.
    let mut sessions = Vec::new();
    for name in ["first", "second"] {
        let transforming = TransformOpen {
            filters: vec![everything()],
            ..Default::default()
        };
        let (session, hook) = Session::with_hook::<Transform>(&server, name, transforming).await;
        hook.answering(move |call| {
            let request = call.request.as_ref().expect("a request");
            let mut headers = headers(request.query.parse().unwrap_or_default());
            for header in &mut headers {
                header.name.push_str(name);
            }
            transform_result::Outcome::Content(TransformContent {
                headers,
                ..Default::default()
            })
        });
        sessions.push(session);
    }
    for (number, plugin) in [(600, "second"), (33_000, "first"), (100_000, "first")] {
        let response = server.get(&format!("/index.html?{number}")).await;
        assert_eq!(response.status, 500, "{number}");
        assert_eq!(response.header("pagewire-plugin"), Some(plugin));
        let text = response.text();
        let names_both = text.contains(&number.to_string()) && text.contains("1024");
        assert!(names_both, "{text}");
    }
    let response = server.get("/index.html?40").await;
    assert_eq!(response.status, 200);
    assert_eq!(response.header("x-39second"), Some("v"));
    assert_still_serving(&server, "results with many headers").await;
}

#[tokio::test]
async fn numbers_at_the_ends_of_their_range_are_answered() {
    let server = TestServer::start(&Site::page()).await;
    let page = server.page().await;
    let mut session = Session::open(&server, "p").await;
    let import = |seconds, nanos| proto::SendImportRequest {
        target: Some(pagewire_target(&page)),
        module: Some(proto::send_import_request::Module::ImportPath(
            "/x.js".into(),
        )),
        await_result: true,
        timeout: Some(prost_types::Duration { seconds, nanos }),
        ..Default::default()
    };
    for seconds in [i64::MAX, i64::MAX / 2, 1 << 40, 31_536_001] {
        for nanos in [0, 999_999_999] {
            let refused = session.client.send_import(import(seconds, nanos)).await;
            let status = assert_status(refused, Code::InvalidArgument, "FIELD_INVALID");
            let names_both = [seconds.to_string(), "31536000".to_owned()]
                .iter()
                .all(|number| status.message().contains(number));
            assert!(names_both, "{status:?}");
        }
    }
    for seconds in [-1, i64::MIN] {
        let refused = session.client.send_import(import(seconds, 0)).await;
        assert_status(refused, Code::InvalidArgument, "FIELD_INVALID");
    }
    // The caller's own deadline may be as far away as gRPC can express.
    let mut request = Request::new(proto::SendRequest {
        target: Some(pagewire_target(&page)),
        payload: Some(proto::send_request::Payload::Json("1".into())),
        delivery: None,
    });
    let longest = "99999999H".parse().expect("a header");
    request.metadata_mut().insert("grpc-timeout", longest);
    session.client.send(request).await.expect("a report");
    let list = proto::ListSocketsRequest {
        page_token: format!("{}.0", u64::MAX),
        ..Default::default()
    };
    let listed = session.client.list_sockets(list).await.expect("a list");
    assert!(listed.into_inner().sockets.is_empty());
    assert_still_serving(&server, "extreme numbers").await;
}

fn pagewire_target(page: &Page) -> proto::Target {
    let ids = proto::SocketIds {
        socket_ids: vec![page.id.clone()],
    };
    proto::Target {
        selector: Some(proto::target::Selector::Ids(ids)),
        exclude_socket_ids: Vec::new(),
    }
}

#[tokio::test]
async fn costly_regexes_are_refused_by_their_sum() {
    let server = TestServer::start(&Site::page()).await;
    let filter = |expressions: Vec<String>| RequestFilter {
        path_regexes: expressions,
        ..Default::default()
    };
    let many = |count| vec![r"[\w]{9}".to_owned(); count];
    let cases = [
        // In one filter, or in one each.
        (vec![filter(many(2000))], "filters[0]", "2000", "1000"),
        (vec![filter(many(1)); 2000], "filters", "2000", "1000"),
        (vec![filter(many(1)); 900], "filters", "900", "4194304"),
        (vec![filter(many(30)); 4], "filters", "120", "4194304"),
        (
            vec![filter(vec!["x".repeat(1000); 500])],
            "filters[0]",
            "500000",
            "262144",
        ),
    ];
    let declared = proto::ServerStartRequest {
        plugin_name: "p".into(),
        hooks: vec![proto::Hook::Serve.into(), proto::Hook::ResolveImport.into()],
        ..Default::default()
    };
    let mut session = Session::open_as(&server, declared)
        .await
        .expect("a session");
    let refused = |status: tonic::Status, field: &str, number: &str, limit: &str| {
        let status = assert_status::<()>(Err(status), Code::InvalidArgument, "FIELD_INVALID");
        let message = status.message();
        assert!(message.starts_with(&format!("{field}: ")), "{message}");
        let names_both = message.contains(number) && message.contains(limit);
        assert!(names_both, "{message}");
    };
    for (filters, field, number, limit) in cases {
        let open = ServeOpen {
            filters: filters.clone(),
            ..Default::default()
        };
        let opened = session.serve(open).await;
        refused(opened.err().expect("too much"), field, number, limit);
        let mut hook = session.serve(ServeOpen::default()).await.expect("a hook");
        hook.send(update(filters)).await;
        let ended = hook.next().await.expect_err("too much");
        refused(ended, field, number, limit);
    }
    for (count, number, limit) in [(2000, "2000", "1000"), (500, "500", "4194304")] {
        let open = proto::ResolveImportOpen {
            filters: vec![everything()],
            specifier_regexes: many(count),
            ..Default::default()
        };
        let opened = session.hook::<ResolveImport>(open).await;
        let status = opened.err().expect("too much");
        refused(status, "specifier_regexes", number, limit);
    }
    assert_still_serving(&server, "costly expressions").await;
}

fn update(filters: Vec<RequestFilter>) -> proto::ServeRequest {
    let update = proto::UpdateFilters {
        filters,
        ..Default::default()
    };
    proto::ServeRequest {
        message: Some(proto::serve_request::Message::UpdateFilters(update)),
    }
}

#[tokio::test]
async fn compiled_regexes_of_all_programs_share_one_budget() {
    let server = TestServer::start(&Site::page()).await;
    let mut client = server.client().await.raw();
    // Each takes 1 MiB of the budget, and as much for what matching builds.
    let subscribe = || proto::SubscribeMessagesRequest {
        sockets: Some(proto::SocketFilter {
            url_regex: "[a-z]{8000}".into(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let mut open = Vec::new();
    let refused = loop {
        match client.subscribe_messages(subscribe()).await {
            Ok(stream) => open.push(stream),
            Err(status) => break status,
        }
        assert!(open.len() <= 64, "more than 64 MiB");
    };
    let status = assert_status::<()>(Err(refused), Code::ResourceExhausted, "LIMIT_REACHED");
    assert!(status.message().contains("67108864"), "{status:?}");
    drop(open);
    let freed = async { while client.subscribe_messages(subscribe()).await.is_err() {} };
    within("the budget to be free again", freed).await;
    assert_still_serving(&server, "large expressions").await;
}

#[tokio::test]
async fn a_program_that_cancels_many_calls_at_once_keeps_its_connection() {
    let server = TestServer::start(&Site::page()).await;
    let authorization = format!("Bearer {}", server.token);
    let headers = [
        (":method", "POST"),
        (":scheme", "http"),
        (":authority", "localhost"),
        (":path", "/pagewire.v1.ControlService/GetServerInfo"),
        ("content-type", "application/grpc"),
        ("authorization", &authorization),
    ];
    for requests in [1, 500, 5000] {
        let stream = within("a connection", TcpStream::connect(server.control())).await;
        let survived = survives_cancellations(stream.expect("a listener"), &headers, requests);
        assert!(survived.await, "{requests} cancelled calls");
    }

    let opening = ServeOpen {
        filters: vec![everything()],
        ..Default::default()
    };
    let (mut session, mut hook) = Session::with_hook::<Serve>(&server, "p", opening).await;
    let _ready = session.event().await;
    let call = || {
        let mut client = session.client.clone();
        tokio::spawn(async move { client.get_server_info(proto::GetServerInfoRequest {}).await })
    };
    for _ in 0..8 {
        // The daemon finds calls and cancellations at once.
        server.signal(Signal::STOP);
        let calls: Vec<_> = (0..500).map(|_| call()).collect();
        for _ in 0..50 {
            yield_now().await;
        }
        for call in calls {
            call.abort();
        }
        for _ in 0..50 {
            yield_now().await;
        }
        server.signal(Signal::CONT);
        // The daemon's responses cross the cancellations.
        let mut calls: Vec<_> = (0..500).map(|_| call()).collect();
        let first = within("a response", calls.remove(0))
            .await
            .expect("no panic");
        first.expect("an open connection");
        for call in calls {
            call.abort();
        }
    }
    let content = serve_result::Outcome::Content(proto::ServeContent {
        body: Some(Body::InlineBody("still here".into())),
        ..Default::default()
    });
    let (response, _) = tokio::join!(server.get("/x"), hook.answer_next(content));
    assert_eq!(response.text(), "still here");
    server.signal(Signal::TERM);
    let next = session.event().await;
    let stopping = matches!(next, Some(proto::server_start_response::Event::Stopping(_)));
    assert!(stopping, "{next:?}");
}
