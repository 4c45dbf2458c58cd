//! `pagewire snippet`: prints the script element that attaches a page of another server.

use super::args::QueryArgs;
use super::connection::run;
use super::exit::Outcome;
use crate::message::CLIENT_PATH;
use clap::Args;
use serde_json::json;
use std::process::ExitCode;

/// Print the script element that attaches a page of another server.
///
/// Put it into the page's HTML, and start the daemon with --allow-origin and that server's origin.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    query: QueryArgs,
}

pub(super) fn main(Arguments { query }: &Arguments) -> ExitCode {
    run(&query.daemon, |client| async move {
        let info = client.info().await?;
        let url = client_url(info.base_urls.first().map_or("", String::as_str));
        let snippet = format!("<script type=\"module\" src=\"{url}\"></script>");
        if query.json {
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

/// Returns the URL of the client. Loopback addresses become `localhost`, the name in certificates.
fn client_url(base_url: &str) -> String {
    let base_url = ["://127.0.0.1:", "://[::1]:"]
        .iter()
        .fold(base_url.to_owned(), |url, address| {
            url.replacen(address, "://localhost:", 1)
        });
    format!("{}{CLIENT_PATH}", base_url.trim_end_matches('/'))
}
