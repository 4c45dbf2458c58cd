//! The stage of asset modules: lets modules import what bundlers let them import, although browsers do not.
//!
//! `import './a.css'` fails in a browser, because the response is no script. A bundler would rewrite the import.
//! Here the response is another one instead: browsers say in their request that a module imports the URL
//! ([`PageRequest::is_module_import`]), and then get a small script that stands for the file. All other requests for
//! the same URL (`<link>`, `<img>`, `fetch`, `import ... with { type: 'json' }`, the address bar) get the file as it
//! is. `form` decides by the URL which script that is, and `json` writes the one of JSON files. The others are
//! constant: `style.js`, `url.js` and `worker.js` find what they need in `import.meta.url`.
//!
//! Plugins and backends come first: a response that they made a script of stays as it is.

mod form;
mod json;

use super::collect::{self, CollectError, body_tag, collect_body};
use crate::blocking::run_sized;
use crate::javascript::literal;
use crate::pages::errors::plugin_errors;
use crate::pages::request::PageRequest;
use crate::pages::response::derived_cache::{DerivedBody, Variant};
use crate::pages::response::page_response::{PageResponse, Responder, content_tag};
use axum::http::{StatusCode, header};
use bytes::Bytes;
use form::Unsupported;
use json::{JsonError, MAX_NAMED_EXPORTS};
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_64;

pub(crate) use form::{AssetModules, Form};

/// Size limit of files whose content becomes part of a module. The module of a larger one throws an error, which is
/// also logged. Default 16 MiB.
const MAX_ASSET_BYTES: usize = 16 * 1024 * 1024;

/// Deadline for reading a file whose content becomes part of a module. The module of a slower one throws an error, which
/// is also logged. Default 30 s.
const ASSET_DEADLINE: Duration = Duration::from_secs(30);

const STYLE: &str = include_str!("style.js");
/// Service workers may not wait while they are evaluated, as `style.js` does.
const SERVICE_WORKER_STYLE: &str =
    "// A worker has no document that a stylesheet could be applied to.\n";
const URL: &str = include_str!("url.js");
const WORKER: &str = include_str!("worker.js");

/// Returns the module form of the URL of this request, whatever requests it.
pub(crate) fn form_of(request: &PageRequest<'_>) -> Option<Form> {
    let (path, query) = (request.path.as_str(), request.parts.uri.query());
    let form = request.service.asset_modules.of_url(path, query);
    form.filter(|_| request.is_read())
}

/// Whether a module imports something that is made from this response as it is, so that no plugin transforms it.
pub(crate) fn imports_source(request: &PageRequest<'_>, response: &PageResponse) -> bool {
    request.parts.uri.query().is_some()
        && request.is_module_import()
        && form_of(request).is_some_and(Form::is_of_source)
        && !is_served_script(response)
}

/// Whether a plugin or a backend, such as Vite, has answered with a script, which may be a module for the query.
fn is_served_script(response: &PageResponse) -> bool {
    let is_made = matches!(
        response.responder,
        Responder::Plugin(_) | Responder::Proxy(_)
    );
    is_made && response.is_script()
}

/// Whether the stage may replace the response to this request.
pub(crate) fn may_match(request: &PageRequest<'_>) -> bool {
    request.is_module_import() && form_of(request).is_some()
}

/// Runs the stage. Returns whether the response is now a script of this stage, which imports nothing.
pub(crate) async fn stage(request: &PageRequest<'_>, response: &mut PageResponse) -> bool {
    let Some(form) = form_of(request) else {
        return false;
    };
    let is_transformable = response.is_transformable();
    // A cache may give these to a module, too.
    let is_partial = matches!(
        response.status,
        StatusCode::PARTIAL_CONTENT | StatusCode::NOT_MODIFIED
    );
    if is_transformable || is_partial {
        response.vary_by_import();
    }
    if !is_transformable || !request.is_module_import() {
        return false;
    }
    if response.is_script() && (!form.is_of_source() || is_served_script(response)) {
        return false;
    }
    // Boxed to keep the future of other responses small.
    Box::pin(replace(request, form, response)).await;
    true
}

async fn replace(request: &PageRequest<'_>, form: Form, response: &mut PageResponse) {
    match form {
        Form::Style if response.essence() == "text/css" => {
            let is_service_worker = request.is_for(b"serviceworker");
            let style = if is_service_worker {
                SERVICE_WORKER_STYLE
            } else {
                STYLE
            };
            set_script(response, style.into());
        }
        Form::Url | Form::AssetUrl => set_script(response, URL.into()),
        Form::Worker => set_script(response, WORKER.into()),
        Form::Json | Form::Text => set_content(request, form, response).await,
        Form::Style => {
            let essence = response.essence();
            let reason = format!(
                "a stylesheet, but its type is {essence:?} instead of text/css (a plugin that compiles it is needed)"
            );
            refuse(request, &reason, response);
        }
        Form::Unsupported(unsupported) => refuse(request, reason(unsupported), response),
    }
}

