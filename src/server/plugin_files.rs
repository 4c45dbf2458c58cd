//! Connects the watcher of plugins' files with the supervisor, which restarts the plugins.

use crate::config::{Config, FilePattern, PluginWatch};
use crate::discovery;
use crate::hub::Hub;
use crate::watch::{PluginFiles, PluginFilesOptions};
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Watches the files of the plugins that are restarted when these change. Returns, by the index of the plugin
/// in the configuration, receivers of what has changed. All files are known once it returns.
pub(super) async fn watch(
    config: &Config,
    hub: &Arc<Hub>,
    tasks: &mut JoinSet<()>,
) -> io::Result<HashMap<usize, mpsc::Receiver<String>>> {
    let patterns = config.watch_ignore.iter().map(FilePattern::as_str);
    let options = Arc::new(PluginFilesOptions {
        roots: config.roots.clone(),
        hidden: discovery::runtime_folder(),
        ignore: patterns.map(str::to_owned).collect(),
        poll: config.watch_poll,
    });
    let mut receivers = HashMap::new();
    for (slot, plugin) in config.plugins.iter().enumerate() {
        if plugin.watch == PluginWatch::OfCommand {
            // Files that pages have loaded are not the plugin's.
            hub.record_served();
        }
        let (plugin, hub, options) = (plugin.clone(), hub.clone(), options.clone());
        let open = move || PluginFiles::open(&plugin, &hub, &options);
        let files = tokio::task::spawn_blocking(open).await;
        if let Some(files) = files.map_err(io::Error::other)? {
            let (sender, receiver) = mpsc::channel(1);
            tasks.spawn(files.run(sender));
            receivers.insert(slot, receiver);
        }
    }
    Ok(receivers)
}
