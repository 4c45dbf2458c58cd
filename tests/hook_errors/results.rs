//! Failed, late and missing results become responses according to the failure mode.

use super::{assert_plugin_error, assert_unchanged, open, plugin, response_to, start};
use crate::support::module_hook::{self, ModuleHook, PATH, UNTOUCHED};
use crate::support::{ResolveImport, Serve, Session, TestServer, Transform, within};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use pagewire_client::proto::{self, FailureMode};

of_every_hook! {
    late_results_are_counted_and_change_nothing
    a_result_without_an_outcome_is_a_failure
    a_reported_failure_is_shown_in_every_failure_mode
    a_missed_deadline_follows_the_failure_mode
    calls_beyond_the_queue_limit_are_overload
    a_hook_without_filters_gets_none_of_the_calls_that_wait
}

async fn late_results_are_counted_and_change_nothing<K: ModuleHook>() {
    let server = start().await;
    let (_session, mut hook) = plugin::<K>(&server, open::<K>()).await;
    hook.answer(4710, K::answer("before there was a call"))
        .await;
    let (response, call) = tokio::join!(server.get(PATH), async {
        let call = hook.call().await;
        hook.answer(4711, K::answer("unknown")).await;
        hook.answer(K::call_id(&call), K::answer("one")).await;
        hook.answer(K::call_id(&call), K::answer("doubled")).await;
        call
    });
    assert_eq!(response.text(), K::answered("one"));
    let response = response_to(&server, &mut hook, K::answer("two")).await;
    assert_eq!(response.text(), K::answered("two"));
    // A result for an abandoned request.
    let abandoned = tokio::spawn(server.get_detached(PATH));
    let left = hook.call().await;
    abandoned.abort();
    assert_eq!(hook.cancelled().await.call_id, K::call_id(&left));
    assert!(K::call_id(&left) > K::call_id(&call));
    hook.answer(K::call_id(&left), K::answer("late")).await;
    // Results are processed in order: the earlier ones have been counted.
    let response = response_to(&server, &mut hook, K::skip()).await;
    assert_unchanged(&response, None);
    let list = server.client().await.plugins().await.expect("a list");
    let counts = (
        list[0].calls,
        list[0].passes,
        list[0].failures,
        list[0].late_results,
    );
    assert_eq!(counts, (4, 1, 0, 4));
}

async fn a_result_without_an_outcome_is_a_failure<K: ModuleHook>() {
    let server = start().await;
    let (_session, mut hook) = plugin::<K>(&server, open::<K>()).await;
    let answers = async {
        let call = hook.call().await;
        hook.send(K::result(K::call_id(&call), None)).await;
    };
    let (response, ()) = tokio::join!(server.get(PATH), answers);
    assert_plugin_error(&response, 500, "failure");
    let list = server.client().await.plugins().await.expect("a list");
    assert_eq!((list[0].calls, list[0].failures), (1, 1));
}

async fn a_reported_failure_is_shown_in_every_failure_mode<K: ModuleHook>() {
    let server = start().await;
    let skips = Some(module_hook::options(FailureMode::Skip, 20_000));
    let (_session, mut hook) =
        plugin::<K>(&server, K::opening(vec![module_hook::module()], skips)).await;
    for (output, shown) in [(0, 500), (422, 422), (503, 503), (200, 500), (99_999, 500)] {
        let response = response_to(&server, &mut hook, K::failure(output)).await;
        assert_plugin_error(&response, shown, "failure");
    }
}

