//! Compiles TypeScript on request: `<script type="module" src="/app.ts">`.
//!
//! Types are removed and not checked; use an editor or `tsc` for that. JSX becomes imports of
//! `react/jsx-runtime`, unless a comment in the file selects another runtime.

use oxc::{
    allocator::Allocator,
    codegen::{Codegen, CodegenOptions},
    diagnostics::Diagnostics,
    parser::Parser,
    semantic::SemanticBuilder,
    span::SourceType,
    transformer::{TransformOptions, Transformer},
};
use pagewire_client::{Change, Failure, Filter, HandlerResult, Plugin, Response, Result};
use std::path::Path;

#[tokio::main]
async fn main() -> Result<()> {
    Plugin::new("typescript")
        .transform(Filter::regex(r"\.(ts|mts|tsx)$"), |response| async move {
            // Compiling would block the thread that serves the connection.
            tokio::task::spawn_blocking(move || compile(&response)).await?
        })
        .run()
        .await
}

fn compile(response: &Response) -> HandlerResult<Change> {
    let source = response.text()?;
    let request = response.request();
    let file = request.file_path().unwrap_or(Path::new(request.path()));
    let check = |diagnostics| first_error(file, source, diagnostics);

    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, source, SourceType::from_path(file)?).parse();
    check(parsed.diagnostics)?;
    let mut program = parsed.program;
    // The uses of a name distinguish imports of types from imports of values.
    let analyzed = SemanticBuilder::new().with_enum_eval(true).build(&program);
    check(analyzed.diagnostics)?;
    let options = TransformOptions::default();
    let transformed = Transformer::new(&allocator, file, &options)
        .build_with_scoping(analyzed.semantic.into_scoping(), &mut program);
    check(transformed.diagnostics)?;

    let options = CodegenOptions {
        // Relative to the URL of the module.
        source_map_path: file.file_name().map(Into::into),
        ..CodegenOptions::default()
    };
    let generated = Codegen::new().with_options(options).build(&program);
    let map = generated
        .map
        .map(|map| map.to_data_url())
        .unwrap_or_default();
    let code = format!("{}//# sourceMappingURL={map}\n", generated.code);
    Ok(Change::new().body(code).content_type("text/javascript"))
}

/// Returns the compiler's first error, with its location.
fn first_error(file: &Path, source: &str, diagnostics: Diagnostics) -> Result<(), Failure> {
    let Some(error) = diagnostics.errors().next() else {
        return Ok(());
    };
    let offset = error
        .labels
        .first()
        .map_or(0, |label| label.offset() as usize);
    let before = source.get(..offset).unwrap_or(source);
    let (line, column) = before
        .split('\n')
        .enumerate()
        .last()
        .map_or((1, 1), |(lines, text)| {
            (lines + 1, text.chars().count() + 1)
        });
    let frame = error.clone().render_with_source_code(source.to_owned());
    Err(Failure::new(error.message.clone())
        .at(file.display().to_string(), line as u32, column as u32)
        .frame(frame))
}
