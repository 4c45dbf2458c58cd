//! `pagewire messages`: follows the events of pages.

use super::args::{CallArgs, TargetArgs};
use super::connection::run;
use super::exit::Outcome;
use super::output::word;
use super::results::{ValueJson, exception_json};
use super::untrusted::{escaped, json_line};
use anyhow::Context;
use clap::{Args, ValueEnum};
use pagewire_client::proto::socket_closed::Cause;
use pagewire_client::proto::{FailedResource, SourceLocation};
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

/// Follow messages and other events of pages, until --timeout if that is given.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Kinds of events to print
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Kind::Message])]
    kinds: Vec<Kind>,

    /// Print only messages of these types
    #[arg(long, value_name = "TYPE", value_delimiter = ',')]
    types: Vec<String>,

    /// Begin after this position: EPOCH:SEQUENCE, or a sequence of the daemon's current run (0 = all
    /// events in its log)
    #[arg(long, value_name = "POSITION")]
    since: Option<String>,

    /// Exit when a message matches this JSON path (RFC 9535), for example $[?@.ok == true]
    #[arg(long, value_name = "JSONPATH", value_parser = json_path)]
    until: Option<JsonPath>,

    #[command(flatten)]
    call: CallArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    Message,
    Socket,
    Console,
    #[value(alias = "page_error")]
    PageError,
    /// Changes of files; needs a daemon with --watch
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
        let prints_sockets = arguments.kinds.contains(&Kind::Socket);
        let has_ids = arguments.call.pages.has_ids();
        if has_ids {
            // Socket events show which sockets belong to a selected tab.
            options = options.sockets();
        }
        let mut events = client.subscribe(options).await?;
        let mut selected = selected_sockets(&client, &arguments.call.pages).await?;
        let follow = async {
            while let Some(event) = events.next().await? {
                if let What::SocketOpened { socket, .. } | What::SocketUpdated(socket) = &event.what
                    && arguments.call.pages.select(socket)
                {
                    selected.insert(socket.socket_id.clone());
                }
                let is_selected =
                    !has_ids || socket_id(&event).is_none_or(|id| selected.contains(id));
                if !is_selected || (is_socket_event(&event) && !prints_sockets) {
                    continue;
                }
                let line = if arguments.call.json {
                    json_line(&event_json(&event)).into_owned()
                } else {
                    escaped(&event_text(&event))
                };
                // The reader has closed the pipe.
                if writeln!(std::io::stdout(), "{line}").is_err() {
                    return Ok(Outcome::Done);
                }
                if let (Some(path), What::Message(message)) = (&arguments.until, &event.what)
                    && !path.query(&message_json(message)).is_empty()
                {
                    return Ok(Outcome::Done);
                }
            }
            // The daemon has stopped in order.
            Ok::<_, anyhow::Error>(match arguments.until {
                None => Outcome::Done,
                Some(_) => Outcome::NoDaemon,
            })
        };
        let Some(timeout) = arguments.call.daemon.timeout else {
            return follow.await;
        };
        match tokio::time::timeout(timeout, follow).await {
            Ok(outcome) => outcome,
            Err(_) if arguments.until.is_some() => Ok(Outcome::Unanswered),
            Err(_) => Ok(Outcome::Done),
        }
    })
}

/// Nested brackets in a JSON path. A deeper one is refused: the parser's time doubles with each level, and
/// its stack grows. Default 10.
const MAX_PATH_DEPTH: usize = 10;

/// Parses a JSON path. Brackets in its strings count, too.
fn json_path(text: &str) -> Result<JsonPath, String> {
    let mut depth = 0_usize;
    let mut deepest = 0;
    for c in text.chars() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    if deepest > MAX_PATH_DEPTH {
        return Err(format!(
            "has {deepest} nested brackets, and the limit is {MAX_PATH_DEPTH} (use a simpler condition)"
        ));
    }
    text.parse::<JsonPath>().map_err(|error| error.to_string())
}

/// Returns the ids of the connected sockets that are selected.
async fn selected_sockets(client: &Client, pages: &TargetArgs) -> anyhow::Result<HashSet<String>> {
    let sockets = client.sockets().await?;
    let selected = sockets.into_iter().filter(|socket| pages.select(socket));
    Ok(selected.map(|socket| socket.socket_id).collect())
}

/// Returns the socket of an event; none for a changed file and a gap.
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

fn is_socket_event(event: &Event) -> bool {
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

/// JSON form of an event. JSON of the page is included verbatim.
#[derive(Serialize)]
struct EventJson<'a> {
    position: PositionJson<'a>,
    #[serde(flatten)]
    event: EventBodyJson<'a>,
}

#[derive(Serialize)]
struct PositionJson<'a> {
    epoch: &'a str,
    sequence: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum EventBodyJson<'a> {
    Message(MessageJson<'a>),
    SocketOpened(Value),
    SocketUpdated(Value),
    SocketClosed(Value),
    Console(ConsoleJson<'a>),
    PageError(Value),
    FileChanged(Value),
    Gap(Value),
    Other(String),
}

#[derive(Serialize)]
struct MessageJson<'a> {
    socket_id: &'a str,
    r#type: &'a str,
    /// None for a binary frame, and for a frame whose content was omitted.
    data: Option<&'a RawValue>,
    request_id: Option<&'a str>,
    omitted_bytes: u64,
}

#[derive(Serialize)]
struct ConsoleJson<'a> {
    socket_id: &'a str,
    level: String,
    args: Vec<ValueJson<'a>>,
    stack: &'a str,
    url: &'a str,
    line: u32,
    column: u32,
}

