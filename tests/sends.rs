//! From a program to pages: who is reached, and who is not.

use crate::support::{Page, Site, TestServer, fails_with, within};
use pagewire_client::proto::{self, target::Selector};
use pagewire_client::{ConsoleLevel, DeliveryStatus, SocketFilter, Target};
use serde_json::json;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_tungstenite::tungstenite::Message;
use tonic::Code;

#[tokio::test]
async fn every_kind_of_target_reaches_whom_it_names() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    let open = |tab: &str, page: &str, url: &str, visibility: &str, top_level: bool| {
        let fields = json!({"tab_id": tab, "page_id": page, "url": url, "visibility": visibility, "top_level": top_level});
        let address = server.http();
        async move { Page::open_as(address, &fields).await }
    };
    let mut a = open("t1", "p1", "http://localhost/a", "visible", true).await;
    let mut b = open("t1", "p2", "http://localhost/a/frame", "visible", false).await;
    let mut c = open("t2", "p3", "http://localhost/c", "hidden", true).await;
    let all = [a.id.clone(), b.id.clone(), c.id.clone()];

    let targets = [
        (Target::socket(&all[1]), [false, true, false]),
        (
            Target::sockets([&all[0], &all[2], &all[0]]),
            [true, false, true],
        ),
        (Target::tab("t1"), [true, true, false]),
        (Target::page("p3"), [false, false, true]),
        (Target::url("/a$"), [true, false, false]),
        (
            Target::filter(SocketFilter::url("localhost").hidden()),
            [false, false, true],
        ),
        (
            Target::filter(SocketFilter::default().top_level()),
            [true, false, true],
        ),
        (Target::all(), [true, true, true]),
        (Target::all().excluding([&all[1]]), [true, false, true]),
        (Target::tab("nobody"), [false, false, false]),
    ];
    for (n, (target, expected)) in targets.iter().enumerate() {
        let report = client
            .send(target, &json!({"type": "n", "n": n}))
            .await
            .expect("a report");
        let reached =
            u32::try_from(expected.iter().filter(|reached| **reached).count()).expect("few");
        assert_eq!(
            (report.reached, report.unreached.len()),
            (reached, 0),
            "target {n}"
        );
    }
    // Frames arrive in order, so hearing the last one proves what did not come before it.
    for (at, page) in [&mut a, &mut b, &mut c].into_iter().enumerate() {
        for (n, (_, expected)) in targets
            .iter()
            .enumerate()
            .filter(|(_, (_, expected))| expected[at])
        {
            assert_eq!(page.hear().await["n"], n, "page {at}, {expected:?}");
        }
    }
    client
        .send(&Target::all(), &json!({"type": "end"}))
        .await
        .expect("a send");
    for page in [&mut a, &mut b, &mut c] {
        assert_eq!(page.hear().await["type"], "end");
    }
}

#[tokio::test]
async fn an_unset_or_empty_target_is_refused_and_sends_nothing() {
    let server = TestServer::start(&Site::page()).await;
    let mut page = server.page().await;
    let mut client = server.client().await.raw();
    let target = |selector| {
        Some(proto::Target {
            selector,
            ..Default::default()
        })
    };
    let targets = [
        None,
        target(None),
        target(Some(Selector::Ids(proto::SocketIds::default()))),
        target(Some(Selector::Ids(proto::SocketIds {
            socket_ids: vec![String::new()],
        }))),
        target(Some(Selector::Tabs(proto::TabIds::default()))),
        target(Some(Selector::Pages(proto::PageIds::default()))),
        target(Some(Selector::Filter(proto::SocketFilter::default()))),
        target(Some(Selector::Filter(proto::SocketFilter {
            url_regex: "(".into(),
            ..Default::default()
        }))),
        target(Some(Selector::Filter(proto::SocketFilter {
            url_regex: "(?<=a)b".into(),
            ..Default::default()
        }))),
    ];
    for target in targets {
        let payload = Some(proto::send_request::Payload::Json(
            "{\"type\":\"never\"}".into(),
        ));
        let request = proto::SendRequest {
            target: target.clone(),
            payload,
            ..Default::default()
        };
        fails_with(
            client.send(request).await,
            Code::InvalidArgument,
            "FIELD_INVALID",
        );
        let request = proto::SendConsoleLogRequest {
            target: target.clone(),
            ..Default::default()
        };
        fails_with(
            client.send_console_log(request).await,
            Code::InvalidArgument,
            "FIELD_INVALID",
        );
        let request = proto::CloseSocketsRequest {
            target,
            ..Default::default()
        };
        fails_with(
            client.close_sockets(request).await,
            Code::InvalidArgument,
            "FIELD_INVALID",
        );
    }
    let client = server.client().await;
    client
        .send(&Target::all(), &json!({"type": "marker"}))
        .await
        .expect("a send");
    assert_eq!(page.hear().await["type"], "marker");
}

