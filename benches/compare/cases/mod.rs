//! The measurements, one file per subject. Each file begins with what its cases measure, and how.

mod cold_start;
mod cost;
mod download;
mod fanout;
mod growth;
mod hooks;
mod imports;
mod languages;
mod module_loads;
mod replies;
mod requests;
mod responses;
mod saves;

use crate::case::Case;
use crate::peers::StartOptions;

pub(crate) use languages::{WARM_UP_FACTOR as LANGUAGE_WARM_UP_FACTOR, cases as of_languages};

/// Files and pages, hooks, sockets: one table each.
pub(crate) fn tables(options: &StartOptions<'_>) -> anyhow::Result<Vec<Vec<Case>>> {
    let mut files = requests::cases();
    files.push(download::case());
    files.extend(saves::case(options)?);
    files.push(cold_start::case(options));
    files.extend(module_loads::cases(options));
    let mut sockets = vec![replies::case(), imports::case()];
    sockets.extend(fanout::cases());
    sockets.extend(growth::cases());
    Ok(vec![files, hooks::cases(), sockets])
}
