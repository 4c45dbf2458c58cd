//! The files that every server serves.

use std::fmt::{Display, Write};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// Approximate sizes of the files.
const PAGE_BYTES: usize = 3 * 1024;
const MODULE_BYTES: usize = 5 * 1024;
const MEDIUM_BYTES: usize = 1024 * 1024;
/// The large file is sparse: nothing is read from a disk, but every byte is sent.
pub(crate) const LARGE_BYTES: u64 = 1024 * 1024 * 1024;

/// URL paths.
pub(crate) const PAGE: &str = "/page.html";
pub(crate) const MODULE: &str = "/module.js";
pub(crate) const MEDIUM: &str = "/medium.bin";
pub(crate) const LARGE: &str = "/large.bin";
/// Prefix of the paths of [`ManyModules`].
pub(crate) const MANY: &str = "/many/";
/// The modules of a large unbundled application, and a tenth more for the warm-up.
pub(crate) const MANY_COUNT: usize = 11_000;
const MANY_BYTES: usize = 3 * 1024;

/// Pages with many modules: in [`THOUSAND`] the first module imports all others, in [`CHAIN`] each module
/// imports the next one. The first module posts the result to the port in the page's URL fragment.
pub(crate) const THOUSAND: ImportGraph = ImportGraph {
    name: "thousand",
    count: 1000,
    is_chain: false,
};
pub(crate) const CHAIN: ImportGraph = ImportGraph {
    name: "chain",
    count: 60,
    is_chain: true,
};

/// Servers cache a file only once the second of its last change is over.
const SETTLE_TIME: Duration = Duration::from_millis(1100);

/// A temporary folder with the files.
pub(crate) struct Site(TempDir);

impl Site {
    pub(crate) fn create() -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let write = |path: &str, content: &[u8]| {
            std::fs::write(folder.path().join(path.trim_start_matches('/')), content)
        };
        write(PAGE, page_html().as_bytes())?;
        write(MODULE, module_text().as_bytes())?;
        let medium: Vec<u8> = (0..MEDIUM_BYTES).map(|at| (at % 251) as u8).collect();
        write(MEDIUM, &medium)?;
        for imports in [THOUSAND, CHAIN] {
            std::fs::create_dir(folder.path().join(imports.name))?;
            write(&imports.page_path(), imports.html().as_bytes())?;
            write(
                &imports.module_path("main"),
                imports.entry_module().as_bytes(),
            )?;
            for index in 1..imports.count {
                let module = imports.leaf_module(index);
                write(&imports.module_path(index), module.as_bytes())?;
            }
        }
        std::fs::File::create(folder.path().join(LARGE.trim_start_matches('/')))?
            .set_len(LARGE_BYTES)?;
        std::thread::sleep(SETTLE_TIME);
        Ok(Self(folder))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

/// Many modules in a site, removed on drop. They are removed soon, because removing files that have reached
/// the disk takes far longer.
pub(crate) struct ManyModules(PathBuf);

impl ManyModules {
    pub(crate) fn create(site: &Path) -> io::Result<Self> {
        let modules = Self(site.join(MANY.trim_matches('/')));
        std::fs::create_dir(&modules.0)?;
        for index in 0..MANY_COUNT {
            let file = site.join(many_path(index).trim_start_matches('/'));
            std::fs::write(file, module(index, MANY_BYTES))?;
        }
        std::thread::sleep(SETTLE_TIME);
        Ok(modules)
    }
}

impl Drop for ManyModules {
    fn drop(&mut self) {
        // The rest is removed with the site.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A typical page: a head with links, a body with many tags.
fn page_html() -> String {
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

/// The path of one of the many modules. Each has its own content.
pub(crate) fn many_path(index: usize) -> String {
    format!("{MANY}{index}.js")
}

/// The content of [`MODULE`].
pub(crate) fn module_text() -> String {
    module(0, MODULE_BYTES)
}

/// A module without bare imports, which no server has a reason to change.
fn module(index: usize, bytes: usize) -> String {
    let start = format!("import {{ other }} from './other.js';\nexport const index = {index};\n");
    fill(start, bytes)
}

/// Appends functions to the start of a module until it has this size.
fn fill(mut module: String, bytes: usize) -> String {
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

/// A page whose modules import each other.
#[derive(Clone, Copy)]
pub(crate) struct ImportGraph {
    name: &'static str,
    /// The number of modules.
    pub(crate) count: usize,
    pub(crate) is_chain: bool,
}

impl ImportGraph {
    pub(crate) fn page_path(self) -> String {
        format!("/{}.html", self.name)
    }

    pub(crate) fn module_path(self, name: impl Display) -> String {
        format!("/{}/{name}.js", self.name)
    }

    /// The sum that the modules compute once all of them have run.
    pub(crate) fn sum(self) -> usize {
        (1..self.count).sum()
    }

    fn html(self) -> String {
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Modules</title>\n\
             <script type=\"module\" src=\"{}\"></script>\n</head>\n<body>\n</body>\n</html>\n",
            self.module_path("main")
        )
    }

    /// The module that runs last, because it imports all others.
    fn entry_module(self) -> String {
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

    fn leaf_module(self, index: usize) -> String {
        let next = index + 1;
        let start = if self.is_chain && next < self.count {
            format!(
                "import {{ sum as rest }} from './{next}.js';\nexport const sum = rest + {index};\n"
            )
        } else {
            format!("export const sum = {index};\n")
        };
        fill(
            format!("{start}export const index = {index};\n"),
            MANY_BYTES,
        )
    }
}
