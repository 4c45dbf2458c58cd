//! Replies to the page that sent a message, and to no other.
//!
//! In a page: `import { sendMessage } from '/__pagewire__/client.js'`, then
//! `sendMessage({ type: 'ping', n: 1 })`.

use pagewire_client::{Plugin, Result, Target};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<()> {
    Plugin::new("targeted-reply")
        .inject_web_socket()
        .on_message("ping", |message, client| async move {
            let ping: Value = message.json()?;
            let pong = json!({"type": "pong", "n": ping["n"]});
            client
                .send(&Target::socket(message.socket_id()), &pong)
                .await?;
            Ok(())
        })
        .run()
        .await
}
