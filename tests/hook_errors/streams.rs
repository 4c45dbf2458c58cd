//! A hook stream that violates the contract, or loses its session, ends with a reason.

use super::{assert_plugin_error, assert_unchanged, open, plugin, response_to, session, start};
use crate::support::module_hook::{self, ModuleHook, PATH, UNTOUCHED};
use crate::support::{HookStream, Session, Site, TestServer, assert_status, with_session, within};
use pagewire_client::proto::server_start_response::Event;
use pagewire_client::proto::{self, FailureMode, RequestFilter, ServerStartRequest};
use rustix::process::Signal;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};
use tonic_types::StatusExt;

of_every_hook! {
    a_hook_needs_an_open_session_that_declared_it
    a_second_stream_of_a_hook_is_refused_and_the_first_continues
    a_stream_with_messages_out_of_order_ends
    invalid_filters_and_options_are_refused_by_name
    a_hook_ends_with_its_session_and_reports_the_reason
    ending_a_session_returns_once_it_is_gone
    a_withdrawn_hook_is_not_called_and_can_be_reopened
    the_last_filter_update_applies
    stopping_the_daemon_ends_the_stream_as_retryable
}

/// Opens the stream with these messages and waits for its end.
async fn end_of<K: ModuleHook>(session: &mut Session, sent: Vec<K::Request>) -> Status {
    let (sender, requests) = mpsc::channel(4);
    for message in sent {
        sender.send(message).await.expect("room");
    }
    let request = session.request(ReceiverStream::new(requests));
    // Headers are sent before any message is read.
    let started = within("headers", K::start(&mut session.client, request)).await;
    let mut responses = started.expect("headers").into_inner();
    let end = async {
        loop {
            match responses.message().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("the stream ended without a reason"),
                Err(end) => return end,
            }
        }
    };
    within("the stream's end", end).await
}

/// Returns the status with which an open stream ends.
async fn end<K: ModuleHook>(hook: &mut HookStream<K>) -> Status {
    let next = hook.next().await;
    next.expect_err("the stream should have ended with a reason")
}

async fn a_hook_needs_an_open_session_that_declared_it<K: ModuleHook>() {
    let server = start().await;
    let mut client = server.client().await.raw();
    let empty = || ReceiverStream::new(mpsc::channel(1).1);
    let none = K::start(&mut client, tonic::Request::new(empty())).await;
    assert_status(none.map(drop), Code::FailedPrecondition, "SESSION_REQUIRED");
    let unknown = K::start(&mut client, with_session("nosuch", empty())).await;
    assert_status(unknown.map(drop), Code::FailedPrecondition, "SESSION_GONE");

    let Session {
        started, events, ..
    } = session::<K>(&server).await;
    drop(events);
    let over = async {
        loop {
            let request = with_session(&started.session_id, empty());
            if let Err(status) = K::start(&mut client, request).await {
                return status;
            }
        }
    };
    let over = within("the session to be over", over).await;
    assert_status::<()>(Err(over), Code::FailedPrecondition, "SESSION_GONE");

    let mut undeclared = Session::open(&server, "undeclared").await;
    let opened = undeclared.hook::<K>(open::<K>()).await;
    assert_status(
        opened.map(drop),
        Code::FailedPrecondition,
        "HOOK_UNDECLARED",
    );
}

async fn ending_a_session_returns_once_it_is_gone<K: ModuleHook>() {
    let server = start().await;
    // Repeated: the request and the next session of that name would fail if anything of the ended one
    // were left.
    for _ in 0..20 {
        let (mut session, mut hook) = plugin::<K>(&server, open::<K>()).await;
        let ended = proto::EndSessionRequest {
            session_id: session.started.session_id.clone(),
        };
        let client = &mut session.client;
        client.end_session(ended.clone()).await.expect("an end");
        assert_unchanged(&server.get(PATH).await, None);
        let again = client.end_session(ended).await;
        assert_status(again, Code::FailedPrecondition, "SESSION_GONE");
        let of_hook = end(&mut hook).await;
        assert_status::<()>(Err(of_hook), Code::Aborted, "SESSION_CLOSED");
        let ready = session.event().await;
        assert!(matches!(ready, Some(Event::Ready(_))), "{ready:?}");
        let of_session = within("the session's end", session.events.message()).await;
        assert_status(of_session, Code::Aborted, "SESSION_CLOSED");
    }
}