#[tokio::test]
async fn an_unknown_socket_is_a_row_and_not_an_error() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await.listing_reached();
    let mut page = server.page().await;
    let target = Target::sockets([page.id.as_str(), "nosuchsocket"]);
    let report = client
        .send(&target, &json!({"type": "x"}))
        .await
        .expect("a report");
    assert_eq!((report.reached, report.selected()), (1, 2));
    assert_eq!(report.reached_socket_ids, [page.id.as_str()]);
    assert_eq!(report.unreached[0].socket_id, "nosuchsocket");
    assert_eq!(report.unreached[0].status, DeliveryStatus::NotFound);
    assert_eq!(page.hear().await["type"], "x");
}

#[tokio::test]
async fn nobody_connected_is_ok_and_empty_and_nothing_is_kept() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    let report = client
        .send(&Target::all(), &json!({"type": "lost"}))
        .await
        .expect("a report");
    assert_eq!(report.selected(), 0);
    let mut page = server.page().await;
    client
        .send(&Target::all(), &json!({"type": "new"}))
        .await
        .expect("a send");
    assert_eq!(page.hear().await["type"], "new");
}

#[tokio::test]
async fn json_arrives_byte_for_byte_and_what_is_none_is_refused() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    let mut page = server.page().await;
    let text = r#"{ "type":"x", "n":9007199254740993, "f":1.50, "a":1,"a":2, "s":"\u00e9é\/" }"#;
    client
        .send_json(&Target::all(), text)
        .await
        .expect("a send");
    assert_eq!(page.hear_text().await, text);
    for text in ["", "{", "{\"type\":\"x\"} trailing", "'x'", "{type:1}"] {
        let refused = client
            .send_json(&Target::all(), text)
            .await
            .expect_err("refused");
        assert_eq!(refused.reason(), Some("FIELD_INVALID"), "{text:?}");
    }
    client
        .send_text(&Target::all(), "plain, not JSON")
        .await
        .expect("a send");
    assert_eq!(page.hear_text().await, "plain, not JSON");
    client
        .send_binary(&Target::all(), vec![0, 255, 1])
        .await
        .expect("a send");
    assert_eq!(
        page.receive().await.expect("a frame"),
        Message::binary(vec![0, 255, 1])
    );
}

#[tokio::test]
async fn sends_of_one_caller_arrive_in_order() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    let mut page = server.page().await;
    for n in 0..200 {
        client
            .send(&Target::all(), &json!({"type": "n", "n": n}))
            .await
            .expect("a send");
    }
    for n in 0..200 {
        assert_eq!(page.hear().await["n"], n);
    }
}

#[tokio::test]
async fn a_stream_of_sends_answers_each_in_order_and_survives_a_bad_one() {
    let server = TestServer::start(&Site::page()).await;
    let mut page = server.page().await;
    let send = |json: &str, target| proto::SendStreamRequest {
        send: Some(proto::SendRequest {
            target,
            payload: Some(proto::send_request::Payload::Json(json.into())),
            ..Default::default()
        }),
    };
    let all = Some(proto::Target {
        selector: Some(Selector::All(proto::AllSockets {})),
        ..Default::default()
    });
    let (sender, requests) = mpsc::channel(4);
    let mut client = server.client().await.raw();
    // Headers come before the first message is read.
    let stream = client.send_stream(ReceiverStream::new(requests));
    let mut responses = within("headers", stream)
        .await
        .expect("a stream")
        .into_inner();
    for (json, target, ok) in [
        ("{\"type\":\"a\"}", all.clone(), true),
        ("{\"type\":\"b\"}", None, false),
        ("{", all.clone(), false),
        ("{\"type\":\"c\"}", all, true),
    ] {
        sender
            .send(send(json, target))
            .await
            .expect("an open stream");
        let response = within("a response", responses.message())
            .await
            .expect("open")
            .expect("one");
        match response.outcome {
            Some(proto::send_stream_response::Outcome::Report(report)) => {
                assert!(ok && report.reached == 1);
            }
            Some(proto::send_stream_response::Outcome::Error(error)) => {
                assert!(!ok);
                assert_eq!((error.code, error.reason.as_str()), (3, "FIELD_INVALID"));
            }
            None => panic!("an empty response"),
        }
    }
    assert_eq!(page.hear().await["type"], "a");
    assert_eq!(page.hear().await["type"], "c");
}

