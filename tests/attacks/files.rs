//! No request reads a file outside the root, or one on the deny list.

use super::{SECRET, assert_still_serving, contains};
use crate::support::{HttpResponse, Site, TestServer, command, read_response};
use std::os::unix::fs::symlink;
use std::path::Path;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// Creates a site in `www` with secrets beside it: a file, and a folder whose name begins like the
/// site's.
fn site_with_neighbours() -> Site {
    let site = Site::new([
        ("www/index.html", "<!doctype html><title>t</title>"),
        ("www/app.js", "1"),
        ("www/a/b/c.js", "1"),
        ("www-secret/x", SECRET),
        ("www-secret/index.html", SECRET),
        ("secret", SECRET),
        ("secret.js", SECRET),
        ("index.html", SECRET),
    ]);
    site.write("etc/passwd", SECRET);
    site
}

async fn serve_www(site: &Site, arguments: &[&str]) -> TestServer {
    let mut command = command();
    command
        .arg("serve")
        .arg(site.path().join("www"))
        .args(["--port", "0", "--control", "127.0.0.1:0"])
        .args(arguments);
    TestServer::spawn(command).await
}

/// The beginning of a machine's password file.
const PASSWD: &str = "root:";

async fn get_refused(server: &TestServer, target: &str) -> HttpResponse {
    for accept in ["", "Accept: text/html\r\n"] {
        let response = server.get_with(target, accept).await;
        assert!(
            (400..500).contains(&response.status),
            "{target}: {}",
            response.status
        );
        assert!(!contains(&response, SECRET), "{target}");
        assert!(!contains(&response, PASSWD), "{target}");
    }
    server.get(target).await
}

#[tokio::test]
async fn no_path_leads_out_of_the_root() {
    let site = site_with_neighbours();
    let server = serve_www(&site, &[]).await;
    let ups = "/..".repeat(40);
    let absolute = site.path().join("secret").display().to_string();
    for target in [
        "/../secret",
        "/../index.html",
        "/..",
        "/../",
        "/%2e%2e/secret",
        "/%2E%2E/secret",
        "/.%2e/secret",
        "/%2e./secret",
        "/..%2fsecret",
        "/..%2Fsecret",
        "/%2e%2e%2fsecret",
        "/a/../../secret",
        "/a/b/../../../secret",
        "/a/%2e%2e/%2e%2e/secret",
        "/a/..%5c..%5csecret",
        "/..%5csecret",
        "/..\\secret",
        "/a\\..\\..\\secret",
        "/index.html/../../secret",
        "/missing/../../secret",
        "/./../secret",
        "//../secret",
        "/a//../../secret",
        "/.../secret",
        "/....//secret",
        "/..;/secret",
        "/..%00/secret",
        "/..%0a/secret",
        "/..%20/secret",
        "/%20../secret",
        // Paths are decoded once, not twice; other encodings of a dot or a slash have no meaning.
        "/%252e%252e/secret",
        "/%252e%252e%252fsecret",
        "/%25%32%65%25%32%65/secret",
        "/%c0%ae%c0%ae/secret",
        "/%e0%80%ae%e0%80%ae/secret",
        "/..%c0%afsecret",
        "/%ef%bc%8e%ef%bc%8e/secret",
        "/..%ef%bc%8fsecret",
        "/%u002e%u002e/secret",
        // The prefix without its separator.
        "/../www-secret/x",
        "/..%2fwww-secret/x",
        "/%2e%2e/www-secret/",
        "/a/../../www-secret/x",
        "/-secret/x",
        "-secret/x",
        // Paths with parts that other servers strip or rewrite.
        "/../secret?raw",
        "/../secret?import&raw",
        "/..%2fsecret?x=/index.html",
        "/%3f/../../secret",
        "/@fs/etc/passwd",
        "/@fs/../secret",
        "/~/secret",
        "/node_modules/../../secret",
        "/__pagewire__/../../secret",
        "/__pagewire__/..%2f..%2fsecret",
        "/__pagewire__/client.js/../../../secret",
        // Absolute.
        "//etc/passwd",
        "///etc/passwd",
        "/%2fetc/passwd",
        "/%2Fetc%2Fpasswd",
        "/.//etc/passwd",
        "/a/b//etc/passwd",
        "/file:///etc/passwd",
        "/file:%2f%2f%2fetc%2fpasswd",
        "/proc/self/environ",
        "//proc/self/environ",
        &format!("/{absolute}"),
        &format!("/{}", absolute.replace('/', "%2f")),
        &format!("{ups}/etc/passwd"),
        &format!("{ups}{absolute}"),
        &format!("{}/etc/passwd", ups.replace("..", "%2e%2e")),
    ] {
        get_refused(&server, target).await;
    }
    assert_eq!(server.get("/%2561pp.js").await.status, 404, "decoded twice");
    // Paths that stay inside are served, so the refusals above are meaningful.
    for target in [
        "/a/../app.js",
        "/a/b/../../app.js",
        "//app.js",
        "/./app.js",
        "/%61pp.js",
    ] {
        assert_eq!(server.get(target).await.status, 200, "{target}");
    }
    assert_still_serving(&server, "traversals").await;
}

