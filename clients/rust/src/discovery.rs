//! Discovery of running daemons through the files that they write.
//!
//! Each running daemon has two files in the [`runtime_folder`]: `PID.json`, a [`Daemon`] as JSON, and
//! `PID.token`, its token. Both are readable only by their owner and removed when the daemon exits. Files of a
//! killed daemon are removed by the next program that lists the folder.
//!
//! Most programs use [`Endpoint::find`], which calls this module.

use crate::{Endpoint, Error, Result, listener};
use serde::{Deserialize, Serialize};
use std::{
    env, fmt, fs, io,
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

/// Files larger than this are ignored.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// A daemon that does not accept a connection within this time counts as busy.
const ACCEPT_TIMEOUT: Duration = Duration::from_secs(1);

/// A running daemon as described by its discovery file. Programs in other languages read the same JSON and
/// must ignore unknown keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Daemon {
    /// The daemon's version.
    pub pagewire: String,
    /// The daemon's process id.
    pub pid: u32,
    /// The served folders: absolute paths without symbolic links.
    pub root_dirs: Vec<PathBuf>,
    /// The first URL of its pages.
    pub http: String,
    /// The daemon's first control address.
    pub control: String,
    /// All control addresses of the daemon.
    pub controls: Vec<String>,
    /// The file with its token; `None` when no control address needs one.
    pub token_file: Option<PathBuf>,
    /// The PEM file of the authority to trust, if it serves pages over TLS with a generated certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority_file: Option<PathBuf>,
    /// When the daemon started, as RFC 3339.
    #[serde(with = "rfc3339")]
    pub start_time: SystemTime,
}

impl Daemon {
    /// The name of its file in the [`runtime_folder`].
    pub fn file_name(&self) -> String {
        format!("{}.json", self.pid)
    }

    /// The daemon's first control address, with the token if that address needs one. Blocks: reads the token
    /// file.
    ///
    /// # Errors
    /// [`Error::Endpoint`] or [`Error::TokenFile`] when the address or the token file is not valid.
    pub fn endpoint(&self) -> Result<Endpoint> {
        let endpoint: Endpoint = self.control.parse()?;
        match &self.token_file {
            Some(file) if !endpoint.is_unix() => endpoint.with_token_file(file),
            _ => Ok(endpoint),
        }
    }

    /// Returns the nearness of its nearest root; a nearer root compares greater. `None` when no root is related
    /// to the folder.
    fn nearness(&self, folder: &Path) -> Option<Nearness> {
        let roots = self.root_dirs.iter();
        roots
            .filter_map(|root| {
                if folder.starts_with(root) {
                    Some(Nearness::Around(root.components().count()))
                } else {
                    root.starts_with(folder).then_some(Nearness::Below)
                }
            })
            .max()
    }

    /// Whether its process listens at one of its addresses. A connect timeout counts as listening: the
    /// daemon may be busy. Once the daemon has exited, its process id and its address may belong to two
    /// other programs, even another user's.
    fn listens(&self) -> bool {
        let owns = |control: &str| {
            if let Some(path) = control.strip_prefix("unix:") {
                return listener::owns_socket(self.pid, Path::new(path));
            }
            let address: SocketAddr = control.parse().map_err(io::Error::other)?;
            if !listener::owns_port(self.pid, address.port()) {
                return Ok(false);
            }
            TcpStream::connect_timeout(&address, ACCEPT_TIMEOUT).map(|_| true)
        };
        let nothing_listens = [io::ErrorKind::ConnectionRefused, io::ErrorKind::NotFound];
        let mut controls = self.controls.iter().chain([&self.control]);
        controls.any(|control| match owns(control) {
            Ok(owns) => owns,
            Err(error) => !nothing_listens.contains(&error.kind()),
        })
    }
}

/// One line of a list of candidates.
impl fmt::Display for Daemon {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            http, control, pid, ..
        } = self;
        let roots = self.root_dirs.iter().map(|dir| dir.to_string_lossy());
        let roots = roots.collect::<Vec<_>>().join(", ");
        write!(out, "{roots}  {http}  control {control}  pid {pid}")
    }
}

