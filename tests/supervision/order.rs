//! The order of plugins and waiting for them: configured tables decide, whoever starts the plugins.

use super::start;
use crate::support::{Session, Site, TestServer, command, listed, run, within};
use pagewire_client::SubscribeOptions;
use pagewire_client::proto::plugin::State;
use pagewire_client::proto::{self, serve_content::Body, serve_result::Outcome};
use serde_json::json;

fn open(path: &str) -> proto::ServeOpen {
    let filter = proto::RequestFilter {
        exact_paths: vec![path.into()],
        ..Default::default()
    };
    proto::ServeOpen {
        filters: vec![filter],
        ..Default::default()
    }
}

async fn session(server: &TestServer, name: &str, hooks: &[proto::Hook]) -> Session {
    let request = proto::ServerStartRequest {
        plugin_name: name.into(),
        hooks: hooks.iter().map(|hook| (*hook).into()).collect(),
        ..Default::default()
    };
    Session::open_as(server, request).await.expect("a session")
}

#[tokio::test]
async fn the_configured_order_applies_in_any_order_of_connection() {
    let config = "plugin = [{ name = 'b' }, { name = 'c' }]";
    for arrivals in ["abc", "acb", "bac", "bca", "cab", "cba"] {
        let server = start(config).await;
        let mut hooks = Vec::new();
        for name in arrivals.chars() {
            let name = name.to_string();
            let mut session = session(&server, &name, &[proto::Hook::Serve]).await;
            let hook = session.serve(open("/x")).await.expect("a hook");
            hooks.push((name, session, hook));
        }
        // Every plugin skips except the last in order.
        hooks.sort_by_key(|(name, ..)| "bca".find(name.as_str()));
        let answers = async {
            for (name, _, hook) in &mut hooks {
                let call = hook.call().await;
                let outcome = if name == "a" {
                    let body = Body::InlineBody("a is called last".into());
                    Outcome::Content(proto::ServeContent {
                        body: Some(body),
                        ..Default::default()
                    })
                } else {
                    Outcome::Skip(proto::Skip::default())
                };
                hook.answer(call.call_id, outcome).await;
            }
        };
        let (response, ()) = tokio::join!(server.get("/x"), answers);
        assert_eq!(response.text(), "a is called last", "{arrivals}");
        let list = server.client().await.plugins().await.expect("a list");
        let names: String = list.iter().map(|plugin| &*plugin.plugin_name).collect();
        assert_eq!(names, "bca", "{arrivals}");
    }
}

#[tokio::test]
async fn a_request_waits_until_a_required_plugin_is_ready() {
    let config = "[[plugin]]\nname = 'late'\nrequired = true\npaths = ['/app']\nconfig = { level = 3, of = ['x'] }";
    let server = start(config).await;
    let plugin = async {
        // A request for another path does not wait; the one for `/app/x` waits until the hook below is open.
        assert_eq!(server.get("/application").await.status, 404);
        let waiting = listed(&server, "late", "waited for", |_| true).await;
        assert_eq!((waiting.state(), waiting.pid), (State::Waiting, 0));
        let mut session = session(&server, "late", &[proto::Hook::Serve]).await;
        assert_eq!(session.started.config_json, r#"{"level":3,"of":["x"]}"#);
        let mut hook = session.serve(open("/app/x")).await.expect("a hook");
        let call = hook.call().await;
        let body = Some(Body::InlineBody("worth it".into()));
        let content = proto::ServeContent {
            body,
            ..Default::default()
        };
        hook.answer(call.call_id, Outcome::Content(content)).await;
        (session, hook)
    };
    let (response, _plugin) = tokio::join!(server.get("/app/x"), plugin);
    assert_eq!((response.status, &*response.text()), (200, "worth it"));
}

#[tokio::test]
async fn a_page_request_waits_for_a_required_plugin_and_fails_at_once_otherwise() {
    let config = "[[plugin]]\nname = 'answers'\nrequired = true\npaths = ['/never']";
    let server = start(config).await;
    let mut page = server.page().await;
    for id in 1..=2 {
        page.send_json(&json!({"type": "ask", "id": id, "pagewire:request": true}))
            .await;
    }
    // If the requests had been refused, the page would get those errors first: frames are read in order.
    page.send_json(&json!({"no": "type"})).await;
    assert_eq!(page.receive_json().await["type"], "pagewire:fault");
    let mut other = server.page().await;
    let session = session(&server, "answers", &[proto::Hook::SubscribeMessages]).await;
    let client = server.client().await;
    let options = SubscribeOptions::new()
        .message_types(["ask"])
        .answers_requests();
    // It offers to answer before it is ready, as any subscriber can.
    let mut offers = within("a subscription", client.subscribe(options))
        .await
        .expect("a stream");
    let mut declared = session.client.clone();
    let subscribe = session.request(proto::SubscribeMessagesRequest::default());
    let declared = within("a hook", declared.subscribe_messages(subscribe))
        .await
        .expect("a hook");
    for id in 1..=2 {
        let event = within("a request", offers.next()).await.expect("open");
        let Some(pagewire_client::What::Message(message)) = event.map(|event| event.what) else {
            panic!("no message");
        };
        let request_id = message.request_id().expect("a request").to_owned();
        client
            .reply(&request_id, &json!(id * 10))
            .await
            .expect("an answer");
        let response = page.receive_json().await;
        assert_eq!(response["response"], id * 10, "{response}");
    }
    // The required plugin is ready, so a request that nothing answers fails at once.
    other
        .send_json(&json!({"type": "else", "id": 1, "pagewire:request": true}))
        .await;
    let response = other.receive_json().await;
    let error = response["error"].as_str().expect("an error");
    assert!(error.contains("no plugin answers"), "{error}");
    drop((declared, session));
}

#[tokio::test]
async fn config_prints_plugins_in_the_syntax_of_the_file() {
    let site = Site::page();
    let written = "plugin = [\"sass --watch\",{ \"command\" = [\"a b\"], \"config\" = { \"deep\" = [1,{}] }, \"name\" = \"x\" }]";
    site.write("pagewire.toml", written);
    let config = async |arguments: &[&str]| {
        let mut command = command();
        command.arg("config").arg(site.path()).args(arguments);
        run(command).await
    };
    let printed = config(&[]).await.stdout;
    assert!(printed.contains(written), "{printed}");
    let printed = config(&["--plugin", "one 'a b'"]).await.stdout;
    assert!(printed.contains("plugin = [\"one 'a b'\"] "), "{printed}");
    let twice = "plugin = [{ name = 'x' }, { name = 'x' }]";
    site.write("pagewire.toml", twice);
    let refused = config(&[]).await;
    assert_eq!(refused.code, Some(2));
    assert!(
        refused.stderr.contains("duplicate plugin name \"x\""),
        "{}",
        refused.stderr
    );
}
