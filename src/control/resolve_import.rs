//! The `ResolveImport` stream: imports of modules to resolve.

use super::hook::{self, FromPlugin, Opening, ToPlugin, Wire};
use super::proto;
use super::status::invalid;
use crate::plugins::{
    ResolveImport, ResolveImportOptions, ResolveImportOutcome, ResolvedImports, Session,
    compile_regexes,
};
use proto::resolve_import_request::Message as Request;
use proto::resolve_import_response::Message as Response;
use proto::resolve_import_result::Outcome;
use tonic::Status;

impl Wire for ResolveImport {
    type Request = proto::ResolveImportRequest;
    type Response = proto::ResolveImportResponse;
    type Open = proto::ResolveImportOpen;
    type Result = proto::ResolveImportResult;

    fn received(
        request: proto::ResolveImportRequest,
    ) -> Option<FromPlugin<proto::ResolveImportOpen, proto::ResolveImportResult>> {
        Some(match request.message? {
            Request::Open(open) => FromPlugin::Open(open),
            Request::Result(result) => FromPlugin::Result(result),
            Request::UpdateFilters(update) => FromPlugin::UpdateFilters(update),
        })
    }

    fn response(message: ToPlugin<Self::Call>) -> proto::ResolveImportResponse {
        let message = match message {
            ToPlugin::Opened(opened) => Response::Opened(opened),
            ToPlugin::Call {
                call_id,
                call,
                time_remaining,
            } => {
                let imports = call.imports.into_iter();
                let imports = imports.map(|import| proto::ImportSpecifier {
                    specifier: import.specifier,
                    dynamic: import.dynamic,
                    line: import.line,
                    column: import.column,
                });
                Response::Call(proto::ResolveImportCall {
                    call_id,
                    importer: Some(hook::request_context(call.importer)),
                    imports: imports.collect(),
                    time_remaining,
                })
            }
            ToPlugin::Cancel(cancel) => Response::Cancel(cancel),
            ToPlugin::FiltersUpdated(updated) => Response::FiltersUpdated(updated),
        };
        proto::ResolveImportResponse {
            message: Some(message),
        }
    }

    fn opening(open: proto::ResolveImportOpen, _: &Session) -> Result<Opening<Self>, Status> {
        let specifiers = compile_regexes(&open.specifier_regexes)
            .map_err(|fault| invalid("specifier_regexes", fault))?;
        Ok(Opening {
            filters: open.filters,
            options: open.options,
            own: ResolveImportOptions {
                specifiers,
                is_last: false,
            },
        })
    }

    fn outcome(result: proto::ResolveImportResult) -> (u64, ResolveImportOutcome) {
        let outcome = match result.outcome {
            Some(Outcome::Resolved(resolved)) => match resolved_of(resolved) {
                Ok(resolved) => ResolveImportOutcome::Resolved(resolved),
                Err(fault) => ResolveImportOutcome::Failure(hook::broken(fault)),
            },
            Some(Outcome::Failure(failure)) => {
                ResolveImportOutcome::Failure(hook::failure(failure))
            }
            None => ResolveImportOutcome::Failure(hook::no_outcome()),
        };
        (result.call_id, outcome)
    }
}

fn resolved_of(resolved: proto::ResolvedImports) -> Result<ResolvedImports, String> {
    Ok(ResolvedImports {
        specifiers: resolved.specifiers,
        no_cache: resolved.no_cache,
        depends_on: hook::absolute("depends_on_files", resolved.depends_on_files)?,
    })
}
