//! A failure is visible where one looks for its cause: in the log, in the error of the page, and in the page itself.

use super::{open, plugin, response_to, start};
use crate::support::module_hook::{self, ModuleHook, PATH};
use crate::support::{HookStream, Page, Session, TestServer, cli, within};
use pagewire_client::proto::{self, FailedResource, FailureMode};
use pagewire_client::{PageError, SubscribeOptions, Subscription, What};
use serde_json::{Value, json};

of_every_hook! {
    the_log_line_of_a_failure_says_what_failed_where_and_why
    the_log_line_of_a_missed_deadline_names_plugin_hook_and_path
    the_error_of_a_resource_names_the_failure_until_its_url_has_another_response
    a_missed_deadline_is_the_cause_of_an_error_too
    a_page_learns_why_a_script_or_stylesheet_did_not_load
}

fn failure() -> proto::HookFailure {
    let rows: Vec<_> = (1..=8)
        .map(|row| format!("    at f{row} (plugin.js:{row}:1)"))
        .collect();
    proto::HookFailure {
        status: 422,
        message: "no such\n\u{1b}[2Jcolor".into(),
        stack: format!("Error: no such color\n{}", rows.join("\n")),
        location: Some(location()),
        ..Default::default()
    }
}

fn location() -> proto::SourceLocation {
    proto::SourceLocation {
        file: "src/a.vue".into(),
        line: 3,
        column: 7,
        frame: "> 3 | color: blu".into(),
    }
}

async fn the_log_line_of_a_failure_says_what_failed_where_and_why<K: ModuleHook>() {
    let hook_name = K::HOOK
        .as_str_name()
        .trim_start_matches("HOOK_")
        .to_lowercase();
    for format in ["text", "json"] {
        let arguments = ["--log-format", format];
        let mut server = TestServer::start_with(&module_hook::site(), &arguments).await;
        let (_session, mut hook) = plugin::<K>(&server, open::<K>()).await;
        response_to(&server, &mut hook, K::failed(failure())).await;
        let line = server.wait_for_log("plugin p failed").await;
        assert!(!line.contains(char::is_control), "{line:?}");
        let stack = "Error: no such color | at f1 (plugin.js:1:1) | at f2 (plugin.js:2:1) \
            | at f3 (plugin.js:3:1) | at f4 (plugin.js:4:1)";
        if format == "json" {
            let line: Value = serde_json::from_str(&line).expect("JSON");
            assert_eq!(
                line["fields"],
                json!({
                    "message": "plugin p failed", "plugin": "p", "hook": hook_name, "path": PATH,
                    "error": failure().message, "place": "src/a.vue:3:7", "stack": stack,
                })
            );
            continue;
        }
        for part in [
            r#"plugin="p""#,
            &format!("hook=\"{hook_name}\""),
            "path=/m.js",
            r#"error="no such\n\u{1b}[2Jcolor""#,
            r#"place="src/a.vue:3:7""#,
            &format!("stack=\"{stack}\""),
        ] {
            assert!(line.contains(part), "{part}: {line}");
        }
    }
}

/// Opens a plugin whose calls time out, and returns it with the response to the module.
async fn time_out<K: ModuleHook>(server: &TestServer) -> (Session, HookStream<K>) {
    let options = module_hook::options(FailureMode::Fail, 100);
    let slow = K::opening(vec![module_hook::module()], Some(options));
    let (session, mut hook) = plugin::<K>(server, slow).await;
    let (response, _) = tokio::join!(server.get(PATH), hook.call());
    assert_eq!(response.status, 504);
    (session, hook)
}

async fn the_log_line_of_a_missed_deadline_names_plugin_hook_and_path<K: ModuleHook>() {
    let mut server = start().await;
    let _plugin = time_out::<K>(&server).await;
    let line = server.wait_for_log("plugin p did not respond").await;
    let hook = K::HOOK
        .as_str_name()
        .trim_start_matches("HOOK_")
        .to_lowercase();
    let fields = format!(
        "plugin=\"p\" hook=\"{hook}\" path=/m.js error=\"did not respond in time (call_timeout)\""
    );
    assert!(line.ends_with(&fields), "{line}");
}