#[tokio::test]
async fn a_console_log_is_verbatim_and_falls_back_to_an_encoded_module() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    let text = "100% #1 </script>\n\u{1F600} \"quoted\"";
    let mut page = server.page().await;
    client
        .console_log(&Target::all(), ConsoleLevel::Warn, "me", text)
        .await
        .expect("a send");
    let frame = page.hear().await;
    assert_eq!(
        frame,
        json!({"type": "pagewire:log", "level": "warn", "source": "me", "text": text, "args": []})
    );
    drop(page);

    // The ancestor's script can only import.
    let mut silent = server.silent_page().await;
    let ready = async {
        while !client
            .sockets()
            .await
            .expect("a list")
            .iter()
            .any(|s| s.ready && s.client_features.is_empty())
        {
            tokio::task::yield_now().await;
        }
    };
    within("the silent page to be ready", ready).await;
    client
        .console_log(&Target::all(), ConsoleLevel::Log, "", text)
        .await
        .expect("a send");
    let frame = silent.hear().await;
    assert_eq!(frame["type"], "import");
    let url = frame["data"]["importPath"].as_str().expect("a URL");
    let module = url
        .strip_prefix("data:text/javascript,")
        .expect("a data URL");
    assert!(!module.contains(['#', '<', '\n', '"', ' ']), "{module}");
    let decoded = percent_encoding::percent_decode_str(module)
        .decode_utf8()
        .expect("UTF-8");
    let call = format!(
        "console.log(\"%s\",{});",
        serde_json::to_string(text).expect("a string")
    );
    assert!(decoded.starts_with(&call), "{decoded}");
}

#[tokio::test]
async fn commands_reach_pages() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    let mut page = server.page().await;
    client.reload(&Target::all()).await.expect("a send");
    assert_eq!(
        page.hear().await,
        json!({"type": "pagewire:command", "command": "reload"})
    );
    client
        .navigate(&Target::all(), "/next")
        .await
        .expect("a send");
    assert_eq!(
        page.hear().await,
        json!({"type": "pagewire:command", "command": "navigate", "url": "/next"})
    );
    client
        .swap_stylesheets(&Target::all(), ["/a.css"])
        .await
        .expect("a send");
    assert_eq!(
        page.hear().await,
        json!({"type": "pagewire:command", "command": "styles", "paths": ["/a.css"]})
    );
    let refused = client
        .swap_stylesheets(&Target::all(), ["a.css"])
        .await
        .expect_err("refused");
    assert!(refused.to_string().contains("\"/a.css\""), "{refused}");
}

#[tokio::test]
async fn a_page_whose_script_lacks_a_command_is_unsupported_and_not_sent_it() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    let older = json!({"features": ["command.reload"]});
    let mut page = Page::open_as(server.http(), &older).await;
    let report = client
        .navigate(&Target::all(), "/next")
        .await
        .expect("a report");
    let rows: Vec<_> = report.unreached.iter().map(|row| row.status).collect();
    assert_eq!(
        (report.reached, rows),
        (0, vec![DeliveryStatus::Unsupported])
    );
    client.reload(&Target::all()).await.expect("a send");
    assert_eq!(page.hear().await["command"], "reload");
}

#[tokio::test]
async fn a_frame_beyond_the_limit_is_refused_and_one_below_it_arrives() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    let mut page = server.page().await;
    let large = "x".repeat(16 * 1024 * 1024);
    client
        .send_text(&Target::all(), large.clone())
        .await
        .expect("16 MiB");
    assert_eq!(page.hear_text().await.len(), large.len());
    let refused = client
        .send_text(&Target::all(), large + "x")
        .await
        .expect_err("refused");
    assert_eq!(refused.reason(), Some("FIELD_INVALID"));
}

#[tokio::test]
async fn a_receipt_is_confirmed_by_the_transport() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await.confirming_receipt().listing_reached();
    let (mut reads, leaves) = (server.page().await, server.page().await);
    let (reads_id, leaves_id) = (reads.id.clone(), leaves.id.clone());
    let target = Target::sockets([&reads_id, &leaves_id]);
    let message = json!({"type": "x"});
    let pages = async {
        assert_eq!(reads.hear().await["type"], "x");
        // The pong is behind the frame, and leaves with what the page reads or writes next.
        reads.say(&json!({"no": "type"})).await;
        assert_eq!(reads.hear().await["type"], "pagewire:fault");
        // This page leaves without having read.
        drop(leaves);
    };
    let (report, ()) = tokio::join!(client.send(&target, &message), pages);
    let report = report.expect("a report");
    assert_eq!(report.reached_socket_ids, [reads_id]);
    let unreached: Vec<_> = report
        .unreached
        .iter()
        .map(|row| (row.socket_id.clone(), row.status))
        .collect();
    assert_eq!(unreached, [(leaves_id, DeliveryStatus::Gone)]);
}

