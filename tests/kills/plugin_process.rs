//! A plugin in a process of its own that can be killed: this test binary, restricted to one test.

use crate::support::{TestServer, within};
use pagewire_client::{
    Change, Content, FailureMode, Filter, Plugin, Request, ResolveOptions, ServeOptions,
    TransformOptions,
};
use rustix::process::{Pid, Signal, kill_process};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::watch;

/// Set in a process that acts as a plugin: its name, its failure mode, and its call timeout in
/// milliseconds.
const ACT_AS: &str = "TEST_KILLED_PLUGIN";

/// Runs a plugin with every hook for the paths below its name: `/NAME/serve/` and so on. It also serves the
/// paths below `/victim/serve/`. The last path segment selects its behaviour:
/// - `held`: prints that it holds the call, and answers after a request for `release`;
/// - `hang`: prints that it hangs, and blocks until there is a line on its standard input.
#[tokio::test]
async fn acts_as_a_plugin() {
    let Ok(what) = std::env::var(ACT_AS) else {
        return;
    };
    let mut words = what.split(' ').map(str::to_owned);
    let mut next = || words.next().expect("name, mode, milliseconds");
    let (name, mode, millis) = (next(), next(), next().parse().expect("a number"));
    let mode = match mode.as_str() {
        "skip" => FailureMode::Skip,
        _ => FailureMode::Fail,
    };
    let timeout = Duration::from_millis(millis);
    let below = |kind: &str| Filter::regex(format!("^/{name}/{kind}/"));
    let serve = ServeOptions::new([below("serve"), Filter::prefix("/victim/serve/")])
        .failure_mode(mode)
        .call_timeout(timeout);
    let transform = TransformOptions::from(below("transform"))
        .failure_mode(mode)
        .call_timeout(timeout);
    let resolve = ResolveOptions::from(below("resolve"))
        .failure_mode(mode)
        .call_timeout(timeout);

    let released = Arc::new(watch::Sender::new(false));
    let own = format!("/{name}/");
    let act = move |request: &Request| {
        let (path, query) = (request.path().to_owned(), request.query().to_owned());
        let (released, own) = (released.clone(), own.clone());
        async move {
            match path.rsplit('/').next().filter(|_| path.starts_with(&own)) {
                Some(last) if last.starts_with("held") => {
                    println!("held {path}?{query}");
                    let waiting = released
                        .subscribe()
                        .wait_for(|released| *released)
                        .await
                        .is_ok();
                    assert!(waiting, "the sender lives as long as the plugin");
                }
                Some("release") => _ = released.send_replace(true),
                Some("hang") => {
                    println!("hangs");
                    std::io::stdin()
                        .read_line(&mut String::new())
                        .expect("a pipe");
                }
                _ => {}
            }
        }
    };
    let mark = format!("{name} {}", std::process::id());
    let (act_in_transform, act_in_resolve, transform_mark, resolve_mark) =
        (act.clone(), act.clone(), mark.clone(), mark.clone());
    let plugin = Plugin::new(&name)
        .serve(serve, move |request| {
            let (acted, mark) = (act(&request), mark.clone());
            async move {
                acted.await;
                Ok(Content::text(mark))
            }
        })
        .transform(transform, move |response| {
            let (acted, mark) = (act_in_transform(response.request()), transform_mark.clone());
            async move {
                acted.await;
                Ok(Change::new().body(mark))
            }
        })
        .resolve_import(resolve, move |imports| {
            let (acted, mark) = (act_in_resolve(imports.importer()), resolve_mark.clone());
            async move {
                acted.await;
                Ok(imports.resolve(|_| Some(mark.clone())))
            }
        })
        .on_request(format!("ask-{name}"), |_, _| async {
            println!("asked");
            std::future::pending::<()>().await;
            Ok(())
        })
        .server_start(async |_| {
            println!("started");
            Ok(())
        });
    // Only prints an error: the daemon may end before the plugin.
    if let Err(end) = plugin.run().await {
        println!("ended: {end}");
    }
}

/// Returns a `[[plugin]]` table that makes the daemon start [`acts_as_a_plugin`].
pub fn configured(name: &str, mode: &str, more: &str) -> String {
    let binary = std::env::current_exe().expect("this binary");
    format!(
        "[[plugin]]\nname = '{name}'\ncommand = ['{}', '--exact', '{TEST}', '--nocapture']\nenv = {{ {ACT_AS} = '{name} {mode} 60000' }}\n{more}\n",
        binary.display()
    )
}

const TEST: &str = "kills::plugin_process::acts_as_a_plugin";

/// Running plugin process that ends with the test.
pub struct PluginProcess {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl PluginProcess {
    /// Starts the process and waits until all its hooks are active.
    pub async fn start(server: &TestServer, name: &str, mode: &str, millis: u64) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this binary"))
            .args(["--exact", TEST, "--nocapture"])
            .env(ACT_AS, format!("{name} {mode} {millis}"))
            .env("PAGEWIRE_ENDPOINT", server.control())
            .env("PAGEWIRE_TOKEN", &server.token)
            .env_remove("PAGEWIRE_LAUNCH_ID")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut process = Self { child, lines };
        process.wait_for_line("started").await;
        process
    }

    /// Waits for the next line that contains these words.
    pub async fn wait_for_line(&mut self, words: &str) {
        let output = async {
            while let Some(line) = self.lines.next_line().await.expect("a pipe") {
                if line.contains(words) {
                    return;
                }
            }
            panic!("the process ended before it printed {words:?}");
        };
        within(&format!("{words:?} of the process"), output).await;
    }

    /// Kills the process with SIGKILL and waits for its end.
    pub async fn kill(&mut self) {
        within("the killed process", self.child.kill())
            .await
            .expect("it ran");
    }

    /// Ends a `hang`.
    pub async fn end_hang(&mut self) {
        let input = self.child.stdin.as_mut().expect("piped");
        input.write_all(b"\n").await.expect("a pipe");
    }

    pub fn signal(&self, signal: Signal) {
        kill(self.child.id().expect("it runs"), signal);
    }
}

pub fn kill(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    kill_process(pid.expect("a pid"), signal).expect("a signal");
}
