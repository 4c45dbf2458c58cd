//! The lower bound of the cost: the stack that Pagewire is built on, without Pagewire. Files and their headers are
//! prepared in memory, so only the cost of axum, hyper and tokio remains. In cases with plugins each request calls a
//! plugin in another process, so the cost of tonic is included.

mod plugin;
mod sockets;

pub(crate) use plugin::run as run_plugin;

use super::peer::Peer;
use super::plugins::{CALLS_PATH, PluginSet, VIRTUAL_PATH};
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
use plugin::Plugin;
use sockets::Sockets;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// Timeout for receiving a request head; the same as Pagewire's.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

struct File {
    body: Bytes,
    headers: HeaderMap,
}

type Files = HashMap<&'static str, File>;

struct Site {
    files: Files,
    /// The plugins of the case; they decide which paths are sent to the plugin process.
    plugins: PluginSet,
    plugin: Plugin,
}

/// Serves a folder until the process is terminated. Prints a ready line as Pagewire does.
pub(crate) fn serve(folder: &Path, plugins: PluginSet) -> anyhow::Result<()> {
    let files = files(folder)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let (plugin, control) = Plugin::listen()?;
        let socket_router = Router::new()
            .route(Peer::BareStack.socket_path(), any(sockets::upgrade))
            .with_state(Sockets::new(plugin.clone()));
        let site = Arc::new(Site {
            files,
            plugins,
            plugin,
        });
        let router = Router::new().fallback(any(respond)).with_state(site);
        let router = router.merge(socket_router);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let http = listener.local_addr()?;
        println!(r#"{{"http":"http://{http}","control":"http://{control}"}}"#);
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
            let client = Peer::BareStack.client_path().context("no client path")?;
            let script = format!("<script type=\"module\" src=\"{client}\"></script>");
            let end = body
                .windows(7)
                .rposition(|tag| tag == b"</body>")
                .context("no </body> in the page")?;
            body.splice(end..end, script.into_bytes());
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

async fn respond(State(site): State<Arc<Site>>, request: Request) -> Response<Body> {
    let path = request.uri().path();
    if site.calls_plugin(path) {
        return site.call_plugin(path).await.unwrap_or_else(|error| {
            eprintln!("{error:#}");
            empty(StatusCode::BAD_GATEWAY)
        });
    }
    let Some(file) = site.files.get(path) else {
        return empty(StatusCode::NOT_FOUND);
    };
    let condition = request.headers().get(header::IF_NONE_MATCH);
    let mut response = if condition.is_some() && condition == file.headers.get(header::ETAG) {
        empty(StatusCode::NOT_MODIFIED)
    } else {
        Response::new(Body::from(file.body.clone()))
    };
    *response.headers_mut() = file.headers.clone();
    if response.status() == StatusCode::NOT_MODIFIED {
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    response
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

impl Site {
    fn calls_plugin(&self, path: &str) -> bool {
        match self.plugins {
            PluginSet::Serve => [VIRTUAL_PATH, CALLS_PATH].contains(&path),
            PluginSet::Transform => [site::MODULE, CALLS_PATH].contains(&path),
            _ => false,
        }
    }

    /// Sends the file at this path, if there is one, to the plugin, and responds with the result and the
    /// headers of a module.
    async fn call_plugin(&self, path: &str) -> anyhow::Result<Response<Body>> {
        let file = self.files.get(path).map(|file| file.body.clone());
        let body = self.plugin.call(path, file.unwrap_or_default()).await?;
        let mut headers = self.files[site::MODULE].headers.clone();
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        let mut response = Response::new(Body::from(body));
        *response.headers_mut() = headers;
        Ok(response)
    }
}
