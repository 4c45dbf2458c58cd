//! Folders of the root that are swapped for links out of it, while files in them are requested.

use super::{SECRET, contains};
use crate::support::{Calls, ServeHook, Session, Site, TestServer, command};
use pagewire_client::proto::{self, serve_content::Body, serve_result::Outcome};
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

/// Requests of each kind that race with the swaps.
const ROUNDS: usize = 100;

/// Size of a file that is streamed rather than read whole.
const LARGE: usize = 2 * super::MIB;

/// Returns a site `www` whose folder `inner/dir` has the same files as the folder `outside` beside the site,
/// where each contains the secret. All files are old enough to be cached.
fn site() -> Site {
    let site = Site::new([("www/index.html", "hi")]);
    for (folder, text) in [("www/inner/dir", "inside"), ("outside", SECRET)] {
        let large = text.repeat(LARGE / text.len());
        for (name, content) in [("x.css", text), ("large.bin", &large), ("plugin.css", text)] {
            site.write(&format!("{folder}/{name}"), content);
        }
    }
    // Precompressed files exist outside only.
    for coding in ["br", "gz"] {
        site.write(&format!("outside/x.css.{coding}"), SECRET);
    }
    site.write(&format!("outside/{SECRET}"), SECRET);
    for folder in ["www/inner/dir", "outside"] {
        for file in fs::read_dir(site.path().join(folder)).expect("a folder") {
            let file = File::open(file.expect("an entry").path()).expect("a file");
            let past = SystemTime::now() - Duration::from_mins(1);
            file.set_modified(past).expect("an old file");
        }
    }
    site
}

async fn serve(site: &Site) -> TestServer {
    let www = site.path().join("www");
    let mut command = command();
    command
        .arg("serve")
        .arg(www)
        .args(["--port", "0", "--control", "127.0.0.1:0", "--listing"]);
    TestServer::spawn(command).await
}

/// Opens a session with a hook on `/plugin.css`.
async fn session(server: &TestServer) -> (Session, ServeHook) {
    let open = proto::ServeOpen {
        filters: vec![proto::RequestFilter {
            path_prefixes: vec!["/plugin.css".into()],
            ..Default::default()
        }],
        ..Default::default()
    };
    Session::with_hook(server, "files", open).await
}

/// Responds with this file.
fn answering(hook: ServeHook, file: &Path) -> Calls {
    let file = file.display().to_string();
    hook.answering(move |_| {
        Outcome::Content(proto::ServeContent {
            body: Some(Body::FilePath(file.clone())),
            ..Default::default()
        })
    })
}

/// Opens a hook that responds to `/plugin.css` with the file of that name in the folder.
async fn plugin(server: &TestServer, site: &Site) -> (Session, Calls) {
    let (session, hook) = session(server).await;
    let calls = answering(hook, &site.path().join("www/inner/dir/plugin.css"));
    (session, calls)
}

/// Thread that swaps `www/inner` for a link in a loop, until it is dropped.
struct Swapper(Arc<AtomicBool>, Option<JoinHandle<()>>);

impl Swapper {
    fn start(site: &Site, folder: &'static str, outside: &'static str) -> Self {
        let (folder, outside) = (site.path().join(folder), site.path().join(outside));
        let stopped = Arc::new(AtomicBool::new(false));
        let (held, link) = (site.path().join("held"), site.path().join("link"));
        let is_stopped = stopped.clone();
        let thread = thread::spawn(move || {
            while !is_stopped.load(Ordering::Relaxed) {
                symlink(&outside, &link).expect("a link");
                fs::rename(&folder, &held).expect("the folder is moved away");
                fs::rename(&link, &folder).expect("the link takes its place");
                fs::remove_file(&folder).expect("the link is removed");
                fs::rename(&held, &folder).expect("the folder is back");
            }
        });
        Self(stopped, Some(thread))
    }
}

impl Drop for Swapper {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        if let Some(thread) = self.1.take() {
            thread.join().expect("every swap succeeds");
        }
    }
}

