//! The languages that have a client library: where the benchmark plugin of each is, and how it is started.

use anyhow::{Context, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const SOURCES: &str = "benches/languages";
const LIBRARIES: &str = "clients";

/// A language that plugins are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    Rust,
    Go,
    Java,
    /// Java with asynchronous handlers; synchronous ones occupy a thread while they wait.
    JavaAsync,
    Node,
    Python,
}

impl Language {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rust => "Rust",
            Self::Go => "Go",
            Self::Java => "Java",
            Self::JavaAsync => "Java, async",
            Self::Node => "Node",
            Self::Python => "Python",
        }
    }

    /// The folder of the language below `clients` and below `benches/languages`.
    fn folder(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Go => "go",
            Self::Java | Self::JavaAsync => "java",
            Self::Node => "typescript",
            Self::Python => "python",
        }
    }

    /// The file that exists once `benches/languages/build` has built the plugin.
    fn artifact(self) -> anyhow::Result<PathBuf> {
        let sources = Path::new(SOURCES).join(self.folder());
        Ok(match self {
            // Built together with this program.
            Self::Rust => std::env::current_exe()?.with_file_name("language"),
            Self::Go => sources.join(".build/plugin"),
            Self::Java | Self::JavaAsync => sources.join(".build/arguments"),
            Self::Node => sources.join("node_modules/pagewire/dist/index.js"),
            Self::Python => Path::new(LIBRARIES).join("python/.build/venv/bin/python"),
        })
    }

    pub(crate) fn is_built(self) -> bool {
        self.artifact().is_ok_and(|path| path.exists())
    }

    /// Returns the command that starts the plugin, which serves the file `served`.
    pub(super) fn command(self, served: &Path) -> anyhow::Result<Command> {
        let sources = Path::new(SOURCES).join(self.folder());
        let artifact = self.artifact()?;
        let mut command = match self {
            Self::Rust | Self::Go => Command::new(artifact),
            Self::Java | Self::JavaAsync => {
                let class = if self == Self::Java {
                    "Language"
                } else {
                    "LanguageAsync"
                };
                let mut command = Command::new("java");
                command.arg(format!("@{}", artifact.display())).arg(class);
                command
            }
            Self::Node => {
                let mut command = Command::new("node");
                command.arg(sources.join("plugin.js"));
                command
            }
            Self::Python => {
                let mut command = Command::new(artifact);
                command.arg(sources.join("plugin.py"));
                command
            }
        };
        command.arg(served);
        Ok(command)
    }

    /// Counts the lines of the first program in the library's README, without empty lines and comments.
    pub(crate) fn shortest_plugin_lines(self) -> anyhow::Result<usize> {
        let comment = match self {
            Self::Python => "#",
            _ => "//",
        };
        let path = Path::new(LIBRARIES).join(self.folder()).join("README.md");
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let is_fence = |line: &&str| line.starts_with("```");
        let lines = text.lines().skip_while(|line| !is_fence(line)).skip(1);
        let lines = lines.take_while(|line| !is_fence(line)).map(str::trim);
        let count = lines
            .filter(|line| !line.is_empty() && !line.starts_with(comment))
            .count();
        ensure!(
            count > 0,
            "{} does not begin with a program",
            path.display()
        );
        Ok(count)
    }
}
