//! Certificates of https backends: which are accepted, and what is said about the others.

use super::response_bytes;
use crate::support::{Site, TestServer, Wire, command, run, within};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair,
};
use rustix::process::Signal;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

const DAY: Duration = Duration::from_hours(24);

/// Content of a certificate.
pub struct Identity(CertificateParams);

impl Identity {
    pub fn of(names: &[&str]) -> Self {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        Self(CertificateParams::new(names).expect("names"))
    }

    /// Makes it valid from so many days ago until so many days ago.
    fn valid(mut self, from: u32, until: u32) -> Self {
        self.0.not_before = (SystemTime::now() - DAY * from).into();
        self.0.not_after = (SystemTime::now() - DAY * until).into();
        self
    }

    /// Makes it valid in the future.
    fn not_yet(mut self) -> Self {
        self.0.not_before = (SystemTime::now() + DAY).into();
        self
    }

    /// Marks it as an authority, as `openssl req -x509` does.
    fn authority(mut self) -> Self {
        self.0.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        self
    }

    /// Allows it for clients only.
    fn for_clients(mut self) -> Self {
        self.0.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self
    }

    fn self_signed(&self) -> Certificate {
        let key = KeyPair::generate().expect("a key");
        let certificate = self.0.self_signed(&key).expect("a certificate");
        Certificate {
            pem: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}

/// A certificate with its key.
pub struct Certificate {
    pem: String,
    key: String,
}

impl Certificate {
    pub fn acceptor(&self) -> TlsAcceptor {
        let chain = CertificateDer::pem_slice_iter(self.pem.as_bytes());
        let chain = chain.collect::<Result<_, _>>().expect("PEM");
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).expect("PEM");
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions of TLS")
            .with_no_client_auth()
            .with_single_cert(chain, key);
        let mut config = config.expect("a certificate");
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }
}

pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = Identity::of(&[]).authority().0;
        params.distinguished_name = DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CommonName, "authority of a test");
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    pub fn pem(&self) -> &str {
        &self.pem
    }

    pub fn issue(&self, identity: &Identity) -> Certificate {
        let key = KeyPair::generate().expect("a key");
        let certificate = identity.0.signed_by(&key, &self.issuer);
        Certificate {
            pem: certificate.expect("a certificate").pem(),
            key: key.serialize_pem(),
        }
    }
}

/// Serves "secure" to every request, with this certificate, and returns the port.
async fn serving(certificate: &Certificate) -> u16 {
    let acceptor = certificate.acceptor();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A client that refuses the certificate ends the handshake.
            let Ok(stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut wire = Wire::of(stream);
            wire.read_until("\r\n\r\n").await;
            wire.write(response_bytes("200 OK", "", "secure")).await;
            wire.close().await;
        }
    });
    port
}

async fn proxying_to(rule: &str) -> TestServer {
    TestServer::start_with(&Site::new([]), &["--proxy", rule]).await
}

/// Starts a daemon on a system that trusts the certificates in this file.
async fn on_a_system_that_trusts(file: &Path, rule: &str) -> TestServer {
    let mut command = command();
    command
        .arg("serve")
        .arg(file.parent().expect("a folder"))
        .args(["--port", "0", "--control", "127.0.0.1:0", "--proxy", rule])
        .env("SSL_CERT_FILE", file)
        .env_remove("SSL_CERT_DIR");
    TestServer::spawn(command).await
}

#[tokio::test]
async fn a_backend_is_trusted_by_the_systems_roots_or_ca_file_or_insecure() {
    let (trusted, other) = (Authority::new(), Authority::new());
    let site = Site::new([("trusted.pem", trusted.pem()), ("other.pem", other.pem())]);
    let file = |name: &str| site.path().join(name);
    let port = serving(&trusted.issue(&Identity::of(&["localhost"]))).await;
    let url = format!("https://localhost:{port}");
    let option = |name: &str| format!("{url} ca_file={}", file(name).display());
    for (system, rule, status) in [
        ("trusted.pem", url.clone(), 200),
        ("other.pem", url.clone(), 502),
        ("other.pem", option("trusted.pem"), 200),
        // ca_file replaces the system's roots.
        ("trusted.pem", option("other.pem"), 502),
        ("other.pem", format!("{url} insecure"), 200),
    ] {
        let server = on_a_system_that_trusts(&file(system), &rule).await;
        let response = server.get("/").await;
        let text = response.text();
        assert_eq!(response.status, status, "{rule} with {system}: {text}");
        assert_eq!(text == "secure", status == 200, "{text}");
    }
}

