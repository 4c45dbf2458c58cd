//! The site that every server serves.

use std::fmt::Write;
use std::io;
use std::path::Path;
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

/// A temporary folder.
pub(crate) struct Site(TempDir);

impl Site {
    pub(crate) fn create() -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let write = |path: &str, content: &[u8]| {
            std::fs::write(folder.path().join(path.trim_start_matches('/')), content)
        };
        write(PAGE, page().as_bytes())?;
        write(MODULE, module().as_bytes())?;
        let medium: Vec<u8> = (0..MEDIUM_BYTES).map(|at| (at % 251) as u8).collect();
        write(MEDIUM, &medium)?;
        std::fs::File::create(folder.path().join(LARGE.trim_start_matches('/')))?
            .set_len(LARGE_BYTES)?;
        Ok(Self(folder))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
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

/// A module without imports of bare names: no server has a reason to change it.
fn module() -> String {
    let mut module = String::from("import { other } from './other.js';\n");
    let mut item = 0;
    while module.len() < MODULE_BYTES {
        item += 1;
        let _ = writeln!(
            module,
            "export function step{item}(value) {{\n  return other(value + {item});\n}}"
        );
    }
    module
}
