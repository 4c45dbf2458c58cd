//! The contract's table of faults, as far as it is about hooks: every row holds for every kind.

use crate::support::module_hook::{self, ModuleHook, PATH, UNTOUCHED};
use crate::support::{
    Answer, HookStream, ResolveImport, Serve, Session, Site, TestServer, Transform, fails_with,
    with_session, within,
};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use pagewire_client::proto::{
    self, FailureMode, RequestFilter, ServerStartRequest, server_start_response::Event,
};
use rustix::process::Signal;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// Says a claim of each kind of hook, in a test of its own.
macro_rules! of_every_hook {
    ($($claim:ident)*) => {
        $(mod $claim {
            use super::{ResolveImport, Serve, Transform};

            #[tokio::test]
            async fn by_serve() {
                super::$claim::<Serve>().await;
            }

            #[tokio::test]
            async fn by_transform() {
                super::$claim::<Transform>().await;
            }

            #[tokio::test]
            async fn by_resolve_import() {
                super::$claim::<ResolveImport>().await;
            }
        })*
    };
}

of_every_hook! {
    a_hook_needs_a_session_that_lives_and_declared_it
    a_hook_is_opened_once_and_the_first_goes_on
    a_stream_that_breaks_the_order_of_messages_ends
    bad_filters_and_options_are_refused_by_name
    a_hook_ends_with_its_session_and_says_why
    a_session_that_was_ended_is_gone_when_that_returns
    results_that_nobody_waits_for_are_counted_and_change_nothing
    an_answer_without_an_outcome_is_a_failure
    a_failure_is_shown_whatever_the_failure_mode
    a_passed_deadline_follows_the_failure_mode
    more_calls_than_may_wait_are_overload
    a_withdrawn_hook_is_asked_no_more_and_can_be_opened_again
    filters_in_force_are_the_last_ones
    a_stop_of_the_daemon_ends_the_stream_with_a_reason_to_come_again
}

fn open<K: ModuleHook>() -> K::Open {
    K::opening(vec![module_hook::module()], None)
}

/// A session of a plugin `p` that declared the hook.
async fn session<K: ModuleHook>(server: &TestServer) -> Session {
    let request = ServerStartRequest {
        plugin_name: "p".into(),
        hooks: vec![K::HOOK.into()],
        ..Default::default()
    };
    Session::open_as(server, request).await.expect("a session")
}

async fn plugin<K: ModuleHook>(server: &TestServer, open: K::Open) -> (Session, HookStream<K>) {
    Session::with_hook::<K>(server, "p", open).await
}

async fn start() -> TestServer {
    TestServer::start(&module_hook::site()).await
}

