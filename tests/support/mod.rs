//! A small language for tests: a site, a daemon, pages, plugins.
//!
//! Nothing here sleeps. Everything that is waited for has one guard, [`within`], that names it.

mod backend;
mod cli;
mod http;
pub mod module_hook;
mod page;
mod plugin;
mod relay;
mod server;
mod tls;

pub use backend::{Backend, Wire};
pub use cli::{Ended, cli, ended, run, speaking_to};
pub use http::{Answer, answer_on, raw_request, read_response, upgrade_request};
pub use module_hook::ModuleHook;
pub use page::Page;
pub use plugin::{
    Calls, Hook, HookStream, ResolveImport, Said, Serve, ServeHook, Session, Transform, fails_with,
    with_session,
};
pub use relay::{Cut, Relay};
pub use server::{Site, TestServer, command};
pub use tls::{Http2, TlsConnection, tls};

use std::time::Duration;

/// How long a test waits for anything. Far above what a busy machine needs: a test that hits it
/// has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for something, and fails naming it.
pub async fn within<T>(what: &str, wait: impl Future<Output = T>) -> T {
    let Ok(value) = tokio::time::timeout(PATIENCE, wait).await else {
        panic!("waited {PATIENCE:?} in vain for {what}");
    };
    value
}
