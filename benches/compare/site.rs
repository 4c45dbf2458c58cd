//! The site that every server serves.

use std::fmt::{Display, Write};
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

/// Pages whose modules are imported: [`THOUSAND`] side by side, [`CHAIN`] each by the one before it. The
/// first module of each imports the others and tells the page's fragment, a port, how that went.
pub(crate) const THOUSAND: Imports = Imports {
    name: "thousand",
    count: 1000,
    is_chain: false,
};
pub(crate) const CHAIN: Imports = Imports {
    name: "chain",
    count: 60,
    is_chain: true,
};

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
        for imports in [THOUSAND, CHAIN] {
            std::fs::create_dir(folder.path().join(imports.name))?;
            write(&imports.page(), imports.html().as_bytes())?;
            write(&imports.module("main"), imports.first().as_bytes())?;
            for index in 1..imports.count {
                let module = imports.other(index);
                write(&imports.module(index), module.as_bytes())?;
            }
        }
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
    let start = format!("import {{ other }} from './other.js';\nexport const index = {index};\n");
    filled(start, bytes)
}

/// A module that begins like this, and has functions until it is as long as that.
fn filled(mut module: String, bytes: usize) -> String {
    let mut item = 0;
    while module.len() < bytes {
        item += 1;
        let _ = writeln!(
            module,
            "export function step{item}(value) {{\n  return index + value + {item};\n}}"
        );
    }
    module
}

/// A page that loads many modules.
#[derive(Clone, Copy)]
pub(crate) struct Imports {
    name: &'static str,
    /// Its modules.
    pub(crate) count: usize,
    pub(crate) is_chain: bool,
}

impl Imports {
    /// The path of the page.
    pub(crate) fn page(self) -> String {
        format!("/{}.html", self.name)
    }

    /// The path of a module.
    pub(crate) fn module(self, name: impl Display) -> String {
        format!("/{}/{name}.js", self.name)
    }

    /// What the modules have come to when all of them have run.
    pub(crate) fn sum(self) -> usize {
        (1..self.count).sum()
    }

    fn html(self) -> String {
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Modules</title>\n\
             <script type=\"module\" src=\"{}\"></script>\n</head>\n<body>\n</body>\n</html>\n",
            self.module("main")
        )
    }

    /// The module that runs last, for it imports all others.
    fn first(self) -> String {
        let last = if self.is_chain { 2 } else { self.count };
        let others = 1..last;
        let imports = others
            .clone()
            .map(|other| format!("import {{ sum as sum{other} }} from './{other}.js';\n"));
        let sums: Vec<String> = others.map(|other| format!("sum{other}")).collect();
        format!(
            "{}const ms = performance.now();\nconst sum = {};\n\
             fetch(`http://127.0.0.1:${{location.hash.slice(1)}}/`, {{\n  \
             method: 'POST', mode: 'no-cors', body: JSON.stringify({{ ms, sum }}),\n}});\n",
            imports.collect::<String>(),
            sums.join(" + ")
        )
    }

    fn other(self, index: usize) -> String {
        let next = index + 1;
        let start = if self.is_chain && next < self.count {
            format!(
                "import {{ sum as rest }} from './{next}.js';\nexport const sum = rest + {index};\n"
            )
        } else {
            format!("export const sum = {index};\n")
        };
        filled(
            format!("{start}export const index = {index};\n"),
            MANY_BYTES,
        )
    }
}
