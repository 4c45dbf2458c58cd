//! Sites, the daemon and its log.

use super::http::{HttpResponse, raw_request, read_response};
use super::{Page, within};
use pagewire_client::{Client, Endpoint};
use serde_json::Value;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

/// Folder of files to serve.
#[derive(Clone)]
pub struct Site(Arc<TempDir>);

impl Site {
    pub fn new<const N: usize>(files: [(&str, &str); N]) -> Self {
        let site = Self(Arc::new(tempfile::tempdir().expect("a temporary folder")));
        for (path, content) in files {
            site.write(path, content);
        }
        site
    }

    /// Returns a site of one page with a body.
    pub fn page() -> Self {
        Self::new([(
            "index.html",
            "<!doctype html><title>t</title><body>hello</body>",
        )])
    }

    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a file has a folder")).expect("folders");
        std::fs::write(path, content).expect("a file");
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

/// Returns a command for the `pagewire` binary without the caller's `PAGEWIRE_` variables. All tests share
/// one runtime folder, in which daemons are discovered: a test of discovery sets `XDG_RUNTIME_DIR` to a
/// folder of its own.
pub fn command() -> Command {
    prepared(Command::new(env!("CARGO_BIN_EXE_pagewire")))
}

/// Returns a [`command`] that a shell prepares, for example with `ulimit -n 256`.
pub fn command_after(preparation: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{preparation}; exec \"$0\" \"$@\"")]);
    shell.arg(env!("CARGO_BIN_EXE_pagewire"));
    prepared(shell)
}

