//! The context of a running plugin.

use crate::{Client, Error, Position, Result, ServerInfo, Socket, proto};
use serde::de::DeserializeOwned;
use std::{path::Path, sync::Arc};
use tonic::{
    Request,
    metadata::{Ascii, MetadataValue},
};

/// A running plugin's view of its daemon: the state when its session began, and a client. Cheap to clone.
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
    pub(crate) fn new(client: Client, mut started: proto::ServerStarted) -> Result<Self> {
        let id = SessionId::new(&std::mem::take(&mut started.session_id))?;
        let server = started.server.take().unwrap_or_default();
        Ok(Self(Arc::new(Session {
            client,
            started,
            server,
            id,
        })))
    }

    /// The plugin's client.
    pub fn client(&self) -> &Client {
        &self.0.client
    }

    /// The sockets that were connected when the session began, at most 1,000; [`Client::sockets`] lists the
    /// current ones.
    pub fn sockets(&self) -> &[Socket] {
        &self.0.started.sockets
    }

    /// Whether more sockets were connected than [`sockets`](Context::sockets) contains.
    pub fn sockets_truncated(&self) -> bool {
        self.0.started.sockets_truncated
    }

    /// Ends the session, and returns once the daemon no longer waits for the plugin.
    pub(super) async fn end_session(&self) {
        let session_id = self.0.id.0.to_str().unwrap_or_default().to_owned();
        let request = proto::EndSessionRequest { session_id };
        // An error means that the session or the connection has ended anyway.
        let _ = self.client().raw().end_session(request).await;
    }

    /// The position in the event log at which [`sockets`](Context::sockets) was taken; a subscription that
    /// resumes there misses nothing.
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

    /// The served folders, absolute, on the daemon's machine.
    pub fn root_dirs(&self) -> impl Iterator<Item = &Path> {
        self.0.started.root_dirs.iter().map(Path::new)
    }

    /// A folder for this session, absolute, removed when it ends. [`Content::file`] may name files in it.
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

/// The id that associates hook streams with the session. A secret.
#[derive(Clone, Debug)]
pub(crate) struct SessionId(MetadataValue<Ascii>);

impl SessionId {
    fn new(session_id: &str) -> Result<Self> {
        let mut value: MetadataValue<Ascii> = session_id
            .parse()
            .map_err(|_| Error::Unexpected("the session id is not ASCII"))?;
        value.set_sensitive(true);
        Ok(Self(value))
    }

    /// Adds the session id to a request.
    pub(crate) fn attach<T>(&self, mut request: Request<T>) -> Request<T> {
        request
            .metadata_mut()
            .insert("pagewire-session", self.0.clone());
        request
    }
}
