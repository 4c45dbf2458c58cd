//! Page sockets: connecting, the hello message, listing, and closing.

use crate::support::{Page, Site, TestServer, upgrade_request, within};
use pagewire_client::{Event, SubscribeOptions, Subscription, Target, What, proto};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

async fn next(subscription: &mut Subscription) -> Event {
    within("an event", subscription.next())
        .await
        .expect("an open stream")
        .expect("an event")
}

#[tokio::test]
async fn a_socket_is_listed_before_its_upgrade_is_answered_and_ready_after_its_hello() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    let mut page = Page::connect(server.http(), "/__pagewire__/socket").await;
    let listed = client.sockets().await.expect("a list");
    assert_eq!(listed.len(), 1);
    assert!(!listed[0].ready);
    assert!(listed[0].remote_address.starts_with("127.0.0.1:"));

    page.send_json(&json!({
        "type": "pagewire:hello", "page_id": "p1", "tab_id": "t1", "url": "http://localhost/a",
        "title": "A", "visibility": "hidden", "document_state": "loading", "top_level": false,
        "features": ["log"], "version": 1, "of a later version": {},
    }))
    .await;
    assert_eq!(
        page.receive_json().await,
        json!({"type": "pagewire:hello", "socket_id": listed[0].socket_id})
    );
    let socket = client.sockets().await.expect("a list").remove(0);
    assert!(socket.ready && !socket.top_level);
    assert_eq!(
        (socket.page_id.as_str(), socket.tab_id.as_str()),
        ("p1", "t1")
    );
    assert_eq!(
        (socket.url.as_str(), socket.title.as_str()),
        ("http://localhost/a", "A")
    );
    assert_eq!(socket.visibility(), proto::Visibility::Hidden);
    assert_eq!(
        socket.document_state(),
        proto::socket::DocumentState::Loading
    );
    assert_eq!(socket.client_features, ["log"]);
}

#[tokio::test]
async fn a_page_without_a_hello_is_ready_after_a_second_and_reachable() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    let mut events = client
        .subscribe(SubscribeOptions::new().sockets())
        .await
        .expect("a stream");
    let mut page = server.wds_page().await;
    let What::SocketOpened { socket, .. } = next(&mut events).await.what else {
        panic!()
    };
    let report = client
        .send(
            &Target::socket(&socket.socket_id),
            &json!({"type": "early"}),
        )
        .await;
    assert_eq!(report.expect("a report").reached, 1);
    assert_eq!(page.receive_json().await["type"], "early");
    let What::SocketUpdated(socket) = next(&mut events).await.what else {
        panic!()
    };
    assert!(socket.ready && socket.client_features.is_empty());
}

#[tokio::test]
async fn events_of_a_socket_lie_between_opened_and_closed() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    let options = SubscribeOptions::new().sockets().messages();
    let mut events = client.subscribe(options).await.expect("a stream");
    let mut page = server.page().await;
    page.send_json(&json!({"type": "hi"})).await;
    page.socket.close(None).await.expect("a close");

    let mut seen = Vec::new();
    let mut last = 0;
    loop {
        let event = next(&mut events).await;
        assert_eq!(
            event.position.sequence,
            last + 1,
            "sequence numbers have no gaps"
        );
        last = event.position.sequence;
        match event.what {
            What::SocketOpened { .. } => seen.push("opened"),
            What::SocketUpdated(_) => seen.push("updated"),
            What::Message(_) => seen.push("message"),
            What::SocketClosed(closed) => {
                assert_eq!(closed.socket_id, page.id);
                assert_eq!(closed.cause(), proto::socket_closed::Cause::PageUnloaded);
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(seen, ["opened", "updated", "message"]);
    assert!(client.sockets().await.expect("a list").is_empty());
}

#[tokio::test]
async fn a_broken_connection_is_distinguished_and_a_reconnect_names_its_predecessor() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    let page = server.page().await;
    let id = page.id.clone();
    let mut events = client
        .subscribe(SubscribeOptions::new().sockets())
        .await
        .expect("a stream");
    drop(page);
    let What::SocketClosed(closed) = next(&mut events).await.what else {
        panic!()
    };
    assert_eq!(
        (closed.close_code, closed.cause()),
        (1006, proto::socket_closed::Cause::ConnectionLost)
    );

    let path = format!("/__pagewire__/socket?previous={id}");
    let _page = Page::connect(server.http(), &path).await;
    let What::SocketOpened {
        previous_socket_id, ..
    } = next(&mut events).await.what
    else {
        panic!()
    };
    assert_eq!(previous_socket_id, id);
    let _page = Page::connect(server.http(), "/__pagewire__/socket?previous=NOT-AN-ID").await;
    let opened = async {
        loop {
            if let What::SocketOpened {
                previous_socket_id, ..
            } = next(&mut events).await.what
            {
                break previous_socket_id;
            }
        }
    };
    assert_eq!(within("the socket", opened).await, "");
}

#[tokio::test]
async fn an_invalid_frame_is_reported_and_counted_and_the_socket_stays_open() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    let mut page = server.page().await;
    let mut events = client
        .subscribe(SubscribeOptions::new().messages())
        .await
        .expect("a stream");
    let frames = [
        "not json",
        "[1]",
        "{}",
        r#"{"type":7}"#,
        r#"{"type":"pagewire:nonsense"}"#,
        r#"{"type":"pagewire:hello","url":7}"#,
    ];
    for frame in frames {
        page.send(Message::text(frame)).await;
        let fault = page.receive_json().await;
        assert_eq!(fault["type"], "pagewire:fault", "{frame}");
        assert!(
            fault["error"]
                .as_str()
                .is_some_and(|error| error.len() > 20),
            "{fault}"
        );
    }
    page.send_json(&json!({"type": "fine"})).await;
    let What::Message(message) = next(&mut events).await.what else {
        panic!()
    };
    assert_eq!(message.message_type(), "fine");
    assert_eq!(
        client.info().await.expect("info").refused_frames,
        frames.len() as u64
    );
}

