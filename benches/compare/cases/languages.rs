//! The same plugin in every language that has a client library, compared with a plugin in the process of
//! @web/dev-server: start-up time, length of the shortest plugin, served modules, replies to pages.
//!
//! The sources are in `benches/languages`; `build` there prepares all but Rust's. Like the plugin of
//! [`PluginSet::Serve`], each serves the file that it is given; it also answers each
//! [`Question`](crate::peers::Question), and prints a line once its hooks are open.

use super::cost::REQUEST_FIGURES;
use super::{hooks, replies};
use crate::case::{Case, Effort, Rounds};
use crate::peers::{Language, Peer, PluginSet, Server, Setup};
use crate::table::Figure;
use anyhow::bail;

const PEERS: &[Peer] = &[
    Peer::Language(Language::Rust),
    Peer::Language(Language::Go),
    Peer::Language(Language::Java),
    Peer::Language(Language::JavaAsync),
    Peer::Language(Language::Node),
    Peer::Language(Language::Python),
    Peer::WebDevServer,
];

/// Number of peers with a plugin process; the plugin of @web/dev-server has none.
const LANGUAGES: usize = PEERS.len() - 1;

/// Warm-ups are longer by this factor: Java's just-in-time compiler shares its core with the plugin and
/// needs about ten seconds to reach full speed.
pub(crate) const WARM_UP_FACTOR: u32 = 5;

const START_FIGURES: &[Figure] = &[
    Figure::less("ms to ready"),
    Figure::less("lines of the shortest"),
];

pub(crate) fn cases() -> Vec<Case> {
    let setup = Setup {
        plugins: PluginSet::Language,
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
            peers: &PEERS[..LANGUAGES],
            rounds: Rounds::Fresh,
            ..case("plugin", START_FIGURES, |server, _| start(server))
        },
        case("served module", REQUEST_FIGURES, hooks::one_module),
        case("page, plugin, reply", replies::FIGURES, replies::run),
    ]
}

fn start(server: &Server) -> anyhow::Result<Vec<f64>> {
    let Peer::Language(language) = server.peer() else {
        bail!("{:?} is not a language", server.peer());
    };
    #[expect(clippy::cast_precision_loss, reason = "a few lines")]
    let lines = language.shortest_plugin_lines()? as f64;
    Ok(vec![server.plugin_start().as_secs_f64() * 1e3, lines])
}