fn reason(unsupported: Unsupported) -> &'static str {
    match unsupported {
        Unsupported::CssModule => {
            "a CSS module, which only a plugin or a bundler can make (for a plain stylesheet choose a name without .module)"
        }
        Unsupported::Inline => {
            "requested with ?inline, which only a plugin or a bundler can make (?raw gives the text of a file, ?url its URL)"
        }
        Unsupported::WasmInit => {
            "requested with ?init, which only a plugin or a bundler can make (import its URL with ?url, and call WebAssembly.instantiateStreaming(fetch(url)))"
        }
        Unsupported::WorkerOption => {
            "requested with ?worker and ?inline or ?url, which only a plugin or a bundler can make (write new Worker(new URL('./worker.js', import.meta.url), { type: 'module' }))"
        }
    }
}

/// Makes the response a module that throws an error, and logs it.
fn refuse(request: &PageRequest<'_>, reason: &str, response: &mut PageResponse) {
    let file = request.with_source_file(response.source_file.as_deref());
    let file = file.file_name();
    tracing::warn!(target: "pagewire::pages", "{file}: cannot be imported: it is {reason}");
    let text = format!("cannot import {}: it is {reason}", request.target());
    set_script(response, throwing("TypeError", &text));
}

/// Returns a module that throws an error. It has a default export, so that importing it does not fail for another
/// reason first.
fn throwing(class: &str, message: &str) -> String {
    let message = literal(message);
    format!("export default undefined;\nthrow new {class}({message});\n")
}

/// Makes the response a script that does not depend on its content.
fn set_script(response: &mut PageResponse, script: String) {
    let variant = Variant {
        name: "module",
        input_hash: xxh3_64(script.as_bytes()),
    };
    let tag = content_tag(script.as_bytes());
    let body = Bytes::from(script);
    if let Some(tag) = tag {
        // Also of a body that is not read.
        response.headers.remove(header::CONTENT_ENCODING);
        response.set_derived_script(DerivedBody { body, tag }, variant);
    }
}

/// Makes the response a module that exports its content. The module is cached.
async fn set_content(request: &PageRequest<'_>, form: Form, response: &mut PageResponse) {
    let body = match collect_body(request, response, MAX_ASSET_BYTES, Some(ASSET_DEADLINE)).await {
        Ok(body) => body,
        Err(CollectError::HeadResponse) => return collect::clear_body(response),
        Err(CollectError::Failed(error)) => {
            return plugin_errors::replace_with_error(response, *error);
        }
        Err(CollectError::UnknownCoding) => {
            let reason = "encoded in a way that cannot be decoded (gzip, br and identity can)";
            return refuse(request, reason, response);
        }
        Err(CollectError::TooLarge) => {
            let reason = format!("larger than {MAX_ASSET_BYTES} bytes (use fetch instead)");
            return refuse(request, &reason, response);
        }
        Err(CollectError::TimedOut) => {
            let seconds = ASSET_DEADLINE.as_secs();
            let reason = format!("not complete after {seconds} s (use fetch instead)");
            return refuse(request, &reason, response);
        }
    };
    let Some(tag) = body_tag(response.tag.as_ref(), &body).await else {
        return;
    };
    let variant = match form {
        // The module of invalid JSON contains its path.
        Form::Json => Variant {
            name: "json",
            input_hash: xxh3_64(request.path.as_str().as_bytes()),
        },
        _ => Variant {
            name: "text",
            input_hash: 0,
        },
    };
    let derive = async {
        let size = body.len();
        if form == Form::Text {
            let text = move || {
                format!(
                    "export default {};\n",
                    literal(&String::from_utf8_lossy(&body))
                )
            };
            return run_sized(size, text).await.ok().map(Bytes::from);
        }
        let module = run_sized(size, move || json::module(&body)).await.ok()?;
        let request = request.with_source_file(response.source_file.as_deref());
        Some(json_script(&request, module).into())
    };
    let cache = &request.service.derived;
    if let Some(derived) = cache.get_or_derive(&tag, variant, derive).await {
        response.set_derived_script(derived, variant);
    }
}

/// Returns the script of a JSON file. Logs what is wrong with it, once for each version, since the script is cached.
fn json_script(request: &PageRequest<'_>, module: Result<json::JsonModule, JsonError>) -> String {
    let file = request.file_name();
    match module {
        Ok(module) => {
            let unexported = module.unexported;
            if unexported > 0 {
                tracing::warn!(target: "pagewire::pages", "{file}: {unexported} keys beyond the first {MAX_NAMED_EXPORTS} are not exported by name (use the default export)");
            }
            module.script
        }
        Err(JsonError {
            message,
            line,
            column,
        }) => {
            tracing::warn!(target: "pagewire::pages", "{file}:{line}:{column}: invalid JSON: {message}");
            let path = request.path;
            throwing(
                "SyntaxError",
                &format!("{path}:{line}:{column}: invalid JSON: {message}"),
            )
        }
    }
}
