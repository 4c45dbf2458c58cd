//! Every kind of target selects exactly the pages that it describes.

use crate::support::{Page, Site, TestServer, assert_status, within};
use pagewire_client::proto;
use pagewire_client::proto::target::Selector;
use pagewire_client::{DeliveryStatus, SocketFilter, Target};
use serde_json::json;
use tonic::Code;

#[tokio::test]
async fn every_kind_of_target_reaches_exactly_its_pages() {
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
        (Target::tab("unused"), [false, false, false]),
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
    // Frames arrive in order, so receiving the last one proves which did not precede it.
    for (at, page) in [&mut a, &mut b, &mut c].into_iter().enumerate() {
        for (n, (_, expected)) in targets
            .iter()
            .enumerate()
            .filter(|(_, (_, expected))| expected[at])
        {
            assert_eq!(page.receive_json().await["n"], n, "page {at}, {expected:?}");
        }
    }
    client
        .send(&Target::all(), &json!({"type": "end"}))
        .await
        .expect("a send");
    for page in [&mut a, &mut b, &mut c] {
        assert_eq!(page.receive_json().await["type"], "end");
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
        assert_status(
            client.send(request).await,
            Code::InvalidArgument,
            "FIELD_INVALID",
        );
        let request = proto::SendConsoleLogRequest {
            target: target.clone(),
            ..Default::default()
        };
        assert_status(
            client.send_console_log(request).await,
            Code::InvalidArgument,
            "FIELD_INVALID",
        );
        let request = proto::CloseSocketsRequest {
            target,
            ..Default::default()
        };
        assert_status(
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
    assert_eq!(page.receive_json().await["type"], "marker");
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
    assert_eq!(page.receive_json().await["type"], "x");
}

#[tokio::test]
async fn a_send_without_pages_succeeds_and_is_not_stored() {
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
    assert_eq!(page.receive_json().await["type"], "new");
}

#[tokio::test]
async fn a_selection_is_atomic_and_accounts_for_every_socket() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await.listing_reached();
    let address = server.http();
    // Pages connect and disconnect during sends to all.
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
    // Sockets that were open after each event.
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
        assert_eq!(distinct.len(), selected.len(), "no page is selected twice");
        assert_eq!(
            distinct,
            open_at[usize::try_from(report.position.sequence).expect("small")]
        );
        moved.insert(report.position.sequence);
    }
    assert!(
        moved.len() > 3,
        "pages connected and disconnected between selections: {moved:?}"
    );
}