/// Opens the stream with what is sent, and waits for its end.
async fn end_of<K: ModuleHook>(session: &mut Session, sent: Vec<K::Request>) -> Status {
    let (sender, requests) = mpsc::channel(4);
    for message in sent {
        sender.send(message).await.expect("room");
    }
    let request = session.request(ReceiverStream::new(requests));
    // Headers come before anything is read.
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

/// The end of a stream that was opened.
async fn end<K: ModuleHook>(hook: &mut HookStream<K>) -> Status {
    let next = hook.next().await;
    next.expect_err("the stream should have ended with a reason")
}

/// The module while the plugin gives this outcome.
async fn answered<K: ModuleHook>(
    server: &TestServer,
    hook: &mut HookStream<K>,
    outcome: K::Outcome,
) -> Answer {
    tokio::join!(server.get(PATH), hook.answer_next(outcome)).0
}

#[track_caller]
fn is_blamed(answer: &Answer, status: u16, reason: &str) {
    let headers = ["pagewire-plugin", "pagewire-reason"].map(|name| answer.header(name));
    assert_eq!(
        (answer.status, headers),
        (status, [Some("p"), Some(reason)])
    );
}

#[track_caller]
fn is_untouched(answer: &Answer, skipped: Option<&str>) {
    assert_eq!((answer.status, &*answer.text()), (200, UNTOUCHED));
    assert_eq!(answer.header("pagewire-skipped"), skipped);
}

async fn a_hook_needs_a_session_that_lives_and_declared_it<K: ModuleHook>() {
    let server = start().await;
    let mut client = server.client().await.raw();
    let empty = || ReceiverStream::new(mpsc::channel(1).1);
    let none = K::start(&mut client, tonic::Request::new(empty())).await;
    fails_with(none.map(drop), Code::FailedPrecondition, "SESSION_REQUIRED");
    let unknown = K::start(&mut client, with_session("nosuch", empty())).await;
    fails_with(unknown.map(drop), Code::FailedPrecondition, "SESSION_GONE");

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
    fails_with::<()>(Err(over), Code::FailedPrecondition, "SESSION_GONE");

    let mut undeclared = Session::open(&server, "undeclared").await;
    let opened = undeclared.hook::<K>(open::<K>()).await;
    fails_with(
        opened.map(drop),
        Code::FailedPrecondition,
        "HOOK_UNDECLARED",
    );
}

async fn a_session_that_was_ended_is_gone_when_that_returns<K: ModuleHook>() {
    let server = start().await;
    // Again and again: neither a request nor the next of the name waits for what is left.
    for _ in 0..20 {
        let (mut session, mut hook) = plugin::<K>(&server, open::<K>()).await;
        let ended = proto::EndSessionRequest {
            session_id: session.started.session_id.clone(),
        };
        let client = &mut session.client;
        client.end_session(ended.clone()).await.expect("an end");
        is_untouched(&server.get(PATH).await, None);
        let again = client.end_session(ended).await;
        fails_with(again, Code::FailedPrecondition, "SESSION_GONE");
        let of_hook = end(&mut hook).await;
        fails_with::<()>(Err(of_hook), Code::Aborted, "SESSION_CLOSED");
        let ready = session.event().await;
        assert!(matches!(ready, Some(Event::Ready(_))), "{ready:?}");
        let of_session = within("the session's end", session.events.message()).await;
        fails_with(of_session, Code::Aborted, "SESSION_CLOSED");
    }
}

async fn a_hook_is_opened_once_and_the_first_goes_on<K: ModuleHook>() {
    let server = start().await;
    let (mut session, mut hook) = plugin::<K>(&server, open::<K>()).await;
    let again = session.hook::<K>(open::<K>()).await;
    fails_with(again.map(drop), Code::AlreadyExists, "HOOK_ALREADY_OPEN");
    let answer = answered(&server, &mut hook, K::answer("first")).await;
    assert_eq!(answer.text(), K::answered("first"));
}

async fn a_stream_that_breaks_the_order_of_messages_ends<K: ModuleHook>() {
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
        fails_with::<()>(Err(end), Code::InvalidArgument, "FIELD_INVALID");
    }
    // None of them is in force any more.
    is_untouched(&server.get(PATH).await, None);
}

async fn bad_filters_and_options_are_refused_by_name<K: ModuleHook>() {
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
        let status = fails_with::<()>(Err(status), Code::InvalidArgument, "FIELD_INVALID");
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
    // It can be opened all the same.
    let mut hook = session.hook::<K>(open::<K>()).await.expect("a hook");
    let answer = answered(&server, &mut hook, K::answer("fine")).await;
    assert_eq!(answer.text(), K::answered("fine"));
}

async fn a_hook_ends_with_its_session_and_says_why<K: ModuleHook>() {
    let server = start().await;
    let (old, mut hook) = plugin::<K>(&server, open::<K>()).await;
    let held = tokio::spawn(server.asking(PATH));
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
    is_untouched(&server.get(PATH).await, None);
    fails_with::<()>(Err(end(&mut hook).await), Code::Aborted, "REPLACED");
    is_blamed(
        &within("an answer", held).await.expect("no panic"),
        502,
        "gone",
    );
    let mut events = old.events;
    let replaced = within("the session's end", async {
        while events.message().await?.is_some() {}
        Ok(())
    });
    fails_with(replaced.await, Code::Aborted, "REPLACED");

    let mut hook = new.hook::<K>(open::<K>()).await.expect("a hook");
    let answer = answered(&server, &mut hook, K::answer("heir")).await;
    assert_eq!(answer.text(), K::answered("heir"));
    drop(new.events);
    fails_with::<()>(Err(end(&mut hook).await), Code::Aborted, "SESSION_CLOSED");
    is_untouched(&server.get(PATH).await, None);
}