/// The position of a daemon's root relative to a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Nearness {
    /// The root is inside the folder.
    Below,
    /// The root contains the folder. Holds the number of components of the root's path: the more, the nearer.
    Around(usize),
}

/// The folder of the discovery files: `$XDG_RUNTIME_DIR/pagewire`, or without that variable
/// `pagewire-UID` in the temporary folder. It may not exist; call [`check_private`] before using it.
pub fn runtime_folder() -> PathBuf {
    let given = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    match given.filter(|dir| dir.is_absolute()) {
        Some(dir) => dir.join("pagewire"),
        None => env::temp_dir().join(temp_folder_name()),
    }
}

/// Fails unless this is a folder that only the current user can open: files in any other folder cannot be
/// trusted.
///
/// # Errors
/// `PermissionDenied` with the remedy, or the error of the operating system.
pub fn check_private(folder: &Path) -> io::Result<()> {
    let metadata = folder.symlink_metadata()?;
    if metadata.is_dir() && is_private(&metadata) {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::PermissionDenied,
        format!(
            "{} is not a folder that only you can open (remove it, or set XDG_RUNTIME_DIR)",
            folder.display()
        ),
    ))
}

/// The running daemons, in no particular order. Removes files of daemons that no longer run. Blocks briefly:
/// reads small files and tries the addresses.
///
/// # Errors
/// When the runtime folder exists and cannot be read, or is [not private](check_private).
pub fn running() -> io::Result<Vec<Daemon>> {
    running_in(&runtime_folder())
}

/// The running daemon of the current user that has this control address.
///
/// # Errors
/// Those of [`running`].
pub fn at(endpoint: &Endpoint) -> io::Result<Option<Daemon>> {
    let has_address = |daemon: &Daemon| {
        let controls = daemon.controls.iter().map(|control| control.parse());
        controls
            .flatten()
            .any(|control: Endpoint| control.is_at(endpoint))
    };
    Ok(running()?.into_iter().find(has_address))
}

fn running_in(folder: &Path) -> io::Result<Vec<Daemon>> {
    match check_private(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        checked => checked?,
    }
    let mut daemons = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // PID.json, PID.token, PID.scratch, and temporary files of interrupted writes.
        let Some((Ok(pid), kind)) = name.split_once('.').map(|(pid, kind)| (pid.parse(), kind))
        else {
            continue;
        };
        if !is_alive(pid) {
            // Another program may have removed it already. The log is kept: it may contain the reason of
            // the exit.
            let _ = match kind {
                "json" | "json.new" | "token" | "token.new" => fs::remove_file(&path),
                "scratch" => fs::remove_dir_all(&path),
                _ => Ok(()),
            };
        } else if kind == "json"
            && let Some(daemon) = read(&path).filter(|daemon| daemon.pid == pid)
        {
            if daemon.listens() {
                daemons.push(daemon);
            } else {
                // The process id belongs to another process now.
                let _ = fs::remove_file(folder.join(format!("{pid}.token")));
                let _ = fs::remove_dir_all(folder.join(format!("{pid}.scratch")));
                let _ = fs::remove_file(&path);
            }
        }
    }
    Ok(daemons)
}

