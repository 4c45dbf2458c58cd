//! The plugin that talks to pages, and what is said. Whoever is measured does the same, in its own way:
//! `peers/talk.js` in the process of a server, [`plugin`] beside Pagewire; beside a bare server its plugin
//! answers, and bursts are its own.
//!
//! | a page says | what happens |
//! |---|---|
//! | `{"type":"ask","page":P,"number":N}` | `{"type":"answer","page":P,"next":N + 1}` to this page alone |
//! | `{"type":"burst","count":C,"text":T}` | the text T to all pages, C times, each by a send of its own |
//! | `{"type":"import"}` | every page imports and says what came of it; then [`Imported`] to this page alone |

use crate::site;
use futures_util::future::try_join_all;
use pagewire_client::{HandlerResult, Import, ImportRow, Message, Plugin, Target};
use serde::{Deserialize, Serialize};
use std::time::Instant;

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "type", rename = "ask")]
pub(crate) struct Ask {
    pub(crate) page: usize,
    pub(crate) number: usize,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "type", rename = "answer")]
pub(crate) struct Answer {
    pub(crate) page: usize,
    pub(crate) next: usize,
}

impl Ask {
    pub(crate) fn answer(self) -> Answer {
        Answer {
            page: self.page,
            next: self.number + 1,
        }
    }
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "type", rename = "burst")]
pub(crate) struct Burst {
    pub(crate) count: usize,
    pub(crate) text: String,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "type", rename = "import")]
pub(crate) struct ImportNow {}

#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "type", rename = "imported")]
pub(crate) struct Imported {
    /// From the call to its return.
    pub(crate) us: f64,
    /// What the pages said.
    pub(crate) values: Vec<usize>,
}

/// Pagewire's.
pub(crate) fn plugin() -> Plugin {
    Plugin::new("talk")
        .on_message("ask", |message, client| async move {
            let ask: Ask = message.json()?;
            client.send(&sender(&message), ask.answer()).await?;
            Ok(())
        })
        .on_message("burst", |message, client| async move {
            let Burst { count, text } = message.json()?;
            let everybody = Target::all();
            let sends = (0..count).map(|_| client.send_text(&everybody, text.as_str()));
            let reports = try_join_all(sends).await?;
            let all = reports.iter().all(|report| report.unreached.is_empty());
            all.then_some(())
                .ok_or_else(|| "not all are reached".into())
        })
        .on_message("import", |message, client| async move {
            let begin = Instant::now();
            let import = Import::path(site::MODULE);
            let report = client.import_value(&Target::all(), import).await?;
            let us = begin.elapsed().as_secs_f64() * 1e6;
            let values = report.rows.iter().map(ImportRow::json);
            let values = values.collect::<HandlerResult<Vec<usize>>>()?;
            let imported = Imported { us, values };
            client.send(&sender(&message), imported).await?;
            Ok(())
        })
}

fn sender(message: &Message) -> Target {
    Target::socket(message.socket_id())
}
