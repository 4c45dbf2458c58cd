//! TLS to backends: which certificates are accepted, and why a handshake failed.

use crate::config::{ProxyRule, Trust};
use crate::paths::read_regular;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Why a rule of `proxy` cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TrustError {
    #[error("cannot read ca_file: {} (pass a PEM file)", .file.display())]
    Unreadable { file: PathBuf, source: io::Error },
    #[error("ca_file contains no certificate in PEM format: {} (pass a file with -----BEGIN CERTIFICATE)", .0.display())]
    Empty(PathBuf),
    #[error("ca_file contains an invalid certificate ({reason}): {} (export it again)", .file.display())]
    Invalid { file: PathBuf, reason: String },
    #[error("{0:?} cannot be the host of an https URL: no certificate can have this name")]
    Name(String),
}

/// Why there is no TLS connection, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[error("{reason} ({remedy})")]
pub(super) struct HandshakeError {
    reason: String,
    remedy: &'static str,
}

/// Client of one backend.
pub(super) struct TlsClient {
    connector: TlsConnector,
    /// The name that is sent (SNI) and that the certificate must have.
    name: ServerName<'static>,
    trust: Trust,
}

impl TlsClient {
    pub(super) fn new(host: &str, trust: &Trust) -> Result<Self, TrustError> {
        let versions = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("ring supports every version of TLS that rustls enables");
        let mut config = match trust {
            Trust::System => versions.with_root_certificates(system_roots()),
            Trust::CaFile(file) => {
                let trusted = Trusted::load(file)?;
                versions
                    .dangerous()
                    .with_custom_certificate_verifier(Arc::new(Verifier::new(Some(trusted))))
            }
            Trust::Insecure => versions
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Verifier::new(None))),
        }
        .with_no_client_auth();
        // Requests of HTTP/1.1 are what the tunnels of WebSockets begin with.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            connector: TlsConnector::from(Arc::new(config)),
            name: server_name(host)?,
            trust: trust.clone(),
        })
    }

    pub(super) async fn connect(
        &self,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, HandshakeError> {
        let connected = self.connector.connect(self.name.clone(), stream).await;
        connected.map_err(|error| self.failure(&error))
    }

    fn failure(&self, error: &io::Error) -> HandshakeError {
        let tls = error.get_ref().and_then(|error| error.downcast_ref());
        let (reason, remedy) = match tls {
            Some(Error::InvalidCertificate(error)) => self.refusal(error),
            Some(Error::InvalidMessage(_)) => (
                "it does not speak TLS".to_owned(),
                "write http:// in the proxy setting",
            ),
            Some(Error::AlertReceived(alert)) => (
                format!("it refused the TLS handshake: {}", words(alert)),
                "see its log; it must accept TLS 1.2 or 1.3 with HTTP/1.1, and require no client certificate",
            ),
            Some(Error::PeerIncompatible(reason)) => (
                format!(
                    "it has no version or method of TLS in common with pagewire: {}",
                    words(reason)
                ),
                "let it accept TLS 1.2 or 1.3 with current cipher suites",
            ),
            Some(Error::PeerMisbehaved(reason)) => (
                format!("it violates the TLS protocol: {}", words(reason)),
                "see its log",
            ),
            Some(error) => (
                format!("the TLS handshake failed: {}", words(error)),
                "see its log",
            ),
            None => (
                format!("the TLS handshake was not completed: {error}"),
                "see its log; if it does not speak TLS, write http:// in the proxy setting",
            ),
        };
        HandshakeError { reason, remedy }
    }

    /// Explains why a certificate was refused.
    fn refusal(&self, error: &CertificateError) -> (String, &'static str) {
        let date = |time: &UnixTime| {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(time.as_secs());
            httpdate::fmt_http_date(time)
        };
        match error {
            // The signature is bad when an authority has the name of another one, such as its predecessor.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => match &self.trust {
                Trust::CaFile(file) => (
                    format!(
                        "its certificate was not issued by an authority in ca_file {}",
                        file.display()
                    ),
                    "set ca_file to the certificate of its issuer, or insecure to accept any certificate",
                ),
                _ => (
                    "its certificate is self-signed, or was issued by an authority that this system does not trust"
                        .to_owned(),
                    "set ca_file of this proxy rule to the certificate of its issuer, or insecure to accept any certificate",
                ),
            },
            CertificateError::ExpiredContext { not_after, .. } => (
                format!("its certificate expired on {}", date(not_after)),
                "renew it, or set insecure to accept any certificate",
            ),
            CertificateError::NotValidYetContext { not_before, .. } => (
                format!("its certificate is not valid before {}", date(not_before)),
                "check both clocks, or set insecure to accept any certificate",
            ),
            CertificateError::NotValidForNameContext { presented, .. } => {
                let names: Vec<_> = presented.iter().map(|name| plain_name(name)).collect();
                let names = match names.join(", ") {
                    none if none.is_empty() => "no host (it has no subjectAltName)".to_owned(),
                    names => names,
                };
                (
                    format!(
                        "its certificate is not for {} but for {names}",
                        self.name.to_str()
                    ),
                    "use a host that it names in the proxy setting, or set insecure to accept any certificate",
                )
            }
            // `openssl req -x509` marks a self-signed certificate as an authority. The library refuses that before
            // it looks for an issuer.
            error if certificate_error(error) == CA_AS_SERVER => match &self.trust {
                Trust::CaFile(file) => (
                    format!(
                        "its certificate is self-signed, or an authority's own, and is not in ca_file {}",
                        file.display()
                    ),
                    "set ca_file to this certificate, or insecure to accept any certificate",
                ),
                _ => (
                    "its certificate is self-signed, or an authority's own, and is not in ca_file, which is not set"
                        .to_owned(),
                    "set ca_file of this proxy rule to this certificate, or insecure to accept any certificate",
                ),
            },
            // It cannot be parsed, not even to accept any.
            error if certificate_error(error) == OLD_VERSION => (
                "its certificate is of an old version of X.509".to_owned(),
                "create it again in version 3: with a subjectAltName, it is",
            ),
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => (
                "its certificate is not one of a server (its extendedKeyUsage lacks serverAuth)"
                    .to_owned(),
                "replace it, or set insecure to accept any certificate",
            ),
            CertificateError::UnsupportedSignatureAlgorithmContext { .. }
            | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => (
                "its certificate, or that of its issuer, has a signature of an unsupported kind, such as SHA-1"
                    .to_owned(),
                "create it again with SHA-256, or set insecure to accept any certificate",
            ),
            error => (
                format!("its certificate is not valid: {}", certificate_error(error)),
                match self.trust {
                    // It cannot even be parsed.
                    Trust::Insecure => "create it again",
                    _ => "create it again, or set insecure to accept any certificate",
                },
            ),
        }
    }
}

