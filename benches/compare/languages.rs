//! The same plugin in every language that there is a library for, beside the ancestor's in its own process:
//! how long its process takes until it is in force, how short one can be, what it serves, and how it answers
//! pages.
//!
//! Its sources are in `benches/languages`, whose `build` prepares all but Rust's. Each serves the file that
//! it is given as [`Plugins::Serve`] does, answers what [`talk`](crate::talk) calls an ask, and says a line
//! when it is in force.

use crate::plugins::Plugins;
use crate::server::{Peer, Server, Setup};
use crate::table::Figure;
use crate::{Case, Effort, Rounds, hooks, replies, requests};
use anyhow::{Context, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const SOURCES: &str = "benches/languages";
const LIBRARIES: &str = "clients";

const PEERS: &[Peer] = &[
    Peer::Language(Language::Rust),
    Peer::Language(Language::Go),
    Peer::Language(Language::Java),
    Peer::Language(Language::JavaAsync),
    Peer::Language(Language::Node),
    Peer::Language(Language::Python),
    Peer::Ancestor,
];

/// How many usual ones a just-in-time compiler needs that shares its core with what it compiles: Java's is
/// at its full speed after some ten seconds.
pub(crate) const WARM_UPS: u32 = 5;

const START_FIGURES: &[Figure] = &[
    Figure::less("ms to ready"),
    Figure::less("lines of the shortest"),
];

/// A language that plugins are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    Rust,
    Go,
    Java,
    /// Its other kind of handlers, which do not wait: each of the usual ones holds up a thread.
    JavaAsync,
    Node,
    Python,
}

impl Language {
    const COUNT: usize = PEERS.len() - 1;

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

    /// Its folder among the libraries and among the plugins.
    fn folder(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Go => "go",
            Self::Java | Self::JavaAsync => "java",
            Self::Node => "typescript",
            Self::Python => "python",
        }
    }

    /// What `benches/languages/build` leaves when it could build the plugin.
    fn built(self) -> anyhow::Result<PathBuf> {
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
        self.built().is_ok_and(|path| path.exists())
    }

    /// The plugin that serves this file, as its language starts programs.
    pub(crate) fn command(self, served: &Path) -> anyhow::Result<Command> {
        let sources = Path::new(SOURCES).join(self.folder());
        let built = self.built()?;
        let mut command = match self {
            Self::Rust | Self::Go => Command::new(built),
            Self::Java | Self::JavaAsync => {
                let class = if self == Self::Java {
                    "Language"
                } else {
                    "LanguageAsync"
                };
                let mut command = Command::new("java");
                command.arg(format!("@{}", built.display())).arg(class);
                command
            }
            Self::Node => {
                let mut command = Command::new("node");
                command.arg(sources.join("plugin.js"));
                command
            }
            Self::Python => {
                let mut command = Command::new(built);
                command.arg(sources.join("plugin.py"));
                command
            }
        };
        command.arg(served);
        Ok(command)
    }

    /// Lines of the plugin that stands first in its library's README, without empty ones and comments.
    fn shortest_lines(self) -> anyhow::Result<usize> {
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
        ensure!(count > 0, "{} begins with no program", path.display());
        Ok(count)
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let setup = Setup {
        plugins: Plugins::Language,
        ..Setup::default()
    };
    let case = |name, figures, run: fn(&Server, Effort) -> anyhow::Result<Vec<f64>>| Case {
        name,
        peers: PEERS,
        setup,
        rounds: Rounds::Short,
        figures,
        run: Box::new(run),
    };
    vec![
        Case {
            // The ancestor's plugin has no process to start.
            peers: &PEERS[..Language::COUNT],
            rounds: Rounds::Fresh,
            ..case("plugin", START_FIGURES, |server, _| start(server))
        },
        case("served module", requests::FIGURES, hooks::one_module),
        case("page, plugin, reply", replies::FIGURES, replies::run),
    ]
}

fn start(server: &Server) -> anyhow::Result<Vec<f64>> {
    let Peer::Language(language) = server.peer() else {
        bail!("a plugin in no language");
    };
    #[expect(clippy::cast_precision_loss, reason = "a few lines")]
    let lines = language.shortest_lines()? as f64;
    Ok(vec![server.host_start().as_secs_f64() * 1e3, lines])
}
