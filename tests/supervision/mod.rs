//! Plugins of the configuration: which processes the daemon starts, in what order plugins are called, and
//! which requests wait for them.

mod order;
mod processes;

use crate::support::{Site, TestServer, listed};
use pagewire_client::PluginInfo;
use pagewire_client::proto::plugin::State;

async fn start(config: &str) -> TestServer {
    let site = Site::page();
    site.write("pagewire.toml", config);
    TestServer::start(&site).await
}

async fn ready(server: &TestServer, name: &str) -> PluginInfo {
    listed(server, name, "ready", |plugin| {
        plugin.state() == State::Ready
    })
    .await
}
