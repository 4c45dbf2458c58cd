//! Hook rules of conformance cases: their filters, the lookup by path, and the hook options.

use pagewire_client::{FailureMode, Filter, ResolveOptions, ServeOptions, TransformOptions};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::time::Duration;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct FilterSpec {
    path: Option<String>,
    paths: Option<Vec<String>>,
    prefix: Option<String>,
    regex: Option<String>,
    file: Option<String>,
    mime: Option<String>,
    all: bool,
    except: Option<String>,
    methods: Option<Vec<String>>,
    mime_types: Option<Vec<String>>,
}

impl FilterSpec {
    pub(crate) fn filter(&self) -> Filter {
        let mut filter = match self {
            Self {
                path: Some(path), ..
            } => Filter::path(path),
            Self {
                paths: Some(paths), ..
            } => Filter::paths(paths),
            Self {
                prefix: Some(prefix),
                ..
            } => Filter::prefix(prefix),
            Self {
                regex: Some(regex), ..
            } => Filter::regex(regex),
            Self {
                file: Some(file), ..
            } => Filter::file(file),
            Self {
                mime: Some(mime), ..
            } => Filter::mime(mime),
            Self { all: true, .. } => Filter::all(),
            _ => panic!("a filter without a condition"),
        };
        if let Some(regex) = &self.except {
            filter = filter.except(regex);
        }
        if let Some(methods) = &self.methods {
            filter = filter.methods(methods);
        }
        if let Some(mime_types) = &self.mime_types {
            filter = filter.mime_types(mime_types);
        }
        filter
    }

    fn fits(&self, path: &str) -> bool {
        match self {
            Self {
                path: Some(own), ..
            } => own == path,
            Self {
                paths: Some(paths), ..
            } => paths.iter().any(|own| own == path),
            Self {
                prefix: Some(prefix),
                ..
            } => path.starts_with(prefix),
            // The regular expressions of cases end with a literal suffix.
            Self {
                regex: Some(regex), ..
            } => path.ends_with(regex.replace('\\', "").trim_end_matches('$')),
            _ => true,
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Rule {
    pub(crate) filter: FilterSpec,
    #[serde(flatten)]
    pub(crate) result: Map<String, Value>,
}

/// Returns the result of the first rule that matches a path.
pub(crate) fn result<'a>(rules: &'a [Rule], path: &str) -> Option<&'a Map<String, Value>> {
    let rule = rules.iter().find(|rule| rule.filter.fits(path));
    rule.map(|rule| &rule.result)
}

pub(crate) fn filters(rules: &[Rule]) -> impl Iterator<Item = Filter> {
    rules.iter().map(|rule| rule.filter.filter())
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct OptionsSpec {
    phase: Option<String>,
    call_timeout_ms: Option<u64>,
    max_concurrent_calls: Option<u32>,
    failure_mode: Option<String>,
    forward_request_headers: Vec<String>,
    max_body_bytes: Option<u32>,
}

/// Sets the options that all hooks have in common.
macro_rules! common {
    ($options:ident, $fields:ident) => {{
        let mut options = $options;
        if let Some(ms) = $fields.call_timeout_ms {
            options = options.call_timeout(Duration::from_millis(ms));
        }
        if let Some(calls) = $fields.max_concurrent_calls {
            options = options.max_concurrent_calls(calls);
        }
        if $fields.failure_mode.as_deref() == Some("skip") {
            options = options.failure_mode(FailureMode::Skip);
        }
        options.forward_request_headers(&$fields.forward_request_headers)
    }};
}

impl OptionsSpec {
    pub(crate) fn serve(&self, options: ServeOptions) -> ServeOptions {
        let mut options = common!(options, self);
        options = match self.phase.as_deref() {
            Some("first") => options.first(),
            Some("after_files") => options.after_files(),
            _ => options,
        };
        match self.max_body_bytes {
            Some(bytes) => options.max_request_body_bytes(bytes),
            None => options,
        }
    }

    pub(crate) fn transform(&self, options: TransformOptions) -> TransformOptions {
        let options = common!(options, self);
        match self.max_body_bytes {
            Some(bytes) => options.max_body_bytes(bytes),
            None => options,
        }
    }

    pub(crate) fn resolve(&self, options: ResolveOptions) -> ResolveOptions {
        common!(options, self)
    }
}
