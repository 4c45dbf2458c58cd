//! Record of the URL paths that were served, and of the documents and scripts that requested each.
//!
//! A page does not know what its workers and worklets load, but each request names the script or document that
//! made it. So the record leads from a file to all pages that may use it. It also says which files are in use,
//! which are watched even if they are ignored otherwise.

use super::Hub;
use crate::paths::{UrlPath, path_url};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Memory of the record. At the bound it is cleared, which is logged, and filled anew as pages load. Until
/// then, changes of what their workers loaded are not noticed by pages that were loaded before. Default 16 MiB.
const MAX_RECORD_BYTES: usize = 16 * 1024 * 1024;

/// Estimated memory of an entry besides its text.
const ENTRY_BYTES: usize = 128;

/// Users of all changed files that one notification names. If there are more, those of the remaining files
/// are unknown: every page that did not load such a file by itself reloads. Default 1,024.
const MAX_USERS: usize = 1024;

/// Text of the users that one notification names, like [`MAX_USERS`]. Default 64 KiB.
const MAX_USER_BYTES: usize = 64 * 1024;

/// A requester that did not name itself.
const UNKNOWN: &str = "";

/// Users of changed files: for each URL path, the URL paths of the documents and scripts that requested it,
/// directly or through others. An empty one stands for any page. All are percent-encoded.
pub(super) type Users<'a> = BTreeMap<&'a str, Vec<String>>;

/// The record. Empty unless it is enabled.
#[derive(Default)]
pub(super) struct Served {
    is_enabled: AtomicBool,
    /// Never held across an await, nor together with the hub's own lock.
    record: Mutex<Record>,
    arrived: Notify,
}

#[derive(Default)]
struct Record {
    /// Decoded URL paths, each with its requesters.
    users: HashMap<Arc<str>, BTreeSet<Arc<str>>>,
    /// The keys of `users`, oldest first.
    order: Vec<Arc<str>>,
    bytes: usize,
    /// How often the record was cleared.
    generation: u64,
}

impl Record {
    /// Adds a request. Returns whether its path is new.
    fn add(&mut self, path: &str, user: Option<&str>) -> bool {
        let known = self.users.get(path);
        let is_new = known.is_none();
        let has_user = |users: &BTreeSet<Arc<str>>| user.is_none_or(|user| users.contains(user));
        if known.is_some_and(has_user) {
            return false;
        }
        if self.bytes > MAX_RECORD_BYTES {
            tracing::info!(target: "pagewire::hub", paths = self.users.len(), "the record of what pages have loaded is full and was cleared: reload pages with workers to have their files noticed");
            *self = Self {
                generation: self.generation + 1,
                ..Self::default()
            };
        }
        if !self.users.contains_key(path) {
            let path: Arc<str> = path.into();
            self.bytes += path.len() + ENTRY_BYTES;
            self.order.push(path.clone());
            self.users.insert(path, BTreeSet::new());
        }
        if let Some(user) = user {
            let key = self.users.get_key_value(user).map(|(key, _)| key.clone());
            let key = key.unwrap_or_else(|| user.into());
            self.bytes += key.len() + ENTRY_BYTES;
            self.users.entry(path.into()).or_default().insert(key);
        }
        is_new
    }

    /// Returns everything that requested a path, directly or through others, as far as that is within the
    /// bounds of one notification.
    fn users_of(&self, path: &str, room: &mut (usize, usize)) -> Option<BTreeSet<&str>> {
        let mut found = BTreeSet::new();
        let mut pending = vec![path];
        // The document of a folder was requested by the folder's path.
        pending.extend(
            path.strip_suffix("index.html")
                .filter(|folder| folder.ends_with('/')),
        );
        while let Some(path) = pending.pop() {
            for user in self.users.get(path).into_iter().flatten() {
                if found.insert(&**user) {
                    room.0 = room.0.checked_sub(1)?;
                    room.1 = room.1.checked_sub(user.len())?;
                    pending.push(user);
                }
            }
        }
        Some(found)
    }
}

impl Served {
    /// Returns the users of changed files; only of those that have any.
    pub(super) fn users<'a>(&self, paths: impl Iterator<Item = &'a String>) -> Users<'a> {
        let record = self.lock();
        let mut room = (MAX_USERS, MAX_USER_BYTES);
        let users = paths.filter_map(|path| {
            let decoded = UrlPath::parse(path).ok()?;
            let users = record.users_of(decoded.as_str(), &mut room);
            let users = users.unwrap_or_else(|| BTreeSet::from([UNKNOWN]));
            let encoded = |user| match user {
                UNKNOWN => String::new(),
                user => path_url(user),
            };
            let users: Vec<_> = users.into_iter().map(encoded).collect();
            (!users.is_empty()).then_some((path.as_str(), users))
        });
        users.collect()
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reader of the paths that are served for the first time.
pub(crate) struct ServedFiles {
    hub: Arc<Hub>,
    generation: u64,
    /// How many paths of this generation were read.
    read: usize,
}