async fn a_second_stream_of_a_hook_is_refused_and_the_first_continues<K: ModuleHook>() {
    let server = start().await;
    let (mut session, mut hook) = plugin::<K>(&server, open::<K>()).await;
    let again = session.hook::<K>(open::<K>()).await;
    assert_status(again.map(drop), Code::AlreadyExists, "HOOK_ALREADY_OPEN");
    let response = response_to(&server, &mut hook, K::answer("first")).await;
    assert_eq!(response.text(), K::answered("first"));
}

async fn a_stream_with_messages_out_of_order_ends<K: ModuleHook>() {
    let server = start().await;
    let mut session = session::<K>(&server).await;
    let opening = || K::open(open::<K>());
    let result = || K::result(1, Some(K::skip()));
    let update = || K::update(vec![module_hook::module()]);
    for sent in [
        vec![result()],
        vec![update()],
        vec![opening(), opening()],
        vec![opening(), result(), opening()],
    ] {
        let end = end_of::<K>(&mut session, sent).await;
        assert_status::<()>(Err(end), Code::InvalidArgument, "FIELD_INVALID");
    }
    // None of the hooks is active any more.
    assert_unchanged(&server.get(PATH).await, None);
}

async fn invalid_filters_and_options_are_refused_by_name<K: ModuleHook>() {
    let server = start().await;
    let mut session = session::<K>(&server).await;
    let filter = |change: fn(&mut RequestFilter)| {
        let mut filter = RequestFilter::default();
        change(&mut filter);
        filter
    };
    let bad = [
        filter(|_| {}),
        filter(|filter| filter.exact_paths = vec!["slashless".into()]),
        filter(|filter| filter.path_prefixes = vec!["slashless".into()]),
        filter(|filter| filter.file_paths = vec!["relative".into()]),
        filter(|filter| filter.path_regexes = vec!["(".into()]),
        filter(|filter| filter.path_regexes = vec!["(?!x)".into()]),
        filter(|filter| filter.exclude_path_regexes = vec![r"(a)\1".into()]),
    ];
    let refused = |status: Status, field: &str| {
        let status = assert_status::<()>(Err(status), Code::InvalidArgument, "FIELD_INVALID");
        let details = status.get_details_bad_request().expect("violations");
        assert_eq!(details.field_violations[0].field, field);
    };
    for filter in bad {
        let filters = vec![module_hook::module(), filter];
        let opening = K::open(K::opening(filters.clone(), None));
        let end = end_of::<K>(&mut session, vec![opening]).await;
        refused(end, "filters[1]");
        let sent = vec![K::open(open::<K>()), K::update(filters)];
        refused(end_of::<K>(&mut session, sent).await, "filters[1]");
    }
    let mut options = module_hook::options(FailureMode::Fail, 1000);
    options.call_timeout = Some(prost_types::Duration {
        seconds: -1,
        nanos: 0,
    });
    let opening = K::open(K::opening(
        vec![module_hook::module()],
        Some(options.clone()),
    ));
    let end = end_of::<K>(&mut session, vec![opening]).await;
    refused(end, "options.call_timeout");
    (options.call_timeout, options.failure_mode) = (None, 99);
    let opening = K::open(K::opening(vec![module_hook::module()], Some(options)));
    let end = end_of::<K>(&mut session, vec![opening]).await;
    refused(end, "options.failure_mode");
    // The hook can still be opened afterwards.
    let mut hook = session.hook::<K>(open::<K>()).await.expect("a hook");
    let response = response_to(&server, &mut hook, K::answer("fine")).await;
    assert_eq!(response.text(), K::answered("fine"));
}