async fn results_that_nobody_waits_for_are_counted_and_change_nothing<K: ModuleHook>() {
    let server = start().await;
    let (_session, mut hook) = plugin::<K>(&server, open::<K>()).await;
    hook.answer(4710, K::answer("before there was a call"))
        .await;
    let (answer, call) = tokio::join!(server.get(PATH), async {
        let call = hook.call().await;
        hook.answer(4711, K::answer("unknown")).await;
        hook.answer(K::call_id(&call), K::answer("one")).await;
        hook.answer(K::call_id(&call), K::answer("doubled")).await;
        call
    });
    assert_eq!(answer.text(), K::answered("one"));
    let answer = answered(&server, &mut hook, K::answer("two")).await;
    assert_eq!(answer.text(), K::answered("two"));
    // One whose request has left.
    let leaves = tokio::spawn(server.asking(PATH));
    let left = hook.call().await;
    leaves.abort();
    assert_eq!(hook.cancelled().await.call_id, K::call_id(&left));
    assert!(K::call_id(&left) > K::call_id(&call));
    hook.answer(K::call_id(&left), K::answer("late")).await;
    // Results are taken in order: those before have been counted.
    let answer = answered(&server, &mut hook, K::skip()).await;
    is_untouched(&answer, None);
    let list = server.client().await.plugins().await.expect("a list");
    let counts = (
        list[0].calls,
        list[0].passes,
        list[0].failures,
        list[0].late_results,
    );
    assert_eq!(counts, (4, 1, 0, 4));
}

async fn an_answer_without_an_outcome_is_a_failure<K: ModuleHook>() {
    let server = start().await;
    let (_session, mut hook) = plugin::<K>(&server, open::<K>()).await;
    let answers = async {
        let call = hook.call().await;
        hook.say(K::result(K::call_id(&call), None)).await;
    };
    let (answer, ()) = tokio::join!(server.get(PATH), answers);
    is_blamed(&answer, 500, "failure");
    let list = server.client().await.plugins().await.expect("a list");
    assert_eq!((list[0].calls, list[0].failures), (1, 1));
}

async fn a_failure_is_shown_whatever_the_failure_mode<K: ModuleHook>() {
    let server = start().await;
    let skips = Some(module_hook::options(FailureMode::Skip, 20_000));
    let (_session, mut hook) =
        plugin::<K>(&server, K::opening(vec![module_hook::module()], skips)).await;
    for (said, shown) in [(0, 500), (422, 422), (503, 503), (200, 500), (99_999, 500)] {
        let answer = answered(&server, &mut hook, K::failure(said)).await;
        is_blamed(&answer, shown, "failure");
    }
}

async fn a_passed_deadline_follows_the_failure_mode<K: ModuleHook>() {
    for mode in [FailureMode::Fail, FailureMode::Skip] {
        let server = start().await;
        let slow = K::opening(
            vec![module_hook::module()],
            Some(module_hook::options(mode, 50)),
        );
        let (_session, mut hook) = plugin::<K>(&server, slow).await;
        let (answer, call) = tokio::join!(server.get(PATH), hook.call());
        match mode {
            FailureMode::Skip => is_untouched(&answer, Some("p")),
            _ => is_blamed(&answer, 504, "timeout"),
        }
        let cancel = hook.cancelled().await;
        assert_eq!(
            (cancel.call_id, cancel.reason()),
            (K::call_id(&call), proto::call_cancel::Reason::Deadline)
        );
        let list = server.client().await.plugins().await.expect("a list");
        assert_eq!(
            (list[0].calls, list[0].timeouts, list[0].failures),
            (1, 1, 0)
        );
    }
}

async fn more_calls_than_may_wait_are_overload<K: ModuleHook>() {
    const WAITING: usize = 1024;
    for mode in [FailureMode::Fail, FailureMode::Skip] {
        // A thousand warnings are more than a pipe that nobody reads takes.
        let server = TestServer::start_with(&module_hook::site(), &["--log", "error"]).await;
        let mut options = module_hook::options(mode, 60_000);
        options.max_concurrent_calls = 1;
        let busy = K::opening(vec![module_hook::module()], Some(options));
        let (session, mut hook) = plugin::<K>(&server, busy).await;
        let mut requests: FuturesUnordered<_> = (0..WAITING + 2)
            .map(|n| server.asking(&format!("{PATH}?{n}")))
            .collect();
        let refused = within("one that is refused", requests.next()).await;
        let refused = refused.expect("one");
        match mode {
            FailureMode::Skip => is_untouched(&refused, Some("p")),
            _ => {
                is_blamed(&refused, 503, "overload");
                assert!(refused.header("retry-after").is_some());
            }
        }
        // All others still wait: the plugin answers one, and hears of the next.
        let call = hook.call().await;
        hook.answer(K::call_id(&call), K::answer("one")).await;
        let one = within("an answer", requests.next()).await.expect("one");
        assert_eq!(one.text(), K::answered("one"));
        hook.call().await;
        drop((hook, session));
        while let Some(answer) = within("an answer", requests.next()).await {
            // What was still in the queue was never held: it may have the next answer.
            match (mode, answer.status) {
                (FailureMode::Fail, 502) => is_blamed(&answer, 502, "gone"),
                _ => assert_eq!((answer.status, &*answer.text()), (200, UNTOUCHED)),
            }
        }
    }
}

