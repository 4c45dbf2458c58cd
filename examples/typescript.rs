//! Compiles TypeScript as pages ask for it: `<script type="module" src="/app.ts">`.
//!
//! Types are taken out and not checked, which is what editors and `tsc` are for. JSX becomes imports of
//! `react/jsx-runtime`, unless a comment of the file says otherwise.

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
            // A compiler keeps a thread busy: not one that talks to the daemon.
            tokio::task::spawn_blocking(move || compile(&response)).await?
        })
        .run()
        .await
}

fn compile(response: &Response) -> HandlerResult<Change> {
    let source = response.text()?;
    let request = response.request();
    let file = request.file_path().unwrap_or(Path::new(request.path()));
    let fail_with = |diagnostics| failure(file, source, diagnostics);

    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, source, SourceType::from_path(file)?).parse();
    fail_with(parsed.diagnostics)?;
    let mut program = parsed.program;
    // Who uses a name tells imports of types from those of values.
    let analyzed = SemanticBuilder::new().with_enum_eval(true).build(&program);
    fail_with(analyzed.diagnostics)?;
    let options = TransformOptions::default();
    let transformed = Transformer::new(&allocator, file, &options)
        .build_with_scoping(analyzed.semantic.into_scoping(), &mut program);
    fail_with(transformed.diagnostics)?;

    let options = CodegenOptions {
        // Relative to the URL that the page loads it from.
        source_map_path: file.file_name().map(Into::into),
        ..CodegenOptions::default()
    };
    let made = Codegen::new().with_options(options).build(&program);
    let map = made.map.map(|map| map.to_data_url()).unwrap_or_default();
    let code = format!("{}//# sourceMappingURL={map}\n", made.code);
    Ok(Change::new().body(code).content_type("text/javascript"))
}

/// The first error that the compiler found, with its place.
fn failure(file: &Path, source: &str, diagnostics: Diagnostics) -> Result<(), Failure> {
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
