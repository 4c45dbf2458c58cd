//! The daemon's background tasks. They end with their [`JoinSet`].

use super::console;
use crate::config::{Config, FilePattern, WatchMode};
use crate::hub::Hub;
use crate::javascript::PackageSources;
use crate::node_resolve::NodeResolve;
use crate::plugins::PluginRegistry;
use crate::watch::{PageNotification, WatchPatterns, Watcher};
use std::io;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Spawns the tasks that the configuration requires. Returns once all files of watched folders are
/// known: a program that reads the ready line may change a file at once.
pub(super) async fn spawn(
    config: &Config,
    hub: &Arc<Hub>,
    plugins: &Arc<PluginRegistry>,
    packages: Option<Arc<PackageSources>>,
) -> io::Result<JoinSet<()>> {
    let mut tasks = JoinSet::new();
    let requests = hub.clone();
    tasks.spawn(async move { requests.expire_requests().await });
    hub.set_request_parking(plugins.is_starting());
    tasks.spawn(park_requests(hub.clone(), plugins.clone()));
    if config.console {
        let hub = hub.clone();
        tasks.spawn(async move { console::log(&hub).await });
    }
    if let Some(packages) = packages {
        let resolve = NodeResolve::open(plugins, config.roots.clone(), packages).await;
        tasks.spawn(resolve.map_err(io::Error::other)?.run());
    }
    watch_folders(config, hub, plugins, &mut tasks).await?;
    Ok(tasks)
}

/// Parks requests of pages while a required plugin is starting.
async fn park_requests(hub: Arc<Hub>, plugins: Arc<PluginRegistry>) {
    let mut changes = plugins.readiness_changes();
    loop {
        hub.set_request_parking(plugins.is_starting());
        if changes.changed().await.is_err() {
            return;
        }
    }
}

/// Watches every served folder, unless watching is off.
async fn watch_folders(
    config: &Config,
    hub: &Arc<Hub>,
    plugins: &PluginRegistry,
    tasks: &mut JoinSet<()>,
) -> io::Result<()> {
    let pages = match (config.watch, config.no_files) {
        (WatchMode::Off, _) => return Ok(()),
        (WatchMode::Events, _) => PageNotification::Nothing,
        (WatchMode::Pages, false) => PageNotification::Paths,
        (WatchMode::Pages, true) => PageNotification::Reload,
    };
    let texts = |patterns: &[FilePattern]| {
        let texts = patterns.iter().map(|pattern| pattern.as_str().to_owned());
        texts.collect::<Vec<_>>()
    };
    let patterns = WatchPatterns {
        ignore: texts(&config.watch_ignore),
        include: texts(&config.watch_include),
        only_included: false,
    };
    hub.record_served();
    if config.no_files {
        hub.set_backend_delay(config.watch_delay);
    }
    for (prefix, root) in config.roots.each() {
        let (poll, patterns, served) = (
            config.watch_poll,
            patterns.clone(),
            Some(hub.served_files()),
        );
        let open = move || Watcher::open(root, prefix, patterns, poll, served);
        let watcher = tokio::task::spawn_blocking(open).await;
        let watcher = watcher.map_err(io::Error::other)?;
        let dependents = plugins.dependents().clone();
        tasks.spawn(watcher.run(hub.clone(), dependents, pages));
    }
    Ok(())
}
