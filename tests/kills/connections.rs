//! Plugins whose connection breaks at any byte.

use super::{assert_plugin_gone, plugins, response_of};
use crate::support::module_hook::PATH;
use crate::support::{
    Cut, ModuleHook, Relay, ResolveImport, Serve, Session, Site, TestServer, Transform,
    module_hook, within,
};
use pagewire_client::proto::{self, FailureMode, ServerStartRequest};
use pagewire_client::{Change, Client, Content, Filter, Plugin};
use std::sync::Arc;
use tokio::sync::Notify;

/// Waits until the plugin is not listed any more.
async fn wait_until_unlisted(client: &Client, name: &str) {
    let gone = async {
        while plugins(client)
            .await
            .iter()
            .any(|plugin| plugin.plugin_name == name)
        {}
    };
    within(&format!("the end of {name}"), gone).await;
}

/// Kills the next plugin in order while an earlier one handles the request: the killed plugin held
/// nothing, so nothing fails.
async fn killed_before_its_turn<K: ModuleHook>() {
    for is_replaced in [false, true] {
        let server = TestServer::start(&module_hook::site()).await;
        let client = server.client().await;
        let options = module_hook::options(FailureMode::Fail, 20_000);
        let open = || K::opening(vec![module_hook::module()], Some(options.clone()));
        let (_s1, mut first) = Session::with_hook::<K>(&server, "a-first", open()).await;
        let (_s2, last) = Session::with_hook::<K>(&server, "c-last", open()).await;
        last.answering(|_| K::answer("last"));
        let relay = Relay::start(server.control()).await;
        let next = async {
            let client = Client::connect(relay.endpoint(&server.token)).await;
            let request = ServerStartRequest {
                plugin_name: "b-next".into(),
                hooks: vec![K::HOOK.into()],
                ..Default::default()
            };
            let session = Session::over(client.expect("a daemon"), request).await;
            let mut session = session.expect("a session");
            let hook = session.hook::<K>(open()).await.expect("a hook");
            (session, hook)
        };
        let _next = next.await;
        let pending = tokio::spawn(server.get_detached(PATH));
        let call = first.call().await;
        if is_replaced {
            let request = ServerStartRequest {
                plugin_name: "b-next".into(),
                replace_existing: true,
                ..Default::default()
            };
            let successor = Session::open_as(&server, request).await;
            drop(successor.expect("a takeover"));
        } else {
            relay.cut_after(0, Cut::Reset);
        }
        wait_until_unlisted(&client, "b-next").await;
        first.answer(K::call_id(&call), K::skip()).await;
        let response = response_of(pending).await;
        assert_eq!(
            (response.status, response.text()),
            (200, K::answered("last")),
            "{}",
            K::NAME
        );
    }
}

#[tokio::test]
async fn killing_a_plugin_before_its_turn_to_serve_has_no_effect() {
    killed_before_its_turn::<Serve>().await;
}

#[tokio::test]
async fn killing_a_plugin_before_its_turn_to_transform_has_no_effect() {
    killed_before_its_turn::<Transform>().await;
}

#[tokio::test]
async fn killing_a_plugin_before_its_turn_to_resolve_has_no_effect() {
    killed_before_its_turn::<ResolveImport>().await;
}

/// Output of the hooks of [`plugin`].
const MADE: &str = "made by the plugin";

/// Returns a plugin that serves below `/v/`, transforms text files and resolves imports of modules. It
/// calls `on_call` before each result.
fn plugin(on_call: impl Fn() + Clone + Send + Sync + 'static) -> Plugin {
    let (for_transform, for_resolve) = (on_call.clone(), on_call.clone());
    Plugin::new("cut")
        .replace_existing()
        .serve(Filter::prefix("/v/"), move |_| {
            on_call();
            async { Ok(Content::text(MADE)) }
        })
        .transform(Filter::regex("txt$"), move |_| {
            for_transform();
            async { Ok(Change::new().body(MADE).no_cache()) }
        })
        .resolve_import(Filter::regex("js$"), move |imports| {
            for_resolve();
            async move { Ok(imports.resolve(|_| Some(MADE)).no_cache()) }
        })
}

