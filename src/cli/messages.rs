//! `pagewire messages`: follows what pages say and do.

use super::connection::{Call, Outcome, Pages, run, word};
use super::results::{ShownValue, exception_json, plain};
use anyhow::Context;
use clap::{Args, ValueEnum};
use pagewire_client::proto::socket_closed::Cause;
use pagewire_client::{
    Client, ConsoleLevel, Event, JsValue, Message, PageError, Position, Socket, SubscribeOptions,
    What,
};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use serde_json_path::JsonPath;
use std::collections::HashSet;
use std::io::Write;
use std::process::ExitCode;

/// Follow what pages say and do; with --timeout for so long.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Which events
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Kind::Message])]
    kinds: Vec<Kind>,

    /// Only messages of these types
    #[arg(long, value_name = "TYPE", value_delimiter = ',')]
    types: Vec<String>,

    /// Begin behind this place: EPOCH:SEQUENCE, or a sequence of the daemon's present run (0 = all
    /// that it holds)
    #[arg(long, value_name = "POSITION")]
    since: Option<String>,

    /// End when a page's message matches this JSON path (RFC 9535), for example $[?@.ok == true]
    #[arg(long, value_name = "JSONPATH")]
    until: Option<JsonPath>,

    #[command(flatten)]
    call: Call,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    Message,
    Socket,
    Console,
    #[value(alias = "page_error")]
    PageError,
    /// Changes of files; needs a daemon that watches
    File,
}

pub(super) fn main(arguments: &Arguments) -> ExitCode {
    run(&arguments.call.daemon, |client| async move {
        let epoch = client.info().await?.epoch;
        let mut options = SubscribeOptions::new();
        for kind in &arguments.kinds {
            options = match kind {
                Kind::Message => options.messages(),
                Kind::Socket => options.sockets(),
                Kind::Console => options.console(),
                Kind::PageError => options.page_errors(),
                Kind::File => options.files(),
            };
        }
        if !arguments.types.is_empty() {
            options = options.message_types(&arguments.types);
        }
        if let Some(filter) = arguments.call.pages.filter() {
            options = options.from_sockets(filter);
        }
        if let Some(since) = &arguments.since {
            options = options.resume_after(position(since, &epoch)?);
        }
        // Who is in a tab is known from what sockets say of themselves.
        let shows_sockets = arguments.kinds.contains(&Kind::Socket);
        let named = arguments.call.pages.are_named();
        if named {
            options = options.sockets();
        }
        let mut events = client.subscribe(options).await?;
        let mut meant = meant(&client, &arguments.call.pages).await?;
        let follow = async {
            while let Some(event) = events.next().await? {
                if let What::SocketOpened { socket, .. } | What::SocketUpdated(socket) = &event.what
                    && arguments.call.pages.mean(socket)
                {
                    meant.insert(socket.socket_id.clone());
                }
                let is_meant = !named || socket_id(&event).is_none_or(|id| meant.contains(id));
                if !is_meant || (is_of_socket(&event) && !shows_sockets) {
                    continue;
                }
                let shown = if arguments.call.json {
                    line(&event)
                } else {
                    plain(&text(&event))
                };
                // Who piped us into something that has ended wants no more.
                if writeln!(std::io::stdout(), "{shown}").is_err() {
                    return Ok(Outcome::Done);
                }
                if let (Some(path), What::Message(message)) = (&arguments.until, &event.what)
                    && !path.query(&data(message)).is_empty()
                {
                    return Ok(Outcome::Done);
                }
            }
            Ok::<_, anyhow::Error>(Outcome::NoDaemon)
        };
        let Some(timeout) = arguments.call.daemon.timeout else {
            return follow.await;
        };
        match tokio::time::timeout(timeout, follow).await {
            Ok(outcome) => outcome,
            Err(_) if arguments.until.is_some() => Ok(Outcome::Nobody),
            Err(_) => Ok(Outcome::Done),
        }
    })
}

/// The ids of the sockets that are meant now.
async fn meant(client: &Client, pages: &Pages) -> anyhow::Result<HashSet<String>> {
    let sockets = client.sockets().await?;
    let meant = sockets.into_iter().filter(|socket| pages.mean(socket));
    Ok(meant.map(|socket| socket.socket_id).collect())
}

/// Whose event it is; none for a file and a gap.
fn socket_id(event: &Event) -> Option<&str> {
    match &event.what {
        What::Message(message) => Some(message.socket_id()),
        What::SocketOpened { socket, .. } | What::SocketUpdated(socket) => Some(&socket.socket_id),
        What::SocketClosed(closed) => Some(&closed.socket_id),
        What::Console(entry) => Some(&entry.socket_id),
        What::PageError(error) => Some(&error.socket_id),
        _ => None,
    }
}

fn is_of_socket(event: &Event) -> bool {
    matches!(
        event.what,
        What::SocketOpened { .. } | What::SocketUpdated(_) | What::SocketClosed(_)
    )
}

fn position(text: &str, epoch: &str) -> anyhow::Result<Position> {
    let (epoch, sequence) = text.split_once(':').unwrap_or((epoch, text));
    let sequence = sequence
        .parse()
        .with_context(|| format!("--since {text:?} is neither EPOCH:SEQUENCE nor a sequence"))?;
    Ok(Position {
        epoch: epoch.to_owned(),
        sequence,
    })
}

/// An event for programs. What a page said stays as it wrote it.
#[derive(Serialize)]
struct Line<'a> {
    position: Place<'a>,
    #[serde(flatten)]
    event: Shown<'a>,
}

