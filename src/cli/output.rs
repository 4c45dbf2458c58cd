//! Output that several commands share: tables, and reports about sends.

use super::exit::Outcome;
use super::untrusted::{json_line, plain_line};
use pagewire_client::{Client, Report};
use serde_json::{Value, json};

/// Prints a table with aligned columns. Its cells may be text of pages and plugins.
pub(super) fn print_table<const N: usize>(
    head: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) {
    let rows: Vec<_> = rows.map(|row| row.map(|cell| plain_line(&cell))).collect();
    let widths: Vec<usize> = (0..N)
        .map(|column| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.chain([head[column].len()]).max().unwrap_or_default()
        })
        .collect();
    for row in std::iter::once(head.map(str::to_owned)).chain(rows) {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        println!("{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
}

/// Prints JSON, which may contain text of pages and plugins, as one line.
pub(super) fn print_json(json: &str) {
    println!("{}", json_line(json));
}

/// Prints the report of a send and returns the command's outcome.
pub(super) async fn print_report(client: &Client, report: &Report, as_json: bool) -> Outcome {
    if as_json {
        print_json(&report_json(report).to_string());
    } else {
        for row in &report.unreached {
            eprintln!("not reached: {}: {}", row.socket_id, row.status);
        }
        match report.reached {
            0 if report.unreached.is_empty() => explain_no_page(client).await,
            0 => {}
            1 => println!("reached 1 page"),
            pages => println!("reached {pages} pages"),
        }
    }
    if report.reached_all() {
        Outcome::Done
    } else {
        Outcome::Unanswered
    }
}

fn report_json(report: &Report) -> Value {
    let unreached: Vec<_> = report
        .unreached
        .iter()
        .map(|row| json!({"socket_id": row.socket_id, "status": word(row.status.as_str_name(), "DELIVERY_STATUS_")}))
        .collect();
    json!({"reached": report.reached, "unreached": unreached})
}

/// Explains why no page was selected: no page is open, or the open ones have no client.
pub(super) async fn explain_no_page(client: &Client) {
    let Ok(info) = client.info().await else {
        return;
    };
    let sockets = client.sockets().await;
    if sockets.is_ok_and(|sockets| !sockets.is_empty()) {
        eprintln!("no page: no connected page is selected (`pagewire sockets` lists them)");
        return;
    }
    let url = info.base_urls.first().map_or("", String::as_str);
    if info.pages_with_client > 0 && info.injects_client {
        eprintln!(
            "no page: none is connected now (open {url} in a browser; if one is open, its console shows what blocks the client)"
        );
    } else if info.pages_with_client > 0 {
        eprintln!(
            "no page: pages no longer get the client (run a plugin that requests it, or start pagewire with --inject always)"
        );
    } else if info.pages_without_client == 0 && info.without_client_reasons.is_empty() {
        eprintln!("no page: none has been opened yet (open {url} in a browser)");
    }
    for reason in &info.without_client_reasons {
        eprintln!("no page: {reason}");
    }
}

/// Returns an enum value of the contract as a word: `DELIVERY_STATUS_NOT_FOUND` is `not_found`.
pub(super) fn word(name: &str, prefix: &str) -> String {
    name.trim_start_matches(prefix).to_ascii_lowercase()
}