#[tokio::test]
async fn a_connection_that_breaks_within_a_result_fails_only_that_request() {
    let server = TestServer::start(&Site::new([("a.txt", "a"), ("m.js", "import 'x';")])).await;
    let client = server.client().await;
    let filter = proto::RequestFilter {
        path_prefixes: vec!["/other".into()],
        ..Default::default()
    };
    // Longer than all cuts together take on a busy machine.
    let options = module_hook::options(FailureMode::Fail, 600_000);
    let open = Serve::opening(vec![filter], Some(options));
    let (_session, mut other) = Session::with_hook::<Serve>(&server, "other", open).await;
    let neighbour = tokio::spawn(server.get_detached("/other"));
    let held = other.call().await;
    let resolved = format!("import '{MADE}';");
    for (path, whole) in [("/v/x", MADE), ("/a.txt", MADE), ("/m.js", &*resolved)] {
        let mut cuts = 0;
        loop {
            let cut = if cuts % 2 == 0 { Cut::Fin } else { Cut::Reset };
            let relay = Relay::start(server.control()).await;
            let (ready, breaks) = (Arc::new(Notify::new()), relay.clone());
            let is_ready = ready.clone();
            let plugin = plugin(move || breaks.cut_after(cuts, cut)).server_start(move |_| {
                ready.notify_one();
                async { Ok(()) }
            });
            let plugin = tokio::spawn(plugin.run_with(relay.endpoint(&server.token)));
            within("the plugin to be ready", is_ready.notified()).await;
            let response = server.get(path).await;
            // The whole result arrived before the connection broke.
            let is_whole = response.status == 200;
            if is_whole {
                assert_eq!(response.text(), whole, "{path} cut after {cuts}");
                assert!(cuts > whole.len(), "{path} was complete after {cuts} bytes");
            } else {
                assert_plugin_gone(&response, "cut");
            }
            plugin.abort();
            if is_whole && relay.spent() < cuts {
                break;
            }
            cuts += 1;
        }
    }
    assert!(!neighbour.is_finished());
    other
        .answer(held.call_id, Serve::answer("unaffected"))
        .await;
    assert_eq!(response_of(neighbour).await.text(), "unaffected");
    wait_until_unlisted(&client, "cut").await;
}

#[tokio::test]
async fn a_connection_that_breaks_during_startup_leaves_no_plugin_behind() {
    let server = TestServer::start(&Site::new([("a.txt", "a"), ("m.js", "import 'x';")])).await;
    let client = server.client().await;
    let mut after = 0;
    loop {
        let relay = Relay::start(server.control()).await;
        relay.cut_after(after, Cut::Reset);
        let ready = Arc::new(Notify::new());
        let is_ready = ready.clone();
        let plugin = plugin(|| ()).server_start(move |_| {
            ready.notify_one();
            async { Ok(()) }
        });
        let running = tokio::spawn(plugin.run_with(relay.endpoint(&server.token)));
        let started = tokio::select! {
            () = is_ready.notified() => true,
            ended = running => {
                assert!(ended.expect("no panic").is_err(), "cut after {after}");
                false
            }
        };
        relay.cut_after(0, Cut::Reset);
        wait_until_unlisted(&client, "cut").await;
        for (path, status, text) in [
            ("/v/x", 404, None),
            ("/a.txt", 200, Some("a")),
            ("/m.js", 200, Some("import 'x';")),
        ] {
            let response = server.get(path).await;
            assert_eq!(response.status, status, "{path} after {after}");
            assert!(
                text.is_none_or(|text| response.text() == text),
                "{}",
                response.text()
            );
        }
        if started {
            break;
        }
        after += 23;
    }
    assert!(
        after > 500,
        "it was cut at many positions, the last at {after}"
    );
}
