//! The transform hook: a chain of plugins changes files, plugin responses and proxied bodies.

mod caching;
mod chain;
mod failures;

use crate::support::{Calls, HookStream, HttpResponse, Session, TestServer, Transform};
use pagewire_client::proto;
use pagewire_client::proto::transform_result::Outcome;

type TransformHook = HookStream<Transform>;

fn open(regex: &str) -> proto::TransformOpen {
    proto::TransformOpen {
        filters: vec![proto::RequestFilter {
            path_regexes: vec![regex.into()],
            ..Default::default()
        }],
        ..Default::default()
    }
}

async fn plugin(
    server: &TestServer,
    name: &str,
    open: proto::TransformOpen,
) -> (Session, TransformHook) {
    Session::with_hook::<Transform>(server, name, open).await
}

fn change(body: impl AsRef<[u8]>) -> proto::TransformContent {
    proto::TransformContent {
        body: Some(body.as_ref().to_vec().into()),
        ..Default::default()
    }
}

/// Appends a mark to every body.
fn marking(hook: TransformHook, mark: &'static str) -> Calls {
    hook.answering(move |call| Outcome::Content(change([&call.body[..], mark.as_bytes()].concat())))
}

fn header(name: &str, value: &str) -> proto::Header {
    proto::Header {
        name: name.into(),
        value: value.as_bytes().to_vec().into(),
    }
}

/// Returns the complete response to a page when the plugin returns this outcome.
async fn response_to(
    server: &TestServer,
    hook: &mut TransformHook,
    path: &str,
    outcome: Outcome,
) -> (HttpResponse, proto::TransformCall) {
    tokio::join!(server.get(path), hook.answer_next(outcome))
}
