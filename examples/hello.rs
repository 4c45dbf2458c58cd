//! Serves a page that talks to its plugin: open `/hello`.

use pagewire_client::{Content, Filter, Plugin, Result};

const PAGE: &str = r#"<!doctype html>
<title>Hello</title>
<button>Greet</button> <output></output>
<script type="module">
  import { sendMessageWaitForResponse } from '/__pagewire__/client.js';

  document.querySelector('button').onclick = async () => {
    const greeting = await sendMessageWaitForResponse({ type: 'greet' });
    document.querySelector('output').textContent = greeting;
  };
</script>"#;

#[tokio::main]
async fn main() -> Result<()> {
    Plugin::new("hello")
        .inject_web_socket()
        .serve(Filter::path("/hello"), |_request| async {
            Ok(Content::html(PAGE))
        })
        .on_request("greet", |_message, _client| async {
            Ok("Hello from a plugin")
        })
        .run()
        .await
}
