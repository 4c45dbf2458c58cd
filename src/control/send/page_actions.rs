//! `SendConsoleLog` and `SendCommand`: actions of Pagewire's client script.
//!
//! The client script of `@web/dev-server` can only import modules, so a page with that script gets an
//! import with the same effect where there is one.

use super::delivery::{self, Sent, push, send_to};
use super::{check_size, compute, parse_args};
use crate::control::status::invalid;
use crate::control::{Control, convert, proto};
use crate::hub::{ClientSupport, Frame, Selection};
use crate::ids;
use crate::message::{Command, Import, ServerMessage};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proto::{DeliveryOptions, DeliveryStatus};
use tonic::Status;

pub(in crate::control) async fn console_log(
    control: &Control,
    request: proto::SendConsoleLogRequest,
) -> Result<Sent, Status> {
    let options = delivery::options(request.delivery)?;
    let (target, excluded) = convert::sockets_target(request.target).await?;
    let level = convert::console_method(request.level)?;
    let (source, text, args) = (request.source, request.text, request.args_json);
    let bytes = source.len() + text.len() + args.iter().map(String::len).sum::<usize>();
    let encode = move || {
        let log = ServerMessage::Log {
            level,
            source: &source,
            text: &text,
            args: parse_args(&args)?,
        }
        .encode();
        check_size("text", log.len())?;
        let printed = if source.is_empty() {
            text
        } else {
            format!("[{source}] {text}")
        };
        let args = [quote("%s"), quote(&printed)].into_iter().chain(args);
        let args = args.collect::<Vec<_>>().join(",");
        let fallback = import_statement(&format!("console.{level}({args})"));
        Ok((log, fallback))
    };
    let (log, fallback) = compute(bytes, encode).await?;
    let selection = control.hub.select(&target, &excluded);
    Ok(send_action(
        control,
        &selection,
        &options,
        ("log", log),
        Some(&fallback),
    ))
}

pub(in crate::control) async fn command(
    control: &Control,
    request: proto::SendCommandRequest,
) -> Result<Sent, Status> {
    use proto::send_command_request::Command as Requested;
    let options = delivery::options(request.delivery)?;
    let (target, excluded) = convert::sockets_target(request.target).await?;
    let requested = request.command.ok_or_else(|| {
        invalid(
            "command",
            "is not set (set reload, navigate or swap_stylesheets)",
        )
    })?;
    let (command, fallback) = match &requested {
        Requested::Reload(proto::Reload {}) => {
            (Command::Reload, Some(import_statement("location.reload()")))
        }
        Requested::Navigate(proto::Navigate { url }) if url.is_empty() => {
            return Err(invalid("navigate.url", "is empty"));
        }
        Requested::Navigate(proto::Navigate { url }) => {
            check_size("navigate.url", url.len())?;
            let fallback = import_statement(&format!("location.assign({})", quote(url)));
            (Command::Navigate { url }, Some(fallback))
        }
        Requested::SwapStylesheets(swap) => {
            if let Some(path) = swap.paths.iter().find(|path| !path.starts_with('/')) {
                let text = format!("path {path:?} does not begin with / (write \"/{path}\")");
                return Err(invalid("swap_stylesheets.paths", text));
            }
            (Command::Styles { paths: &swap.paths }, None)
        }
    };
    let frame = (command.feature(), ServerMessage::Command(command).encode());
    check_size("command", frame.1.len())?;
    let selection = control.hub.select(&target, &excluded);
    Ok(send_action(
        control,
        &selection,
        &options,
        frame,
        fallback.as_ref(),
    ))
}

/// Sends a frame that needs this feature of Pagewire's client script, or the fallback to pages with
/// another script.
fn send_action(
    control: &Control,
    selection: &Selection,
    options: &DeliveryOptions,
    (feature, text): (&str, String),
    fallback: Option<&Frame>,
) -> Sent {
    let frame = Frame::Text(text.into());
    send_to(selection, options, |socket| {
        let frame = match control.hub.client_support(socket.id(), feature) {
            ClientSupport::Supported => &frame,
            ClientSupport::TooOld => return Err(DeliveryStatus::Unsupported),
            ClientSupport::ForeignClient => fallback.ok_or(DeliveryStatus::Unsupported)?,
        };
        push(socket, frame)
    })
}

/// Returns the frame that imports a statement as a data URL. Every character that could end or change
/// the URL is percent-encoded.
fn import_statement(statement: &str) -> Frame {
    // A unique comment makes each module new. Otherwise a repeated statement would not run again.
    let module = format!("{statement};//{}", ids::random());
    let url = format!(
        "data:text/javascript,{}",
        utf8_percent_encode(&module, NON_ALPHANUMERIC)
    );
    let data = Import {
        url: &url,
        args: Vec::new(),
        call_id: None,
        fresh: false,
        max_result_bytes: None,
    };
    Frame::Text(ServerMessage::Import { data }.encode().into())
}

fn quote(text: &str) -> String {
    serde_json::to_string(text).expect("a string always encodes")
}
