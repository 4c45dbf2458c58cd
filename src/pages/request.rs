//! What plugins are told of a request, whichever hook they are asked by.

use crate::paths::UrlPath;
use crate::plugins::{Hook, HookType, RequestContext, RequestFacts, RequestKey};
use axum::http::Method;
use axum::http::header::{self, HeaderName};
use axum::http::request::Parts;
use bytes::Bytes;
use std::path::Path;

/// A request that plugins are asked about.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) request: &'a Parts,
    pub(super) path: &'a UrlPath,
    /// The method that plugins see.
    pub(super) method: &'a str,
    /// The file that would answer, if there is one and somebody has looked.
    pub(super) file: Option<&'a Path>,
}

impl<'a> Subject<'a> {
    /// A request for what is there: HEAD is asked as GET, so that it says what GET would get.
    pub(super) fn as_get(request: &'a Parts, path: &'a UrlPath, file: Option<&'a Path>) -> Self {
        let method = match &request.method {
            &Method::HEAD => "GET",
            method => method.as_str(),
        };
        Self {
            request,
            path,
            method,
            file,
        }
    }

    /// What filters look at; `mime` is the response's type, where there is a response.
    pub(super) fn facts(&self, mime: Option<&'a str>) -> RequestFacts<'a> {
        RequestFacts {
            method: self.method,
            path: self.path.as_str(),
            file: self.file,
            mime,
        }
    }

    /// What a hook's answer is remembered under; `about` is the hash of what it is asked about beside
    /// the request.
    pub(super) fn key<K: HookType>(&self, hook: &Hook<K>, about: u128) -> RequestKey {
        RequestKey {
            hook: hook.id(),
            method: self.method.to_owned(),
            path: self.path.as_str().to_owned(),
            query: self.request.uri.query().unwrap_or_default().to_owned(),
            headers: self
                .request
                .headers
                .iter()
                .filter(|(name, _)| hook.forwards(name.as_str()))
                .map(|(name, value)| (name.to_string(), Bytes::copy_from_slice(value.as_bytes())))
                .collect(),
            input_hash: about,
        }
    }

    /// What a plugin is told with this key.
    pub(super) fn context(&self, key: &RequestKey) -> RequestContext {
        let header = |name: HeaderName| {
            let value = self.request.headers.get(name);
            let value = value.and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let raw_target = self.request.uri.path_and_query();
        RequestContext {
            method: key.method.clone(),
            path: key.path.clone(),
            query: key.query.clone(),
            headers: key.headers.clone(),
            traceparent: header(HeaderName::from_static("traceparent")),
            raw_target: raw_target.map(ToString::to_string).unwrap_or_default(),
            host: header(header::HOST),
            file: self.file.map(Path::to_owned),
        }
    }
}