#[tokio::test]
async fn lists_are_paginated_in_connection_order() {
    let server = TestServer::start(&Site::page()).await;
    let mut pages = Vec::new();
    for _ in 0..5 {
        pages.push(server.page().await);
    }
    let mut client = server.client().await.raw();
    let mut listed = Vec::new();
    let mut page_token = String::new();
    let mut positions = Vec::new();
    loop {
        let request = proto::ListSocketsRequest {
            page_size: 2,
            page_token,
            ..Default::default()
        };
        let response = client
            .list_sockets(request)
            .await
            .expect("a page")
            .into_inner();
        assert!(response.sockets.len() <= 2);
        positions.push(response.position.expect("a position"));
        listed.extend(response.sockets.into_iter().map(|socket| socket.socket_id));
        // Changes between two pages of the list do not move its point in time.
        pages[0].send_json(&json!({"type": "noise"})).await;
        page_token = response.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(
        listed,
        pages.iter().map(|page| page.id.clone()).collect::<Vec<_>>()
    );
    assert_eq!(positions.len(), 3);
    assert!(
        positions.windows(2).all(|pair| pair[0] == pair[1]),
        "{positions:?}"
    );
}

#[tokio::test]
async fn sockets_can_be_closed_with_a_code() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    let (mut first, mut second) = (server.page().await, server.page().await);
    let report = client
        .close_sockets(&Target::socket(&first.id), 4500, "enough")
        .await
        .expect("a report");
    assert_eq!(report.reached, 1);
    assert_eq!(first.receive_close().await, (4500, "enough".into()));
    client
        .send(&Target::all(), &json!({"type": "still"}))
        .await
        .expect("the send succeeds");
    assert_eq!(second.receive_json().await["type"], "still");
    for (code, reason) in [
        (1001, ""),
        (999, ""),
        (5000, ""),
        (1000, "x".repeat(124).as_str()),
    ] {
        let refused = client
            .close_sockets(&Target::all(), code, reason)
            .await
            .expect_err("refused");
        assert_eq!(refused.reason(), Some("FIELD_INVALID"), "{code}");
    }
}

#[tokio::test]
async fn a_list_after_the_largest_connection_number_is_empty() {
    let server = TestServer::start(&Site::page()).await;
    let _page = server.page().await;
    let mut client = server.client().await.raw();
    for number in [u64::MAX, u64::MAX - 1, 1] {
        let request = proto::ListSocketsRequest {
            page_token: format!("{number}.0"),
            ..Default::default()
        };
        let response = client.list_sockets(request).await.expect("a page");
        let response = response.into_inner();
        assert_eq!(response.sockets.len(), 0, "after number {number}");
        assert_eq!(response.next_page_token, "", "after number {number}");
    }
}

#[tokio::test]
async fn only_a_get_request_of_http_1_1_is_upgraded() {
    let server = TestServer::start(&Site::page()).await;
    let client = server.client().await;
    for path in ["/__pagewire__/socket", "/wds"] {
        for (method, version, status, header) in [
            ("GET", "HTTP/1.0", 426, ("upgrade", "websocket")),
            ("HEAD", "HTTP/1.0", 426, ("upgrade", "websocket")),
            ("HEAD", "HTTP/1.1", 405, ("allow", "GET")),
            ("POST", "HTTP/1.1", 405, ("allow", "GET,HEAD")),
        ] {
            let line = format!("{method} {path} {version}\r\nConnection: close, Upgrade\r\n");
            let upgrade = upgrade_request(path, b"Host: localhost\r\n");
            let rest = String::from_utf8(upgrade).expect("UTF-8");
            let rest = rest.splitn(3, "\r\n").nth(2).expect("more lines");
            let response = server.raw(format!("{line}{rest}").as_bytes()).await;
            let found = (response.status, response.header(header.0));
            assert_eq!(found, (status, Some(header.1)), "{method} {path} {version}");
        }
    }
    assert_eq!(client.sockets().await.expect("a list").len(), 0);
}
