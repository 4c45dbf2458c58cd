//! What handlers get, made by hand. Whatever a test does not name has a default.

use crate::{
    Client, Context, ImportSpecifier, Imports, Message, Position, Request, Response, Socket,
    Visibility,
    proto::{self, browser_message::Frame},
};
use bytes::Bytes;
use serde::Serialize;
use std::path::Path;

/// The socket of a message or a socket that a test does not name.
const SOCKET_ID: &str = "socket";
/// The host of requests and sockets.
const HOST: &str = "localhost";

/// A GET request for a path without a query, headers and body.
pub fn request(path: impl Into<String>) -> RequestBuilder {
    RequestBuilder {
        http: proto::RequestContext {
            method: "GET".to_owned(),
            path: path.into(),
            host: HOST.to_owned(),
            ..Default::default()
        },
        body: Bytes::new(),
        context: None,
    }
}

/// Makes a [`Request`].
#[derive(Clone, Debug)]
#[must_use = "a request is made by `build`"]
pub struct RequestBuilder {
    http: proto::RequestContext,
    body: Bytes,
    context: Option<Context>,
}

impl RequestBuilder {
    /// The HTTP method, in upper case.
    pub fn method(mut self, method: impl Into<String>) -> Self {
        self.http.method = method.into();
        self
    }

    /// The query, without `?`.
    pub fn query(mut self, query: impl Into<String>) -> Self {
        self.http.query = query.into();
        self
    }

    /// Adds a header.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Bytes>) -> Self {
        self.http.headers.push(header(name, value));
        self
    }

    /// The file for this request.
    pub fn file_path(mut self, file: impl AsRef<Path>) -> Self {
        self.http.file_path = crate::path_to_proto(file);
        self
    }

    /// The body.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// The context of the plugin. Default: that of [`context`] without anything.
    pub fn context(mut self, context: impl Into<Context>) -> Self {
        self.context = Some(context.into());
        self
    }

    /// The request.
    pub fn build(self) -> Request {
        self.into()
    }
}

impl From<RequestBuilder> for Request {
    fn from(builder: RequestBuilder) -> Self {
        let mut http = builder.http;
        http.raw_target = match http.query.as_str() {
            "" => http.path.clone(),
            query => format!("{}?{query}", http.path),
        };
        let context = builder.context.unwrap_or_else(|| context().build());
        Self::new(Some(http), None, &context).with_body(Ok(builder.body))
    }
}

/// A response to a request, as plain text and without headers.
///
/// ```
/// # use pagewire_client::testing::{request, response};
/// let css = response(request("/style.css"), "a { color: red }").content_type("text/css").build();
/// ```
pub fn response(request: impl Into<Request>, body: impl Into<Bytes>) -> ResponseBuilder {
    ResponseBuilder {
        request: request.into(),
        call: proto::TransformCall {
            content_type: "text/plain".to_owned(),
            body: body.into(),
            ..Default::default()
        },
    }
}

/// Makes a [`Response`].
#[derive(Clone, Debug)]
#[must_use = "a response is made by `build`"]
pub struct ResponseBuilder {
    request: Request,
    call: proto::TransformCall,
}

impl ResponseBuilder {
    /// The MIME type.
    pub fn content_type(mut self, content_type: impl Into<String>) -> Self {
        self.call.content_type = content_type.into();
        self
    }

    /// Adds a header.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Bytes>) -> Self {
        self.call.response_headers.push(header(name, value));
        self
    }

    /// The response.
    pub fn build(self) -> Response {
        Response::new(self.request, self.call)
    }
}

/// The imports of a module: static ones of these specifiers, each on a line of its own.
///
/// ```
/// # use pagewire_client::testing::{imports, request};
/// let imports = imports(request("/main.js"), ["lit", "./a.js"]);
/// ```
pub fn imports<I: IntoIterator<Item: Into<String>>>(
    importer: impl Into<Request>,
    specifiers: I,
) -> Imports {
    let imports = specifiers.into_iter().zip(1..);
    let imports = imports.map(|(specifier, line)| ImportSpecifier {
        specifier: specifier.into(),
        dynamic: false,
        line,
        column: 1,
    });
    Imports::new(importer.into(), imports.collect())
}