/// `None` unless it is a private file of the current user with valid content.
fn read(path: &Path) -> Option<Daemon> {
    let metadata = path.symlink_metadata().ok()?;
    if !metadata.is_file() || !is_private(&metadata) || metadata.len() > MAX_FILE_BYTES {
        return None;
    }
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// Chooses the daemon for a folder: the one with the innermost root that contains the folder; otherwise one
/// with a root inside the folder; otherwise the only one.
///
/// # Errors
/// [`Error::NoDaemon`] without any daemon; [`Error::SeveralDaemons`] when several match equally well.
pub fn choose(folder: &Path, daemons: Vec<Daemon>) -> Result<Daemon> {
    // Roots are canonical paths, so the folder is made canonical too. One that does not exist is compared as
    // given.
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let nearest = daemons.iter().filter_map(|daemon| daemon.nearness(&folder));
    let nearest = nearest.max();
    // Daemons with unrelated roots are all equally far.
    let mut candidates: Vec<_> = daemons
        .into_iter()
        .filter(|daemon| daemon.nearness(&folder) == nearest)
        .collect();
    if candidates.len() > 1 {
        candidates.sort_by(|a, b| (&a.root_dirs, a.pid).cmp(&(&b.root_dirs, b.pid)));
        return Err(Error::SeveralDaemons {
            folder,
            daemons: candidates,
        });
    }
    candidates.pop().ok_or(Error::NoDaemon { problem: None })
}

/// Finds the daemon for a folder: [chooses](choose) among the [`running`] ones.
///
/// # Errors
/// [`Error::NoDaemon`] without a daemon, or when the files cannot be read; [`Error::SeveralDaemons`] when
/// several match equally well.
pub fn find(folder: &Path) -> Result<Daemon> {
    choose(folder, list()?)
}

/// Finds the daemon that serves exactly these folders. Used to reconnect after the daemon was restarted.
pub(crate) fn find_serving(root_dirs: &[PathBuf]) -> Result<Daemon> {
    let mut daemons = list()?;
    daemons.retain(|daemon| daemon.root_dirs == root_dirs);
    choose(
        root_dirs.first().map_or(Path::new("."), PathBuf::as_path),
        daemons,
    )
}

fn list() -> Result<Vec<Daemon>> {
    running().map_err(|error| Error::NoDaemon {
        problem: Some(error.to_string()),
    })
}

#[cfg(unix)]
fn temp_folder_name() -> String {
    format!("pagewire-{}", rustix::process::getuid().as_raw())
}

#[cfg(unix)]
fn is_private(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    let access_of_others = metadata.mode() & 0o077;
    metadata.uid() == rustix::process::getuid().as_raw() && access_of_others == 0
}

/// Whether a process of the current user runs. A zombie counts as dead.
#[cfg(unix)]
pub fn is_alive(pid: u32) -> bool {
    use rustix::process::{Pid, test_kill_process};
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The state follows the name, which is in parentheses and may contain parentheses.
    let is_zombie = stat
        .rsplit_once(')')
        .is_some_and(|(_, rest)| rest.trim_start().starts_with('Z'));
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    // Not permitted: the process is another user's, which got the id after the daemon had exited.
    !is_zombie && pid.is_some_and(|pid| test_kill_process(pid).is_ok())
}

// On other systems the temporary folder belongs to the user, and only connecting shows whether a daemon runs.
#[cfg(not(unix))]
fn temp_folder_name() -> String {
    "pagewire".to_owned()
}

#[cfg(not(unix))]
fn is_private(_: &fs::Metadata) -> bool {
    true
}

/// Whether a process runs; unknown on this system.
#[cfg(not(unix))]
pub fn is_alive(_: u32) -> bool {
    true
}

/// Serializes times as RFC 3339.
mod rfc3339 {
    use prost_types::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use std::time::SystemTime;

    pub(super) fn serialize<S: Serializer>(time: &SystemTime, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(&Timestamp::from(*time))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<SystemTime, D::Error> {
        let text = String::deserialize(input)?;
        let time: Timestamp = text.parse().map_err(D::Error::custom)?;
        time.try_into().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn daemon(pid: u32, roots: &[&str]) -> Daemon {
        Daemon {
            pagewire: "0.1.0".into(),
            pid,
            root_dirs: roots.iter().map(PathBuf::from).collect(),
            http: "http://127.0.0.1:8000".into(),
            control: "127.0.0.1:8001".into(),
            controls: vec!["127.0.0.1:8001".into()],
            token_file: Some("/run/1.token".into()),
            authority_file: None,
            start_time: SystemTime::UNIX_EPOCH,
        }
    }

    /// The process ids of the chosen daemon, or of all candidates.
    fn chosen(folder: &str, daemons: &[Daemon]) -> Vec<u32> {
        match choose(Path::new(folder), daemons.to_vec()) {
            Ok(daemon) => vec![daemon.pid],
            Err(Error::NoDaemon { .. }) => Vec::new(),
            Err(Error::SeveralDaemons { daemons, .. }) => {
                daemons.iter().map(|daemon| daemon.pid).collect()
            }
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn prefers_the_nearest_root_around_the_folder_then_roots_below_then_the_only_daemon() {
        let outer = daemon(1, &["/no/p"]);
        let inner = daemon(2, &["/no/p/web"]);
        let other = daemon(3, &["/no/q", "/no/r"]);
        let all = [outer.clone(), inner.clone(), other.clone()];
        assert_eq!(chosen("/no/p/web/src", &all), [2]);
        assert_eq!(chosen("/no/p/web", &all), [2]);
        assert_eq!(chosen("/no/p/website", &all), [1]);
        assert_eq!(chosen("/no/p", &all), [1], "a root contains itself");
        assert_eq!(chosen("/no/r/x", &all), [3], "any of its roots counts");
        assert_eq!(
            chosen("/no", &all),
            [1, 2, 3],
            "all roots below are equally near"
        );
        assert_eq!(chosen("/no", std::slice::from_ref(&inner)), [2]);
        assert_eq!(chosen("/elsewhere", &all[1..2]), [2], "the only one");
        assert_eq!(chosen("/elsewhere", &[inner, other]), [2, 3]);
        assert_eq!(chosen("/elsewhere", &[]), [0; 0]);
        let twin = daemon(4, &["/no/p"]);
        assert_eq!(chosen("/no/p/src", &[twin, outer]), [1, 4]);
    }

    #[test]
    fn the_file_is_json_with_documented_keys() {
        let daemon = daemon(7, &["/p"]);
        let json = serde_json::to_value(&daemon).unwrap();
        let expected = serde_json::json!({
            "pagewire": "0.1.0", "pid": 7, "root_dirs": ["/p"], "http": "http://127.0.0.1:8000",
            "control": "127.0.0.1:8001", "controls": ["127.0.0.1:8001"],
            "token_file": "/run/1.token", "start_time": "1970-01-01T00:00:00Z",
        });
        assert_eq!(json, expected);
        // Later versions may add keys.
        let mut json = json;
        json["later"] = true.into();
        assert_eq!(serde_json::from_value::<Daemon>(json).unwrap(), daemon);
    }

    #[cfg(unix)]
    #[test]
    fn ignores_files_and_folders_that_other_users_can_open() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("pagewire");
        assert_eq!(
            running_in(&folder).unwrap(),
            [],
            "without a folder there is no daemon"
        );
        fs::create_dir(&folder).unwrap();
        let mode = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        // This process listens here.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut daemon = daemon(std::process::id(), &["/p"]);
        daemon.controls = vec![listener.local_addr().unwrap().to_string()];
        daemon.control.clone_from(&daemon.controls[0]);
        let file = folder.join(daemon.file_name());
        fs::write(&file, serde_json::to_vec(&daemon).unwrap()).unwrap();

        mode(&folder, 0o700);
        mode(&file, 0o600);
        assert_eq!(running_in(&folder).unwrap(), [daemon]);
        for open in [0o640, 0o602] {
            mode(&file, open);
            assert_eq!(running_in(&folder).unwrap(), []);
            assert!(file.exists(), "ignored, not removed");
        }
        mode(&file, 0o600);
        for open in [0o750, 0o701] {
            mode(&folder, open);
            let error = running_in(&folder).unwrap_err().to_string();
            assert!(error.contains("only you can open"), "{error}");
        }
        mode(&folder, 0o700);
        let link = outer.path().join("link");
        symlink(&folder, &link).unwrap();
        assert!(running_in(&link).is_err(), "a symbolic link is refused");
        // A file without valid content is ignored.
        fs::write(&file, "{").unwrap();
        assert_eq!(running_in(&folder).unwrap(), []);
    }
}
