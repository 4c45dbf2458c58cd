//! `pagewire info`: describes the daemon.

use super::args::QueryArgs;
use super::connection::run;
use super::exit::Outcome;
use clap::Args;
use serde_json::json;
use std::process::ExitCode;

/// Describe the daemon: its version, URLs and features.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    query: QueryArgs,
}

pub(super) fn main(Arguments { query }: &Arguments) -> ExitCode {
    run(&query.daemon, |client| async move {
        let info = client.info().await?;
        if query.json {
            let limits = info.limits.unwrap_or_default();
            println!(
                "{}",
                json!({
                    "server_version": info.server_version,
                    "base_urls": info.base_urls,
                    "features": info.features,
                    "epoch": info.epoch,
                    "refused_frames": info.refused_frames,
                    "pages_with_client": info.pages_with_client,
                    "pages_without_client": info.pages_without_client,
                    "without_client_reasons": info.without_client_reasons,
                    "max_message_bytes": limits.max_message_bytes,
                    "max_socket_queue_bytes": limits.max_socket_queue_bytes,
                    "event_log_bytes": limits.event_log_bytes,
                })
            );
        } else {
            println!("pagewire {}", info.server_version);
            println!("pages     {}", info.base_urls.join("  "));
            println!("features  {}", info.features.join("  "));
            println!("epoch     {}", info.epoch);
            println!(
                "served    {} pages with the client, {} without",
                info.pages_with_client, info.pages_without_client
            );
            for reason in &info.without_client_reasons {
                println!("          {reason}");
            }
        }
        Ok(Outcome::Done)
    })
}
