//! An import awaited from many pages at once, measured from the call to its return. The generator's pages
//! respond immediately.

use crate::case::{Case, Effort, Rounds};
use crate::load::{Measurement, Pages};
use crate::peers::{ImportOrder, Imported, Peer, PluginSet, Server, Setup};
use crate::table::Figure;
use anyhow::ensure;
use serde::Deserialize;
use serde_json::json;
use std::time::{Duration, Instant};

const PAGES: usize = 100;

const FIGURES: &[Figure] = &[Figure::less("us p50"), Figure::less("us p99")];

/// The daemon's import message, as far as it matters here.
#[derive(Deserialize)]
struct ImportMessage {
    data: ImportData,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ImportData {
    import_path: String,
    call_id: String,
}

pub(crate) fn case() -> Case {
    Case {
        name: "awaited import, 100 pages",
        peers: &[Peer::Pagewire, Peer::PagewireUnix, Peer::Ws],
        setup: Setup {
            plugins: PluginSet::Messages,
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
    let mut measurement = import(&mut pages, effort.measure)?;
    pages.close(server)?;
    Ok(vec![measurement.percentile(50), measurement.percentile(99)])
}

/// One import after the other, until `duration` is over. Page 0 orders each one and gets its result.
fn import(pages: &mut Pages, duration: Duration) -> anyhow::Result<Measurement> {
    let order = serde_json::to_string(&ImportOrder {})?;
    let start = Instant::now();
    let mut latencies = Vec::new();
    pages.send(0, &order)?;
    pages.receive(|page, text| {
        if text.starts_with(br#"{"type":"import""#) {
            let ImportMessage { data } = serde_json::from_slice(text)?;
            ensure!(
                data.import_path == crate::site::MODULE,
                "an import of another module: {}",
                data.import_path
            );
            let value = json!({ "json": page.index });
            let result =
                json!({ "type": "pagewire:result", "callId": data.call_id, "value": value });
            page.send_text(&result.to_string())?;
            return Ok(false);
        }
        let mut imported: Imported = serde_json::from_slice(text)?;
        imported.values.sort_unstable();
        ensure!(page.index == 0, "page {} got the result", page.index);
        ensure!(imported.values.iter().copied().eq(0..PAGES), "{imported:?}");
        latencies.push(Duration::from_secs_f64(imported.us / 1e6));
        let is_over = start.elapsed() >= duration;
        if !is_over {
            page.send_text(&order)?;
        }
        Ok(is_over)
    })?;
    Ok(Measurement {
        latencies,
        elapsed: start.elapsed(),
    })
}
