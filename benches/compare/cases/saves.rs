//! Measures a developer's edit loop: the time from saving a file until a page in Chromium has applied the change.

use crate::case::{Case, Effort, Rounds};
use crate::peers::{Peer, Server, Setup, StartOptions};
use crate::table::Figure;
use anyhow::{Context, ensure};
use std::path::Path;
use std::process::Command;

const FIGURES: &[Figure] = &[
    Figure::less("ms to new style"),
    Figure::less("ms to new module"),
];

/// Returns the case, or `None` if the measured binary cannot watch files.
pub(crate) fn case(options: &StartOptions<'_>) -> anyhow::Result<Option<Case>> {
    let help = Command::new(options.pagewire)
        .args(["serve", "--help"])
        .output()?;
    if !String::from_utf8_lossy(&help.stdout).contains("--watch") {
        eprintln!("saved file: skipped, this pagewire has no --watch");
        return Ok(None);
    }
    let script = options.peers.join("saves.js");
    Ok(Some(Case {
        name: "saved file",
        peers: &[Peer::Pagewire, Peer::WebDevServer, Peer::Vite],
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
    let medians: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    ["watched.css", "watched.js"]
        .iter()
        .map(|name| {
            medians[name]
                .as_f64()
                .with_context(|| format!("no time for {name}"))
        })
        .collect()
}
