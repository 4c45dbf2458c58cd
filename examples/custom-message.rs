//! Sends the number of connected pages to all pages whenever a page connects, as a message of its own type.

use pagewire_client::{Plugin, Result, Target};
use serde_json::json;

#[tokio::main]
async fn main() -> Result<()> {
    Plugin::new("custom-message")
        .inject_web_socket()
        .on_socket_ready(|_socket, client| async move {
            let pages = client.sockets().await?.len();
            let message = json!({"type": "custom-message", "data": {"pages": pages}});
            client.send(&Target::all(), &message).await?;
            Ok(())
        })
        .run()
        .await
}