impl ServedFiles {
    /// Returns the decoded URL paths that were served since the last call.
    pub(crate) fn take(&mut self) -> Vec<Arc<str>> {
        let record = self.hub.served.lock();
        if record.generation != self.generation {
            (self.generation, self.read) = (record.generation, 0);
        }
        let new = record.order[self.read..].to_vec();
        self.read = record.order.len();
        new
    }

    /// Waits for such paths. Safe to cancel.
    pub(crate) async fn next(&mut self) -> Vec<Arc<str>> {
        loop {
            let hub = self.hub.clone();
            let arrived = hub.served.arrived.notified();
            let new = self.take();
            if !new.is_empty() {
                return new;
            }
            arrived.await;
        }
    }
}

impl Hub {
    /// Enables the record, which costs a little memory and time per request.
    pub(crate) fn record_served(&self) {
        self.served.is_enabled.store(true, Ordering::Relaxed);
    }

    pub(crate) fn records_served(&self) -> bool {
        self.served.is_enabled.load(Ordering::Relaxed)
    }

    /// Records that a decoded URL path was served, and to which document or script (also a decoded path; an
    /// empty one if it is unknown). `None` if the response is a document of its own, or the client is no page.
    pub(crate) fn add_served(&self, path: &str, user: Option<&str>) {
        if self.served.lock().add(path, user) {
            self.served.arrived.notify_waiters();
        }
    }

    /// Whether a decoded URL path was requested, as far as the record reaches.
    pub(crate) fn was_served(&self, path: &str) -> bool {
        self.served.lock().users.contains_key(path)
    }

    /// Returns a reader of what is served from the start on.
    pub(crate) fn served_files(self: &Arc<Self>) -> ServedFiles {
        ServedFiles {
            hub: self.clone(),
            generation: 0,
            read: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(served: &Served, path: &str) -> Vec<String> {
        let paths = [path.to_owned()];
        let users = served.users(paths.iter());
        users.into_values().flatten().collect()
    }

    #[test]
    fn a_file_leads_to_every_page_whose_scripts_requested_it() {
        let served = Served::default();
        let requests = [
            ("/w.js", Some("/a b/")),
            ("/dep.js", Some("/w.js")),
            ("/dep.js", Some("/other.html")),
            ("/w.js", Some("/dep.js")),
            ("/a.html", None),
            ("/docs/", Some("/x.html")),
            ("/blob.js", Some("")),
        ];
        for (path, user) in requests {
            served.lock().add(path, user);
        }
        assert_eq!(
            users(&served, "/dep.js"),
            ["/a%20b/", "/dep.js", "/other.html", "/w.js"]
        );
        assert_eq!(users(&served, "/a.html"), [""; 0]);
        assert_eq!(users(&served, "/docs/index.html"), ["/x.html"]);
        assert_eq!(users(&served, "/blob.js"), [""]);
        assert_eq!(users(&served, "/none.js"), [""; 0]);
    }

    #[test]
    fn users_beyond_the_bound_of_a_notification_are_any_page() {
        let served = Served::default();
        for number in 0..=MAX_USERS {
            served
                .lock()
                .add("/app.js", Some(&format!("/{number}.html")));
        }
        assert_eq!(users(&served, "/app.js"), [""]);
        served.lock().add(
            "/long.js",
            Some(&format!("/{}", "x".repeat(MAX_USER_BYTES))),
        );
        assert_eq!(users(&served, "/long.js"), [""]);
    }

    #[tokio::test]
    async fn each_path_is_read_once_and_the_record_stays_within_its_memory() {
        let hub = Hub::new();
        let mut files = hub.served_files();
        hub.add_served("/a.js", Some("/"));
        hub.add_served("/a.js", Some("/b.html"));
        assert_eq!(files.next().await, [Arc::from("/a.js")]);
        assert!(files.take().is_empty());
        let page = format!("/{}", "x".repeat(10_000));
        for number in 0..2 * MAX_RECORD_BYTES / page.len() {
            hub.add_served(&format!("/{number}"), Some(&format!("{page}{number}")));
        }
        assert!(hub.served.lock().bytes <= MAX_RECORD_BYTES + 2 * page.len());
        let last = format!("/{}", 2 * MAX_RECORD_BYTES / page.len() - 1);
        assert!(files.take().contains(&Arc::from(last)));
    }
}
