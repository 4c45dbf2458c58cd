//! Compiles Sass by a command: `<link rel="stylesheet" href="/style.scss">`.
//!
//! `sass [FOLDER]`: the npm package `sass` is looked for as Node would from this folder, which is the
//! current one unless given. With `pagewire serve --watch` the style is swapped in the page when the
//! stylesheet is saved, or any other that it uses.

use pagewire_client::{
    Change, Failure, Filter, HandlerResult, Plugin, Response, Result, TransformOptions,
};
use serde::Deserialize;
use std::{env, path::PathBuf, process::Stdio, time::Duration};
use tokio::{io::AsyncWriteExt, process::Command};

/// Reads a stylesheet, prints `Compiled`. The command line of the package cannot say what it has
/// loaded: source maps name only files that rules come from, not those of variables and functions.
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
/// Node and the compiler start with every call, which takes long on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
struct Compiled {
    css: String,
    files: Vec<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let folder = env::args_os().nth(1).map_or(".".into(), PathBuf::from);
    let stylesheets = TransformOptions::from(Filter::regex(r"\.scss$")).call_timeout(PATIENCE);
    Plugin::new("sass")
        .transform(stylesheets, move |response| {
            compile(folder.clone(), response)
        })
        .run()
        .await
}

async fn compile(folder: PathBuf, response: Response) -> HandlerResult<Change> {
    let file = response.request().file_path();
    let file = file.ok_or("only files are compiled, and there is none for this path")?;
    let mut node = Command::new("node")
        .args(["--input-type=module", "--eval", PROGRAM, "--"])
        .arg(file)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Nobody waits for the result of a call that was cancelled.
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("the command node cannot be run: {error} (install Node.js)"))?;
    // What is in the file may be older: an editor's unsaved text is compiled as well.
    let mut input = node.stdin.take().expect("it is piped");
    input.write_all(response.body()).await?;
    drop(input);
    let done = node.wait_with_output().await?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr);
        let (first, rest) = said.split_once('\n').unwrap_or((&said, ""));
        return Err(Failure::new(first).stack(rest).into());
    }
    let Compiled { css, files } = serde_json::from_slice(&done.stdout)?;
    Ok(Change::new()
        .body(css)
        .content_type("text/css")
        .depends_on(files))
}
