//! The runner of the conformance suite (`tests/conformance`): each command is one call of the library.
//! Not published.
#![allow(missing_docs, clippy::unwrap_used)]

mod commands;
mod gates;
mod plugin;
mod results;
mod rules;
mod subscriptions;
mod wire;

use futures_util::FutureExt;
use serde_json::Value;
use std::{env, fs, io, sync::Arc, thread};
use tokio::sync::mpsc;

#[tokio::main]
async fn main() {
    let runner = Arc::new(commands::Runner::default());
    let mut lines = lines();
    while let Some(line) = lines.recv().await {
        let command: Value = serde_json::from_str(&line).expect("a command is JSON");
        let wait = command["wait"] == true;
        // Polled once here, so that calls are made in the order of the commands.
        let mut running = Box::pin(runner.clone().perform(command));
        if wait {
            running.await;
        } else if (&mut running).now_or_never().is_none() {
            tokio::spawn(running);
        }
    }
    if env::args().len() > 1 {
        runner.plugins_ended().await;
    } else {
        runner.stop_plugins().await;
    }
}

/// The lines of the file given as argument, or of standard input.
fn lines() -> mpsc::UnboundedReceiver<String> {
    let (sender, lines) = mpsc::unbounded_channel();
    if let Some(file) = env::args().nth(1) {
        for line in fs::read_to_string(file).expect("commands").lines() {
            let _ = sender.send(line.to_owned());
        }
    } else {
        // A thread, because the runtime would wait for a blocking task.
        thread::spawn(move || {
            for line in io::stdin().lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
    }
    lines
}
