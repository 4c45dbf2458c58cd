//! `pagewire sockets`: lists the connected pages.

use super::args::CallArgs;
use super::connection::run;
use super::exit::Outcome;
use super::output::{explain_no_page, print_json, print_table, word};
use clap::Args;
use pagewire_client::Socket;
use serde_json::json;
use std::process::ExitCode;

/// List the connected pages.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    call: CallArgs,
}

pub(super) fn main(arguments: &Arguments) -> ExitCode {
    run(&arguments.call.daemon, |client| async move {
        let mut sockets = client
            .list_sockets(arguments.call.pages.filter())
            .await?
            .sockets;
        sockets.retain(|socket| arguments.call.pages.select(socket));
        if arguments.call.json {
            for socket in &sockets {
                print_json(&as_json(socket).to_string());
            }
        } else if sockets.is_empty() {
            explain_no_page(&client).await;
        } else {
            print_table(["SOCKET", "STATE", "URL", "TITLE"], sockets.iter().map(row));
        }
        Ok(if sockets.is_empty() {
            Outcome::Unanswered
        } else {
            Outcome::Done
        })
    })
}

/// Returns a socket as JSON, with snake-case names.
pub(super) fn as_json(socket: &Socket) -> serde_json::Value {
    json!({
        "socket_id": socket.socket_id,
        "page_id": socket.page_id,
        "tab_id": socket.tab_id,
        "url": socket.url,
        "title": socket.title,
        "user_agent": socket.user_agent,
        "visibility": word(socket.visibility().as_str_name(), "VISIBILITY_"),
        "top_level": socket.top_level,
        "remote_address": socket.remote_address,
        "ready": socket.ready,
        "document_state": word(socket.document_state().as_str_name(), "DOCUMENT_STATE_"),
        "client_features": socket.client_features,
    })
}

fn row(socket: &Socket) -> [String; 4] {
    let state = if socket.ready {
        word(socket.visibility().as_str_name(), "VISIBILITY_")
    } else {
        "connecting".to_owned()
    };
    let frame = if socket.top_level { "" } else { " (frame)" };
    [
        socket.socket_id.clone(),
        state + frame,
        socket.url.clone(),
        socket.title.clone(),
    ]
}