#[tokio::test]
async fn a_folder_that_is_swapped_for_a_link_never_shows_what_is_outside() {
    let site = site();
    let server = serve(&site).await;
    let (_session, _calls) = plugin(&server, &site).await;
    let requests = [
        ("/inner/dir/x.css", ""),
        ("/inner/dir/x.css", "Accept-Encoding: br\r\n"),
        ("/inner/dir/x.css", "Accept-Encoding: gzip\r\n"),
        ("/inner/dir/large.bin", "Range: bytes=0-99\r\n"),
        ("/inner/dir/", ""),
        ("/plugin.css", ""),
    ];
    for (folder, outside) in [("www/inner/dir", "outside"), ("www/inner", ".")] {
        // The link to the folder around the site has the secret at `inner/outside`, and as `inner/dir`.
        if outside == "." {
            symlink("outside", site.path().join("dir")).expect("a link");
        }
        let swapper = Swapper::start(&site, folder, outside);
        for _ in 0..ROUNDS {
            for (target, headers) in requests {
                let response = server.get_with(target, headers).await;
                assert!(
                    !contains(&response, SECRET),
                    "{target} {headers}: {response:?}"
                );
            }
        }
        drop(swapper);
        for (target, headers) in requests {
            let response = server.get_with(target, headers).await;
            assert!(
                matches!(response.status, 200 | 206),
                "{target}: {response:?}"
            );
            assert!(!contains(&response, SECRET), "{target} {headers}");
        }
    }
}

#[tokio::test]
async fn a_cached_file_whose_folder_moves_out_of_the_root_is_no_longer_served() {
    let site = site();
    let www = site.path().join("www");
    symlink("inner/dir", www.join("alias")).expect("a link");
    let server = serve(&site).await;
    let (_session, _calls) = plugin(&server, &site).await;
    let targets = ["/inner/dir/x.css", "/alias/x.css", "/plugin.css"];
    let served = async |how: &str| {
        for target in targets {
            for _ in 0..2 {
                assert_eq!(server.get(target).await.text(), "inside", "{target} {how}");
            }
        }
    };
    let moved = site.path().join("moved");
    // The folder itself, then the one around it. The files stay the same, down to their inodes.
    for folder in ["inner/dir", "inner"] {
        let folder = www.join(folder);
        served("in the root").await;
        fs::rename(&folder, &moved).expect("the folder is moved out");
        symlink(&moved, &folder).expect("a link");
        for target in targets {
            let response = server.get(target).await;
            let is_refused = matches!(response.status, 403 | 500);
            assert!(
                is_refused && !contains(&response, "inside"),
                "{target}: {response:?}"
            );
        }
        fs::remove_file(&folder).expect("the link is removed");
        fs::rename(&moved, &folder).expect("the folder is back");
        served("back in the root").await;
    }
}

#[tokio::test]
async fn a_cached_file_is_judged_by_where_its_link_leads_now() {
    let site = site();
    let www = site.path().join("www");
    symlink("inner/dir", www.join("alias")).expect("a link");
    let server = serve(&site).await;
    for _ in 0..2 {
        assert_eq!(server.get("/alias/x.css").await.text(), "inside");
    }
    let replace_link = |to: &Path| {
        let link = site.path().join("link");
        symlink(to, &link).expect("a link");
        fs::rename(link, www.join("alias")).expect("a link in its place");
    };
    replace_link(&site.path().join("outside"));
    let response = server.get("/alias/x.css").await;
    assert_eq!(response.status, 403);
    assert!(!contains(&response, SECRET));
    replace_link(Path::new("inner/dir"));
    assert_eq!(server.get("/alias/x.css").await.text(), "inside");
}

#[tokio::test]
async fn a_scratch_folder_that_is_replaced_by_a_link_is_no_way_out() {
    let site = site();
    let server = serve(&site).await;
    let (session, hook) = session(&server).await;
    let scratch = Path::new(&session.started.scratch_dir);
    fs::write(scratch.join("x.css"), "inside").expect("a file");
    let _calls = answering(hook, &scratch.join("x.css"));
    assert_eq!(server.get("/plugin.css").await.text(), "inside");
    fs::rename(scratch, scratch.with_extension("moved")).expect("the folder is moved away");
    symlink(site.path().join("outside"), scratch).expect("a link");
    let response = server.get("/plugin.css").await;
    assert_eq!(response.status, 500);
    assert!(!contains(&response, SECRET));
    fs::remove_file(scratch).expect("the link is removed");
}