#[tokio::test]
async fn a_fragment_in_a_request_target_is_a_bad_request() {
    let site = site_with_neighbours();
    let server = serve_www(&site, &[]).await;
    for target in [
        "/app.js#/../../secret",
        "/#/../../secret",
        "/app.js#",
        "/#",
        "/a/#/../../secret",
        "/../secret#/index.html",
        "/..#/secret",
        "/app.js?x#y",
        "/missing#/../app.js",
    ] {
        assert_eq!(get_refused(&server, target).await.status, 400, "{target}");
    }
    // Encoded, it is part of a name; outside the target it has no meaning.
    get_refused(&server, "/%23/../../secret").await;
    for (target, headers) in [("/app.js?%23", ""), ("/app.js", "X: #\r\nReferer: /#\r\n")] {
        assert_eq!(
            server.get_with(target, headers).await.status,
            200,
            "{target}"
        );
    }
    // Empty lines before a request are skipped (RFC 9112, section 2.2).
    let late = b"\r\n\r\nGET /app.js# HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert_eq!(server.raw(late).await.status, 400, "behind empty lines");
    // A refusal does not affect later requests on the connection.
    let mut stream = TcpStream::connect(server.http()).await.expect("a listener");
    for (target, status) in [
        ("/app.js", 200),
        ("/app.js#", 400),
        ("/app.js", 200),
        ("/#", 400),
    ] {
        let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nX: #\r\n\r\n");
        stream
            .write_all(request.as_bytes())
            .await
            .expect("an open connection");
        assert_eq!(read_response(&mut stream).await.status, status, "{target}");
    }
}

#[tokio::test]
async fn paths_of_web_dev_server_outside_the_root_are_not_found() {
    let site = site_with_neighbours();
    let server = serve_www(&site, &[]).await;
    for target in [
        "/__wds-outside-root__/1/secret",
        "/__wds-outside-root__/1/secret.js",
        "/__wds-outside-root__/1/www-secret/x",
        "/__wds-outside-root__/9/etc/passwd",
        "/__wds-outside-root__/99/etc/passwd",
        "/__wds-outside-root__/-1/secret",
        "/__wds-outside-root__/1e1/etc/passwd",
        "/__wds-outside-root__/0x2/etc/passwd",
        "/__wds-outside-root__/Infinity/etc/passwd",
        "/__wds-outside-root__/%31/secret",
        "/__wds-outside-root__//etc/passwd",
        "/__wds-outside-root__/1/",
        "/__wds-outside-root__/",
    ] {
        assert_eq!(get_refused(&server, target).await.status, 404, "{target}");
    }
}

