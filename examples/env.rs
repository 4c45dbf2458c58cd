//! Tells pages environment variables: `import { MODE } from '/env.js'` is the value of `PUBLIC_MODE`.
//!
//! No others leave this process: what is not public by its name is not served.

use pagewire_client::{Content, Filter, Plugin, Result};
use std::env;

const PREFIX: &str = "PUBLIC_";

#[tokio::main]
async fn main() -> Result<()> {
    let module = module()?;
    Plugin::new("env")
        .serve(Filter::path("/env.js"), move |_request| {
            // A process keeps its environment: one answer is enough.
            let content = Content::js(module.clone()).remember();
            async { Ok(content) }
        })
        .run()
        .await
}

/// A constant for each public variable.
fn module() -> Result<String> {
    let mut module = String::new();
    for (variable, value) in env::vars_os() {
        let Some(name) = variable.to_str().and_then(|name| name.strip_prefix(PREFIX)) else {
            continue;
        };
        let Some(value) = value.to_str().filter(|_| is_identifier(name)) else {
            eprintln!(
                "{PREFIX}{name} is left out (name it as JavaScript would, its value in UTF-8)"
            );
            continue;
        };
        // JSON is JavaScript. Exported as a name, a reserved word is allowed.
        let value = serde_json::to_string(value)?;
        module += &format!("const ${name} = {value};\nexport {{ ${name} as {name} }};\n");
    }
    Ok(module)
}

fn is_identifier(name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
    name.chars().all(is_part) && !name.starts_with(|c: char| c.is_ascii_digit()) && !name.is_empty()
}