/// A message of the socket `socket`: a value with a `type`, as JSON.
///
/// ```
/// # use pagewire_client::testing::message;
/// let say = message(serde_json::json!({ "type": "say", "text": "hello" })).socket_id("a").build();
/// assert_eq!(say.message_type(), "say");
/// ```
///
/// # Panics
/// When the value cannot be serialized, or is not an object with a `type`: a page cannot send such a message.
pub fn message(value: impl Serialize) -> MessageBuilder {
    let value = serde_json::to_value(value).expect("the message can be serialized");
    let message_type = value["type"].as_str();
    let message_type = message_type.expect("a message is an object with a `type`");
    MessageBuilder(proto::BrowserMessage {
        socket_id: SOCKET_ID.to_owned(),
        r#type: message_type.to_owned(),
        frame: Some(Frame::Text(value.to_string())),
        ..Default::default()
    })
}

/// A binary message of the socket `socket`.
pub fn binary_message(bytes: impl Into<Bytes>) -> MessageBuilder {
    MessageBuilder(proto::BrowserMessage {
        socket_id: SOCKET_ID.to_owned(),
        frame: Some(Frame::Binary(bytes.into())),
        ..Default::default()
    })
}

/// Makes a [`Message`].
#[derive(Clone, Debug)]
#[must_use = "a message is made by `build`"]
pub struct MessageBuilder(proto::BrowserMessage);

impl MessageBuilder {
    /// The socket that sends it.
    pub fn socket_id(mut self, socket_id: impl Into<String>) -> Self {
        self.0.socket_id = socket_id.into();
        self
    }

    /// Makes the message a request with this id.
    pub fn request_id(mut self, request_id: impl Into<String>) -> Self {
        self.0.request_id = request_id.into();
        self
    }

    /// The message.
    pub fn build(self) -> Message {
        Message(self.0)
    }
}

/// A ready socket of a visible page. Its fields are public:
///
/// ```
/// # use pagewire_client::{Socket, testing::socket};
/// let socket = Socket { url: "http://localhost/chat".to_owned(), ..socket() };
/// ```
pub fn socket() -> Socket {
    Socket {
        socket_id: SOCKET_ID.to_owned(),
        page_id: "page".to_owned(),
        tab_id: "tab".to_owned(),
        url: format!("http://{HOST}/"),
        visibility: Visibility::Visible.into(),
        top_level: true,
        ready: true,
        ..Default::default()
    }
}

/// A client without a daemon: all its calls fail. [`Daemon::client`](super::Daemon::client) has one.
pub fn client() -> Client {
    Client::unconnected()
}

/// The context of a plugin named `test` without sockets, folders and configuration, whose client has no daemon.
pub fn context() -> ContextBuilder {
    ContextBuilder {
        client: client(),
        started: proto::ServerStarted {
            plugin_name: "test".to_owned(),
            position: Some(Position::default()),
            ..Default::default()
        },
    }
}

/// Makes a [`Context`].
#[derive(Clone, Debug)]
#[must_use = "a context is made by `build`"]
pub struct ContextBuilder {
    client: Client,
    started: proto::ServerStarted,
}

impl ContextBuilder {
    /// The client.
    pub fn client(mut self, client: Client) -> Self {
        self.client = client;
        self
    }

    /// The connected sockets.
    pub fn sockets(mut self, sockets: impl IntoIterator<Item = Socket>) -> Self {
        self.started.sockets = sockets.into_iter().collect();
        self
    }

    /// The served folders.
    pub fn root_dirs<I: IntoIterator<Item: AsRef<Path>>>(mut self, folders: I) -> Self {
        self.started.root_dirs = folders.into_iter().map(crate::path_to_proto).collect();
        self
    }

