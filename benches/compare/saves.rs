//! From a saved file to a page in Chromium that has acted on it: what the loop of a developer waits for.

use crate::server::{Peer, Server, Setup, Start};
use crate::table::Figure;
use crate::{Case, Effort, Rounds};
use anyhow::{Context, ensure};
use std::path::Path;
use std::process::Command;

const FIGURES: &[Figure] = &[
    Figure::less("ms to new style"),
    Figure::less("ms to new module"),
];

/// None when the measured binary does not watch files.
pub(crate) fn case(start: &Start<'_>) -> anyhow::Result<Option<Case>> {
    let help = Command::new(start.pagewire)
        .args(["serve", "--help"])
        .output()?;
    if !String::from_utf8_lossy(&help.stdout).contains("--watch") {
        eprintln!("saved file: left out, this pagewire has no --watch");
        return Ok(None);
    }
    let script = start.peers.join("saves.js");
    Ok(Some(Case {
        name: "saved file",
        peers: &[Peer::Pagewire, Peer::Ancestor, Peer::Vite],
        setup: Setup {
            watch: true,
            ..Setup::default()
        },
        rounds: Rounds::Long,
        figures: FIGURES,
        run: Box::new(move |server, effort| run(&script, server, effort)),
    }))
}

fn run(script: &Path, server: &Server, effort: Effort) -> anyhow::Result<Vec<f64>> {
    let output = Command::new("node")
        .arg(script)
        .arg(format!("http://{}", server.address()))
        .arg(server.site())
        .arg(effort.saves.to_string())
        .output()?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let found: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    ["watched.css", "watched.js"]
        .iter()
        .map(|name| found[name].as_f64().context("no time"))
        .collect()
}