#[tokio::test]
async fn a_page_that_does_not_confirm_in_time_has_its_row() {
    let server = TestServer::start(&Site::page()).await;
    let client = server
        .client()
        .await
        .confirming_receipt()
        .with_deadline(std::time::Duration::from_millis(300));
    let page = server.page().await;
    let report = client
        .send(&Target::all(), &json!({"type": "x"}))
        .await
        .expect("a report, not an error");
    assert_eq!(report.unreached[0].status, DeliveryStatus::TimedOut);
    assert_eq!(report.unreached[0].socket_id, page.id);
}

#[tokio::test]
async fn a_selection_is_one_instant_and_every_selected_socket_is_accounted_for() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await.listing_reached();
    let address = server.http();
    // Pages come and go while sends go to all.
    let churn = async {
        let mut pages = std::collections::VecDeque::new();
        for _ in 0..60 {
            pages.push_back(Page::connect(address, "/__pagewire__/socket").await);
            if pages.len() > 5 {
                pages.pop_front();
            }
        }
        pages
    };
    let sends = async {
        let mut reports = Vec::new();
        for n in 0..120 {
            let message = json!({"type": "n", "n": n});
            reports.push(
                client
                    .send(&Target::all(), &message)
                    .await
                    .expect("a report"),
            );
        }
        reports
    };
    let (_pages, reports) = tokio::join!(churn, sends);

    let start = pagewire_client::Position {
        epoch: client.info().await.expect("info").epoch,
        sequence: 0,
    };
    let last = reports
        .iter()
        .map(|report| report.position.sequence)
        .max()
        .expect("reports");
    let options = pagewire_client::SubscribeOptions::new()
        .sockets()
        .resume_after(start);
    let mut log = client.subscribe(options).await.expect("a stream");
    // Who was open behind each event.
    let mut open = std::collections::BTreeSet::new();
    let mut open_at = vec![open.clone()];
    while (open_at.len() as u64) <= last {
        let event = within("an event", log.next())
            .await
            .expect("open")
            .expect("an event");
        match event.what {
            pagewire_client::What::SocketOpened { socket, .. } => {
                open.insert(socket.socket_id);
            }
            pagewire_client::What::SocketClosed(closed) => {
                open.remove(&closed.socket_id);
            }
            _ => {}
        }
        open_at.push(open.clone());
    }
    let mut moved = std::collections::BTreeSet::new();
    for report in reports {
        let unreached = report.unreached.iter().map(|row| &row.socket_id);
        let selected: Vec<_> = report
            .reached_socket_ids
            .iter()
            .chain(unreached)
            .cloned()
            .collect();
        let distinct: std::collections::BTreeSet<_> = selected.iter().cloned().collect();
        assert_eq!(distinct.len(), selected.len(), "nobody twice");
        assert_eq!(
            distinct,
            open_at[usize::try_from(report.position.sequence).expect("small")]
        );
        moved.insert(report.position.sequence);
    }
    assert!(
        moved.len() > 3,
        "the selections saw pages come and go: {moved:?}"
    );
}

#[tokio::test]
async fn nothing_is_replayed_to_a_page_that_comes_back() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    let page = server.page().await;
    let id = page.id.clone();
    let mut events = client
        .subscribe(pagewire_client::SubscribeOptions::new().sockets())
        .await
        .expect("a stream");
    drop(page);
    within("its end", events.next())
        .await
        .expect("open")
        .expect("an event");
    let report = client
        .send(&Target::socket(&id), &json!({"type": "missed"}))
        .await
        .expect("a report");
    assert_eq!(report.unreached[0].status, DeliveryStatus::NotFound);
    client
        .send(&Target::page("p"), &json!({"type": "missed"}))
        .await
        .expect("a report");

    let path = format!("/__pagewire__/socket?previous={id}");
    let mut back = Page::connect(server.http(), &path).await;
    client
        .send(&Target::all(), &json!({"type": "new"}))
        .await
        .expect("a report");
    assert_eq!(back.hear().await["type"], "new");
}
