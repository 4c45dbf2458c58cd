//! The floor: the stack that Pagewire stands on, without Pagewire. The answers are in memory, their
//! headers are made beforehand; what is left is what axum, hyper and tokio cost.

use crate::bare_sockets::{self, Sockets};
use crate::server::Peer;
use crate::site;
use anyhow::Context;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::http::{Response, StatusCode};
use axum::routing::any;
use bytes::Bytes;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// As long as Pagewire waits for a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

struct File {
    body: Bytes,
    headers: HeaderMap,
}

type Files = HashMap<&'static str, File>;

/// Serves a folder until the process is ended. Prints the port that it listens on.
pub(crate) fn serve(folder: &Path) -> anyhow::Result<()> {
    let files = Arc::new(files(folder)?);
    let sockets = Router::new()
        .route(Peer::Bare.socket_path(), any(bare_sockets::upgrade))
        .with_state(Sockets::default());
    let router = Router::new().fallback(any(answer)).with_state(files);
    let router = router.merge(sockets);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?.port());
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let service = TowerToHyperService::new(router.clone());
            tokio::spawn(async move {
                let _ = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(HEAD_TIMEOUT)
                    .serve_connection(TokioIo::new(stream), service)
                    .with_upgrades()
                    .await;
            });
        }
    })
}

fn files(folder: &Path) -> anyhow::Result<Files> {
    let mut files = Files::new();
    for (path, content_type) in [
        (site::PAGE, "text/html; charset=utf-8"),
        (site::MODULE, "text/javascript; charset=utf-8"),
        (site::MEDIUM, "application/octet-stream"),
    ] {
        let mut body = std::fs::read(folder.join(path.trim_start_matches('/')))?;
        if path == site::PAGE {
            let client = Peer::Bare.client().context("a client")?;
            let piece = format!("<script type=\"module\" src=\"{client}\"></script>");
            let end = body
                .windows(7)
                .rposition(|tag| tag == b"</body>")
                .context("a body")?;
            body.splice(end..end, piece.into_bytes());
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        headers.insert(
            header::ETAG,
            HeaderValue::from_static("\"1864f00d2bafc49e-c08\""),
        );
        let body = Bytes::from(body);
        files.insert(path, File { body, headers });
    }
    Ok(files)
}

async fn answer(State(files): State<Arc<Files>>, request: Request) -> Response<Body> {
    let Some(file) = files.get(request.uri().path()) else {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    };
    let known = request.headers().get(header::IF_NONE_MATCH);
    let mut response = if known.is_some() && known == file.headers.get(header::ETAG) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        Response::new(Body::from(file.body.clone()))
    };
    *response.headers_mut() = file.headers.clone();
    if response.status() == StatusCode::NOT_MODIFIED {
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    response
}
