//! `pagewire info`: says what the daemon is and where it serves.

use super::connection::{Daemon, Outcome, run};
use clap::Args;
use serde_json::json;
use std::process::ExitCode;

/// Say what the daemon is and where it serves.
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
        if arguments.json {
            let limits = info.limits.unwrap_or_default();
            println!(
                "{}",
                json!({
                    "server_version": info.server_version,
                    "base_urls": info.base_urls,
                    "features": info.features,
                    "epoch": info.epoch,
                    "refused_frames": info.refused_frames,
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
        }
        Ok(Outcome::Done)
    })
}
