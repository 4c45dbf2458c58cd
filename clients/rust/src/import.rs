//! Imports in pages and their results.

use crate::{
    DeliveryStatus, Error, JsException, JsValue, Report, Result, Target,
    proto::{self, js_exception::Phase},
};
use serde::{Serialize, de::DeserializeOwned};
use std::time::Duration;

/// Default time limit of pages, the same as the daemon's.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
/// Added to the time limit of the pages for the deadline of the RPC.
const DEADLINE_MARGIN: Duration = Duration::from_secs(5);

/// A module for pages to `import()`, and the arguments for its default export.
///
/// ```
/// # use pagewire_client::Import;
/// let import = Import::code("export default (a, b) => a + b").arg(1).arg(2);
/// ```
#[derive(Clone, Debug)]
pub struct Import {
    module: proto::send_import_request::Module,
    args_json: Result<Vec<String>, String>,
    fresh: bool,
    timeout: Option<Duration>,
    max_result_bytes: u32,
}

impl Import {
    /// A URL as a page would import it: `/x.js`, `https://...`.
    pub fn path(import_path: impl Into<String>) -> Self {
        Self::new(proto::send_import_request::Module::ImportPath(
            import_path.into(),
        ))
    }

    /// The source of a module. The daemon serves it from the origin of the pages, so it complies with a strict
    /// content security policy, has real stack traces, and is evaluated each time.
    pub fn code(source: impl Into<String>) -> Self {
        Self::new(proto::send_import_request::Module::Code(source.into()))
    }

    /// Adds an argument for the default export. A value that cannot be serialized makes the send fail.
    #[must_use]
    pub fn arg(mut self, value: impl Serialize) -> Self {
        if let Ok(args) = &mut self.args_json {
            match serde_json::to_string(&value) {
                Ok(json) => args.push(json),
                Err(error) => self.args_json = Err(error.to_string()),
            }
        }
        self
    }

    /// Adds an argument as JSON text, which reaches the page verbatim. The daemon refuses invalid JSON.
    #[must_use]
    pub fn arg_json(mut self, json: impl Into<String>) -> Self {
        if let Ok(args) = &mut self.args_json {
            args.push(json.into());
        }
        self
    }

    /// Evaluates the module again in pages that have loaded it. Default: they use the loaded instance.
    #[must_use]
    pub fn fresh(mut self) -> Self {
        self.fresh = true;
        self
    }

    /// How long to wait for each page; a page that exceeds it gets a row with
    /// [`TimedOut`](DeliveryStatus::TimedOut). Default 10 s.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Limits the result of one page, in bytes; a larger result is cut off ([`JsValue::Truncated`]). Default 1
    /// MiB. All rows together have at most 3 MiB.
    #[must_use]
    pub fn max_result_bytes(mut self, bytes: u32) -> Self {
        self.max_result_bytes = bytes;
        self
    }

    /// The default deadline of the RPC that awaits this import.
    pub(crate) fn deadline(&self) -> Duration {
        let timeout = self.timeout.unwrap_or(DEFAULT_TIMEOUT);
        timeout.saturating_add(DEADLINE_MARGIN)
    }

    fn new(module: proto::send_import_request::Module) -> Self {
        Self {
            module,
            args_json: Ok(Vec::new()),
            fresh: false,
            timeout: None,
            max_result_bytes: 0,
        }
    }

    pub(crate) fn into_request(self, target: &Target) -> Result<proto::SendImportRequest> {
        let args_json = self.args_json.map_err(|error| {
            Error::Json(<serde_json::Error as serde::ser::Error>::custom(error))
        })?;
        let mode = if self.fresh {
            proto::ImportMode::Fresh
        } else {
            proto::ImportMode::Reuse
        };
        Ok(proto::SendImportRequest {
            target: Some(target.to_proto()),
            module: Some(self.module),
            args_json,
            mode: mode.into(),
            timeout: self.timeout.map(crate::duration_to_proto),
            max_result_bytes: self.max_result_bytes,
            ..proto::SendImportRequest::default()
        })
    }
}

/// The results of an awaited import.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ImportReport {
    /// The delivery report.
    pub report: Report,
    /// Exactly one row for each selected socket. Empty: no socket was selected.
    pub rows: Vec<ImportRow>,
}

/// The result of one page.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ImportRow {
    /// The page's socket.
    pub socket_id: String,
    /// The returned or resolved value of the default export, or why there is none.
    pub outcome: Result<JsValue, ImportError>,
    /// Time from the selection to the result, or to the time limit, by the daemon's clock.
    pub elapsed: Duration,
}

/// Why a page has no value.
#[derive(Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// An exception: while loading, in the call, or while serializing the value.
    #[error("{0}")]
    Exception(Box<JsException>),
    /// The page did not respond, for this reason.
    #[error("the page did not respond: {0}")]
    Unanswered(DeliveryStatus),
}

/// The kind of an [`ImportError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImportErrorKind {
    /// The module or its default export threw, or its value could not be sent.
    Thrown,
    /// The module could not be loaded.
    Load,
    /// The page did not respond in time.
    Timeout,
    /// The page was closed, or is unknown.
    PageGone,
    /// The queue of the page was full.
    Slow,
    /// The page's client does not support imports.
    Unsupported,
}

impl ImportError {
    /// The kind, for a `match`.
    pub fn kind(&self) -> ImportErrorKind {
        match self {
            Self::Exception(thrown) if thrown.phase() == Phase::Load => ImportErrorKind::Load,
            Self::Exception(_) => ImportErrorKind::Thrown,
            Self::Unanswered(DeliveryStatus::TimedOut) => ImportErrorKind::Timeout,
            Self::Unanswered(DeliveryStatus::DroppedSlow) => ImportErrorKind::Slow,
            Self::Unanswered(DeliveryStatus::Unsupported) => ImportErrorKind::Unsupported,
            Self::Unanswered(_) => ImportErrorKind::PageGone,
        }
    }
}

impl ImportRow {
    /// The value as a Rust value.
    ///
    /// # Errors
    /// The row's own error, or that of [`JsValue::json`].
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, crate::BoxError> {
        match &self.outcome {
            Ok(value) => Ok(value.json()?),
            Err(error) => Err(error.clone().into()),
        }
    }

    fn from_proto(row: proto::ImportResult) -> Self {
        use proto::import_result::Outcome;
        let outcome = match row.outcome {
            Some(Outcome::Value(value)) => Ok(JsValue::from_proto(value)),
            Some(Outcome::Exception(thrown)) => Err(ImportError::Exception(Box::new(thrown))),
            Some(Outcome::Unanswered(status)) => Err(ImportError::Unanswered(
                DeliveryStatus::try_from(status).unwrap_or_default(),
            )),
            None => Err(ImportError::Unanswered(DeliveryStatus::Unspecified)),
        };
        Self {
            socket_id: row.socket_id,
            outcome,
            elapsed: row
                .elapsed
                .and_then(|time| time.try_into().ok())
                .unwrap_or_default(),
        }
    }
}

impl ImportReport {
    pub(crate) fn from_proto(response: proto::SendImportResponse) -> Result<Self> {
        Ok(Self {
            report: Report::from_proto(response.report)?,
            rows: response
                .results
                .into_iter()
                .map(ImportRow::from_proto)
                .collect(),
        })
    }
}
