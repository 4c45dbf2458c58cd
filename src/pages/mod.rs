//! The page edge: HTTP requests in, responses out. It cannot fail: every outcome is a response.

mod answer;
mod body;
mod conditions;
mod derived;
mod encode;
mod failure;
mod faults;
mod files;
mod headers;
mod inject;
mod listing;
mod mime;
mod modules;
mod open_file;
mod pipeline;
mod place;
mod policy;
mod proxy;
mod ranges;
mod reply;
mod requests;
mod scan;
mod serve;
mod subject;
mod transform;
mod virtual_file;
mod whole;

use crate::config::{AppIndex, Config};
use crate::hub::Hub;
use crate::plugins::PluginRegistry;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use derived::Derived;
use files::Files;
use inject::Scripts;
use mime::Types;
use modules::ModuleIndex;
use proxy::Proxy;

pub(crate) use pipeline::respond;
pub(crate) use requests::Requests;

/// What the pipeline needs.
pub(crate) struct Pages {
    files: Files,
    types: Arc<Types>,
    /// What our URL paths begin with.
    base: String,
    app_index: Option<AppIndex>,
    /// Folders without an index are listed.
    listing: bool,
    hub: Arc<Hub>,
    plugins: Arc<PluginRegistry>,
    proxy: Proxy,
    /// For bodies that are read for plugins, in bytes.
    body_room: Arc<Semaphore>,
    derived: Derived,
    modules: ModuleIndex,
    policies: policy::Reported,
    requests: Requests,
}

impl Pages {
    /// Serves what is configured, tells `hub` of pages, asks `plugins`. Proxied web sockets are tracked
    /// as `connections`, and end with `stop`.
    #[must_use]
    pub(crate) fn new(
        config: &Config,
        hub: Arc<Hub>,
        plugins: Arc<PluginRegistry>,
        connections: TaskTracker,
        stop: CancellationToken,
    ) -> Arc<Self> {
        let types = Arc::new(Types::new(config.mime_types.clone()));
        let roots = (!config.no_files).then(|| config.roots.clone());
        Arc::new(Self {
            files: Files::new(roots, types.clone()),
            types,
            base: config.base_path.as_str().to_owned(),
            app_index: config.app_index.clone(),
            listing: config.listing,
            hub,
            plugins,
            proxy: Proxy::new(config, connections, stop),
            body_room: Arc::new(Semaphore::new(body::BUFFERED_BYTES)),
            derived: Derived::new(),
            modules: ModuleIndex::new(config.preload_modules),
            policies: policy::Reported::default(),
            requests: Requests::default(),
        })
    }

    /// What became of requests.
    #[must_use]
    pub(crate) fn requests(&self) -> &Requests {
        &self.requests
    }

    /// Whether requests may go on to other servers, which hear who asked (`ConnectInfo`).
    #[must_use]
    pub(crate) fn has_backends(&self) -> bool {
        self.proxy.has_rules()
    }

    fn scripts(&self) -> Scripts {
        let client = self.plugins.inject_client();
        Scripts::new(client, client && self.hub.report_mode().any(), &self.base)
    }
}
