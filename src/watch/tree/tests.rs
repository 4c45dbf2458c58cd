//! Links that lead to the same folder: each folder is watched once, and its files have all their names.

use super::report::MAX_LINKED_NAMES;
use super::*;
use crate::paths::UrlPath;
use std::os::unix::fs::symlink;
use std::time::{Duration, SystemTime};

/// Number of links to one folder.
const LINKS: usize = 1500;

/// Number of files in that folder.
const FILES: usize = 100;

/// Writes a file that is not recent, so that one comparison settles it.
fn write(path: &Path, content: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
    let past = SystemTime::now() - Duration::from_mins(1);
    fs::File::open(path).unwrap().set_modified(past).unwrap();
}

fn write_files(folder: &Path, content: &str) {
    for number in 0..FILES {
        write(&folder.join(format!("{number}.js")), content);
    }
}

fn link_to(target: &Path, folder: &Path) {
    for number in 0..LINKS {
        symlink(target, folder.join(format!("link{number:04}"))).unwrap();
    }
}

fn tree(root: &Path, allowed: &[PathBuf]) -> Tree {
    let mut tree = Tree::new(
        Root::open(root, allowed, &[]).unwrap(),
        WatchPatterns::default(),
    );
    tree.scan(&mut None);
    tree
}

/// Compares everything, and returns the URL paths of the changes.
fn compare(tree: &mut Tree) -> Vec<String> {
    let changes = tree.compare(&Batch::everything(), &mut None);
    changes.into_iter().map(|change| change.url_path).collect()
}

fn temp() -> (tempfile::TempDir, PathBuf) {
    let temp = tempfile::tempdir().unwrap();
    let site = temp.path().canonicalize().unwrap().join("site");
    fs::create_dir(&site).unwrap();
    (temp, site)
}

#[test]
fn a_folder_is_watched_once_however_many_links_in_it_lead_to_it() {
    let (_temp, site) = temp();
    write_files(&site, "1");
    link_to(&site, &site);
    let mut tree = tree(&site, &[]);
    assert_eq!((tree.files.len(), tree.folders.len()), (FILES, 1));
    assert_eq!(compare(&mut tree), [""; 0]);
    write(&site.join("7.js"), "12");
    let changed = compare(&mut tree);
    assert_eq!((changed.len(), &*changed[0]), (1 + LINKS, "/7.js"));
    assert_eq!(changed[LINKS], "/link1499/7.js");
    // Each file has its own event even if there are too many names.
    write_files(&site, "123");
    let changed = compare(&mut tree);
    assert_eq!(changed.len(), FILES + MAX_LINKED_NAMES);
    for number in 0..FILES {
        assert!(changed.contains(&format!("/{number}.js")), "{number}");
    }
}

#[test]
fn a_folder_outside_is_watched_once_however_many_links_lead_to_it() {
    let (_temp, site) = temp();
    let outside = site.with_file_name("outside");
    write_files(&outside.join("inner"), "1");
    link_to(&outside, &site);
    symlink(outside.join("inner"), site.join("deeper")).unwrap();
    let mut tree = tree(&site, std::slice::from_ref(&outside));
    assert_eq!(tree.files.len(), FILES);
    assert_eq!(compare(&mut tree), [""; 0]);
    write(&outside.join("inner/7.js"), "12");
    let mut changed = compare(&mut tree);
    changed.sort();
    assert_eq!(changed.len(), LINKS + 1);
    assert_eq!(changed[0], "/deeper/7.js");
    assert_eq!(changed[1], "/link0000/inner/7.js");
}

#[test]
fn another_link_takes_over_when_the_watched_one_is_removed() {
    let (_temp, site) = temp();
    let outside = site.with_file_name("outside");
    write(&outside.join("x.js"), "1");
    for link in ["a", "b", "c"] {
        symlink(&outside, site.join(link)).unwrap();
    }
    let mut tree = tree(&site, std::slice::from_ref(&outside));
    for removed in ["a", "b"] {
        let owner = tree.folder_paths[&FolderId::at(&outside).unwrap()].clone();
        fs::remove_file(&owner).unwrap();
        let url = format!("/{}/x.js", owner.file_name().unwrap().display());
        assert!(compare(&mut tree).contains(&url), "{removed}");
        compare(&mut tree);
        assert_eq!(tree.files.len(), 1, "without {removed}");
    }
    write(&outside.join("x.js"), "12");
    let last = ["a", "b", "c"].map(|link| site.join(link));
    let last = last.iter().find(|link| link.exists()).unwrap();
    let url = format!("/{}/x.js", last.file_name().unwrap().display());
    assert_eq!(compare(&mut tree), [url]);
}

#[test]
fn an_allowed_folder_around_the_root_is_not_watched_through_itself() {
    let (_temp, site) = temp();
    let around = site.parent().unwrap().to_owned();
    write_files(&site, "1");
    write_files(&around.join("beside"), "1");
    link_to(&around, &site);
    let mut tree = tree(&site, &[around]);
    assert_eq!(tree.files.len(), 2 * FILES);
    assert_eq!(compare(&mut tree), [""; 0]);
}

#[test]
fn a_renamed_folder_is_watched_under_its_new_name() {
    let (_temp, site) = temp();
    write(&site.join("z/x.js"), "1");
    let mut tree = tree(&site, &[]);
    fs::rename(site.join("z"), site.join("a")).unwrap();
    let mut changed = compare(&mut tree);
    changed.sort();
    assert_eq!(changed, ["/a/x.js", "/z/x.js"]);
    write(&site.join("a/x.js"), "12");
    assert_eq!(compare(&mut tree), ["/a/x.js"]);
}

#[test]
fn ignored_files_that_were_served_are_watched_up_to_a_number() {
    let (_temp, site) = temp();
    fs::write(site.join(".gitignore"), "dist/").unwrap();
    fs::create_dir(site.join(".git")).unwrap();
    let count = super::served::MAX_SERVED_FILES + 2;
    for number in 0..count {
        write(&site.join(format!("dist/{number}.js")), "1");
    }
    let mut tree = tree(&site, &[]);
    let served = (0..count).map(|number| UrlPath::parse(&format!("/dist/{number}.js")).unwrap());
    let batch = Batch {
        served: served.collect(),
        ..Batch::everything()
    };
    assert!(tree.compare(&batch, &mut None).is_empty());
    assert_eq!(tree.served.len(), super::served::MAX_SERVED_FILES);
    for number in [0, count - 1] {
        write(&site.join(format!("dist/{number}.js")), "12");
    }
    assert_eq!(compare(&mut tree), ["/dist/0.js"]);
}
