//! Test support: sites, daemons, pages, plugins, backends and commands.
//!
//! Nothing here sleeps. Every wait goes through [`within`], which names the awaited event.

mod backend;
mod cli;
mod frames;
mod http;
pub mod module_hook;
mod page;
mod plugin;
mod relay;
mod server;
mod tls;

pub use backend::{Backend, Wire};
pub use cli::{CommandOutput, assert_output, cli, command_for, command_names, run};
pub use frames::survives_cancellations;
pub use http::{HttpResponse, answer_on, raw_request, read_response, upgrade_request};
pub use module_hook::ModuleHook;
pub use page::Page;
pub use plugin::{
    Calls, Hook, HookMessage, HookStream, ResolveImport, Serve, ServeHook, Session, Transform,
    assert_status, listed, with_session,
};
pub use relay::{Cut, Relay};
pub use server::{FORWARDED, NAVIGATION, Site, TestServer, command, command_after};
pub use tls::{Http2, TlsConnection, tls};

use std::time::Duration;

/// Longest wait of a test. Far above what a busy machine needs: a test that reaches it has failed.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Awaits a future and panics with the name of the event when it takes too long.
pub async fn within<T>(what: &str, wait: impl Future<Output = T>) -> T {
    let Ok(value) = tokio::time::timeout(TIMEOUT, wait).await else {
        panic!("timed out after {TIMEOUT:?} waiting for {what}");
    };
    value
}
