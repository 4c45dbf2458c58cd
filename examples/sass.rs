//! Compiles Sass with Node: `<link rel="stylesheet" href="/style.scss">`.
//!
//! Usage: `sass [FOLDER]`. Node resolves the npm package `sass` from FOLDER, by default the current one. With
//! `pagewire serve --watch` the page swaps the style when the stylesheet or one that it uses is saved.

use pagewire_client::{
    Change, Failure, Filter, HandlerResult, Plugin, Response, Result, TransformOptions,
};
use serde::Deserialize;
use std::{env, path::PathBuf, process::Stdio, time::Duration};
use tokio::{io::AsyncWriteExt, process::Command};

/// Reads a stylesheet from standard input and prints [`Compiled`]. The package's command line does not
/// report which files it has loaded: its source maps name only files that contain rules.
const PROGRAM: &str = "
import { readFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
try {
  const sass = await import('sass');
  const url = pathToFileURL(process.argv[1]);
  const { css, loadedUrls } = sass.compileString(readFileSync(0, 'utf8'), { url });
  console.log(JSON.stringify({ css, files: loadedUrls.map(fileURLToPath) }));
} catch (error) {
  const isMissing = error.code === 'ERR_MODULE_NOT_FOUND';
  const remedy = `the npm package sass is not installed in ${process.cwd()} (npm install --save-dev sass)`;
  console.error(isMissing ? remedy : error.message);
  process.exitCode = 1;
}
";
/// Long, because each call starts Node and the compiler.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
struct Compiled {
    css: String,
    files: Vec<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let folder = env::args_os().nth(1).map_or(".".into(), PathBuf::from);
    let stylesheets = TransformOptions::from(Filter::regex(r"\.scss$")).call_timeout(CALL_TIMEOUT);
    Plugin::new("sass")
        .transform(stylesheets, move |response| {
            compile(folder.clone(), response)
        })
        .run()
        .await
}

async fn compile(folder: PathBuf, response: Response) -> HandlerResult<Change> {
    let file = response.request().file_path();
    let file = file.ok_or("no file answers this path, and only files can be compiled")?;
    let mut node = Command::new("node")
        .args(["--input-type=module", "--eval", PROGRAM, "--"])
        .arg(file)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A cancelled call drops the future.
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("cannot run node: {error} (install Node.js)"))?;
    // The response, which may be an editor's unsaved text, and not the file's content.
    let mut input = node.stdin.take().expect("standard input is piped");
    input.write_all(response.body()).await?;
    drop(input);
    let output = node.wait_with_output().await?;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        let (first, rest) = error.split_once('\n').unwrap_or((&error, ""));
        return Err(Failure::new(first).stack(rest).into());
    }
    let Compiled { css, files } = serde_json::from_slice(&output.stdout)?;
    Ok(Change::new()
        .body(css)
        .content_type("text/css")
        .depends_on(files))
}