#[tokio::test]
async fn a_link_out_of_the_root_is_refused_unless_its_folder_is_allowed() {
    let site = site_with_neighbours();
    let www = site.path().join("www");
    let link = |to: &Path, name: &str| symlink(to, www.join(name)).expect("a link");
    link(&site.path().join("secret"), "file");
    link(Path::new("../secret"), "relative");
    link(&site.path().join("www-secret"), "folder");
    link(Path::new("file"), "chain");
    link(Path::new("/"), "everything");
    link(Path::new("/etc"), "etc");
    link(Path::new("loop"), "loop");
    link(Path::new("nowhere"), "dangling");
    link(&www.join("app.js"), "inside");
    site.write("www-secret/.env", SECRET);
    let secret = site.path().join("secret").display().to_string();

    let server = serve_www(&site, &[]).await;
    for target in [
        "/file",
        "/relative",
        "/chain",
        "/folder/x",
        "/folder/",
        "/folder",
        "/etc/passwd",
    ] {
        let response = get_refused(&server, target).await;
        assert_eq!(response.status, 403, "{target}");
        assert!(response.text().contains("--allow-dir"), "{target}");
    }
    for target in [
        format!("/everything{secret}"),
        "/everything/etc/passwd".into(),
        "/everything/".into(),
        "/folder/missing".into(),
        "/folder/../file".into(),
        "/loop".into(),
        "/dangling".into(),
    ] {
        get_refused(&server, &target).await;
    }
    assert_eq!(
        server.get("/inside").await.text(),
        "1",
        "a link within the root"
    );

    let allowed = site.path().join("www-secret").display().to_string();
    let server = serve_www(&site, &["--allow-dir", &allowed]).await;
    assert_eq!(server.get("/folder/x").await.text(), SECRET);
    for target in [
        "/file",
        "/relative",
        "/chain",
        "/folder/../file",
        "/../www-secret/x",
        "/folder/.env",
    ] {
        get_refused(&server, target).await;
    }
}

