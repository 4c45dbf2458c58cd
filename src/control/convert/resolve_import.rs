//! Messages of the `ResolveImport` hook.

use super::hook::{self, Opening, WireHook, wire_messages};
use crate::control::proto;
use crate::control::status::pattern_error;
use crate::hub::Patterns;
use crate::plugins::{
    MAX_HOOK_REGEX_BYTES, ResolveImport, ResolveImportCall, ResolveImportOptions,
    ResolveImportOutcome, ResolvedImports, Session,
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

    async fn opening(open: proto::ResolveImportOpen, _: &Session) -> Result<Opening<Self>, Status> {
        let specifiers = match open.specifier_regexes {
            none if none.is_empty() => None,
            given => {
                let compiled = Patterns::compile(given, MAX_HOOK_REGEX_BYTES).await;
                Some(compiled.map_err(|error| pattern_error("specifier_regexes", &error))?)
            }
        };
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