async fn a_hook_ends_with_its_session_and_reports_the_reason<K: ModuleHook>() {
    let server = start().await;
    let (old, mut hook) = plugin::<K>(&server, open::<K>()).await;
    let held = tokio::spawn(server.get_detached(PATH));
    hook.call().await;
    let request = ServerStartRequest {
        plugin_name: "p".into(),
        hooks: vec![K::HOOK.into()],
        replace_existing: true,
        ..Default::default()
    };
    let mut new = Session::open_as(&server, request)
        .await
        .expect("a takeover");
    assert_unchanged(&server.get(PATH).await, None);
    assert_status::<()>(Err(end(&mut hook).await), Code::Aborted, "REPLACED");
    assert_plugin_error(
        &within("an answer", held).await.expect("no panic"),
        502,
        "gone",
    );
    let mut events = old.events;
    let replaced = within("the session's end", async {
        while events.message().await?.is_some() {}
        Ok(())
    });
    assert_status(replaced.await, Code::Aborted, "REPLACED");

    let mut hook = new.hook::<K>(open::<K>()).await.expect("a hook");
    let response = response_to(&server, &mut hook, K::answer("successor")).await;
    assert_eq!(response.text(), K::answered("successor"));
    drop(new.events);
    assert_status::<()>(Err(end(&mut hook).await), Code::Aborted, "SESSION_CLOSED");
    assert_unchanged(&server.get(PATH).await, None);
}

async fn a_withdrawn_hook_is_not_called_and_can_be_reopened<K: ModuleHook>() {
    let server = start().await;
    let (mut session, mut hook) = plugin::<K>(&server, open::<K>()).await;
    for mark in ["once", "again"] {
        let response = response_to(&server, &mut hook, K::answer(mark)).await;
        assert_eq!(response.text(), K::answered(mark));
        // The plugin half-closes the stream; the daemon confirms by ending its own side.
        let HookStream {
            sender,
            mut responses,
        } = hook;
        drop(sender);
        let over = within("the stream's end", responses.message()).await;
        assert!(
            matches!(over, Ok(None)),
            "the stream did not end without an error"
        );
        assert_unchanged(&server.get(PATH).await, None);
        hook = session.hook::<K>(open::<K>()).await.expect("a hook");
    }
    let event = session.event().await;
    assert!(matches!(event, Some(Event::Ready(_))), "{event:?}");
}

async fn the_last_filter_update_applies<K: ModuleHook>() {
    let site = Site::new([("m.js", UNTOUCHED), ("other.js", UNTOUCHED)]);
    let server = TestServer::start(&site).await;
    let (_session, mut hook) = plugin::<K>(&server, K::opening(vec![], None)).await;
    assert_unchanged(&server.get(PATH).await, None);
    hook.update(vec![module_hook::module()]).await;
    assert_unchanged(&server.get("/other.js").await, None);
    let response = response_to(&server, &mut hook, K::answer("mine")).await;
    assert_eq!(response.text(), K::answered("mine"));
    let excluded = RequestFilter {
        match_all: true,
        exclude_path_regexes: vec!["^/m".into()],
        ..Default::default()
    };
    hook.update(vec![excluded]).await;
    assert_unchanged(&server.get(PATH).await, None);
    let call = hook.answer_next(K::answer("other"));
    let (response, _) = tokio::join!(server.get("/other.js"), call);
    assert_eq!(response.text(), K::answered("other"));
}

async fn stopping_the_daemon_ends_the_stream_as_retryable<K: ModuleHook>() {
    let server = start().await;
    let (mut session, mut hook) = plugin::<K>(&server, open::<K>()).await;
    assert!(matches!(session.event().await, Some(Event::Ready(_))));
    server.signal(Signal::TERM);
    let event = session.event().await;
    assert!(matches!(event, Some(Event::Stopping(_))), "{event:?}");
    // The plugin does not disconnect by itself and is cut off.
    assert_status::<()>(Err(end(&mut hook).await), Code::Unavailable, "STOPPING");
}
