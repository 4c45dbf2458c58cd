//! Prints to the console of every page, 1 s after the page or the plugin is ready.

use pagewire_client::{ConsoleLevel, Plugin, Result, Target};
use std::time::Duration;

#[tokio::main]
async fn main() -> Result<()> {
    Plugin::new("console-log")
        .inject_web_socket()
        // Pages that connect while the plugin runs.
        .on_socket_ready(|socket, client| async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let page = Target::socket(socket.socket_id);
            client
                .console_log(&page, ConsoleLevel::Log, "", "Hello from Pagewire")
                .await?;
            Ok(())
        })
        // Pages that are connected already.
        .server_start(|context| async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let ready: Vec<_> = context
                .sockets()
                .iter()
                .filter(|socket| socket.ready)
                .map(|socket| &socket.socket_id)
                .collect();
            if !ready.is_empty() {
                let pages = Target::sockets(ready);
                context
                    .client()
                    .console_log(&pages, ConsoleLevel::Log, "", "Hello from Pagewire")
                    .await?;
            }
            Ok(())
        })
        .run()
        .await
}
