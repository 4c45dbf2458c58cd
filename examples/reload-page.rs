//! Reloads every page once, with a module that is a data URL.

use pagewire_client::{Import, Plugin, Result, Target};
use std::collections::HashSet;
use std::sync::{Arc, Mutex};

#[tokio::main]
async fn main() -> Result<()> {
    // A tab keeps its id across reloads.
    let reloaded = Arc::new(Mutex::new(HashSet::new()));
    Plugin::new("reload-page")
        .inject_web_socket()
        .on_socket_ready(move |socket, client| {
            let first = reloaded
                .lock()
                .is_ok_and(|mut tabs| tabs.insert(socket.tab_id));
            async move {
                if first {
                    let import = Import::path("data:text/javascript,window.location.reload()");
                    client
                        .send_import(&Target::socket(socket.socket_id), import)
                        .await?;
                }
                Ok(())
            }
        })
        .run()
        .await
}
