//! An unreachable or looping backend is reported with its address and a remedy.

use super::{everything, get, says, upgrade};
use crate::support::{Backend, Site, TestServer, Wire};
use rustix::process::Signal;
use tokio::net::TcpSocket;

#[tokio::test]
async fn a_backend_that_is_away_is_named_with_what_to_do_and_asked_again() {
    let (backend, server) = everything(&[]).await;
    let address = backend.address;
    let broken = b"HTTP/1.1 200 OK\r\nBroken header\r\n\r\n";
    let (_, answer) = backend.exchange(&server, get("/", ""), broken).await;
    assert_eq!(answer.status, 502);
    assert!(
        answer.text().contains("no valid response"),
        "{}",
        answer.text()
    );
    let post = get("/", "").replace("GET", "POST");
    let (_, answer) = backend.exchange(&server, post, "").await;
    assert_eq!(answer.status, 502);
    drop(backend);
    let page = server.get_with("/x", "Accept: text/html\r\n").await;
    assert_eq!(
        (page.status, page.header("cache-control")),
        (502, Some("no-store"))
    );
    assert!(page.header("pagewire-failure").is_some());
    let text = page.text();
    let rule = format!("http://localhost:{}", address.port());
    for part in [
        rule.as_str(),
        "connection refused",
        "start the server",
        "proxy setting",
    ] {
        assert!(text.contains(part), "{part} is in {text}");
    }
    let mut browser = Wire::connect(server.http()).await;
    browser.say(upgrade("/socket", "")).await;
    assert!(browser.hear("\r\n").await.starts_with("HTTP/1.1 502"));
    let backend = Backend::at(address).await;
    let (_, answer) = backend
        .exchange(&server, get("/x", ""), says("200 OK", "", "back"))
        .await;
    assert_eq!(answer.text(), "back");
    // It is reported once, however often pages ask.
    server.signal(Signal::TERM);
    let (_, said) = server.ended().await;
    for (words, times) in [("cannot connect", 1), ("is reachable again", 1)] {
        assert_eq!(said.matches(words).count(), times, "{words} in {said}");
    }
}

#[tokio::test]
async fn a_connection_that_is_kept_and_then_closed_costs_no_answer() {
    let (backend, server) = everything(&[]).await;
    let kept = async {
        let mut wire = backend.accept().await;
        wire.hear("\r\n\r\n").await;
        wire.say("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none")
            .await;
        wire
    };
    let (mut kept, answer) = tokio::join!(kept, server.get("/1"));
    assert_eq!(answer.text(), "one");
    // What has an effect is not asked twice, so it does not go there.
    let post = get("/2", "").replace("GET", "POST");
    let (asked, _) = backend
        .exchange(&server, post, says("200 OK", "", ""))
        .await;
    assert_eq!(asked.line(), "POST /2 HTTP/1.1");
    let closing = async {
        let head = kept.hear("\r\n\r\n").await;
        drop(kept);
        let mut again = backend.accept().await;
        assert_eq!(again.hear("\r\n\r\n").await, head);
        again.say(says("200 OK", "", "two")).await;
    };
    let ((), answer) = tokio::join!(closing, server.get("/3"));
    assert_eq!(answer.text(), "two");
}

#[tokio::test]
async fn a_rule_that_leads_back_to_the_daemon_is_said_and_not_followed_for_ever() {
    let (first, second) = (Backend::start().await, Backend::start().await);
    let ports = [first.address.port(), second.address.port()];
    // Free ports, for two daemons that must know each other's before they start.
    drop((first, second));
    let (empty, site) = (Site::new([]), Site::new([("x.js", "found")]));
    let one = start_at(&empty, ports[0], ports[1]).await;
    let two = start_at(&site, ports[1], ports[0]).await;
    // Two daemons one behind the other are no loop until nobody answers.
    assert_eq!(one.get("/x.js").await.text(), "found");
    for server in [&one, &two] {
        let answer = server.get("/missing").await;
        assert_eq!(answer.status, 508);
        assert!(answer.text().contains("leads back"), "{}", answer.text());
    }
}

async fn start_at(site: &Site, port: u16, backend: u16) -> TestServer {
    let mut command = crate::support::command();
    command
        .arg("serve")
        .arg(site.path())
        .args(["--control", "127.0.0.1:0"])
        .args(["--port", &port.to_string()])
        .args(["--proxy", &format!("http://127.0.0.1:{backend}")]);
    TestServer::spawn(command).await
}

#[tokio::test]
async fn a_backend_that_accepts_nobody_is_told_from_one_that_is_not_there() {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket
        .bind("127.0.0.1:0".parse().expect("an address"))
        .expect("a port");
    let listener = socket.listen(1).expect("a listener");
    let address = listener.local_addr().expect("an address");
    // These fill its queue; the system lets others wait without a word.
    let _first = Wire::connect(address).await;
    let _second = Wire::connect(address).await;
    let rule = format!("http://{address}");
    let server = TestServer::start_with(&Site::new([]), &["--proxy", &rule]).await;
    let answer = server.get("/").await;
    assert_eq!(answer.status, 504);
    let text = format!("cannot connect to {rule} within 5s");
    assert!(answer.text().contains(&text), "{}", answer.text());
}