/// What [`certificate_error`] returns for a server's certificate that is marked as an authority.
const CA_AS_SERVER: &str = "ca used as end entity";

/// What it returns for a certificate without extensions, as `openssl x509 -signkey` creates them.
const OLD_VERSION: &str = "unsupported cert version";

/// Returns what is wrong with a certificate, in words.
fn certificate_error(error: &CertificateError) -> String {
    match error {
        // An error of the library below, which has no type here.
        CertificateError::Other(error) => words(&error.0),
        error => words(error),
    }
}

/// Returns the name of an error as words: of `NoCipherSuitesInCommon`, "no cipher suites in common".
fn words(error: impl fmt::Debug) -> String {
    let text = format!("{error:?}");
    let name = text.split(|c: char| !c.is_alphanumeric());
    let mut words = String::new();
    for c in name.take(1).flat_map(str::chars) {
        if c.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(c.to_lowercase());
    }
    words
}

/// Takes the name out of `DnsName("localhost")` or `IpAddress(127.0.0.1)`.
fn plain_name(name: &str) -> &str {
    let inner = name
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.map_or(name, |name| name.trim_matches('"'))
}

/// Checks the hosts and the `ca_file`s of the rules.
pub(crate) fn check_trust(rules: &[ProxyRule]) -> Result<(), TrustError> {
    for rule in rules {
        if rule.backend.scheme() == "https" {
            server_name(rule.backend.host())?;
        }
        if let Trust::CaFile(file) = &rule.trust {
            Trusted::load(file)?;
        }
    }
    Ok(())
}

/// Returns the crypto provider. Never the process's default: that panics once two are compiled in.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn server_name(host: &str) -> Result<ServerName<'static>, TrustError> {
    ServerName::try_from(host.to_owned()).map_err(|_| TrustError::Name(host.to_owned()))
}

