//! `Send`: one frame for the selected pages, or the reply to a page's request. The other methods that
//! send frames are in submodules; `delivery` has the delivery reports of all of them.

pub(super) mod delivery;
pub(super) mod page_actions;
pub(super) mod stream;

use super::convert::Addressee;
use super::limits::{MAX_ARGS, MAX_REQUEST_BYTES, MAX_SEND_BYTES};
use super::status::{invalid, not_json};
use super::{Control, convert, proto, status};
use crate::blocking::run_sized;
use crate::hub::{Frame, Reply, Selection};
use crate::message::check_json;
use delivery::{Sent, push, send_to};
use proto::DeliveryOptions;
use proto::send_request::Payload;
use serde_json::value::RawValue;
use tonic::Status;

pub(super) async fn send(control: &Control, request: proto::SendRequest) -> Result<Sent, Status> {
    let options = delivery::options(request.delivery)?;
    let payload = request.payload.ok_or_else(|| {
        invalid(
            "payload",
            "no payload is set (set json, text, binary or error)",
        )
    })?;
    match convert::target(request.target).await? {
        Addressee::Requester(request_id) => reply(control, &request_id, payload, &options).await,
        Addressee::Sockets(target, excluded) => {
            let frame = frame(payload).await?;
            let selection = control.hub.select(&target, &excluded);
            Ok(send_to(&selection, &options, |socket| push(socket, &frame)))
        }
    }
}

/// Runs work that takes time in proportion to the size of a message.
pub(in crate::control) async fn compute<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> Result<T, Status> + Send + 'static,
) -> Result<T, Status> {
    let done = run_sized(bytes, work).await;
    // Fails only while the runtime shuts down.
    done.map_err(|_| status::stopping())?
}

async fn frame(payload: Payload) -> Result<Frame, Status> {
    let (field, size) = match &payload {
        Payload::Json(text) => ("json", text.len()),
        Payload::Text(text) => ("text", text.len()),
        Payload::Binary(bytes) => ("binary", bytes.len()),
        Payload::Error(text) => ("error", text.len()),
    };
    check_size(field, size)?;
    match payload {
        Payload::Json(text) => {
            let check = move || match check_json(&text) {
                Ok(()) => Ok(Frame::Text(text.into())),
                Err(error) => Err(not_json("json", &error)),
            };
            compute(size, check).await
        }
        Payload::Text(text) => Ok(Frame::Text(text.into())),
        Payload::Binary(bytes) => Ok(Frame::Binary(bytes)),
        Payload::Error(_) => Err(invalid(
            "error",
            "only a reply to a page's request can be an error (set target.reply_to)",
        )),
    }
}

async fn reply(
    control: &Control,
    request_id: &str,
    payload: Payload,
    options: &DeliveryOptions,
) -> Result<Sent, Status> {
    let (json, error);
    let reply = match payload {
        Payload::Json(text) => {
            let bytes = text.len();
            check_size("json", bytes)?;
            let parse = || RawValue::from_string(text).map_err(|error| not_json("json", &error));
            json = compute(bytes, parse).await?;
            Reply::Response(&json)
        }
        Payload::Error(text) => {
            check_size("error", text.len())?;
            error = text;
            Reply::Error(&error)
        }
        Payload::Text(_) | Payload::Binary(_) => {
            return Err(invalid(
                "payload",
                "a reply to a page's request must be json or error",
            ));
        }
    };
    let (socket, sent) = control
        .hub
        .reply(request_id, &reply)
        .map_err(|error| status::reply_error(request_id, error))?;
    let selection = Selection {
        sockets: vec![socket],
        unknown: Vec::new(),
        position: control.hub.position(),
    };
    Ok(send_to(&selection, options, |_| {
        sent.map_err(convert::delivery_status)
    }))
}

pub(super) fn check_size(field: &str, bytes: usize) -> Result<(), Status> {
    if bytes > MAX_SEND_BYTES {
        let text = format!("{bytes} bytes are too many (the limit is {MAX_SEND_BYTES})");
        return Err(invalid(field, text));
    }
    Ok(())
}

/// Parses `args_json`, one JSON text per argument.
pub(super) fn parse_args(args_json: &[String]) -> Result<Vec<&RawValue>, Status> {
    // Their size is that of the frame, which is checked once it is encoded.
    convert::check_list("args_json", args_json, MAX_ARGS, MAX_REQUEST_BYTES)?;
    args_json
        .iter()
        .enumerate()
        .map(|(index, text)| {
            serde_json::from_str(text)
                .map_err(|error| not_json(&format!("args_json[{index}]"), &error))
        })
        .collect()
}
