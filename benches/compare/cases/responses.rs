//! Verifies the responses of a server before they are measured.

use crate::load::http::{self, Response};
use crate::peers::Server;
use anyhow::{Context, ensure};

/// Requests a path and expects status 200.
pub(crate) fn fetch(server: &Server, path: &str) -> anyhow::Result<Response> {
    let response = http::send(server.address(), &http::get(server.address(), path, ""))?;
    ensure!(
        response.status == 200,
        "status {} for {path}",
        response.status
    );
    Ok(response)
}

/// Requests a file and expects it byte for byte.
pub(crate) fn unchanged(server: &Server, path: &str) -> anyhow::Result<Response> {
    let response = fetch(server, path)?;
    ensure!(
        response.body == server.file(path)?,
        "{path} differs from the file"
    );
    Ok(response)
}

/// Requests a page and expects the file with one insertion, which loads the server's socket client. A
/// server without such a client must return the file unchanged.
pub(crate) fn page(server: &Server, path: &str) -> anyhow::Result<Response> {
    let Some(client) = server.peer().client_path() else {
        return unchanged(server, path);
    };
    let response = fetch(server, path)?;
    let file = server.file(path)?;
    let prefix = response
        .body
        .iter()
        .zip(&file)
        .take_while(|(a, b)| a == b)
        .count();
    let inserted = response
        .body
        .len()
        .checked_sub(file.len())
        .context("the page is shorter than its file")?;
    ensure!(
        response.body[prefix + inserted..] == file[prefix..],
        "the page differs from its file in more than one place"
    );
    let insertion = String::from_utf8_lossy(&response.body[prefix..prefix + inserted]).into_owned();
    ensure!(
        insertion.contains(client),
        "the insertion does not load the client: {insertion}"
    );
    Ok(response)
}
