//! Serves a module that is not a file, and makes pages import it when they become ready.

use pagewire_client::{Content, Filter, Import, Plugin, Result, Target};

const MODULE: &str =
    "export default () => { document.body.append('Hello from a virtual module'); };";

#[tokio::main]
async fn main() -> Result<()> {
    Plugin::new("virtual-module")
        .inject_web_socket()
        .serve(Filter::path("/virtual/hello.js"), |_request| async {
            Ok(Content::js(MODULE))
        })
        .on_socket_ready(|socket, client| async move {
            let page = Target::socket(socket.socket_id);
            client
                .send_import(&page, Import::path("/virtual/hello.js"))
                .await?;
            Ok(())
        })
        .run()
        .await
}
