//! The `ResolveImport` stream: imports of modules to resolve.

use super::hook::{self, Opening, Wire, messages};
use super::proto;
use super::status::invalid;
use crate::plugins::{
    ResolveImport, ResolveImportCall, ResolveImportOptions, ResolveImportOutcome, ResolvedImports,
    Session, compile_regexes,
};
use proto::resolve_import_result::Outcome;
use tonic::Status;

impl Wire for ResolveImport {
    messages!(
        ResolveImportRequest,
        resolve_import_request,
        ResolveImportResponse,
        resolve_import_response,
        ResolveImportOpen,
        ResolveImportResult
    );

    fn opening(open: proto::ResolveImportOpen, _: &Session) -> Result<Opening<Self>, Status> {
        let specifiers = compile_regexes(&open.specifier_regexes)
            .map_err(|fault| invalid("specifier_regexes", fault))?;
        Ok(Opening {
            filters: open.filters,
            options: open.options,
            type_options: ResolveImportOptions {
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

fn call(
    call_id: u64,
    asked: ResolveImportCall,
    time_remaining: Option<prost_types::Duration>,
) -> proto::ResolveImportCall {
    let imports = asked.imports.into_iter();
    let imports = imports.map(|import| proto::ImportSpecifier {
        specifier: import.specifier,
        dynamic: import.dynamic,
        line: import.line,
        column: import.column,
    });
    proto::ResolveImportCall {
        call_id,
        importer: Some(hook::request_context(asked.importer)),
        imports: imports.collect(),
        time_remaining,
    }
}

fn resolved_of(resolved: proto::ResolvedImports) -> Result<ResolvedImports, String> {
    Ok(ResolvedImports {
        specifiers: resolved.specifiers,
        no_cache: resolved.no_cache,
        depends_on: hook::absolute("depends_on_files", resolved.depends_on_files)?,
    })
}
