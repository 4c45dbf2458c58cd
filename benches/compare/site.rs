//! The site that every server serves.

use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// Sizes of the files, near enough.
const PAGE_BYTES: usize = 3 * 1024;
const MODULE_BYTES: usize = 5 * 1024;
const MEDIUM_BYTES: usize = 1024 * 1024;
/// The large file has holes: nothing is read from a disk, every byte is sent.
pub(crate) const LARGE_BYTES: u64 = 1024 * 1024 * 1024;

/// Its paths.
pub(crate) const PAGE: &str = "/page.html";
pub(crate) const MODULE: &str = "/module.js";
pub(crate) const MEDIUM: &str = "/medium.bin";
pub(crate) const LARGE: &str = "/large.bin";
/// Begins the path of each of [`many`].
pub(crate) const MANY: &str = "/many/";
/// How many of them there are: what a large page loads unbundled, and a tenth more to warm up with.
pub(crate) const MANY_COUNT: usize = 11_000;
const MANY_BYTES: usize = 3 * 1024;

/// Servers keep a file only once the second of its last change is over.
const SETTLED: Duration = Duration::from_millis(1100);

/// A temporary folder.
pub(crate) struct Site(TempDir);

impl Site {
    pub(crate) fn create() -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let write = |path: &str, content: &[u8]| {
            std::fs::write(folder.path().join(path.trim_start_matches('/')), content)
        };
        write(PAGE, page().as_bytes())?;
        write(MODULE, the_module().as_bytes())?;
        let medium: Vec<u8> = (0..MEDIUM_BYTES).map(|at| (at % 251) as u8).collect();
        write(MEDIUM, &medium)?;
        std::fs::File::create(folder.path().join(LARGE.trim_start_matches('/')))?
            .set_len(LARGE_BYTES)?;
        std::thread::sleep(SETTLED);
        Ok(Self(folder))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

/// Many modules in a site. They go with this value, soon: to remove files that have got to the disk takes
/// far longer.
pub(crate) struct ManyModules(PathBuf);

impl ManyModules {
    pub(crate) fn create(site: &Path) -> io::Result<Self> {
        let modules = Self(site.join(MANY.trim_matches('/')));
        std::fs::create_dir(&modules.0)?;
        for index in 0..MANY_COUNT {
            let file = site.join(many(index).trim_start_matches('/'));
            std::fs::write(file, module(index, MANY_BYTES))?;
        }
        std::thread::sleep(SETTLED);
        Ok(modules)
    }
}

impl Drop for ManyModules {
    fn drop(&mut self) {
        // What is left goes with the site.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A page as people write them: a head with links, a body with many tags.
fn page() -> String {
    let mut page = String::from(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>A page</title>\n\
         <link rel=\"stylesheet\" href=\"/style.css\">\n<script type=\"module\" src=\"/module.js\"></script>\n\
         </head>\n<body>\n<main>\n",
    );
    let end = "</main>\n</body>\n</html>\n";
    let mut item = 0;
    while page.len() + end.len() < PAGE_BYTES {
        item += 1;
        let _ = writeln!(
            page,
            "<p class=\"item\" id=\"item-{item}\">Paragraph {item} with <a href=\"/item/{item}\">a link</a>.</p>"
        );
    }
    page.push_str(end);
    page
}

/// The path of one of many modules, each with other content.
pub(crate) fn many(index: usize) -> String {
    format!("{MANY}{index}.js")
}

/// What is at [`MODULE`].
pub(crate) fn the_module() -> String {
    module(0, MODULE_BYTES)
}

/// A module without imports of bare names: no server has a reason to change it.
fn module(index: usize, bytes: usize) -> String {
    let mut module =
        format!("import {{ other }} from './other.js';\nexport const index = {index};\n");
    let mut item = 0;
    while module.len() < bytes {
        item += 1;
        let _ = writeln!(
            module,
            "export function step{item}(value) {{\n  return other(value + {item});\n}}"
        );
    }
    module
}
