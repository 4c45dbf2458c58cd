//! The serve hook: plugins in other processes answer requests.

mod calls;
mod results;
mod streams;

use crate::support::{HttpResponse, ServeHook, Session, TestServer};
use pagewire_client::proto;
use pagewire_client::proto::serve_content::Body;
use pagewire_client::proto::serve_result::Outcome;

fn filter(path: &str) -> proto::RequestFilter {
    proto::RequestFilter {
        exact_paths: vec![path.into()],
        ..Default::default()
    }
}

fn open(path: &str) -> proto::ServeOpen {
    proto::ServeOpen {
        filters: vec![filter(path)],
        ..Default::default()
    }
}

fn content(body: &str) -> Outcome {
    Outcome::Content(proto::ServeContent {
        body: Some(Body::InlineBody(body.as_bytes().to_vec().into())),
        ..Default::default()
    })
}

/// Opens a session that has declared the serve hook.
async fn session(server: &TestServer, name: &str) -> Session {
    let request = proto::ServerStartRequest {
        plugin_name: name.into(),
        hooks: vec![proto::Hook::Serve.into()],
        ..Default::default()
    };
    Session::open_as(server, request).await.expect("a session")
}

async fn plugin(server: &TestServer, name: &str, open: proto::ServeOpen) -> (Session, ServeHook) {
    let mut session = session(server, name).await;
    let hook = session.serve(open).await.expect("a hook");
    (session, hook)
}

/// Gets a path while the plugin returns this outcome.
async fn get(
    server: &TestServer,
    hook: &mut ServeHook,
    path: &str,
    outcome: Outcome,
) -> HttpResponse {
    get_with(server, hook, path, "", outcome).await
}

/// Like [`get`], with further header lines.
async fn get_with(
    server: &TestServer,
    hook: &mut ServeHook,
    path: &str,
    headers: &str,
    outcome: Outcome,
) -> HttpResponse {
    let answers = async {
        let call = hook.call().await;
        hook.answer(call.call_id, outcome).await;
    };
    tokio::join!(server.get_with(path, headers), answers).0
}
