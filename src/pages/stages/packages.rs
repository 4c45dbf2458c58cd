//! The package stage: makes the files of npm packages run in browsers. A CommonJS module becomes an ES module if its
//! URL asks for one (`crate::javascript::Form`), and `process.env.NODE_ENV` is replaced. Files that are not in a
//! `node_modules` folder are left alone, unless a package requires them.

use super::collect::collect_or_skip;
use crate::blocking::run_blocking;
use crate::javascript::{Form, PackageSources, require_json, require_style};
use crate::pages::request::PageRequest;
use crate::pages::response::derived_cache::Variant;
use crate::pages::response::page_response::{PageResponse, Responder};
use bytes::Bytes;
use memchr::memmem;
use std::path::Path;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Size limit. Larger files of packages pass unchanged, which a response header reports. Default 16 MiB.
const MAX_PACKAGE_FILE_BYTES: usize = 16 * 1024 * 1024;

/// Name of this stage in the `pagewire-skipped` header.
const STAGE: &str = "packages";

/// What a file contains.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Script,
    Json,
    Style,
}

/// Runs the stage. Returns whether the response is a script of a package: its syntax is checked as it is converted or
/// as its imports are resolved.
pub(crate) async fn stage(request: &PageRequest<'_>, response: &mut PageResponse) -> bool {
    let Some(sources) = &request.service.packages else {
        return false;
    };
    let is_own = !matches!(response.responder, Responder::Daemon | Responder::Proxy(_));
    if !is_own || !response.is_transformable() {
        return false;
    }
    let query = request.parts.uri.query();
    let form = query.and_then(Form::of_query);
    let source = match &*response.essence() {
        "application/json" => Source::Json,
        "text/css" => Source::Style,
        _ => Source::Script,
    };
    let is_converted = match form {
        Some(_) => response.is_script() || source != Source::Script,
        None => response.is_script() && is_package_file(request, response),
    };
    if is_converted {
        // Boxed to keep the future of other responses small.
        Box::pin(convert(request, response, form, sources, source)).await;
    }
    is_converted
}

/// Whether the response is a file of an installed package.
fn is_package_file(request: &PageRequest<'_>, response: &PageResponse) -> bool {
    const FOLDER: &str = "node_modules";
    let in_path = request.path.as_str().split('/').any(|name| name == FOLDER);
    let is_below = |file: &Path| file.iter().any(|name| name == FOLDER);
    in_path || response.source_file.as_deref().is_some_and(is_below)
}

async fn convert(
    request: &PageRequest<'_>,
    response: &mut PageResponse,
    form: Option<Form>,
    sources: &Arc<PackageSources>,
    source: Source,
) {
    let collected = collect_or_skip(request, response, MAX_PACKAGE_FILE_BYTES, None, STAGE);
    let Some((body, tag)) = collected.await else {
        return;
    };
    let query = request.parts.uri.query().filter(|_| form.is_some());
    let path = request.path.as_str();
    let seed = xxh3_64_with_seed(sources.node_env().as_bytes(), 0);
    let seed = xxh3_64_with_seed(query.unwrap_or_default().as_bytes(), seed);
    let variant = Variant {
        name: "package",
        // The path is part of converted modules.
        input_hash: match form {
            Some(_) => xxh3_64_with_seed(path.as_bytes(), seed),
            None => seed,
        },
    };
    let sources = sources.clone();
    let (path, url) = (path.to_owned(), request.parts.uri.path().to_owned());
    let write = async {
        if form.is_none() && !may_need_replacement(&body) {
            return None;
        }
        let converted = run_blocking(move || {
            // Always UTF-8: nothing else is parsed.
            let text = std::str::from_utf8(&body).ok();
            Ok(text.and_then(|text| converted(text, form.as_ref(), &path, &url, &sources, source)))
        });
        converted.await.ok().flatten().map(Bytes::from)
    };
    let cache = &request.service.derived;
    if let Some(derived) = cache.get_or_derive(&tag, variant, write).await {
        response.set_derived_script(derived, variant);
    }
}

/// Returns the file in a form; `None` if it stays as it is. `path` is its decoded URL path, `url` the encoded one.
fn converted(
    text: &str,
    form: Option<&Form>,
    path: &str,
    url: &str,
    sources: &PackageSources,
    source: Source,
) -> Option<String> {
    let name = url.rsplit('/').next().unwrap_or_default();
    match source {
        Source::Json => {
            return matches!(form, Some(Form::Require(_))).then(|| require_json(text));
        }
        Source::Style => {
            return matches!(form, Some(Form::Require(_))).then(|| require_style(name));
        }
        Source::Script => {}
    }
    let source = sources.analyze(text)?;
    source.in_form(text, form, path, name, sources.node_env())
}

/// Whether the source contains a name that may have to be replaced. Few files do, and the others need not be parsed.
fn may_need_replacement(source: &[u8]) -> bool {
    ["NODE_ENV", "global"].iter().any(|name| {
        memmem::find_iter(source, name.as_bytes()).any(|at| {
            let next = source.get(at + name.len());
            !next.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        })
    })
}
