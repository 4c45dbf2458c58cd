//! Messages of the `ResolveImport` hook.

use super::hook::{self, Opening, WireHook, wire_messages};
use crate::control::proto;
use crate::control::status::invalid;
use crate::plugins::{
    ResolveImport, ResolveImportCall, ResolveImportOptions, ResolveImportOutcome, ResolvedImports,
    Session, compile_regexes,
};
use proto::resolve_import_result::Outcome;
use tonic::Status;

impl WireHook for ResolveImport {
    wire_messages!(
        ResolveImportRequest,
        resolve_import_request,
        ResolveImportResponse,
        resolve_import_response,
        ResolveImportOpen,
        ResolveImportResult
    );

    fn opening(open: proto::ResolveImportOpen, _: &Session) -> Result<Opening<Self>, Status> {
        let specifiers = compile_regexes(&open.specifier_regexes)
            .map_err(|error| invalid("specifier_regexes", error))?;
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
                Err(error) => ResolveImportOutcome::Failure(hook::contract_failure(error)),
            },
            Some(Outcome::Failure(failure)) => {
                ResolveImportOutcome::Failure(hook::failure(failure))
            }
            None => ResolveImportOutcome::Failure(hook::missing_outcome()),
        };
        (result.call_id, outcome)
    }
}

fn call(
    call_id: u64,
    call: ResolveImportCall,
    time_remaining: Option<prost_types::Duration>,
) -> proto::ResolveImportCall {
    let imports = call.imports.into_iter();
    let imports = imports.map(|import| proto::ImportSpecifier {
        specifier: import.specifier,
        dynamic: import.dynamic,
        line: import.line,
        column: import.column,
    });
    proto::ResolveImportCall {
        call_id,
        importer: Some(hook::request_context(call.importer)),
        imports: imports.collect(),
        time_remaining,
    }
}

/// Converts resolved imports. An error is the message of the plugin's failure.
fn resolved_of(resolved: proto::ResolvedImports) -> Result<ResolvedImports, String> {
    Ok(ResolvedImports {
        specifiers: resolved.specifiers,
        no_cache: resolved.no_cache,
        depends_on: hook::absolute_paths("depends_on_files", resolved.depends_on_files)?,
    })
}
