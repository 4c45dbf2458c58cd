//! The benchmark plugin in Rust: serves the given file and answers messages from pages.

use pagewire_client::{Content, Filter, Plugin, Result, Target};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Deserialize)]
struct Question {
    page: u64,
    number: u64,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "answer")]
struct Answer {
    page: u64,
    next: u64,
}

#[tokio::main]
async fn main() -> Result<()> {
    let file = std::env::args().nth(1).expect("a file to serve");
    let module = std::fs::read_to_string(file).expect("a readable file");
    let calls = Arc::new(AtomicU64::new(0));
    Plugin::new("language")
        .serve(
            Filter::paths(["/virtual/module.js", "/virtual/calls"]),
            move |request| {
                let content = if request.path() == "/virtual/calls" {
                    Content::text(calls.load(Ordering::Relaxed).to_string())
                } else {
                    calls.fetch_add(1, Ordering::Relaxed);
                    Content::js(module.clone())
                };
                async { Ok(content) }
            },
        )
        .on_message("ask", |message, client| async move {
            let Question { page, number } = message.json()?;
            let next = number + 1;
            let sender = Target::socket(message.socket_id());
            client.send(&sender, Answer { page, next }).await?;
            Ok(())
        })
        .server_start(|_| async {
            println!("ready");
            Ok(())
        })
        .run()
        .await
}
