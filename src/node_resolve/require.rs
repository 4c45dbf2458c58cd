//! Maps the `require` calls of CommonJS modules to URLs. Within a package they load what they load in Node.js. What
//! they load of another package is the file that an `import` loads, wherever the exports allow it: then there is one
//! instance of a package that is both a CommonJS and an ES module.

use super::import::{Context, SpecifierMapper, log_unresolved};
use super::importer::relative;
use super::resolver::{Kind, ResolutionError, ResolvedFile, is_relative};
use crate::javascript::{
    Form, ModuleKind, Require, Required, Wanted, empty_module, missing_module,
};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::Path;

/// What is escaped in a `data:` URL besides what the parser of URLs escapes.
const ESCAPED: &AsciiSet = &CONTROLS.add(b'%').add(b'#').add(b'"').add(b'\\').add(b'\t');

impl SpecifierMapper {
    /// Returns the URL of the module to import for a `require` call of the importer. One that cannot be loaded gets a
    /// module that says so.
    pub(super) fn require(
        &self,
        context: &mut Context<'_>,
        specifier: &str,
        wanted: Wanted,
    ) -> String {
        let target = match self.required_file(context, specifier) {
            Ok(target) => target,
            Err(error) => return self.without_file(context, specifier, wanted, &error),
        };
        let url = match self.url_of(&target.file) {
            Ok(url) => relative(context.importer.path, &url),
            Err(reason) => {
                let error = ResolutionError::Other(reason);
                return self.without_file(context, specifier, wanted, &error);
            }
        };
        let source = self.modules.source(&target.file.file);
        let query = match (wanted, &source.kind) {
            (Wanted::Exports, ModuleKind::EsModule(_)) => String::new(),
            (Wanted::Exports, ModuleKind::CommonJs(_)) => Form::Exports {
                is_node: false,
                names: BTreeSet::new(),
            }
            .to_query(),
            (Wanted::Exports, ModuleKind::Script) => return data_url(""),
            (Wanted::Require, ModuleKind::EsModule(_)) => Form::Require(target.required).to_query(),
            (Wanted::Require, ModuleKind::CommonJs(_)) => {
                Form::Require(Required::Exports).to_query()
            }
            (Wanted::Require, ModuleKind::Script) if is_loadable(&target.file.file) => {
                Form::Require(Required::Exports).to_query()
            }
            (Wanted::Require, ModuleKind::Script) => {
                let reason = "not JavaScript, JSON or a stylesheet".to_owned();
                let error = ResolutionError::Other(reason);
                return self.without_file(context, specifier, wanted, &error);
            }
        };
        format!("{url}{query}")
    }

    /// Returns the file that a `require` call loads.
    fn required_file(
        &self,
        context: &mut Context<'_>,
        specifier: &str,
    ) -> Result<Target, ResolutionError> {
        let file = context.resolve(specifier, Kind::Require)?;
        let target = |file| Target {
            file,
            required: Required::Namespace,
        };
        if is_relative(specifier) || specifier.starts_with('#') {
            return Ok(target(file));
        }
        let Ok(imported) = context.resolve(specifier, Kind::Import) else {
            return Ok(target(file));
        };
        let is_substitute = imported.file != file.file
            && matches!(
                self.modules.source(&imported.file).kind,
                ModuleKind::EsModule(_)
            );
        let substitute = is_substitute.then(|| self.substitute(context, &file, &imported));
        Ok(match substitute.flatten() {
            Some(required) => Target {
                file: imported,
                required,
            },
            None => target(file),
        })
    }

    /// Returns what of an ES module replaces the exports of a CommonJS module of the same package; `None` if it lacks
    /// some of them.
    fn substitute(
        &self,
        context: &Context<'_>,
        common_js: &ResolvedFile,
        es_module: &ResolvedFile,
    ) -> Option<Required> {
        let expected = self.modules.exports(&common_js.file, &context.resolver);
        let offered = self.modules.exports(&es_module.file, &context.resolver);
        if expected.is_replaced {
            return (offered.has_default && expected.names.is_empty()).then_some(Required::Default);
        }
        let is_known = !expected.names.is_empty();
        (is_known && expected.names.is_subset(&offered.names)).then_some(Required::Namespace)
    }

    /// Returns the URL of a module that takes the place of one without a file, which is logged.
    fn without_file(
        &self,
        context: &Context<'_>,
        specifier: &str,
        wanted: Wanted,
        error: &ResolutionError,
    ) -> String {
        if wanted == Wanted::Exports {
            return data_url("");
        }
        let importer = &context.importer;
        let source = self.modules.source(&importer.file);
        let call = match &source.kind {
            ModuleKind::CommonJs(module) => {
                let mut calls = module.requires.iter();
                calls.find(|call| call.specifier == specifier).cloned()
            }
            _ => None,
        };
        let is_guarded = call.as_ref().is_some_and(|call| call.is_guarded);
        let place = call.map_or((1, 1), |Require { line, column, .. }| (line, column));
        let at = format!("{}:{}:{}", importer.path, place.0, place.1);
        match error {
            ResolutionError::Ignored => data_url(&empty_module("")),
            // Packages for Node.js as well as browsers mostly do not use it in a browser.
            ResolutionError::Builtin(name) if !is_guarded => data_url(&empty_module(&format!(
                "{at}: node:{name} is built into Node.js and not available in browsers, so %s is undefined (use a package that is made for browsers, install one with the name {name:?}, or let a plugin resolve this import)"
            ))),
            error => {
                if !is_guarded {
                    log_unresolved(&importer.file, place, specifier, &error.to_string());
                }
                // Other reasons may contain paths of this machine.
                let reason = match error {
                    ResolutionError::NotFound { .. } | ResolutionError::Builtin(_) => {
                        error.to_string()
                    }
                    _ => "the log of pagewire has the reason".to_owned(),
                };
                let text = format!("{at}: cannot require {specifier:?}: {reason}");
                data_url(&missing_module(&text))
            }
        }
    }
}

/// The file that a `require` call loads.
struct Target {
    file: ResolvedFile,
    /// What it returns, if the file is an ES module.
    required: Required,
}

/// Whether a file that is no module can be required.
fn is_loadable(file: &Path) -> bool {
    let extension = file.extension().and_then(OsStr::to_str);
    extension.is_none_or(|extension| matches!(extension, "js" | "cjs" | "mjs" | "json" | "css"))
}

fn data_url(source: &str) -> String {
    let source = utf8_percent_encode(source, ESCAPED);
    format!("data:text/javascript;charset=utf-8,{source}")
}
