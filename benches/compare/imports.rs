//! An import that is awaited from many pages at once: from the call to its return. The pages are the
//! generator's, which answer at once.

use crate::load::Count;
use crate::pages::Pages;
use crate::plugins::Plugins;
use crate::server::{Peer, Server, Setup};
use crate::table::Figure;
use crate::talk::{ImportNow, Imported};
use crate::{Case, Effort, Rounds};
use anyhow::ensure;
use serde::Deserialize;
use serde_json::json;
use std::time::{Duration, Instant};

const PAGES: usize = 100;

const FIGURES: &[Figure] = &[Figure::less("us p50"), Figure::less("us p99")];

/// What a page is told, as far as it matters here.
#[derive(Deserialize)]
struct Import {
    data: Data,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    import_path: String,
    call_id: String,
}

pub(crate) fn case() -> Case {
    Case {
        name: "awaited import, 100 pages",
        peers: &[Peer::Pagewire, Peer::Unix, Peer::Ws],
        setup: Setup {
            plugins: Plugins::Talk,
            ..Setup::default()
        },
        rounds: Rounds::Short,
        figures: FIGURES,
        run: Box::new(run),
    }
}

fn run(server: &Server, effort: Effort) -> anyhow::Result<Vec<f64>> {
    let mut pages = Pages::open(server, PAGES)?;
    import(&mut pages, effort.warm_up)?;
    let mut count = import(&mut pages, effort.measure)?;
    pages.close(server)?;
    Ok(vec![count.percentile(50), count.percentile(99)])
}

/// One import after the other, until `duration` is over.
fn import(pages: &mut Pages, duration: Duration) -> anyhow::Result<Count> {
    let order = serde_json::to_string(&ImportNow {})?;
    let begin = Instant::now();
    let mut waits = Vec::new();
    pages.say(0, &order)?;
    pages.hear(|page, text| {
        if text.starts_with(br#"{"type":"import""#) {
            let Import { data } = serde_json::from_slice(text)?;
            ensure!(data.import_path == crate::site::MODULE, "another module");
            let value = json!({ "json": page.index });
            let result =
                json!({ "type": "pagewire:result", "callId": data.call_id, "value": value });
            page.say(&result.to_string())?;
            return Ok(false);
        }
        let mut imported: Imported = serde_json::from_slice(text)?;
        imported.values.sort_unstable();
        ensure!(page.index == 0, "page {} is told the result", page.index);
        ensure!(imported.values.iter().copied().eq(0..PAGES), "{imported:?}");
        waits.push(Duration::from_secs_f64(imported.us / 1e6));
        let is_over = begin.elapsed() >= duration;
        if !is_over {
            page.say(&order)?;
        }
        Ok(is_over)
    })?;
    Ok(Count {
        waits,
        elapsed: begin.elapsed(),
    })
}
