//! The resolve-import hook.

use super::{
    hook::{Hook, Received},
    request::Request,
};
use crate::{
    Context, Failure, ImportSpecifier, RawClient, Resolved,
    proto::{
        self, RequestFilter, ResolveImportRequest, ResolveImportResponse, resolve_import_request,
        resolve_import_response, resolve_import_result::Outcome,
    },
};
use std::slice;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Response, Status, Streaming};

/// Imports of one module, in source order, that match the hook's filters and that no earlier plugin has
/// resolved. Never empty.
#[derive(Clone, Debug)]
pub struct Imports {
    importer: Request,
    imports: Vec<ImportSpecifier>,
}

impl Imports {
    pub(crate) fn new(importer: Request, imports: Vec<ImportSpecifier>) -> Self {
        Self { importer, imports }
    }

    /// The request for the importing module, or for the HTML page that contains it.
    pub fn importer(&self) -> &Request {
        &self.importer
    }

    /// Returns an iterator over the imports, in source order.
    pub fn iter(&self) -> slice::Iter<'_, ImportSpecifier> {
        self.imports.iter()
    }

    /// Calls a closure for each import, in order. `None` leaves the import to the next plugin.
    pub fn resolve<S: Into<String>>(
        &self,
        resolve: impl FnMut(&ImportSpecifier) -> Option<S>,
    ) -> Resolved {
        self.iter().map(resolve).collect()
    }
}

impl<'a> IntoIterator for &'a Imports {
    type Item = &'a ImportSpecifier;
    type IntoIter = slice::Iter<'a, ImportSpecifier>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Implementation of the hook that [`Plugin::resolve_import`](crate::Plugin::resolve_import) registers.
pub(super) struct ResolveImport;

impl Hook for ResolveImport {
    type Input = Imports;
    type Output = Resolved;
    type Open = proto::ResolveImportOpen;
    type ToDaemon = ResolveImportRequest;
    type FromDaemon = ResolveImportResponse;

    const NAME: &str = "import resolution";
    const KIND: proto::Hook = proto::Hook::ResolveImport;

    fn open(open: Self::Open, filters: Vec<RequestFilter>) -> ResolveImportRequest {
        let open = proto::ResolveImportOpen { filters, ..open };
        to_daemon(resolve_import_request::Message::Open(open))
    }

    async fn start(
        mut client: RawClient,
        stream: tonic::Request<ReceiverStream<ResolveImportRequest>>,
    ) -> Result<Response<Streaming<ResolveImportResponse>>, Status> {
        client.resolve_import(stream).await
    }

    fn received(
        message: ResolveImportResponse,
        _: &Self::Open,
        context: &Context,
    ) -> Option<Received<Imports>> {
        use resolve_import_response::Message as Incoming;
        Some(match message.message? {
            Incoming::Opened(_) => Received::Opened,
            Incoming::Call(call) => {
                let importer = Request::new(call.importer, call.time_remaining, context);
                Received::Call(call.call_id, Imports::new(importer, call.imports))
            }
            Incoming::Cancel(cancel) => Received::Cancel(cancel.call_id),
            Incoming::FiltersUpdated(updated) => Received::FiltersUpdated(updated.error),
        })
    }

    fn request(input: &Imports) -> &Request {
        &input.importer
    }

    fn result(call_id: u64, result: Result<Resolved, Failure>) -> ResolveImportRequest {
        let outcome = match result {
            Ok(resolved) => Outcome::Resolved(resolved.0),
            Err(failure) => Outcome::Failure(failure.into_proto()),
        };
        to_daemon(resolve_import_request::Message::Result(
            proto::ResolveImportResult {
                call_id,
                outcome: Some(outcome),
            },
        ))
    }

    fn update(filters: proto::UpdateFilters) -> ResolveImportRequest {
        to_daemon(resolve_import_request::Message::UpdateFilters(filters))
    }
}

fn to_daemon(message: resolve_import_request::Message) -> ResolveImportRequest {
    ResolveImportRequest {
        message: Some(message),
    }
}