#[tokio::test]
async fn a_self_signed_certificate_can_be_its_own_ca_file() {
    let plain = Identity::of(&["localhost"]).self_signed();
    let by_openssl = Identity::of(&["localhost"]).authority().self_signed();
    let expired = Identity::of(&["localhost"]).authority().valid(9, 2);
    let of_another = Identity::of(&["other.example"]).authority();
    for (certificate, expected) in [
        (plain, "secure"),
        (by_openssl, "secure"),
        (expired.self_signed(), "its certificate expired on "),
        (
            of_another.self_signed(),
            "is not for localhost but for other.example (",
        ),
    ] {
        let site = Site::new([("own.pem", &certificate.pem)]);
        let port = serving(&certificate).await;
        let own = site.path().join("own.pem");
        let rule = format!("https://localhost:{port} ca_file={}", own.display());
        let text = proxying_to(&rule).await.get("/").await.text();
        assert!(text.contains(expected), "{expected:?} in {text}");
    }
}

#[tokio::test]
async fn a_refused_certificate_is_explained_with_what_to_set_and_logged_once() {
    let authority = Authority::new();
    let other = Authority::new();
    let site = Site::new([("authority.pem", authority.pem())]);
    let ca_file = format!(" ca_file={}", site.path().join("authority.pem").display());
    let local = || Identity::of(&["localhost"]);
    let no_name = Identity::of(&[]);
    let names = Identity::of(&["dev.example", "*.dev.example", "10.0.0.1"]);
    for (certificate, options, parts) in [
        (
            local().self_signed(),
            "",
            [
                "is self-signed, or was issued by an authority that this system does not trust",
                "set ca_file",
            ],
        ),
        (
            local().authority().self_signed(),
            "",
            [
                "is self-signed, or an authority's own, and is not in ca_file, which is not set (",
                "set ca_file of this proxy rule to this certificate, or insecure to accept any",
            ],
        ),
        (
            local().authority().self_signed(),
            &*ca_file,
            [
                "is self-signed, or an authority's own, and is not in ca_file /",
                "set ca_file to this certificate, or insecure to accept any",
            ],
        ),
        (
            authority.issue(&local().for_clients()),
            &ca_file,
            ["is not one of a server", "or set insecure"],
        ),
        (
            other.issue(&local()),
            &*ca_file,
            ["was not issued by an authority in ca_file", "or insecure"],
        ),
        (
            authority.issue(&local().valid(9, 2)),
            &ca_file,
            ["its certificate expired on ", "renew it, or set insecure"],
        ),
        (
            authority.issue(&local().not_yet()),
            &ca_file,
            [
                "its certificate is not valid before ",
                "check both clocks, or set insecure",
            ],
        ),
        (
            authority.issue(&names),
            &ca_file,
            [
                "is not for localhost but for dev.example, *.dev.example, 10.0.0.1 (",
                "use a host that it names",
            ],
        ),
        (
            authority.issue(&no_name),
            &ca_file,
            ["is not for localhost but for no host", "or set insecure"],
        ),
    ] {
        let port = serving(&certificate).await;
        let url = format!("https://localhost:{port}");
        let server = proxying_to(&format!("{url}{options}")).await;
        for _ in 0..2 {
            let response = server.get("/").await;
            assert_eq!(response.status, 502);
            let text = response.text();
            for part in [&*url, parts[0], parts[1]] {
                assert!(text.contains(part), "{part:?} in {text}");
            }
        }
        server.signal(Signal::TERM);
        let (_, output) = server.wait_for_exit().await;
        assert_eq!(output.matches(parts[0]).count(), 1, "{output}");
        // The same certificate is accepted once the user says so.
        let server = proxying_to(&format!("{url} insecure")).await;
        assert_eq!(server.get("/").await.text(), "secure");
        server.signal(Signal::TERM);
        let (_, output) = server.wait_for_exit().await;
        assert_eq!(
            output.matches("is not checked (insecure)").count(),
            1,
            "{output}"
        );
    }
}

