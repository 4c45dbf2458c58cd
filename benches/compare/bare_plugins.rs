//! The floor of plugins: one in a process of its own, as Pagewire's are, asked by tonic without
//! Pagewire. A stream each way, a queue before it, and a table of who waits for which answer: no
//! filters, no deadlines, nothing kept.

use crate::plugins::{CALLS_PATH, LINE, VIRTUAL_PATH};
use crate::site;
use crate::talk::Ask;
use anyhow::Context;
use bytes::Bytes;
use proto::questions_client::QuestionsClient;
use proto::questions_server::{Questions, QuestionsServer};
use proto::{Answer, Question};
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
    // Generated: its style is prost's.
    #![allow(clippy::all, clippy::pedantic, missing_docs, unreachable_pub)]
    tonic::include_proto!("bare");
}

/// Questions, and answers, that may wait to be sent; whoever has one more waits. No case has as many.
const QUEUE: usize = 1024;

/// Bytes that may be on their way unread; then the sender waits. No case has as many.
const WINDOW_BYTES: u32 = 1024 * 1024;

type Questioned = Result<Question, Status>;

/// The plugin of a bare server, as that sees it.
#[derive(Clone)]
pub(crate) struct Plugin(Arc<Connection>);

struct Connection {
    questions: mpsc::Sender<Questioned>,
    /// The other end of `questions`, until the plugin takes it.
    queue: Mutex<Option<mpsc::Receiver<Questioned>>>,
    /// By the questions' identifiers.
    waiting: Mutex<HashMap<u64, oneshot::Sender<Bytes>>>,
    next_id: AtomicU64,
}

impl Plugin {
    /// Waits for the plugin at this address, which it gives back: call it within a runtime.
    pub(crate) fn listen() -> anyhow::Result<(Self, SocketAddr)> {
        let (questions, queue) = mpsc::channel(QUEUE);
        let plugin = Self(Arc::new(Connection {
            questions,
            queue: Mutex::new(Some(queue)),
            waiting: Mutex::default(),
            next_id: AtomicU64::new(0),
        }));
        let incoming = TcpIncoming::bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let address = incoming.local_addr()?;
        let server = Server::builder()
            .initial_stream_window_size(WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES)
            .add_service(QuestionsServer::new(plugin.clone()))
            .serve_with_incoming(incoming.with_nodelay(Some(true)));
        tokio::spawn(server);
        Ok((plugin, address))
    }

    /// What the plugin answers. Fails once it has gone.
    pub(crate) async fn ask(&self, path: &str, body: Bytes) -> anyhow::Result<Bytes> {
        let id = self.0.next_id.fetch_add(1, Ordering::Relaxed);
        let path = path.to_owned();
        let (answer, answered) = oneshot::channel();
        lock(&self.0.waiting).insert(id, answer);
        let question = Question { id, path, body };
        self.0.questions.send(Ok(question)).await?;
        answered.await.context("the plugin does not answer")
    }
}

#[tonic::async_trait]
impl Questions for Plugin {
    type AnswerStream = ReceiverStream<Questioned>;

    async fn answer(
        &self,
        request: Request<Streaming<Answer>>,
    ) -> Result<Response<Self::AnswerStream>, Status> {
        let queue = lock(&self.0.queue).take();
        let queue = queue.ok_or_else(|| Status::already_exists("there is a plugin"))?;
        let mut answers = request.into_inner();
        let connection = self.0.clone();
        tokio::spawn(async move {
            while let Ok(Some(Answer { id, body })) = answers.message().await {
                if let Some(asked) = lock(&connection.waiting).remove(&id) {
                    // Who asked may have gone.
                    let _ = asked.send(body);
                }
            }
            lock(&connection.waiting).clear();
        });
        Ok(Response::new(ReceiverStream::new(queue)))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Is the plugin of the bare server that `PAGEWIRE_ENDPOINT` names, until that ends. Says a line when it
/// can be asked.
pub(crate) fn run() -> anyhow::Result<()> {
    // A task, for what `block_on` runs itself is not on the thread that the connection is on.
    Runtime::new()?.block_on(async { tokio::spawn(answer()).await? })
}

/// Serves, transforms and talks as the plugins of Pagewire do.
async fn answer() -> anyhow::Result<()> {
    let server = env::var("PAGEWIRE_ENDPOINT").context("no PAGEWIRE_ENDPOINT")?;
    let channel = Endpoint::from_shared(server)?
        .tcp_nodelay(true)
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .connect()
        .await?;
    let (answers, queue) = mpsc::channel(QUEUE);
    let mut client = QuestionsClient::new(channel);
    let questions = client.answer(ReceiverStream::new(queue)).await?;
    println!("ready");

    let mut questions = questions.into_inner();
    let module = Bytes::from(site::the_module());
    let mut calls = 0;
    while let Some(Question { id, path, body }) = questions.message().await? {
        let body = match path.as_str() {
            CALLS_PATH => calls.to_string().into(),
            VIRTUAL_PATH => {
                calls += 1;
                module.clone()
            }
            site::MODULE => {
                calls += 1;
                [&body, LINE.as_bytes()].concat().into()
            }
            _ => {
                let ask: Ask = serde_json::from_slice(&body)?;
                serde_json::to_vec(&ask.answer())?.into()
            }
        };
        answers.send(Answer { id, body }).await?;
    }
    Ok(())
}
