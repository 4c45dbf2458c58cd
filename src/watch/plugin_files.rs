//! The files of a plugin that the daemon starts: their changes restart it.

use super::ignore_rules::IgnoreRules;
use super::plugin_command::{self, CommandFiles};
use super::{FileChange, WatchPatterns, Watcher};
use crate::config::{PluginConfig, PluginWatch};
use crate::hub::Hub;
use crate::paths::{Prefix, Root, Roots, UrlPath};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

/// How long nothing must change before a plugin is restarted, so that saving all files of an editor, or a
/// build, is one restart. Default 100 ms.
const QUIET_TIME: Duration = Duration::from_millis(100);

/// Longest delay of a restart while files keep changing. Default 2 s.
const MAX_RESTART_DELAY: Duration = Duration::from_secs(2);

/// Files and folders that are watched because a script is in the folder around them. If there are more, only
/// the script itself is watched, and the log says so. Default 10,000.
const MAX_SCRIPT_ENTRIES: usize = 10_000;

/// What is not watched in folders of plugins, in addition to what is ignored in any folder: build outputs,
/// environments and logs.
const IGNORED: &[&str] = &["target/", ".venv/", "venv/", "*.log"];

/// Watched files of one plugin.
pub(crate) struct PluginFiles {
    watchers: Vec<Watcher>,
    /// Without it the plugin cannot start.
    main: Option<PathBuf>,
    filter: Arc<Filter>,
    /// The working directory of the plugin.
    dir: PathBuf,
}

/// How the files of plugins are watched.
pub(crate) struct PluginFilesOptions {
    /// The served folders. The first one is the working directory of plugins.
    pub(crate) roots: Roots,
    /// A folder that is never watched.
    pub(crate) hidden: PathBuf,
    /// Patterns of what is not watched.
    pub(crate) ignore: Vec<String>,
    pub(crate) poll: bool,
}

/// Decides which changed files are the plugin's own.
struct Filter {
    hub: Arc<Hub>,
    roots: Roots,
    script: Option<PathBuf>,
    extension: Option<OsString>,
    /// Served folders are in the watched folder, or around it.
    excludes_served: bool,
}

impl Filter {
    /// Whether a file is the plugin's own. In a served folder these are files with the extension of the
    /// script that no page has loaded.
    fn accepts(&self, file: &Path) -> bool {
        let is_in_root = || self.roots.dirs().any(|dir| file.starts_with(dir));
        if !self.excludes_served || self.script.as_deref() == Some(file) || !is_in_root() {
            return true;
        }
        let url = self.roots.url_of(file);
        let url = url.and_then(|url| UrlPath::parse(&url).ok());
        let was_served = url.is_some_and(|url| self.hub.was_served(url.as_str()));
        self.extension.as_deref() == file.extension() && !was_served
    }
}

impl PluginFiles {
    /// Scans the files of a plugin, blocking until every one has been seen. `None` if it has none.
    #[must_use]
    pub(crate) fn open(
        plugin: &PluginConfig,
        hub: &Arc<Hub>,
        options: &PluginFilesOptions,
    ) -> Option<Self> {
        let dir = options.roots.dir().into_owned();
        let name = plugin
            .name
            .as_deref()
            .or(plugin.command.first().map(String::as_str));
        let name = name.unwrap_or_default();
        let mut filter = Filter {
            hub: hub.clone(),
            roots: options.roots.clone(),
            script: None,
            extension: None,
            excludes_served: false,
        };
        let mut main = None;
        let mut trees = Trees::new(options);
        match &plugin.watch {
            PluginWatch::WithServedFiles | PluginWatch::Off => return None,
            PluginWatch::Paths(paths) => {
                for path in paths.iter().map(|path| dir.join(path)) {
                    if !path.exists() {
                        tracing::warn!(target: "pagewire::watch", plugin = name, path = %path.display(), "a file that the plugin watches does not exist (the plugin is restarted when it appears)");
                    }
                    trees.add(&path);
                }
            }
            PluginWatch::OfCommand => match plugin_command::find(&plugin.command, &dir) {
                None => {
                    tracing::info!(target: "pagewire::watch", plugin = name, "the plugin's command names no file, so changes do not restart it (name its files with watch in its [[plugin]] table)");
                    return None;
                }
                Some(CommandFiles::Program(file)) => {
                    trees.add(&file);
                    main = Some(file);
                }
                Some(CommandFiles::Script(file)) => {
                    trees.add_script(&file, name);
                    filter.excludes_served = true;
                    filter.extension = file.extension().map(Into::into);
                    filter.script = Some(file.clone());
                    main = Some(file);
                }
                Some(CommandFiles::Folder(folder, extension)) => {
                    trees.add(&folder);
                    filter.excludes_served = true;
                    filter.extension = extension.map(Into::into);
                }
            },
        }
        Some(Self {
            watchers: trees.open(),
            main,
            filter: filter.into(),
            dir,
        })
    }

