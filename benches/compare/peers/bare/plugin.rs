//! Lower bound for the cost of a plugin call: a plugin in a process of its own, like Pagewire's, called through
//! tonic without Pagewire. It has a stream in each direction, each with a queue, and a table of pending calls,
//! but no filters, no deadlines and no cache.

use crate::peers::messages::Question;
use crate::peers::plugins::{APPENDED_LINE, CALLS_PATH, VIRTUAL_PATH};
use crate::site;
use anyhow::Context;
use bytes::Bytes;
use proto::bare_server_client::BareServerClient;
use proto::bare_server_server::{BareServer, BareServerServer};
use proto::{Call, Reply};
use std::collections::HashMap;
use std::env;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Endpoint, Server};
use tonic::{Request, Response, Status, Streaming};

mod proto {
    // Generated code.
    #![allow(clippy::all, clippy::pedantic, missing_docs, unreachable_pub)]
    tonic::include_proto!("bare");
}

/// Capacity of the queues of calls and of replies; the sender waits when one is full. No case fills it.
const QUEUE: usize = 1024;

/// HTTP/2 window: unread bytes after which the sender waits. No case fills it.
const WINDOW_BYTES: u32 = 1024 * 1024;

type QueuedCall = Result<Call, Status>;

/// The plugin as the bare server sees it.
#[derive(Clone)]
pub(super) struct Plugin(Arc<Connection>);

struct Connection {
    calls: mpsc::Sender<QueuedCall>,
    /// The receiver of `calls`, until the plugin connects.
    queue: Mutex<Option<mpsc::Receiver<QueuedCall>>>,
    /// By the identifiers of the calls.
    pending: Mutex<HashMap<u64, oneshot::Sender<Bytes>>>,
    next_id: AtomicU64,
}

impl Plugin {
    /// Listens for the plugin and returns the address. Call it within a runtime.
    pub(super) fn listen() -> anyhow::Result<(Self, SocketAddr)> {
        let (calls, queue) = mpsc::channel(QUEUE);
        let plugin = Self(Arc::new(Connection {
            calls,
            queue: Mutex::new(Some(queue)),
            pending: Mutex::default(),
            next_id: AtomicU64::new(0),
        }));
        let incoming = TcpIncoming::bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let address = incoming.local_addr()?;
        let server = Server::builder()
            .initial_stream_window_size(WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES)
            .add_service(BareServerServer::new(plugin.clone()))
            .serve_with_incoming(incoming.with_nodelay(Some(true)));
        tokio::spawn(server);
        Ok((plugin, address))
    }

    /// Calls the plugin. Fails once it has disconnected.
    pub(super) async fn call(&self, path: &str, body: Bytes) -> anyhow::Result<Bytes> {
        let id = self.0.next_id.fetch_add(1, Ordering::Relaxed);
        let path = path.to_owned();
        let (sender, reply) = oneshot::channel();
        lock(&self.0.pending).insert(id, sender);
        self.0.calls.send(Ok(Call { id, path, body })).await?;
        reply.await.context("the plugin has disconnected")
    }
}

#[tonic::async_trait]
impl BareServer for Plugin {
    type PluginStream = ReceiverStream<QueuedCall>;

    async fn plugin(
        &self,
        request: Request<Streaming<Reply>>,
    ) -> Result<Response<Self::PluginStream>, Status> {
        let queue = lock(&self.0.queue).take();
        let queue = queue.ok_or_else(|| Status::already_exists("a plugin is connected already"))?;
        let mut replies = request.into_inner();
        let connection = self.0.clone();
        tokio::spawn(async move {
            while let Ok(Some(Reply { id, body })) = replies.message().await {
                if let Some(caller) = lock(&connection.pending).remove(&id) {
                    // The caller may have been cancelled.
                    let _ = caller.send(body);
                }
            }
            lock(&connection.pending).clear();
        });
        Ok(Response::new(ReceiverStream::new(queue)))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs the plugin of the bare server at `PAGEWIRE_ENDPOINT` until the server exits. Prints a line once it
/// is connected.
pub(crate) fn run() -> anyhow::Result<()> {
    // Spawned, because `block_on` polls its future on the calling thread while the connection runs on a worker:
    // each call would wake another thread.
    Runtime::new()?.block_on(async { tokio::spawn(handle_calls()).await? })
}

/// Serves, transforms, and answers messages from pages, as Pagewire's plugins do.
async fn handle_calls() -> anyhow::Result<()> {
    let server = env::var("PAGEWIRE_ENDPOINT").context("PAGEWIRE_ENDPOINT is not set")?;
    let channel = Endpoint::from_shared(server)?
        .tcp_nodelay(true)
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .connect()
        .await?;
    let (replies, queue) = mpsc::channel(QUEUE);
    let mut client = BareServerClient::new(channel);
    let calls = client.plugin(ReceiverStream::new(queue)).await?;
    println!("ready");

    let mut incoming = calls.into_inner();
    let module = Bytes::from(site::module_text());
    let mut calls = 0;
    while let Some(Call { id, path, body }) = incoming.message().await? {
        let body = match path.as_str() {
            CALLS_PATH => calls.to_string().into(),
            VIRTUAL_PATH => {
                calls += 1;
                module.clone()
            }
            site::MODULE => {
                calls += 1;
                [&body, APPENDED_LINE.as_bytes()].concat().into()
            }
            _ => {
                let question: Question = serde_json::from_slice(&body)?;
                serde_json::to_vec(&question.answer())?.into()
            }
        };
        replies.send(Reply { id, body }).await?;
    }
    Ok(())
}
