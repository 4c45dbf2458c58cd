//! Serves environment variables to pages: `import { MODE } from '/env.js'` is the value of `PUBLIC_MODE`.
//!
//! Only variables whose names begin with `PUBLIC_` are served.

use pagewire_client::{Content, Filter, Plugin, Result};
use std::env;

const PREFIX: &str = "PUBLIC_";

#[tokio::main]
async fn main() -> Result<()> {
    let module = module()?;
    Plugin::new("env")
        .serve(Filter::path("/env.js"), move |_request| {
            // The environment of a process does not change, so one call is enough.
            let content = Content::js(module.clone()).remember();
            async { Ok(content) }
        })
        .run()
        .await
}

/// Returns a module with a constant for each public variable.
fn module() -> Result<String> {
    let mut module = String::new();
    for (variable, value) in env::vars_os() {
        let Some(name) = variable.to_str().and_then(|name| name.strip_prefix(PREFIX)) else {
            continue;
        };
        let Some(value) = value.to_str().filter(|_| is_identifier(name)) else {
            eprintln!(
                "{PREFIX}{name} is left out (use a JavaScript identifier as its name and UTF-8 as its value)"
            );
            continue;
        };
        // A reserved word cannot be a constant's name, but it can be an export's.
        let value = serde_json::to_string(value)?;
        module += &format!("const ${name} = {value};\nexport {{ ${name} as {name} }};\n");
    }
    Ok(module)
}

fn is_identifier(name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
    name.chars().all(is_part) && !name.starts_with(|c: char| c.is_ascii_digit()) && !name.is_empty()
}
