//! A hook stream needs a session that declared it, and ends with a reason when it breaks the contract.

use super::{filter, open, session};
use crate::support::{Session, Site, TestServer, assert_status, with_session, within};
use pagewire_client::proto;
use pagewire_client::proto::server_start_response::Event;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;

#[tokio::test]
async fn a_session_is_ready_when_its_declared_hooks_are_open() {
    let server = TestServer::start(&Site::page()).await;
    let mut session = session(&server, "p").await;
    let _hook = session.serve(open("/x")).await.expect("a hook");
    let event = session.event().await;
    assert!(matches!(event, Some(Event::Ready(_))), "{event:?}");
    let again = session.serve(open("/y")).await.map(|_| ());
    assert_status(again, Code::AlreadyExists, "HOOK_ALREADY_OPEN");
}

#[tokio::test]
async fn hooks_need_a_session_that_declared_them() {
    let server = TestServer::start(&Site::page()).await;
    let mut client = server.client().await.raw();
    let none = client.serve(tokio_stream::empty()).await.map(|_| ());
    assert_status(none, Code::FailedPrecondition, "SESSION_REQUIRED");
    let gone = client
        .serve(with_session("nosuch", tokio_stream::empty()))
        .await
        .map(|_| ());
    assert_status(gone, Code::FailedPrecondition, "SESSION_GONE");
    let mut undeclared = Session::open(&server, "p").await;
    assert_status(
        undeclared.serve(open("/x")).await.map(|_| ()),
        Code::FailedPrecondition,
        "HOOK_UNDECLARED",
    );
}

#[tokio::test]
async fn invalid_first_messages_and_filters_end_the_stream_with_a_reason() {
    let server = TestServer::start(&Site::page()).await;
    let mut session = session(&server, "p").await;
    let bad = [
        proto::RequestFilter::default(),
        filter("slashless"),
        proto::RequestFilter {
            path_regexes: vec!["(?!x)".into()],
            ..Default::default()
        },
        proto::RequestFilter {
            match_all: true,
            mime_types: vec!["text/html".into()],
            ..Default::default()
        },
    ];
    for filter in bad {
        let open = proto::ServeOpen {
            filters: vec![filter],
            ..Default::default()
        };
        assert_status(
            session.serve(open).await.map(|_| ()),
            Code::InvalidArgument,
            "FIELD_INVALID",
        );
    }
    let negative = proto::ServeOpen {
        options: Some(proto::HookOptions {
            call_timeout: Some(prost_types::Duration {
                seconds: -1,
                nanos: 0,
            }),
            ..Default::default()
        }),
        ..open("/x")
    };
    assert_status(
        session.serve(negative).await.map(|_| ()),
        Code::InvalidArgument,
        "FIELD_INVALID",
    );

    // Headers are sent at once; the missing open ends the stream.
    let (sender, requests) = mpsc::channel(1);
    let request = session.request(ReceiverStream::new(requests));
    let mut stream = within("headers", session.client.serve(request))
        .await
        .expect("headers")
        .into_inner();
    let result = proto::serve_request::Message::Result(proto::ServeResult::default());
    sender
        .send(proto::ServeRequest {
            message: Some(result),
        })
        .await
        .expect("room");
    assert_status(
        within("the end", stream.message()).await,
        Code::InvalidArgument,
        "FIELD_INVALID",
    );
}