#[tokio::test]
async fn names_on_the_deny_list_are_never_served() {
    let site = Site::new([
        ("www/index.html", "hi"),
        ("www/.env", SECRET),
        ("www/.ENV", SECRET),
        ("www/.env.local", SECRET),
        ("www/.git/config", SECRET),
        ("www/.GIT/HEAD", SECRET),
        ("www/sub/.git/index.html", SECRET),
        ("www/server.pem", SECRET),
        ("www/Server.KEY", SECRET),
        ("www/.npmrc", SECRET),
        ("www/.ssh/id_rsa", SECRET),
        ("www/.env~", SECRET),
        ("www/#.env#", SECRET),
        ("www/.#.env", SECRET),
        ("www/.envrc", SECRET),
        ("www/server.key~", SECRET),
        ("www/.server.key.swp", SECRET),
        ("www/server.key.orig", SECRET),
        ("www/pagewire.toml.old", SECRET),
        ("www/id_ed25519", SECRET),
        ("www/.git-credentials", SECRET),
        ("www/.docker/config.json", SECRET),
        ("www/.ssh.bak/config", SECRET),
        ("www/.env2", SECRET),
        ("www/id_rsaold", SECRET),
        ("www/.git2/config", SECRET),
        ("www/prod.env", SECRET),
        ("www/%2Fhome%2Fu%2F.env", SECRET),
        ("www/server.key.tar.gz", SECRET),
        ("www/server.key (conflicted copy 2024)", SECRET),
        ("www/pagewire.local.toml", SECRET),
        ("www/.cargo/credentials.toml", SECRET),
        ("www/kubeconfig", SECRET),
        ("www/prod.tfvars.json", SECRET),
        ("www/ssh_host_ed25519_key", SECRET),
        ("www/index.html~", "seen"),
        ("www/.gitignore", "seen"),
        ("www/.github/x.svg", "seen"),
        ("www/kubeconfig.ts.map", "seen"),
        ("www/message.key.js", "seen"),
        ("www/.hidden.txt", "seen"),
        ("www/.well-known/x.txt", "seen"),
        ("www/environment.js", "seen"),
    ]);
    let www = site.path().join("www");
    symlink(www.join(".env"), www.join("public.txt")).expect("a link");
    symlink(www.join(".git"), www.join("public")).expect("a link");
    let server = serve_www(&site, &[]).await;
    for target in [
        "/.env",
        "/.ENV",
        "/.Env",
        "/%2eenv",
        "/.%65nv",
        "/.env/",
        "/.env/.",
        "/./.env",
        "//.env",
        "/sub/../.env",
        "/.env?raw",
        "/.env?import&raw",
        "/.env?.txt",
        "/.env?/index.html",
        "/.env.local",
        "/.ENV.LOCAL",
        "/.git",
        "/.git/",
        "/.git/config",
        "/.GIT/HEAD",
        "/.Git/config",
        "/.git//config",
        "/.git/./config",
        "/sub/.git/",
        "/sub/.git/index.html",
        "/server.pem",
        "/server.PEM",
        "/server.pem?x",
        "/server.pem/.",
        "/Server.KEY",
        "/.npmrc",
        "/.ssh/id_rsa",
        "/.env~",
        "/%23.env%23",
        "/.%23.env",
        "/.envrc",
        "/server.key~",
        "/.server.key.swp",
        "/server.key.orig",
        "/pagewire.toml.old",
        "/id_ed25519",
        "/.git-credentials",
        "/.docker/config.json",
        "/.ssh.bak/config",
        "/.env2",
        "/id_rsaold",
        "/.git2/config",
        "/prod.env",
        "/%252Fhome%252Fu%252F.env",
        "/server.key.tar.gz",
        "/server.key%20(conflicted%20copy%202024)",
        "/pagewire.local.toml",
        "/.cargo/credentials.toml",
        "/kubeconfig",
        "/prod.tfvars.json",
        "/ssh_host_ed25519_key",
        // Through a link: the real path counts.
        "/public.txt",
        "/public/config",
    ] {
        let response = get_refused(&server, target).await;
        assert_eq!(response.status, 403, "{target}");
        assert!(response.text().contains("--allow-file"), "{target}");
    }
    for target in [
        "/.env%00.txt",
        "/.env#.txt",
        "/.env%20",
        "/.env%2f..%2f.env%5c",
        "/.env::$DATA",
    ] {
        get_refused(&server, target).await;
    }
    for target in [
        "/.hidden.txt",
        "/.well-known/x.txt",
        "/environment.js",
        "/index.html~",
        "/message.key.js",
        "/.gitignore",
        "/.github/x.svg",
        "/kubeconfig.ts.map",
    ] {
        assert_eq!(server.get(target).await.text(), "seen", "{target}");
    }

    let server = serve_www(
        &site,
        &["--allow-file", ".Env", "--allow-file", "server.pem"],
    )
    .await;
    for target in ["/.env", "/.ENV", "/server.pem", "/public.txt"] {
        assert_eq!(server.get(target).await.text(), SECRET, "{target}");
    }
    for target in [
        "/.env.local",
        "/.git/config",
        "/Server.KEY",
        "/public/config",
    ] {
        assert_eq!(get_refused(&server, target).await.status, 403, "{target}");
    }
}

#[tokio::test]
async fn the_control_token_is_not_served_even_from_a_root_that_holds_it() {
    // A script of the page port's origin could read it and gain the rights of a program.
    let site = site_with_neighbours();
    let mut command = command();
    let runtime = site.path().join("www");
    command
        .arg("serve")
        .arg(&runtime)
        .args(["--port", "0", "--control", "127.0.0.1:0"])
        .env("XDG_RUNTIME_DIR", &runtime);
    let server = TestServer::spawn(command).await;
    let file = server.ready["token_file"].as_str().expect("a token file");
    let target = file.strip_prefix(runtime.to_str().expect("UTF-8"));
    let target = target.expect("the token is below the root");
    symlink(file, runtime.join("linked.txt")).expect("a link");
    for target in [target, "/linked.txt", "/a/../linked.txt"] {
        let response = get_refused(&server, target).await;
        assert!(!contains(&response, &server.token), "{target}");
    }
    assert_eq!(server.get("/app.js").await.status, 200);
}