/// Loads the authorities that the system trusts. Those that cannot be read or are malformed are left out.
fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::debug!(target: "pagewire::pages", %error, "cannot read certificates of the system");
    }
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        tracing::warn!(
            target: "pagewire::pages",
            "the system has no root certificates, so no https backend is trusted (install ca-certificates, or set ca_file in the proxy setting)"
        );
    }
    roots
}

/// Content of a `ca_file`.
#[derive(Debug)]
struct Trusted {
    authorities: Arc<WebPkiServerVerifier>,
    certificates: Vec<CertificateDer<'static>>,
}

impl Trusted {
    fn load(file: &Path) -> Result<Self, TrustError> {
        let content = read_regular(file).map_err(|source| TrustError::Unreadable {
            file: file.to_owned(),
            source,
        })?;
        let certificates: Result<Vec<_>, pem::Error> =
            CertificateDer::pem_slice_iter(&content).collect();
        let certificates = certificates.unwrap_or_default();
        let mut roots = RootCertStore::empty();
        for certificate in &certificates {
            let added = roots.add(certificate.clone());
            added.map_err(|error| TrustError::Invalid {
                file: file.to_owned(),
                reason: match &error {
                    Error::InvalidCertificate(error) => certificate_error(error),
                    error => words(error),
                },
            })?;
        }
        let verifier = WebPkiServerVerifier::builder_with_provider(roots.into(), provider());
        let authorities = verifier.build();
        let authorities = authorities.map_err(|_| TrustError::Empty(file.to_owned()))?;
        Ok(Self {
            authorities,
            certificates,
        })
    }
}

/// Verifier of the certificates of one backend.
#[derive(Debug)]
struct Verifier {
    /// `None` accepts any certificate (`insecure`).
    trusted: Option<Trusted>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    fn new(trusted: Option<Trusted>) -> Self {
        Self {
            trusted,
            algorithms: provider().signature_verification_algorithms,
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(trusted) = &self.trusted else {
            return Ok(ServerCertVerified::assertion());
        };
        let verified = trusted.authorities.verify_server_cert(
            end_entity,
            intermediates,
            name,
            ocsp_response,
            now,
        );
        match verified {
            // `openssl req -x509` marks a self-signed certificate as an authority, which the library refuses
            // as a server's, after it has checked its dates. The user has named this very certificate.
            Err(Error::InvalidCertificate(CertificateError::Other(_)))
                if trusted.certificates.contains(end_entity) =>
            {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::{AlertDescription, OtherError, PeerIncompatible, PeerMisbehaved};

    #[test]
    fn every_failure_is_told_in_words() {
        #[derive(Debug, thiserror::Error)]
        #[error("PathLenConstraintViolated")]
        struct PathLenConstraintViolated;
        #[derive(Debug, thiserror::Error)]
        #[error("UnsupportedCertVersion")]
        struct UnsupportedCertVersion;

        let client = TlsClient::new("localhost", &Trust::Insecure).unwrap();
        let other = || OtherError(Arc::new(PathLenConstraintViolated));
        for (error, reason) in [
            (
                CertificateError::BadEncoding.into(),
                "its certificate is not valid: bad encoding (create it again)",
            ),
            (
                CertificateError::Other(other()).into(),
                "its certificate is not valid: path len constraint violated (create it again)",
            ),
            (
                CertificateError::Other(OtherError(Arc::new(UnsupportedCertVersion))).into(),
                "is of an old version of X.509 (create it again in version 3",
            ),
            (
                Error::AlertReceived(AlertDescription::HandshakeFailure),
                "it refused the TLS handshake: handshake failure (",
            ),
            (
                Error::PeerIncompatible(PeerIncompatible::NoCipherSuitesInCommon),
                "in common with pagewire: no cipher suites in common (",
            ),
            (
                Error::PeerMisbehaved(PeerMisbehaved::TooManyEmptyFragments),
                "it violates the TLS protocol: too many empty fragments (",
            ),
            (
                Error::NoCertificatesPresented,
                "failed: no certificates presented (",
            ),
            (Error::General("a B".into()), "failed: general ("),
            (Error::Other(other()), "failed: other ("),
        ] {
            let failure = client.failure(&io::Error::other(error)).to_string();
            assert!(failure.contains(reason), "{reason:?} in {failure}");
        }
    }
}