#[derive(Serialize)]
struct Place<'a> {
    epoch: &'a str,
    sequence: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Shown<'a> {
    Message(ShownMessage<'a>),
    SocketOpened(Value),
    SocketUpdated(Value),
    SocketClosed(Value),
    Console(ShownConsole<'a>),
    PageError(Value),
    FileChanged(Value),
    Gap(Value),
    Other(String),
}

#[derive(Serialize)]
struct ShownMessage<'a> {
    socket_id: &'a str,
    r#type: &'a str,
    /// None for a binary frame, and for one that came without its content.
    data: Option<&'a RawValue>,
    request_id: Option<&'a str>,
    omitted_bytes: u64,
}

#[derive(Serialize)]
struct ShownConsole<'a> {
    socket_id: &'a str,
    level: String,
    args: Vec<ShownValue<'a>>,
    stack: &'a str,
}

fn line(event: &Event) -> String {
    let shown = match &event.what {
        What::Message(message) => Shown::Message(ShownMessage {
            socket_id: message.socket_id(),
            r#type: message.message_type(),
            data: message
                .text()
                .and_then(|text| serde_json::from_str(text).ok()),
            request_id: message.request_id(),
            omitted_bytes: message.omitted_bytes(),
        }),
        What::SocketOpened {
            socket,
            previous_socket_id,
        } => {
            let mut socket = super::sockets::as_json(socket);
            socket["previous_socket_id"] = json!(previous_socket_id);
            Shown::SocketOpened(socket)
        }
        What::SocketUpdated(socket) => Shown::SocketUpdated(super::sockets::as_json(socket)),
        What::SocketClosed(closed) => Shown::SocketClosed(json!({
            "socket_id": closed.socket_id,
            "close_code": closed.close_code,
            "close_reason": closed.close_reason,
            "cause": word(closed.cause().as_str_name(), "CAUSE_"),
        })),
        What::Console(entry) => Shown::Console(ShownConsole {
            socket_id: &entry.socket_id,
            level: level(entry.level),
            args: entry.args.iter().map(ShownValue::of).collect(),
            stack: &entry.stack,
        }),
        What::PageError(error) => Shown::PageError(json!({
            "socket_id": error.socket_id,
            "kind": kind(error),
            "exception": error.exception.as_ref().map(exception_json),
        })),
        What::FileChanged(change) => Shown::FileChanged(json!({
            "file_path": change.file_path,
            "url_path": change.url_path,
            "kind": word(change.kind().as_str_name(), "KIND_"),
        })),
        What::Gap(gap) => Shown::Gap(json!({
            "after_sequence": gap.after_sequence,
            "before_sequence": gap.before_sequence,
            "reason": word(gap.reason().as_str_name(), "REASON_"),
        })),
        other => Shown::Other(format!("{other:?}")),
    };
    let Position { epoch, sequence } = &event.position;
    let position = Place {
        epoch,
        sequence: *sequence,
    };
    serde_json::to_string(&Line {
        position,
        event: shown,
    })
    .expect("strings, numbers and JSON always encode")
}

/// For people.
fn text(event: &Event) -> String {
    match &event.what {
        What::Message(message) => {
            let text = message.text().map_or_else(
                || {
                    let came = message.binary().map_or(0, |content| content.len() as u64);
                    format!("({} bytes)", came + message.omitted_bytes())
                },
                str::to_owned,
            );
            format!("{}  {text}", message.socket_id())
        }
        What::SocketOpened { socket, .. } => format!("{}  opened", socket.socket_id),
        What::SocketUpdated(Socket {
            socket_id,
            url,
            title,
            ..
        }) => {
            format!("{socket_id}  is {url} {title:?}")
        }
        What::SocketClosed(closed) => {
            let cause = match closed.cause() {
                Cause::PageUnloaded => "the page has gone",
                Cause::ConnectionLost => "the connection broke",
                Cause::NoPong => "it answered no pings",
                Cause::Slow => "it read too slowly",
                Cause::ClosedByApi => "a program closed it",
                Cause::ServerStopping => "the daemon stops",
                Cause::ProtocolError => "it broke the protocol",
                Cause::Unspecified => "unknown",
            };
            format!(
                "{}  closed: {cause} ({})",
                closed.socket_id, closed.close_code
            )
        }
        What::Console(entry) => {
            let args: Vec<String> = entry.args.iter().map(printed).collect();
            format!(
                "{}  {}: {}",
                entry.socket_id,
                level(entry.level),
                args.join(" ")
            )
        }
        What::PageError(error) => {
            let thrown = error
                .exception
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default();
            format!("{}  {}: {thrown}", error.socket_id, kind(error))
        }
        What::FileChanged(change) => {
            let kind = word(change.kind().as_str_name(), "KIND_");
            format!("{}  {kind}", change.file_path)
        }
        What::Gap(gap) => format!(
            "-- events {} to {} are lost --",
            gap.after_sequence + 1,
            gap.before_sequence.saturating_sub(1)
        ),
        other => format!("{other:?}"),
    }
}

/// A console prints strings without quotes.
fn printed(value: &JsValue) -> String {
    value.json::<String>().unwrap_or_else(|_| value.to_string())
}

fn level(level: ConsoleLevel) -> String {
    word(level.as_str_name(), "CONSOLE_LEVEL_")
}

fn kind(error: &PageError) -> String {
    word(error.kind().as_str_name(), "KIND_")
}

/// The message as JSON; a binary one has none.
fn data(message: &Message) -> Value {
    message.json().unwrap_or(Value::Null)
}
