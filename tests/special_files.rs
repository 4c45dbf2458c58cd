//! Named pipes and other special files: opening or reading one can wait forever, so nothing may do it.

use crate::support::{Page, Site, TestServer, command, within};
use serde_json::json;
use std::path::Path;
use tokio::process::Command;

async fn make_pipe(path: &Path) {
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
    let made = Command::new("mkfifo").arg(path).status().await;
    assert!(made.expect("mkfifo").success(), "{}", path.display());
}

#[tokio::test]
async fn a_named_pipe_anywhere_in_the_root_delays_nothing() {
    let site = Site::new([
        ("index.html", "<!doctype html><title>t</title>"),
        ("app.css", &" ".repeat(2048)),
        ("app.js", "import 'package'; import './pipe.js';"),
        ("sub/b.css", ""),
    ]);
    for name in [
        ".git",
        ".gitignore",
        "sub/.gitignore",
        "app.css.br",
        "pipe.js",
        "folder/index.html",
        "package.json",
        "tsconfig.json",
        "node_modules/package/package.json",
    ] {
        make_pipe(&site.path().join(name)).await;
    }
    let arguments = ["--watch", "--listing", "--node-resolve"];
    let server = TestServer::start_with(&site, &arguments).await;
    let features = json!({"features": ["command.changed"]});
    let mut page = Page::open_as(server.http(), &features).await;
    let brotli = "Accept-Encoding: br\r\n";
    for (target, status) in [
        ("/app.css", 200),
        ("/app.js", 200),
        ("/pipe.js", 404),
        ("/folder/", 200),
        ("/package.json", 404),
        ("/sub/", 200),
    ] {
        let response = server.get_with(target, brotli).await;
        assert_eq!(response.status, status, "{target}");
    }
    site.write("sub/b.css", "p {}");
    let frame = page.receive_json().await;
    assert_eq!(frame["paths"], json!(["/sub/b.css"]));
}

#[tokio::test]
async fn a_named_pipe_as_a_configuration_file_is_an_error_that_names_it() {
    let site = Site::page();
    make_pipe(&site.path().join("pagewire.toml")).await;
    let with_toml = site.path().join("pagewire.toml").display().to_string();
    let plain = Site::page();
    make_pipe(&plain.path().join("cert.pem")).await;
    let cert = plain.path().join("cert.pem").display().to_string();
    let tls = ["--tls-cert", &cert, "--tls-key", &cert];
    for (site, arguments, name) in [(&site, &[][..], &with_toml), (&plain, &tls[..], &cert)] {
        let mut command = command();
        command.arg("serve").arg(site.path()).args(["--port", "0"]);
        let run = command.args(arguments).output();
        let output = within("the daemon's refusal", run)
            .await
            .expect("it starts");
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(
            text.contains(name) && text.contains("not a regular file"),
            "{text}"
        );
    }
}