#[tokio::test]
async fn only_the_rule_that_says_so_skips_the_check() {
    let certificate = Identity::of(&["localhost"]).self_signed();
    let port = serving(&certificate).await;
    let site = Site::new([(
        "pagewire.toml",
        &format!(
            "[proxy]\n'/open' = {{ url = 'https://localhost:{port}', insecure = true }}\n\
             '/closed' = {{ url = 'https://localhost:{port}', insecure = false }}\n\
             '/own' = {{ url = 'https://localhost:{port}', ca_file = 'own.pem' }}\n\
             '/plain' = 'https://localhost:{port}'\n"
        ),
    )]);
    site.write("own.pem", &certificate.pem);
    let server = TestServer::start(&site).await;
    // The order matters: a connection that was opened without a check must not be used by another rule.
    for (path, status) in [
        ("/open/x", 200),
        ("/closed/x", 502),
        ("/own/x", 200),
        ("/plain/x", 502),
        ("/open/x", 200),
    ] {
        assert_eq!(server.get(path).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn every_mistake_in_a_rule_is_reported_when_the_daemon_starts() {
    let site = Site::new([
        ("empty.pem", ""),
        (
            "broken.pem",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ),
    ]);
    let path = |name: &str| site.path().join(name).display().to_string();
    let rule = |file: &str| format!("https://localhost:1 ca_file={}", path(file));
    for (rule, parts) in [
        (
            rule("none.pem"),
            ["--proxy: cannot read ca_file", "none.pem"],
        ),
        (
            rule("empty.pem"),
            ["ca_file contains no certificate", "empty.pem"],
        ),
        (
            rule("broken.pem"),
            [
                "ca_file contains an invalid certificate (bad encoding)",
                "broken.pem",
            ],
        ),
        (rule(""), ["cannot read ca_file", "not a regular file"]),
        (
            "https://-a".to_owned(),
            ["cannot be the host of an https URL", "-a"],
        ),
        (
            "https://a secure".to_owned(),
            ["is not an option of a backend", "insecure"],
        ),
        (
            "http://a insecure".to_owned(),
            ["is not the URL of a server", "for https URLs"],
        ),
    ] {
        for verb in ["serve", "config"] {
            let mut command = command();
            command.arg(verb).arg(site.path()).args(["--proxy", &rule]);
            let refused = run(command).await;
            assert_eq!(refused.code, Some(2), "{verb} {rule}: {}", refused.stderr);
            for part in parts {
                assert!(
                    refused.stderr.contains(part),
                    "{part:?}: {}",
                    refused.stderr
                );
            }
        }
    }
    for (table, problem) in [
        (
            "{ ca_file = 'x' }",
            "pagewire.toml:2:7: proxy: url is missing",
        ),
        (
            "{ url = 'https://a', insecure = 'yes' }",
            "pagewire.toml:2:39: proxy: insecure must be true or false",
        ),
        (
            "{ url = 'https://a', ca_fil = 'x' }",
            "pagewire.toml:2:28: proxy: unknown key \"ca_fil\"",
        ),
        (
            "{ url = 'https://a', ca_file = 'x', insecure = true }",
            "exclude each other",
        ),
        ("1", "pagewire.toml:2:7: proxy: must be a URL, or a table"),
    ] {
        site.write("pagewire.toml", format!("[proxy]\n'/' = {table}\n"));
        let mut command = command();
        command.current_dir(site.path()).args(["config"]);
        let refused = run(command).await;
        assert_eq!(refused.code, Some(2), "{table}: {}", refused.stderr);
        assert!(
            refused.stderr.contains(problem),
            "{problem:?}: {}",
            refused.stderr
        );
    }
}

#[tokio::test]
async fn a_backend_that_does_not_answer_the_handshake_times_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let rule = format!("https://{}", listener.local_addr().expect("an address"));
    let server = proxying_to(&rule).await;
    let far = async { within("a connection", listener.accept()).await };
    let (_held, response) = tokio::join!(far, server.get("/"));
    assert_eq!(response.status, 504);
    let text = response.text();
    let expected = format!("cannot connect to {rule} within 5s: it accepted the connection");
    assert!(text.contains(&expected), "{text}");
}
