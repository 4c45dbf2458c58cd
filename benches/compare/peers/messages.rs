//! The plugin that exchanges messages with pages, as each peer implements it. Node servers run `peers/messages.js` in
//! their own process; [`plugin`] runs in a process beside Pagewire. The bare server passes `ask` to its own plugin
//! process and handles `burst` itself; it does not implement `import`.
//!
//! | message of a page | effect |
//! |---|---|
//! | `{"type":"ask","page":P,"number":N}` | `{"type":"answer","page":P,"next":N + 1}` to this page alone |
//! | `{"type":"burst","count":C,"text":T}` | the text T to all pages, C times, each in a send of its own |
//! | `{"type":"import"}` | an awaited import in every page, then [`Imported`] to this page alone |

use crate::site;
use futures_util::future::try_join_all;
use pagewire_client::{HandlerResult, Import, ImportRow, Message, Plugin, Target};
use serde::{Deserialize, Serialize};
use std::time::Instant;

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "type", rename = "ask")]
pub(crate) struct Question {
    pub(crate) page: usize,
    pub(crate) number: usize,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "type", rename = "answer")]
pub(crate) struct Answer {
    pub(crate) page: usize,
    pub(crate) next: usize,
}

impl Question {
    /// The correct answer.
    pub(crate) fn answer(self) -> Answer {
        Answer {
            page: self.page,
            next: self.number + 1,
        }
    }
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "type", rename = "burst")]
pub(crate) struct BurstOrder {
    pub(crate) count: usize,
    pub(crate) text: String,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "type", rename = "import")]
pub(crate) struct ImportOrder {}

#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "type", rename = "imported")]
pub(crate) struct Imported {
    /// Microseconds from the call to its return.
    pub(crate) us: f64,
    /// One value of each page.
    pub(crate) values: Vec<usize>,
}

/// Pagewire's plugin.
pub(super) fn plugin() -> Plugin {
    Plugin::new("messages")
        .on_message("ask", |message, client| async move {
            let question: Question = message.json()?;
            client.send(&sender(&message), question.answer()).await?;
            Ok(())
        })
        .on_message("burst", |message, client| async move {
            let BurstOrder { count, text } = message.json()?;
            let all = Target::all();
            let sends = (0..count).map(|_| client.send_text(&all, text.as_str()));
            let reports = try_join_all(sends).await?;
            let all_reached = reports.iter().all(|report| report.unreached.is_empty());
            all_reached
                .then_some(())
                .ok_or_else(|| "some pages were not reached".into())
        })
        .on_message("import", |message, client| async move {
            let start = Instant::now();
            let import = Import::path(site::MODULE);
            let report = client.import_value(&Target::all(), import).await?;
            let us = start.elapsed().as_secs_f64() * 1e6;
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