fn event_json(event: &Event) -> String {
    let body = match &event.what {
        What::Message(message) => EventBodyJson::Message(MessageJson {
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
            EventBodyJson::SocketOpened(socket)
        }
        What::SocketUpdated(socket) => {
            EventBodyJson::SocketUpdated(super::sockets::as_json(socket))
        }
        What::SocketClosed(closed) => EventBodyJson::SocketClosed(json!({
            "socket_id": closed.socket_id,
            "close_code": closed.close_code,
            "close_reason": closed.close_reason,
            "cause": word(closed.cause().as_str_name(), "CAUSE_"),
        })),
        What::Console(entry) => EventBodyJson::Console(ConsoleJson {
            socket_id: &entry.socket_id,
            level: level(entry.level),
            args: entry.args.iter().map(ValueJson::of).collect(),
            stack: &entry.stack,
            url: &entry.url,
            line: entry.line,
            column: entry.column,
        }),
        What::PageError(error) => EventBodyJson::PageError(json!({
            "socket_id": error.socket_id,
            "kind": kind(error),
            "exception": error.exception.as_ref().map(exception_json),
            "failed_resource": error.failed_resource.as_ref().map(failed_resource_json),
        })),
        What::FileChanged(change) => EventBodyJson::FileChanged(json!({
            "file_path": change.file_path,
            "url_path": change.url_path,
            "kind": word(change.kind().as_str_name(), "KIND_"),
        })),
        What::Gap(gap) => EventBodyJson::Gap(json!({
            "after_sequence": gap.after_sequence,
            "before_sequence": gap.before_sequence,
            "reason": word(gap.reason().as_str_name(), "REASON_"),
        })),
        other => EventBodyJson::Other(format!("{other:?}")),
    };
    let Position { epoch, sequence } = &event.position;
    let position = PositionJson {
        epoch,
        sequence: *sequence,
    };
    serde_json::to_string(&EventJson {
        position,
        event: body,
    })
    .expect("strings, numbers and JSON can always be encoded")
}

/// Returns an event as a line of readable text.
fn event_text(event: &Event) -> String {
    match &event.what {
        What::Message(message) => {
            let text = message.text().map_or_else(
                || {
                    let received = message.binary().map_or(0, |content| content.len() as u64);
                    format!(
                        "({} bytes)",
                        received.saturating_add(message.omitted_bytes())
                    )
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
                Cause::PageUnloaded => "the page was unloaded",
                Cause::ConnectionLost => "the connection was lost",
                Cause::NoPong => "it did not answer pings",
                Cause::Slow => "it read too slowly",
                Cause::ClosedByApi => "a program closed it",
                Cause::ServerStopping => "the daemon is stopping",
                Cause::ProtocolError => "protocol error",
                Cause::Unspecified => "unknown",
            };
            format!(
                "{}  closed: {cause} ({})",
                closed.socket_id, closed.close_code
            )
        }
        What::Console(entry) => {
            let args: Vec<String> = entry.args.iter().map(console_text).collect();
            let place = match (entry.url.as_str(), entry.line) {
                ("", _) => String::new(),
                (url, 0) => format!("  ({url})"),
                (url, line) => format!("  ({url}:{line}:{})", entry.column),
            };
            format!(
                "{}  {}: {}{place}",
                entry.socket_id,
                level(entry.level),
                args.join(" "),
            )
        }
        What::PageError(error) => {
            let thrown = error
                .exception
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default();
            let cause = error.failed_resource.as_ref().map(failed_resource_text);
            let cause = cause.map(|cause| format!("  ({cause})"));
            format!(
                "{}  {}: {thrown}{}",
                error.socket_id,
                kind(error),
                cause.unwrap_or_default()
            )
        }
        What::FileChanged(change) => {
            let kind = word(change.kind().as_str_name(), "KIND_");
            format!("{}  {kind}", change.file_path)
        }
        What::Gap(gap) => format!(
            "-- events {} to {} were lost --",
            gap.after_sequence.saturating_add(1),
            gap.before_sequence.saturating_sub(1)
        ),
        other => format!("{other:?}"),
    }
}

/// Returns a value as a console prints it: strings have no quotes.
fn console_text(value: &JsValue) -> String {
    value.json::<String>().unwrap_or_else(|_| value.to_string())
}

fn level(level: ConsoleLevel) -> String {
    word(level.as_str_name(), "CONSOLE_LEVEL_")
}

fn kind(error: &PageError) -> String {
    word(error.kind().as_str_name(), "KIND_")
}

fn failed_resource_json(failed: &FailedResource) -> Value {
    json!({
        "plugin_name": failed.plugin_name,
        "hook": word(failed.hook().as_str_name(), "HOOK_"),
        "url": failed.url,
        "status": failed.status,
        "message": failed.message,
        "location": failed.location.as_ref().map(|location| json!({
            "file": location.file,
            "line": location.line,
            "column": location.column,
            "frame": location.frame,
        })),
    })
}

/// Returns the cause of a resource that did not load: which plugin failed, for which URL, why and where.
fn failed_resource_text(failed: &FailedResource) -> String {
    let FailedResource {
        plugin_name,
        url,
        message,
        status,
        ..
    } = failed;
    let hook = word(failed.hook().as_str_name(), "HOOK_");
    let text = format!("plugin {plugin_name} failed, {hook} of {url}, status {status}: {message}");
    match &failed.location {
        Some(SourceLocation {
            file, line, column, ..
        }) if !file.is_empty() => format!("{text} at {file}:{line}:{column}"),
        _ => text,
    }
}

/// Returns the message as JSON; null for a binary one.
fn message_json(message: &Message) -> Value {
    message.json().unwrap_or(Value::Null)
}