/// Returns the URL of a path, as a page of the daemon has it.
fn url(server: &TestServer, path: &str) -> String {
    format!("http://{}{path}", server.http())
}

/// Reports an error as the recorder does, and returns it as subscribers get it.
async fn reported(page: &mut Page, errors: &mut Subscription, fields: Value) -> PageError {
    let mut error = json!({"type": "pagewire:error", "kind": "resource", "exception": {"message": "did not load"}});
    for (key, value) in fields.as_object().expect("fields") {
        error[key] = value.clone();
    }
    page.send_json(&error).await;
    let event = within("an event", errors.next())
        .await
        .expect("an open stream");
    match event.expect("an event").what {
        What::PageError(error) => error,
        other => panic!("expected a page error, got {other:?}"),
    }
}

async fn the_error_of_a_resource_names_the_failure_until_its_url_has_another_response<
    K: ModuleHook,
>() {
    let server = start().await;
    let (_session, mut hook) = plugin::<K>(&server, open::<K>()).await;
    let options = SubscribeOptions::new().page_errors();
    let mut errors = server
        .client()
        .await
        .subscribe(options)
        .await
        .expect("a stream");
    let mut page = server.page().await;
    let (response, _) = tokio::join!(
        server.get("/m.js?v=1"),
        hook.answer_next(K::failed(failure()))
    );
    assert_eq!(response.status, 422);
    let expected = FailedResource {
        plugin_name: "p".into(),
        hook: K::HOOK.into(),
        url: "/m.js?v=1".into(),
        status: 422,
        message: failure().message,
        location: Some(location()),
    };
    let failed = url(&server, "/m.js?v=1");
    let entry = url(&server, "/entry.js");
    let exception = |url: &str| json!({"exception": {"message": "did not load", "url": url}});
    let suspects = |kind: &str| {
        json!({"kind": kind, "failed_urls": [entry, failed],
            "exception": {"message": "did not load", "url": entry}})
    };
    for (fields, cause) in [
        (exception(&failed), Some(&expected)),
        (exception(&format!("{failed}#fragment")), Some(&expected)),
        (suspects("resource"), Some(&expected)),
        (suspects("unhandled_rejection"), Some(&expected)),
        (suspects("uncaught"), None),
        (exception(&url(&server, PATH)), None),
        (exception("http://elsewhere:1/m.js?v=1"), None),
        (exception("/m.js?v=1"), None),
        (
            json!({"kind": "unhandled_rejection", "exception": {"url": failed}}),
            None,
        ),
    ] {
        let error = reported(&mut page, &mut errors, fields.clone()).await;
        assert_eq!(error.failed_resource.as_ref(), cause, "{fields}");
    }
    let arguments = [
        "messages",
        "--since",
        "0",
        "--kinds",
        "page-error",
        "--timeout",
        "1",
    ];
    let text = cli(&server, &arguments).await.stdout;
    let cause = format!(
        "(plugin p failed, {} of /m.js?v=1, status 422: no such\\n\\u{{1b}}[2Jcolor at src/a.vue:3:7)",
        K::HOOK
            .as_str_name()
            .trim_start_matches("HOOK_")
            .to_lowercase()
    );
    assert!(
        text.lines()
            .next()
            .is_some_and(|line| line.ends_with(&cause)),
        "{text}"
    );
    let json = cli(&server, &[&arguments[..], &["--json"]].concat())
        .await
        .json();
    assert_eq!(
        json[0]["page_error"]["failed_resource"]["location"]["column"],
        7
    );
    assert_eq!(json[4]["page_error"]["failed_resource"], Value::Null);

    let (response, _) = tokio::join!(server.get("/m.js?v=1"), hook.answer_next(K::answer("m")));
    assert_eq!(response.status, 200);
    let error = reported(&mut page, &mut errors, exception(&failed)).await;
    assert_eq!(error.failed_resource, None);
}

