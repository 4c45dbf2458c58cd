//! The serve stage: asks the plugins that want this request, in order, until one answers.

use super::answer::{Answer, By, content_tag};
use super::failure;
use super::files::Located;
use super::mime::{self, Types};
use crate::paths::UrlPath;
use crate::plugins::{
    FailureMode, HookFailure, Phase, RequestFacts, ServeCall, ServeContent, ServeHook, ServeOutcome,
};
use axum::http::StatusCode;
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::request::Parts;
use bytes::Bytes;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const SKIPPED: HeaderName = HeaderName::from_static("pagewire-skipped");

/// Headers that describe one connection or the body's length: ours to set.
const REFUSED_HEADERS: &[&str] = &[
    "connection",
    "content-length",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// A request as the plugins see it.
pub(super) struct Asked<'a> {
    request: &'a Parts,
    path: &'a UrlPath,
    types: &'a Types,
    file: Option<PathBuf>,
    has_body: bool,
    /// Plugins that failed and whose failure mode lets the request go on.
    skipped: Vec<String>,
}

impl<'a> Asked<'a> {
    pub(super) fn new(
        request: &'a Parts,
        path: &'a UrlPath,
        types: &'a Types,
        located: &Located,
        has_body: bool,
    ) -> Self {
        Self {
            request,
            path,
            types,
            file: located.file().map(Path::to_owned),
            has_body,
            skipped: Vec::new(),
        }
    }

    /// A broken plugin that was passed over stays visible.
    pub(super) fn say_skipped(&self, answer: &mut Answer) {
        if let Ok(names) = HeaderValue::from_str(&self.skipped.join(", "))
            && !self.skipped.is_empty()
        {
            answer.headers.insert(SKIPPED, names);
        }
    }

    fn facts(&self) -> RequestFacts<'_> {
        RequestFacts {
            method: self.request.method.as_str(),
            path: self.path.as_str(),
            file: self.file.as_deref(),
        }
    }

    fn call_for(&self, hook: &ServeHook) -> ServeCall {
        let header = |name: HeaderName| {
            let value = self
                .request
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let uri = &self.request.uri;
        ServeCall {
            method: self.request.method.to_string(),
            path: self.path.as_str().to_owned(),
            query: uri.query().unwrap_or_default().to_owned(),
            headers: self
                .request
                .headers
                .iter()
                .filter(|(name, _)| hook.forwards(name.as_str()))
                .map(|(name, value)| (name.to_string(), Bytes::copy_from_slice(value.as_bytes())))
                .collect(),
            traceparent: header(HeaderName::from_static("traceparent")),
            raw_target: uri
                .path_and_query()
                .map(ToString::to_string)
                .unwrap_or_default(),
            host: header(header::HOST),
            file: self.file.clone(),
            body_omitted: self.has_body,
        }
    }
}

/// Asks the plugins that come before the file system.
pub(super) async fn before_files(
    hooks: &[Arc<ServeHook>],
    asked: &mut Asked<'_>,
) -> Option<Answer> {
    ask(
        hooks
            .iter()
            .filter(|hook| hook.phase() != Phase::AfterFiles),
        asked,
    )
    .await
}

/// Asks the plugins that stand in for missing files.
pub(super) async fn after_files(hooks: &[Arc<ServeHook>], asked: &mut Asked<'_>) -> Option<Answer> {
    ask(
        hooks
            .iter()
            .filter(|hook| hook.phase() == Phase::AfterFiles),
        asked,
    )
    .await
}

async fn ask(
    hooks: impl Iterator<Item = &Arc<ServeHook>>,
    asked: &mut Asked<'_>,
) -> Option<Answer> {
    for hook in hooks {
        if !hook.wants(asked.facts()) {
            continue;
        }
        let plugin = hook.plugin();
        let path = asked.path;
        let mut answer = match hook.ask(asked.call_for(hook)).await {
            Ok(ServeOutcome::Skip) => continue,
            Ok(ServeOutcome::Content(content)) => match virtual_file(asked, content) {
                Ok(answer) => answer,
                Err(message) => {
                    let failure = HookFailure {
                        message,
                        ..HookFailure::default()
                    };
                    failure::reported(asked.request, plugin, &failure)
                }
            },
            Ok(ServeOutcome::Failure(failure)) => {
                tracing::warn!(target: "pagewire::pages", plugin, %path, message = failure.message, "plugin reported a failure");
                failure::reported(asked.request, plugin, &failure)
            }
            Err(error) => {
                tracing::warn!(target: "pagewire::pages", plugin, %path, ?error, "plugin did not answer");
                if hook.failure_mode() == FailureMode::Skip {
                    asked.skipped.push(plugin.to_owned());
                    continue;
                }
                failure::unanswered(asked.request, plugin, error)
            }
        };
        asked.say_skipped(&mut answer);
        answer.by = By::Plugin(plugin.to_owned());
        return Some(answer);
    }
    None
}

/// A plugin's content as an answer, or what is wrong with it.
fn virtual_file(asked: &Asked<'_>, content: ServeContent) -> Result<Answer, String> {
    let status = match content.status {
        0 => StatusCode::OK,
        code => StatusCode::from_u16(code)
            .ok()
            .filter(|status| code >= 200 && status.as_u16() <= 599)
            .ok_or_else(|| format!("status {code} is not one of 200 to 599"))?,
    };
    let mime = match content.content_type.as_str() {
        "" => asked.types.of_path(asked.path.as_str()),
        given => mime::of_type_or_extension(given).to_owned(),
    };
    let mime = mime.as_str();
    let is_utf8 = std::str::from_utf8(&content.body).is_ok();
    let tag = content_tag(&content.body);
    let mut answer = Answer::new(status, &mime::with_charset(mime, is_utf8), content.body);
    if !answer.headers.contains_key(header::CONTENT_TYPE) {
        return Err(format!("content type {mime:?} is not valid in a header"));
    }
    for (name, value) in content.headers {
        let valid = HeaderName::from_bytes(name.as_bytes())
            .ok()
            .filter(|name| !REFUSED_HEADERS.contains(&name.as_str()))
            .zip(HeaderValue::from_maybe_shared(value).ok());
        let Some((name, value)) = valid else {
            return Err(format!(
                "header {name:?} is not one that a plugin may set, or its value is not valid"
            ));
        };
        if name == header::CONTENT_TYPE {
            answer.headers.insert(name, value);
        } else {
            answer.headers.append(name, value);
        }
    }
    answer.verbatim = content.verbatim;
    answer.tag = tag;
    Ok(answer)
}
