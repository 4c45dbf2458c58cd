//! Certificates are created, cached, replaced and private; mistakes are reported with a remedy.

use super::{authority, certificate, http2};
use crate::support::{Http2, Site, TestServer, command, run, tls, within};
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tempfile::TempDir;

/// Starts a daemon that stores its certificate in this folder.
async fn keeping_in(folder: &TempDir, site: &Site) -> TestServer {
    let mut command = command();
    command.arg("serve").arg(site.path()).args([
        "--tls",
        "--port",
        "0",
        "--control",
        "127.0.0.1:0",
    ]);
    command.env("XDG_DATA_HOME", folder.path());
    TestServer::spawn(command).await
}

fn mode(path: &Path) -> u32 {
    let metadata = std::fs::metadata(path).expect("it is there");
    metadata.permissions().mode() & 0o777
}

#[tokio::test]
async fn the_certificate_is_private_and_shared_by_concurrent_daemons() {
    let (site, folder) = (Site::page(), tempfile::tempdir().expect("a folder"));
    // None of them finds a certificate.
    let starts = [(); 4].map(|()| keeping_in(&folder, &site));
    let servers = within("four daemons", futures_util::future::join_all(starts)).await;
    let stored = folder.path().join("pagewire/localhost.pem");
    let first = std::fs::read(&stored).expect("the certificate");
    assert_eq!(mode(&stored), 0o600);
    assert_eq!(mode(&folder.path().join("pagewire")), 0o700);
    for server in &servers {
        assert_eq!(
            authority(server),
            folder.path().join("pagewire/authority.pem")
        );
        for name in ["localhost", "127.0.0.1", "::1"] {
            let connected = tls(server.http(), name, &authority(server), &[]).await;
            assert!(connected.is_ok(), "{name}: {connected:?}");
        }
    }
    drop(servers);
    let server = keeping_in(&folder, &site).await;
    assert_eq!(
        std::fs::read(&stored).expect("the certificate"),
        first,
        "after a restart"
    );
    assert_eq!(
        http2(&server)
            .await
            .get("https://localhost/", &[])
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn an_unusable_certificate_is_replaced() {
    let (site, folder) = (Site::page(), tempfile::tempdir().expect("a folder"));
    drop(keeping_in(&folder, &site).await);
    let file = |name: &str| folder.path().join("pagewire").join(name);
    let made = std::fs::read_to_string(file("localhost.pem")).expect("the certificate");
    let soon = certificate(&["localhost"], 10);
    let (other, _) = certificate(&["localhost"], 100);
    for (what, stored, authority) in [
        ("it ends soon", soon.0.clone() + &soon.1, soon.0.clone()),
        ("its authority is another", made.clone(), other),
        (
            "it is broken",
            made[..made.len() / 2].to_owned(),
            soon.0.clone(),
        ),
        ("it is empty", String::new(), String::new()),
    ] {
        std::fs::write(file("localhost.pem"), &stored).expect("a file");
        std::fs::write(file("authority.pem"), &authority).expect("a file");
        let server = keeping_in(&folder, &site).await;
        let renewed = std::fs::read_to_string(file("localhost.pem")).expect("the certificate");
        assert_ne!(renewed, stored, "{what}");
        assert_eq!(mode(&file("localhost.pem")), 0o600, "{what}");
        let response = http2(&server).await.get("https://localhost/", &[]).await;
        assert_eq!(response.status, 200, "{what}");
    }
    // A certificate that is valid for long enough is reused, whatever created it.
    let (cert, key) = certificate(&["localhost"], 40);
    std::fs::write(file("localhost.pem"), cert.clone() + &key).expect("a file");
    std::fs::write(file("authority.pem"), &cert).expect("a file");
    drop(keeping_in(&folder, &site).await);
    let stored = std::fs::read_to_string(file("localhost.pem")).expect("the certificate");
    assert_eq!(stored, cert + &key);
}

/// Creates a site with a certificate for dev.example in a folder below its root.
fn site_with_certificate() -> Site {
    let (cert, key) = certificate(&["dev.example"], 100);
    let site = Site::page();
    site.write("tls/cert.pem", cert);
    site.write("tls/key.pem", key);
    site
}

#[tokio::test]
async fn configured_certificate_files_are_used_and_the_key_is_never_served() {
    let site = site_with_certificate();
    site.write(
        "pagewire.toml",
        "tls_cert = 'tls/cert.pem'\ntls_key = 'tls/key.pem'\n\
         allow_host = 'dev.example'\nallow_file = ['cert.pem', 'key.pem']",
    );
    let server = TestServer::start(&site).await;
    assert_eq!(server.ready["authority_file"], json!(null));
    let trusted = site.path().join("tls/cert.pem");
    let connected = tls(server.http(), "dev.example", &trusted, &["h2"]).await;
    let mut browser = Http2::over(connected.expect("the given certificate")).await;
    for (path, status) in [("/", 200), ("/tls/cert.pem", 200), ("/tls/key.pem", 404)] {
        let response = browser
            .get(&format!("https://dev.example{path}"), &[])
            .await;
        assert_eq!(response.status, status, "{path}");
    }
    let plain = TestServer::start_with(&site, &["--tls=false"]).await;
    assert_eq!(plain.get("/").await.status, 200, "an explicit off wins");
}

#[tokio::test]
async fn every_certificate_mistake_is_reported_with_a_remedy() {
    let site = site_with_certificate();
    let (_, other_key) = certificate(&["dev.example"], 100);
    site.write("tls/other.key", other_key);
    site.write("tls/empty.pem", "");
    site.write(
        "tls/broken.pem",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    );
    let path = |name: &str| site.path().join("tls").join(name).display().to_string();
    let (cert, key) = (path("cert.pem"), path("key.pem"));
    for (arguments, words) in [
        (
            &["--tls-cert", &cert][..],
            "but tls_key is not set (set both",
        ),
        (&["--tls-key", &key], "but tls_cert is not set (set both"),
        (
            &["--tls-cert", &path("none"), "--tls-key", &key],
            "--tls-cert: cannot read tls_cert",
        ),
        (
            &["--tls-cert", &cert, "--tls-key", &path("")],
            "cannot read tls_key",
        ),
        (
            &["--tls-cert", &path("empty.pem"), "--tls-key", &key],
            "tls_cert contains no certificate",
        ),
        (
            &["--tls-cert", &cert, "--tls-key", &path("empty.pem")],
            "tls_key contains no private key",
        ),
        (
            &["--tls-cert", &cert, "--tls-key", &cert],
            "tls_key contains no private key",
        ),
        (
            &["--tls-cert", &key, "--tls-key", &key],
            "tls_cert contains no certificate",
        ),
        (
            &["--tls-cert", &path("broken.pem"), "--tls-key", &key],
            "cannot be used together",
        ),
        (
            &["--tls-cert", &cert, "--tls-key", &path("other.key")],
            "cannot be used together",
        ),
        (&["--tls=maybe"], "maybe"),
    ] {
        for verb in ["serve", "config"] {
            let mut command = command();
            command.arg(verb).arg(site.path()).args(arguments);
            let refused = run(command).await;
            assert_eq!(
                refused.code,
                Some(2),
                "{verb} {arguments:?}: {}",
                refused.stderr
            );
            assert!(
                refused.stderr.contains(words),
                "{words:?}: {}",
                refused.stderr
            );
        }
    }
    let mut command = command();
    command.arg("serve").arg(site.path()).arg("--tls");
    command.env_remove("XDG_DATA_HOME").env_remove("HOME");
    let homeless = run(command).await;
    assert_eq!(homeless.code, Some(2), "{}", homeless.stderr);
    assert!(
        homeless.stderr.contains("set HOME, or pass --tls-cert"),
        "{}",
        homeless.stderr
    );
    let mut command = crate::support::command();
    command
        .arg("serve")
        .arg(site.path())
        .arg("--tls")
        .env("XDG_DATA_HOME", &cert);
    let blocked = run(command).await;
    assert_eq!(blocked.code, Some(2), "{}", blocked.stderr);
    assert!(
        blocked.stderr.contains("make the folder writable"),
        "{}",
        blocked.stderr
    );
}