fn prepared(mut command: Command) -> Command {
    let ours = |name: &OsString| name.to_string_lossy().starts_with("PAGEWIRE_");
    for name in std::env::vars_os().map(|(name, _)| name).filter(ours) {
        command.env_remove(name);
    }
    command
        .env("XDG_RUNTIME_DIR", env!("CARGO_TARGET_TMPDIR"))
        .env("XDG_DATA_HOME", env!("CARGO_TARGET_TMPDIR"))
        .kill_on_drop(true)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn lines_of<R: tokio::io::AsyncRead + Unpin>(output: R) -> Lines<BufReader<R>> {
    BufReader::new(output).lines()
}

/// Running daemon.
pub struct TestServer {
    pub child: Child,
    pub stdout: Lines<BufReader<ChildStdout>>,
    stderr: BufReader<ChildStderr>,
    /// Lines read so far.
    log: Vec<String>,
    /// Keeps the folder while it is served.
    site: Option<Site>,
    /// The ready line.
    pub ready: Value,
    /// Empty if no control address needs a token.
    pub token: String,
}

/// Headers of a browser that opens a page.
pub const NAVIGATION: &str = "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\nSec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\n";

/// Header of a request that a proxy or tunnel forwards: its browser is on another machine.
pub const FORWARDED: &str = "Via: 1.1 tunnel\r\n";

impl TestServer {
    pub async fn start(site: &Site) -> Self {
        Self::start_with(site, &[]).await
    }

    /// Starts a daemon on free ports, with further arguments.
    pub async fn start_with(site: &Site, arguments: &[&str]) -> Self {
        let mut command = command();
        command
            .arg("serve")
            .arg(site.path())
            .args(["--port", "0"])
            .args(arguments);
        if !arguments.contains(&"--control") {
            command.args(["--control", "127.0.0.1:0"]);
        }
        let mut server = Self::spawn(command).await;
        server.site = Some(site.clone());
        server
    }

    pub async fn spawn(mut command: Command) -> Self {
        let mut child = command.spawn().expect("the binary starts");
        let mut stdout = lines_of(child.stdout.take().expect("piped"));
        let mut stderr = BufReader::new(child.stderr.take().expect("piped"));
        let line = within("the ready line", stdout.next_line())
            .await
            .expect("a readable pipe");
        let Some(line) = line else {
            let mut output = String::new();
            within(
                "the daemon's standard error",
                stderr.read_to_string(&mut output),
            )
            .await
            .expect("a pipe");
            panic!("the daemon exited before it was ready: {output}");
        };
        let ready: Value = serde_json::from_str(&line).expect("the ready line is JSON");
        let token = match ready["token_file"].as_str() {
            Some(file) => std::fs::read_to_string(file)
                .expect("the token file")
                .trim()
                .to_owned(),
            None => String::new(),
        };
        Self {
            child,
            stdout,
            stderr,
            log: Vec::new(),
            site: None,
            ready,
            token,
        }
    }

    /// Returns the address of the page port.
    pub fn http(&self) -> SocketAddr {
        let url = self.ready["http"].as_str().expect("http");
        let (_, address) = url.split_once("://").expect("a scheme");
        address.parse().expect("an address")
    }

    pub fn control(&self) -> &str {
        self.ready["control"].as_str().expect("control")
    }

    pub fn endpoint(&self) -> Endpoint {
        let endpoint: Endpoint = self
            .control()
            .parse()
            .expect("the ready line names an endpoint");
        if self.token.is_empty() {
            endpoint
        } else {
            endpoint.with_token(&self.token)
        }
    }

    pub async fn client(&self) -> Client {
        Client::connect(self.endpoint())
            .await
            .expect("the daemon answers")
    }

    /// Sends a GET request with a host, on a new connection.
    pub async fn get(&self, path: &str) -> HttpResponse {
        self.get_with(path, "").await
    }

    /// Sends a GET request with further header lines, each with its line end.
    pub async fn get_with(&self, path: &str, headers: &str) -> HttpResponse {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Connection: close\r\n\r\n");
        self.raw(request.as_bytes()).await
    }

    /// Sends a GET request as a browser does that opens a page.
    pub async fn navigate(&self, path: &str) -> HttpResponse {
        self.get_with(path, NAVIGATION).await
    }

    /// Returns a GET request as a future that does not borrow the server.
    pub fn get_detached(&self, path: &str) -> impl Future<Output = HttpResponse> + Send + use<> {
        let address = self.http();
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        async move { raw_request(address, request.as_bytes()).await }
    }

    /// Sends exactly these bytes.
    pub async fn raw(&self, request: &[u8]) -> HttpResponse {
        raw_request(self.http(), request).await
    }

    /// Sends a request on a connection of its own and reads one response, even if the daemon keeps the
    /// connection open.
    pub async fn exchange(&self, request: &[u8]) -> HttpResponse {
        let mut stream = within("a connection", TcpStream::connect(self.http()))
            .await
            .expect("a listener");
        within("the request to be written", stream.write_all(request))
            .await
            .expect("an open connection");
        read_response(&mut stream).await
    }

    /// Connects a page and completes its hello.
    pub async fn page(&self) -> Page {
        Page::open(self.http()).await
    }

    /// Connects a page with the `@web/dev-server` client: it never sends a hello.
    pub async fn wds_page(&self) -> Page {
        Page::connect(self.http(), "/wds").await
    }

    /// Returns the process id of the daemon.
    pub fn pid(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.pid()).expect("a small number");
        let pid = rustix::process::Pid::from_raw(pid).expect("a pid");
        rustix::process::kill_process(pid, signal).expect("a signal");
    }

    /// Returns the log lines that were read so far.
    pub fn logged(&self) -> &[String] {
        &self.log
    }

    /// Waits for a log line that contains this text, and returns the first.
    pub async fn wait_for_log(&mut self, words: &str) -> String {
        let found = async {
            let mut at = 0;
            loop {
                if at == self.log.len() {
                    let mut line = String::new();
                    let read = self.stderr.read_line(&mut line).await.expect("a pipe");
                    assert!(read > 0, "the daemon exited without logging {words:?}");
                    self.log.push(line);
                }
                if self.log[at].contains(words) {
                    return self.log[at].trim_end().to_owned();
                }
                at += 1;
            }
        };
        within(&format!("{words:?} in the log"), found).await
    }

    /// Waits for the daemon's exit, and returns its exit code and standard error.
    pub async fn wait_for_exit(mut self) -> (Option<i32>, String) {
        let status = within("the daemon to end", self.child.wait())
            .await
            .expect("it can be waited for");
        let mut output = self.log.concat();
        within(
            "the end of standard error",
            self.stderr.read_to_string(&mut output),
        )
        .await
        .expect("a pipe");
        (status.code(), output)
    }
}
