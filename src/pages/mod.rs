//! The page edge: HTTP requests in, responses out. It cannot fail: every outcome is a response.
//!
//! `pipeline` is the list of stages. A [`PageRequest`](request::PageRequest) is what they read, a
//! [`PageResponse`](response::page_response::PageResponse) is what they change.

mod errors;
pub(crate) mod fetch_metadata;
mod files;
mod html;
mod pipeline;
mod proxy;
mod request;
mod request_counters;
mod response;
mod served;
mod stages;

use crate::config::{AppIndex, Config};
use crate::hub::Hub;
use crate::javascript::PackageSources;
use crate::plugins::PluginRegistry;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use files::mime::MimeTypes;
use files::store::FileStore;
use proxy::Proxy;
use response::body;
use response::derived_cache::DerivedCache;
use stages::asset_modules::AssetModules;
use stages::headers::ConfiguredHeaders;
use stages::imports::ModuleIndex;
use stages::inject::policy::PolicyReports;

pub(crate) use pipeline::respond;
pub(crate) use proxy::{TrustError, check_trust};
pub(crate) use request_counters::RequestCounters;

/// Everything the pipeline needs: one per daemon, shared by all requests.
pub(crate) struct PageService {
    files: FileStore,
    types: Arc<MimeTypes>,
    /// Base path of the daemon's URLs; empty or without a trailing slash.
    base: String,
    app_index: Option<AppIndex>,
    /// Whether folders without an index page are listed.
    listing: bool,
    hub: Arc<Hub>,
    plugins: Arc<PluginRegistry>,
    proxy: Proxy,
    /// One permit per byte of buffered bodies.
    body_budget: Arc<Semaphore>,
    derived: DerivedCache,
    asset_modules: AssetModules,
    modules: ModuleIndex,
    /// `None` if packages are served as they are.
    packages: Option<Arc<PackageSources>>,
    headers: ConfiguredHeaders,
    policy_reports: PolicyReports,
    counters: RequestCounters,
}

impl PageService {
    /// Creates the service. Proxied web sockets are tracked by `connections` and end with `stop`.
    ///
    /// # Errors
    /// When a certificate that a backend should be trusted by cannot be loaded.
    pub(crate) fn new(
        config: &Config,
        hub: Arc<Hub>,
        plugins: Arc<PluginRegistry>,
        packages: Option<Arc<PackageSources>>,
        connections: TaskTracker,
        stop: CancellationToken,
    ) -> Result<Arc<Self>, TrustError> {
        let types = Arc::new(MimeTypes::new(config.mime_types.clone()));
        let roots = (!config.no_files).then(|| config.roots.clone());
        Ok(Arc::new(Self {
            files: FileStore::new(roots, types.clone()),
            types,
            base: config.base_path.as_str().to_owned(),
            app_index: config.app_index.clone(),
            listing: config.listing,
            hub,
            plugins,
            proxy: Proxy::new(config, connections, stop)?,
            body_budget: Arc::new(Semaphore::new(body::MAX_BUFFERED_BYTES)),
            derived: DerivedCache::new(),
            asset_modules: AssetModules {
                json: config.import_json,
                css: config.import_css,
                queries: config.import_queries,
                assets: config.import_assets,
            },
            modules: ModuleIndex::new(config.preload_modules),
            packages,
            headers: ConfiguredHeaders::new(config.headers.clone()),
            policy_reports: PolicyReports::default(),
            counters: RequestCounters::default(),
        }))
    }

    /// Returns the counts of answered requests.
    #[must_use]
    pub(crate) fn counters(&self) -> &RequestCounters {
        &self.counters
    }
}
