//! What a running plugin knows of its daemon.

use crate::{Client, Error, Position, Result, ServerInfo, Socket, proto};
use serde::de::DeserializeOwned;
use std::{path::Path, sync::Arc};
use tonic::{
    Request,
    metadata::{Ascii, MetadataValue},
};

/// A running plugin's view of its daemon: what was true when its session began, and the client to
/// ask for what is true now. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Context(Arc<Session>);

#[derive(Debug)]
struct Session {
    client: Client,
    started: proto::ServerStarted,
    server: ServerInfo,
    id: SessionId,
}

impl Context {
    pub(super) fn new(client: Client, mut started: proto::ServerStarted) -> Result<Self> {
        let id = SessionId::new(&std::mem::take(&mut started.session_id))?;
        let server = started.server.take().unwrap_or_default();
        Ok(Self(Arc::new(Session {
            client,
            started,
            server,
            id,
        })))
    }

    /// The connection that the plugin runs on.
    pub fn client(&self) -> &Client {
        &self.0.client
    }

    /// The sockets that were connected when the session began, 1,000 at most;
    /// [`Client::sockets`] lists those connected now.
    pub fn sockets(&self) -> &[Socket] {
        &self.0.started.sockets
    }

    /// More sockets were connected than [`sockets`](Context::sockets) holds.
    pub fn sockets_truncated(&self) -> bool {
        self.0.started.sockets_truncated
    }

    /// Ends the session, and returns when nothing in the daemon waits for the plugin any more.
    pub(super) async fn end_session(&self) {
        let session_id = self.0.id.0.to_str().unwrap_or_default().to_owned();
        let request = proto::EndSessionRequest { session_id };
        // What fails has ended it too: it is gone, or the connection is.
        let _ = self.client().raw().end_session(request).await;
    }

    /// The instant of [`sockets`](Context::sockets) in the event log.
    pub fn position(&self) -> Position {
        self.0.started.position.clone().unwrap_or_default()
    }

    /// Version, features and limits of the daemon.
    pub fn server_info(&self) -> &ServerInfo {
        &self.0.server
    }

    /// The plugin's name, as the daemon knows it.
    pub fn plugin_name(&self) -> &str {
        &self.0.started.plugin_name
    }

    /// The folders being served, absolute, on the daemon's machine.
    pub fn root_dirs(&self) -> impl Iterator<Item = &Path> {
        self.0.started.root_dirs.iter().map(Path::new)
    }

    /// A folder of this session's own, absolute, removed with it: [`Content::file`] may name files
    /// in it.
    ///
    /// [`Content::file`]: crate::Content::file
    pub fn scratch_dir(&self) -> &Path {
        Path::new(&self.0.started.scratch_dir)
    }

    /// The plugin's section of the daemon's configuration; `None` if it has none.
    ///
    /// # Errors
    /// [`Error::Json`] when it is not a `T`.
    pub fn config<T: DeserializeOwned>(&self) -> Result<Option<T>> {
        match self.0.started.config_json.as_str() {
            "" => Ok(None),
            json => Ok(Some(serde_json::from_str(json)?)),
        }
    }

    pub(super) fn session_id(&self) -> &SessionId {
        &self.0.id
    }
}

/// Ties a hook's stream to its plugin. A secret.
#[derive(Clone, Debug)]
pub(crate) struct SessionId(MetadataValue<Ascii>);

impl SessionId {
    fn new(session_id: &str) -> Result<Self> {
        let mut value: MetadataValue<Ascii> = session_id
            .parse()
            .map_err(|_| Error::Unexpected("a session id that is not ASCII"))?;
        value.set_sensitive(true);
        Ok(Self(value))
    }

    /// Makes the request one of the session.
    pub(crate) fn tie<T>(&self, mut request: Request<T>) -> Request<T> {
        request
            .metadata_mut()
            .insert("pagewire-session", self.0.clone());
        request
    }
}