async fn a_withdrawn_hook_is_asked_no_more_and_can_be_opened_again<K: ModuleHook>() {
    let server = start().await;
    let (mut session, mut hook) = plugin::<K>(&server, open::<K>()).await;
    for mark in ["once", "again"] {
        let answer = answered(&server, &mut hook, K::answer(mark)).await;
        assert_eq!(answer.text(), K::answered(mark));
        // The plugin says that it is done; the daemon agrees by ending its own side.
        let HookStream {
            sender,
            mut responses,
        } = hook;
        drop(sender);
        let over = within("the stream's end", responses.message()).await;
        assert!(matches!(over, Ok(None)), "the stream did not end in order");
        is_untouched(&server.get(PATH).await, None);
        hook = session.hook::<K>(open::<K>()).await.expect("a hook");
    }
    let event = session.event().await;
    assert!(matches!(event, Some(Event::Ready(_))), "{event:?}");
}

async fn filters_in_force_are_the_last_ones<K: ModuleHook>() {
    let site = Site::new([("m.js", UNTOUCHED), ("other.js", UNTOUCHED)]);
    let server = TestServer::start(&site).await;
    let (_session, mut hook) = plugin::<K>(&server, K::opening(vec![], None)).await;
    is_untouched(&server.get(PATH).await, None);
    hook.update(vec![module_hook::module()]).await;
    is_untouched(&server.get("/other.js").await, None);
    let answer = answered(&server, &mut hook, K::answer("mine")).await;
    assert_eq!(answer.text(), K::answered("mine"));
    let excluded = RequestFilter {
        match_all: true,
        exclude_path_regexes: vec!["^/m".into()],
        ..Default::default()
    };
    hook.update(vec![excluded]).await;
    is_untouched(&server.get(PATH).await, None);
    let asked = hook.answer_next(K::answer("other"));
    let (answer, _) = tokio::join!(server.get("/other.js"), asked);
    assert_eq!(answer.text(), K::answered("other"));
}

async fn a_stop_of_the_daemon_ends_the_stream_with_a_reason_to_come_again<K: ModuleHook>() {
    let server = start().await;
    let (mut session, mut hook) = plugin::<K>(&server, open::<K>()).await;
    assert!(matches!(session.event().await, Some(Event::Ready(_))));
    server.signal(Signal::TERM);
    let event = session.event().await;
    assert!(matches!(event, Some(Event::Stopping(_))), "{event:?}");
    // It does not leave by itself, and is cut off.
    fails_with::<()>(Err(end(&mut hook).await), Code::Unavailable, "STOPPING");
}

/// A plugin of the first kind is too slow and may be skipped, one of the second fails.
async fn passed_over_before_a_failure<K: ModuleHook, L: ModuleHook>() {
    let server = start().await;
    let options = Some(module_hook::options(FailureMode::Skip, 50));
    let slow = K::opening(vec![module_hook::module()], options);
    let (_s1, _slow) = Session::with_hook::<K>(&server, "slow", slow).await;
    let (_s2, mut fails) = Session::with_hook::<L>(&server, "p", open::<L>()).await;
    let answer = answered(&server, &mut fails, L::failure(422)).await;
    is_blamed(&answer, 422, "failure");
    assert_eq!(answer.header("pagewire-skipped"), Some("slow"));
}

#[tokio::test]
async fn who_was_passed_over_is_named_though_a_later_plugin_fails() {
    passed_over_before_a_failure::<Serve, Transform>().await;
    passed_over_before_a_failure::<Serve, ResolveImport>().await;
    passed_over_before_a_failure::<Transform, ResolveImport>().await;
}