    /// The folder for the session.
    pub fn scratch_dir(mut self, folder: impl AsRef<Path>) -> Self {
        self.started.scratch_dir = crate::path_to_proto(folder);
        self
    }

    /// The plugin's section of the configuration.
    ///
    /// # Panics
    /// When it cannot be serialized.
    pub fn config(mut self, config: impl Serialize) -> Self {
        let json = serde_json::to_string(&config);
        self.started.config_json = json.expect("the configuration can be serialized");
        self
    }

    /// The context.
    pub fn build(self) -> Context {
        self.into()
    }
}

impl From<ContextBuilder> for Context {
    fn from(builder: ContextBuilder) -> Self {
        Self::new(builder.client, builder.started).expect("an empty session id is ASCII")
    }
}

fn header(name: impl Into<String>, value: impl Into<Bytes>) -> proto::Header {
    proto::Header {
        name: name.into().to_ascii_lowercase(),
        value: value.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_request_has_what_was_named_and_defaults() {
        let request = request("/a b")
            .method("POST")
            .query("x=1")
            .header("X-Tone", "loud")
            .file_path("/srv/a b")
            .body("body")
            .build();
        assert_eq!((request.method(), request.path()), ("POST", "/a b"));
        assert_eq!((request.query(), request.raw_target()), ("x=1", "/a b?x=1"));
        assert_eq!(request.header("x-tone").unwrap(), "loud");
        assert_eq!(request.file_path(), Some(Path::new("/srv/a b")));
        assert_eq!(request.body().unwrap(), "body");
        assert_eq!(request.context().plugin_name(), "test");
    }

    #[test]
    fn a_response_has_its_request() {
        let response = response(request("/a.css"), "a {}")
            .content_type("text/css")
            .header("etag", "1")
            .build();
        assert_eq!(response.request().path(), "/a.css");
        assert_eq!(response.content_type(), "text/css");
        assert_eq!(response.header("etag").unwrap(), "1");
        assert_eq!(response.text().unwrap(), "a {}");
    }

    #[test]
    fn imports_are_in_order() {
        let imports = imports(request("/main.js"), ["lit", "./a.js"]);
        assert_eq!(imports.importer().path(), "/main.js");
        let found = imports.iter().map(|one| (one.specifier.as_str(), one.line));
        assert_eq!(found.collect::<Vec<_>>(), [("lit", 1), ("./a.js", 2)]);
    }

    #[test]
    fn a_message_is_what_a_page_would_send() {
        let message = message(json!({ "type": "say", "n": 1 }))
            .socket_id("a")
            .request_id("7")
            .build();
        assert_eq!((message.socket_id(), message.message_type()), ("a", "say"));
        assert_eq!(message.request_id(), Some("7"));
        assert_eq!(message.json::<serde_json::Value>().unwrap()["n"], 1);
        let binary = binary_message("bytes").build();
        assert_eq!(binary.binary().unwrap(), "bytes");
        assert_eq!(binary.text(), None);
    }

    #[test]
    fn a_context_has_folders_sockets_and_configuration() {
        let context = context()
            .root_dirs(["/srv/site"])
            .scratch_dir("/tmp/scratch")
            .sockets([socket()])
            .config(json!({ "accent": "red" }))
            .build();
        let roots: Vec<_> = context.root_dirs().collect();
        assert_eq!(roots, [Path::new("/srv/site")]);
        assert_eq!(context.scratch_dir(), Path::new("/tmp/scratch"));
        assert_eq!(context.sockets()[0].socket_id, "socket");
        let config: Option<serde_json::Value> = context.config().unwrap();
        assert_eq!(config.unwrap()["accent"], "red");
    }

    #[tokio::test]
    async fn a_client_without_a_daemon_fails_and_says_why() {
        let client = client();
        let target = crate::Target::all();
        let errors = [
            client.info().await.unwrap_err(),
            client
                .send(&target, json!({ "type": "x" }))
                .await
                .unwrap_err(),
        ];
        for error in errors {
            assert!(error.to_string().contains("has no daemon"), "{error}");
        }
    }
}