    /// Sends what has changed, in words, until the future is dropped. Changes at about the same time are one.
    pub(crate) async fn run(self, changes: mpsc::Sender<String>) {
        let (sender, mut received) = mpsc::channel(1);
        let mut watchers = JoinSet::new();
        for watcher in self.watchers {
            watchers.spawn(forward(watcher, self.filter.clone(), sender.clone()));
        }
        drop(sender);
        let main = self.main.as_deref();
        coalesce(&mut received, &changes, main, &self.dir).await;
    }
}

/// Sends changes at about the same time as one, once the file `main` exists: a build removes the program before
/// it writes the new one.
async fn coalesce(
    received: &mut mpsc::Receiver<Vec<PathBuf>>,
    changes: &mpsc::Sender<String>,
    main: Option<&Path>,
    dir: &Path,
) {
    let mut changed = BTreeSet::new();
    while let Some(files) = received.recv().await {
        changed.extend(files);
        let latest = Instant::now() + MAX_RESTART_DELAY;
        let quiet = || latest.min(Instant::now() + QUIET_TIME);
        while let Ok(Some(files)) = timeout_at(quiet(), received.recv()).await {
            changed.extend(files);
        }
        if main.is_none_or(Path::exists) {
            let text = describe(&std::mem::take(&mut changed), dir);
            if changes.send(text).await.is_err() {
                return;
            }
        }
    }
}

/// Sends the changed files of a watcher that are the plugin's own.
async fn forward(mut watcher: Watcher, filter: Arc<Filter>, sender: mpsc::Sender<Vec<PathBuf>>) {
    while let Some((next, changes)) = watcher.next_changes().await {
        watcher = next;
        let files = changes
            .into_iter()
            .map(|FileChange { file_path, .. }| file_path);
        let files: Vec<_> = files.filter(|file| filter.accepts(file)).collect();
        if !files.is_empty() && sender.send(files).await.is_err() {
            return;
        }
    }
}

/// Names the first of the changed files, relative to the folder if it is in it.
fn describe(files: &BTreeSet<PathBuf>, dir: &Path) -> String {
    let first = files.first().map_or(dir, PathBuf::as_path);
    let first = first.strip_prefix(dir).unwrap_or(first).display();
    match files.len() {
        0 | 1 => first.to_string(),
        2 => format!("{first} and another file"),
        number => format!("{first} and {} other files", number - 1),
    }
}

/// Folders to watch, each as a whole or for some files in it.
struct Trees<'a> {
    options: &'a PluginFilesOptions,
    folders: BTreeMap<PathBuf, Vec<String>>,
    /// By folder: patterns of the files that are watched alone, and their names.
    files: BTreeMap<PathBuf, (Vec<String>, Vec<String>)>,
}

impl<'a> Trees<'a> {
    fn new(options: &'a PluginFilesOptions) -> Self {
        Self {
            options,
            folders: BTreeMap::new(),
            files: BTreeMap::new(),
        }
    }

    /// Adds a folder, or a file, which need not exist.
    fn add(&mut self, path: &Path) {
        let around = path.ancestors().find(|path| path.is_dir());
        let Some((around, real)) = around.and_then(|path| Some((path, path.canonicalize().ok()?)))
        else {
            return;
        };
        if around == path {
            self.folders.entry(real).or_default();
            return;
        }
        let names = path.strip_prefix(around).unwrap_or(path).iter();
        let names: Vec<_> = names
            .map(|name| name.to_string_lossy().into_owned())
            .collect();
        let (patterns, allowed) = self.files.entry(real).or_default();
        patterns.push(
            names
                .iter()
                .map(|name| format!("/{}", literal(name)))
                .collect(),
        );
        allowed.extend(names);
    }

    /// Adds a script, with the folder that it is in unless that is large.
    fn add_script(&mut self, script: &Path, plugin: &str) {
        let Some(folder) = script.parent() else {
            return;
        };
        if has_more_entries(folder, &self.folder_patterns(), MAX_SCRIPT_ENTRIES) {
            tracing::warn!(target: "pagewire::watch", plugin, folder = %folder.display(), "the folder of the plugin's script has more than {MAX_SCRIPT_ENTRIES} files: only the script is watched (name the plugin's files with watch in its [[plugin]] table)");
            return self.add(script);
        }
        // The script is watched whatever its name.
        let names = script
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        self.folders
            .insert(folder.to_owned(), names.into_iter().collect());
    }

    fn folder_patterns(&self) -> WatchPatterns {
        let ignored = IGNORED.iter().map(|pattern| (*pattern).to_owned());
        WatchPatterns {
            ignore: ignored.chain(self.options.ignore.iter().cloned()).collect(),
            ..WatchPatterns::default()
        }
    }