async fn a_missed_deadline_is_the_cause_of_an_error_too<K: ModuleHook>() {
    let server = start().await;
    let _plugin = time_out::<K>(&server).await;
    let options = SubscribeOptions::new().page_errors();
    let mut errors = server
        .client()
        .await
        .subscribe(options)
        .await
        .expect("a stream");
    let mut page = server.page().await;
    let fields = json!({"exception": {"url": url(&server, PATH)}});
    let error = reported(&mut page, &mut errors, fields).await;
    let expected = FailedResource {
        plugin_name: "p".into(),
        hook: K::HOOK.into(),
        url: PATH.into(),
        status: 504,
        message: "plugin p did not respond in time (call_timeout)".into(),
        location: None,
    };
    assert_eq!(error.failed_resource, Some(expected));
}

async fn a_page_learns_why_a_script_or_stylesheet_did_not_load<K: ModuleHook>() {
    let server = start().await;
    let (_session, mut hook) = plugin::<K>(&server, open::<K>()).await;
    let mut page = server.page().await;
    let question =
        json!({"type": "pagewire:failed", "urls": [url(&server, "/x.js"), url(&server, PATH)]});
    let options = SubscribeOptions::new().page_errors();
    let mut errors = server
        .client()
        .await
        .subscribe(options)
        .await
        .expect("a stream");
    assert_eq!(page.receive_json().await["type"], "pagewire:watch");
    let nested = json!({"failed_urls": [url(&server, PATH)], "exception": {"url": url(&server, "/entry.js")}});
    for (destination, is_shown) in [("image", false), ("empty", false), ("script", true)] {
        let header = format!("Sec-Fetch-Dest: {destination}\r\n");
        tokio::join!(
            server.get_with(PATH, &header),
            hook.answer_next(K::failed(failure()))
        );
        // An image is not what a module imports.
        let error = reported(&mut page, &mut errors, nested.clone()).await;
        assert_eq!(error.failed_resource.is_some(), is_shown, "{destination}");
        page.send_json(&question).await;
        if is_shown {
            let answer = page.receive_json().await;
            let location = location();
            assert_eq!(
                answer,
                json!({"type": "pagewire:failed", "failures": [{
                    "plugin": "p",
                    "hook": K::HOOK.as_str_name().trim_start_matches("HOOK_").to_lowercase(),
                    "url": PATH,
                    "status": 422,
                    "message": failure().message,
                    "file": location.file,
                    "line": location.line,
                    "column": location.column,
                    "frame": location.frame,
                    "stack": failure().stack,
                }]})
            );
        }
        // Frames are handled in order: nothing came before the answer to this one.
        page.send_json(&json!({"type": "pagewire:unknown"})).await;
        assert_eq!(page.receive_json().await["type"], "pagewire:fault");
    }
}

#[tokio::test]
async fn the_texts_of_a_remembered_failure_are_truncated() {
    use crate::support::Serve;
    let server = start().await;
    let (_session, mut hook) = plugin::<Serve>(&server, open::<Serve>()).await;
    let options = SubscribeOptions::new().page_errors();
    let mut errors = server
        .client()
        .await
        .subscribe(options)
        .await
        .expect("a stream");
    let mut page = server.page().await;
    let long = proto::HookFailure {
        message: "é".repeat(20_000),
        ..failure()
    };
    response_to(&server, &mut hook, Serve::failed(long)).await;
    let fields = json!({"exception": {"url": url(&server, PATH)}});
    let error = reported(&mut page, &mut errors, fields).await;
    let failed = error.failed_resource.expect("a cause");
    assert_eq!(failed.message, "é".repeat(8 * 1024));
}
