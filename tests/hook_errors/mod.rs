//! Failing hook calls and hook streams, as control.proto (`rpc Serve`) and hooks.proto
//! (`FailureMode`) specify them. Every test runs for every hook type.

/// Generates, for each claim, a test per hook type.
macro_rules! of_every_hook {
    ($($claim:ident)*) => {
        $(mod $claim {
            use crate::support::{ResolveImport, Serve, Transform};

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

mod reports;
mod results;
mod streams;

use crate::support::module_hook::{self, ModuleHook, PATH, UNTOUCHED};
use crate::support::{HookStream, HttpResponse, Session, TestServer};
use pagewire_client::proto::ServerStartRequest;

fn open<K: ModuleHook>() -> K::Open {
    K::opening(vec![module_hook::module()], None)
}

/// Opens a session of the plugin `p` that declares the hook.
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

/// Returns the module as served when the plugin returns this outcome.
async fn response_to<K: ModuleHook>(
    server: &TestServer,
    hook: &mut HookStream<K>,
    outcome: K::Outcome,
) -> HttpResponse {
    tokio::join!(server.get(PATH), hook.answer_next(outcome)).0
}

#[track_caller]
fn assert_plugin_error(response: &HttpResponse, status: u16, reason: &str) {
    let headers = ["pagewire-plugin", "pagewire-reason"].map(|name| response.header(name));
    assert_eq!(
        (response.status, headers),
        (status, [Some("p"), Some(reason)])
    );
}

#[track_caller]
fn assert_unchanged(response: &HttpResponse, skipped: Option<&str>) {
    assert_eq!((response.status, &*response.text()), (200, UNTOUCHED));
    assert_eq!(response.header("pagewire-skipped"), skipped);
}