    fn open(self) -> Vec<Watcher> {
        let patterns = self.folder_patterns();
        let options = self.options;
        let folders = self.folders.into_iter().map(|(folder, names)| {
            let root = Root::open(&folder, &[], &names);
            (root, patterns.clone())
        });
        let files = self.files.into_iter().map(|(folder, (include, names))| {
            // A file may be a link to anywhere.
            let root = Root::open(&folder, &["/".into()], &names);
            let patterns = WatchPatterns {
                include,
                only_included: true,
                ..WatchPatterns::default()
            };
            (root, patterns)
        });
        let watchers = folders.chain(files).filter_map(|(root, patterns)| {
            let root = root.inspect_err(|error| {
                tracing::warn!(target: "pagewire::watch", %error, "cannot watch a plugin's files: their changes do not restart it");
            });
            let mut root = root.ok()?;
            root.hide(&options.hidden);
            Some(Watcher::open(root, Prefix::default(), patterns, options.poll, None))
        });
        watchers.collect()
    }
}

/// Returns the pattern, as in a `.gitignore`, of exactly this name.
fn literal(name: &str) -> String {
    let mut pattern = String::new();
    for c in name.chars() {
        if c.is_ascii_punctuation() || c == ' ' {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

/// Whether a folder has more than this number of files and folders that are not ignored.
fn has_more_entries(folder: &Path, patterns: &WatchPatterns, limit: usize) -> bool {
    let mut count = 0;
    let mut pending = vec![(folder.to_owned(), IgnoreRules::around(folder, patterns))];
    while let Some((folder, rules)) = pending.pop() {
        let rules = rules.inside(&folder);
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries.flatten() {
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if rules.ignores(&entry.path(), is_folder) {
                continue;
            }
            count += 1;
            if count > limit {
                return true;
            }
            if is_folder {
                pending.push((entry.path(), rules.clone()));
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn changes_at_about_the_same_time_are_one_and_a_restart_is_not_delayed_for_long() {
        let temp = tempfile::tempdir().unwrap();
        let main = temp.path().join("plugin");
        let (sender, mut received) = mpsc::channel(1);
        let (changes, mut described) = mpsc::channel(1);
        let begin = Instant::now();
        let save = async |name: &str| sender.send(vec![temp.path().join(name)]).await.unwrap();
        let pause = tokio::time::sleep;
        let author = async {
            // Nothing starts while the program is missing.
            save("a").await;
            pause(QUIET_TIME * 2).await;
            fs::write(&main, "").unwrap();
            save("plugin").await;
            assert_eq!(described.recv().await.unwrap(), "a and another file");
            assert_eq!(begin.elapsed().as_millis(), 300);
            let begin = Instant::now();
            while begin.elapsed() < MAX_RESTART_DELAY {
                save("b").await;
                pause(QUIET_TIME / 2).await;
            }
            assert_eq!(described.recv().await.unwrap(), "b");
            assert!(begin.elapsed() <= MAX_RESTART_DELAY + QUIET_TIME);
        };
        let coalesced = coalesce(&mut received, &changes, Some(&main), temp.path());
        tokio::select! {
            () = author => {}
            () = coalesced => panic!("it ended"),
        }
    }

    #[test]
    fn changed_files_are_named_relative_to_the_working_directory() {
        let files = |names: &[&str]| names.iter().map(PathBuf::from).collect();
        let text = |names: &[&str]| describe(&files(names), Path::new("/site"));
        assert_eq!(text(&["/site/a/b.py"]), "a/b.py");
        assert_eq!(
            text(&["/else/b.py", "/site/a.py"]),
            "/else/b.py and another file"
        );
        assert_eq!(
            text(&["/site/a", "/site/b", "/site/c"]),
            "a and 2 other files"
        );
    }

    #[test]
    fn a_folder_is_large_by_what_is_not_ignored() {
        let temp = tempfile::tempdir().unwrap();
        let folder = |name: &str| temp.path().join(name);
        for name in ["lib", "node_modules", "target", "own"] {
            fs::create_dir(folder(name)).unwrap();
            for file in ["a.py", "b.log"] {
                fs::write(folder(name).join(file), "").unwrap();
            }
        }
        let options = PluginFilesOptions {
            roots: Roots::new(Root::open(temp.path(), &[], &[]).unwrap(), Vec::new()),
            hidden: folder("hidden"),
            ignore: vec!["own/".to_owned()],
            poll: false,
        };
        let patterns = Trees::new(&options).folder_patterns();
        assert!(!has_more_entries(temp.path(), &patterns, 2));
        assert!(has_more_entries(temp.path(), &patterns, 1));
    }
}
