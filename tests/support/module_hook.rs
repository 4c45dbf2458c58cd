//! Hook types under test: how each is opened, and the effect of its results on the module `/m.js`.

use super::{Hook, ResolveImport, Serve, Site, Transform};
use pagewire_client::proto::{
    self, HookOptions, RequestFilter, resolve_import_result, serve_content::Body, serve_result,
    transform_result,
};

/// Path of the module that every hook type handles.
pub const PATH: &str = "/m.js";
/// Content of the module without any plugin.
pub const UNTOUCHED: &str = "import 'x';";

/// Creates a site with that module.
pub fn site() -> Site {
    Site::new([("m.js", UNTOUCHED), ("plain.txt", "plain")])
}

/// Hook type that acts on the module at [`PATH`].
pub trait ModuleHook: Hook<Call: Send, Outcome: Send, Open: Send> + Send + 'static {
    /// Name as in the RPCs.
    const NAME: &'static str;

    fn opening(filters: Vec<RequestFilter>, options: Option<HookOptions>) -> Self::Open;

    /// Returns an outcome that passes the request to the next responder.
    fn skip() -> Self::Outcome;

    /// Returns an outcome that puts this mark into the module and is not cached.
    fn answer(mark: &str) -> Self::Outcome;

    /// Returns the module with this mark.
    fn answered(mark: &str) -> String;

    /// Returns an outcome that reports this failure.
    fn failed(failure: proto::HookFailure) -> Self::Outcome;

    /// Returns an outcome that reports a failure with this status.
    fn failure(status: u32) -> Self::Outcome {
        Self::failed(proto::HookFailure {
            status,
            ..Default::default()
        })
    }
}

impl ModuleHook for Serve {
    const NAME: &'static str = "serve";

    fn opening(filters: Vec<RequestFilter>, options: Option<HookOptions>) -> proto::ServeOpen {
        proto::ServeOpen {
            filters,
            options,
            ..Default::default()
        }
    }

    fn skip() -> serve_result::Outcome {
        serve_result::Outcome::Skip(proto::Skip::default())
    }

    fn answer(mark: &str) -> serve_result::Outcome {
        serve_result::Outcome::Content(proto::ServeContent {
            body: Some(Body::InlineBody(mark.to_owned().into())),
            ..Default::default()
        })
    }

    fn answered(mark: &str) -> String {
        mark.to_owned()
    }

    fn failed(failure: proto::HookFailure) -> serve_result::Outcome {
        serve_result::Outcome::Failure(failure)
    }
}

impl ModuleHook for Transform {
    const NAME: &'static str = "transform";

    fn opening(filters: Vec<RequestFilter>, options: Option<HookOptions>) -> proto::TransformOpen {
        proto::TransformOpen {
            filters,
            options,
            ..Default::default()
        }
    }

    fn skip() -> transform_result::Outcome {
        transform_result::Outcome::Skip(proto::Skip::default())
    }

    fn answer(mark: &str) -> transform_result::Outcome {
        transform_result::Outcome::Content(proto::TransformContent {
            body: Some(mark.to_owned().into()),
            no_cache: true,
            ..Default::default()
        })
    }

    fn answered(mark: &str) -> String {
        mark.to_owned()
    }

    fn failed(failure: proto::HookFailure) -> transform_result::Outcome {
        transform_result::Outcome::Failure(failure)
    }
}

impl ModuleHook for ResolveImport {
    const NAME: &'static str = "resolve";

    fn opening(
        filters: Vec<RequestFilter>,
        options: Option<HookOptions>,
    ) -> proto::ResolveImportOpen {
        proto::ResolveImportOpen {
            filters,
            options,
            ..Default::default()
        }
    }

    fn skip() -> resolve_import_result::Outcome {
        resolved("")
    }

    fn answer(mark: &str) -> resolve_import_result::Outcome {
        resolved(mark)
    }

    fn answered(mark: &str) -> String {
        UNTOUCHED.replace("'x'", &format!("'{mark}'"))
    }

    fn failed(failure: proto::HookFailure) -> resolve_import_result::Outcome {
        resolve_import_result::Outcome::Failure(failure)
    }
}

fn resolved(specifier: &str) -> resolve_import_result::Outcome {
    resolve_import_result::Outcome::Resolved(proto::ResolvedImports {
        specifiers: vec![specifier.to_owned()],
        no_cache: true,
        ..Default::default()
    })
}

/// Returns a filter that matches only [`PATH`].
pub fn module() -> RequestFilter {
    RequestFilter {
        exact_paths: vec![PATH.into()],
        ..Default::default()
    }
}

/// Returns options with this failure mode and call timeout.
pub fn options(mode: proto::FailureMode, millis: i32) -> HookOptions {
    HookOptions {
        failure_mode: mode.into(),
        call_timeout: Some(prost_types::Duration {
            seconds: i64::from(millis / 1000),
            nanos: millis % 1000 * 1_000_000,
        }),
        ..Default::default()
    }
}
