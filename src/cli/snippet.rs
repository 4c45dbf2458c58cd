//! `pagewire snippet`: the line that attaches a page that somebody else serves.

use super::connection::{Daemon, Outcome, run};
use crate::message::CLIENT_PATH;
use clap::Args;
use serde_json::json;
use std::process::ExitCode;

/// Print the line that attaches a page that another server serves.
///
/// Put it into the page's HTML. The daemon must be told that server's origin: --allow-origin.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// One JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    daemon: Daemon,
}

pub(super) fn main(arguments: &Arguments) -> ExitCode {
    run(&arguments.daemon, |client| async move {
        let info = client.info().await?;
        let url = client_url(info.base_urls.first().map_or("", String::as_str));
        let snippet = format!("<script type=\"module\" src=\"{url}\"></script>");
        if arguments.json {
            let origins = &info.allowed_origins;
            println!(
                "{}",
                json!({"snippet": snippet, "url": url, "allowed_origins": origins})
            );
        } else {
            println!("{snippet}");
        }
        if info.allowed_origins.is_empty() {
            eprintln!(
                "no other origin may connect yet: start pagewire with --allow-origin and the origin of the page, for example --allow-origin http://localhost:3000"
            );
        }
        Ok(Outcome::Done)
    })
}

/// By the name that people and certificates use for a loopback address.
fn client_url(base_url: &str) -> String {
    let base_url = ["://127.0.0.1:", "://[::1]:"]
        .iter()
        .fold(base_url.to_owned(), |url, address| {
            url.replacen(address, "://localhost:", 1)
        });
    format!("{}{CLIENT_PATH}", base_url.trim_end_matches('/'))
}
