//! Reads the Markdown of this repository: fenced blocks, inline code, links and anchors.

use regex::Regex;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// Folders with build output or installed packages.
const SKIPPED: &[&str] = &["target", "node_modules", "build", "dist"];

/// A Markdown file.
pub struct Page {
    /// Relative to the package.
    pub path: PathBuf,
    pub text: String,
}

/// A fenced block.
pub struct Block {
    /// What follows the opening fence, such as `sh run`.
    pub info: String,
    pub text: String,
    /// The comment in the line before the fence, without its marks.
    pub comment: Option<String>,
    /// `PATH:LINE` of the opening fence.
    pub place: String,
}

pub fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns all Markdown files of the repository, in the order of their paths.
pub fn pages() -> Vec<Page> {
    let mut paths = Vec::new();
    collect(package(), &mut paths);
    paths.sort();
    let page = |path: PathBuf| Page {
        text: fs::read_to_string(&path).expect("UTF-8"),
        path: path
            .strip_prefix(package())
            .expect("in the package")
            .to_owned(),
    };
    paths.into_iter().map(page).collect()
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.expect("a UTF-8 name");
        let is_skipped = path.is_symlink()
            || path.is_dir() && (SKIPPED.contains(&name) || name.starts_with('.'));
        if is_skipped {
            continue;
        }
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

impl Page {
    /// Whether it is one of the user's guides.
    pub fn is_guide(&self) -> bool {
        self.path.starts_with("docs")
    }

    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut open: Option<Block> = None;
        let mut before = "";
        for (number, line) in self.text.lines().enumerate() {
            match (&mut open, line.trim_start().strip_prefix("```")) {
                (Some(_), Some(_)) => blocks.extend(open.take()),
                (Some(block), None) => {
                    block.text += line;
                    block.text.push('\n');
                }
                (None, Some(info)) => {
                    let comment = before.strip_prefix("<!-- ");
                    open = Some(Block {
                        info: info.to_owned(),
                        text: String::new(),
                        comment: comment
                            .and_then(|text| text.strip_suffix(" -->"))
                            .map(str::to_owned),
                        place: format!("{}:{}", self.path.display(), number + 1),
                    });
                }
                (None, None) => {}
            }
            before = line;
        }
        blocks
    }

    /// The text without its fenced blocks.
    fn prose(&self) -> String {
        let mut is_code = false;
        let lines = self.text.lines().filter(|line| {
            let is_fence = line.trim_start().starts_with("```");
            is_code ^= is_fence;
            !is_code && !is_fence
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Inline code, without its backticks.
    pub fn code_spans(&self) -> Vec<String> {
        static SPAN: LazyLock<Regex> =
            LazyLock::new(|| Regex::new("`([^`]+)`").expect("a valid regex"));
        let prose = self.prose();
        let spans = SPAN.captures_iter(&prose);
        spans.map(|span| span[1].replace('\n', " ")).collect()
    }

    /// Targets of links and images.
    pub fn links(&self) -> Vec<String> {
        static LINK: LazyLock<Regex> = LazyLock::new(|| {
            Regex::new(r#"\]\(([^)\s]+)\)|(?:src|srcset|href)="([^"]+)""#).expect("a valid regex")
        });
        static SPAN: LazyLock<Regex> =
            LazyLock::new(|| Regex::new("`[^`]+`").expect("a valid regex"));
        let prose = self.prose();
        let prose = SPAN.replace_all(&prose, "");
        let links = LINK.captures_iter(&prose);
        links
            .filter_map(|link| link.get(1).or(link.get(2)))
            .map(|target| target.as_str().to_owned())
            .collect()
    }

    /// The anchors of its headings, as GitHub derives them.
    pub fn anchors(&self) -> Vec<String> {
        let mut seen = HashMap::<String, usize>::new();
        let prose = self.prose();
        let headings = prose.lines().filter_map(|line| {
            let text = line.trim_start_matches('#');
            let level = line.len() - text.len();
            text.strip_prefix(' ').filter(|_| (1..=6).contains(&level))
        });
        let anchors = headings.map(|heading| {
            let slug: String = heading
                .trim()
                .to_lowercase()
                .chars()
                .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
                .map(|c| if c == ' ' { '-' } else { c })
                .collect();
            let count = seen.entry(slug.clone()).or_default();
            *count += 1;
            match *count {
                1 => slug,
                count => format!("{slug}-{}", count - 1),
            }
        });
        anchors.collect()
    }
}
