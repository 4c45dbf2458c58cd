//! Passes arguments to the default export of a virtual module, and prints its return value.

use pagewire_client::{Content, Filter, Import, Plugin, Result, Target};

const MODULE: &str = "export default (name, times) => {
    const text = `Hello ${name}! `.repeat(times).trim();
    document.body.append(text);
    return text.length;
};";

#[tokio::main]
async fn main() -> Result<()> {
    Plugin::new("virtual-module-parameters")
        .inject_web_socket()
        .serve(Filter::path("/virtual/greet.js"), |_request| async {
            Ok(Content::js(MODULE))
        })
        .on_socket_ready(|socket, client| async move {
            let page = Target::socket(socket.socket_id);
            let import = Import::path("/virtual/greet.js").arg("Pagewire").arg(2);
            for row in client.import_value(&page, import).await?.rows {
                match row.outcome {
                    Ok(value) => println!("the page wrote {value} letters"),
                    Err(error) => println!("the page failed: {error}"),
                }
            }
            Ok(())
        })
        .run()
        .await
}