async fn a_missed_deadline_follows_the_failure_mode<K: ModuleHook>() {
    for mode in [FailureMode::Fail, FailureMode::Skip] {
        let server = start().await;
        let slow = K::opening(
            vec![module_hook::module()],
            Some(module_hook::options(mode, 1000)),
        );
        let (_session, mut hook) = plugin::<K>(&server, slow).await;
        let (response, call) = tokio::join!(server.get(PATH), hook.call());
        match mode {
            FailureMode::Skip => assert_unchanged(&response, Some("p")),
            _ => assert_plugin_error(&response, 504, "timeout"),
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

async fn calls_beyond_the_queue_limit_are_overload<K: ModuleHook>() {
    const WAITING: usize = 1024;
    for mode in [FailureMode::Fail, FailureMode::Skip] {
        // A thousand warnings do not fit into a pipe that is not read.
        let server = TestServer::start_with(&module_hook::site(), &["--log", "error"]).await;
        let mut options = module_hook::options(mode, 60_000);
        options.max_concurrent_calls = 1;
        let busy = K::opening(vec![module_hook::module()], Some(options));
        let (session, mut hook) = plugin::<K>(&server, busy).await;
        let mut requests: FuturesUnordered<_> = (0..WAITING + 2)
            .map(|n| server.get_detached(&format!("{PATH}?{n}")))
            .collect();
        let refused = within("one that is refused", requests.next()).await;
        let refused = refused.expect("one");
        match mode {
            FailureMode::Skip => assert_unchanged(&refused, Some("p")),
            _ => {
                assert_plugin_error(&refused, 503, "overload");
                assert!(refused.header("retry-after").is_some());
            }
        }
        // All others still wait: the plugin answers one and receives the next.
        let call = hook.call().await;
        hook.answer(K::call_id(&call), K::answer("one")).await;
        let one = within("an answer", requests.next()).await.expect("one");
        assert_eq!(one.text(), K::answered("one"));
        hook.call().await;
        drop((hook, session));
        while let Some(response) = within("an answer", requests.next()).await {
            // Calls still in the queue were never delivered: the next responder may answer their
            // requests.
            match (mode, response.status) {
                (FailureMode::Fail, 502) => assert_plugin_error(&response, 502, "gone"),
                _ => assert_eq!((response.status, &*response.text()), (200, UNTOUCHED)),
            }
        }
    }
}

async fn a_hook_without_filters_gets_none_of_the_calls_that_wait<K: ModuleHook>() {
    const WAITING: usize = 1024;
    let server = TestServer::start_with(&module_hook::site(), &["--log", "error"]).await;
    let mut options = module_hook::options(FailureMode::Fail, 60_000);
    options.max_concurrent_calls = 1;
    let busy = K::opening(vec![module_hook::module()], Some(options));
    let (_session, mut hook) = plugin::<K>(&server, busy).await;
    let mut requests: FuturesUnordered<_> = (0..WAITING + 2)
        .map(|n| server.get_detached(&format!("{PATH}?{n}")))
        .collect();
    let refused = within("one that is refused", requests.next()).await;
    assert_plugin_error(&refused.expect("one"), 503, "overload");
    // All others wait.
    let call = hook.call().await;
    hook.update(vec![]).await;
    hook.answer(K::call_id(&call), K::answer("mine")).await;
    let mut answered = 0;
    while let Some(response) = within("an answer", requests.next()).await {
        if response.text() == K::answered("mine") {
            answered += 1;
        } else {
            assert_unchanged(&response, None);
        }
    }
    assert_eq!(answered, 1);
    // No call has been sent: the confirmation is the next message.
    hook.update(vec![module_hook::module()]).await;
    let response = response_to(&server, &mut hook, K::answer("again")).await;
    assert_eq!(response.text(), K::answered("again"));
}

/// The plugin with the first hook type is too slow and may be skipped; the one with the second reports a
/// failure.
async fn skipped_before_a_failure<K: ModuleHook, L: ModuleHook>() {
    let server = start().await;
    let options = Some(module_hook::options(FailureMode::Skip, 50));
    let slow = K::opening(vec![module_hook::module()], options);
    let (_s1, _slow) = Session::with_hook::<K>(&server, "slow", slow).await;
    let (_s2, mut fails) = Session::with_hook::<L>(&server, "p", open::<L>()).await;
    let response = response_to(&server, &mut fails, L::failure(422)).await;
    assert_plugin_error(&response, 422, "failure");
    assert_eq!(response.header("pagewire-skipped"), Some("slow"));
}

#[tokio::test]
async fn skipped_plugins_are_named_even_if_a_later_plugin_fails() {
    skipped_before_a_failure::<Serve, Transform>().await;
    skipped_before_a_failure::<Serve, ResolveImport>().await;
    skipped_before_a_failure::<Transform, ResolveImport>().await;
}
