//! TLS on the page port: what it shows of itself, and which protocols it offers.

use super::certificate::Localhost;
use crate::config::Certificate;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;
use tokio_rustls::TlsAcceptor;

/// HTTP/2, as it is called in the handshake (RFC 7301).
pub(super) const H2: &[u8] = b"h2";

/// Why pages cannot be served by TLS.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    /// The file is missing, or not ours to read.
    #[error("{setting} cannot be read: {} (pass a PEM file)", .file.display())]
    Unreadable {
        /// Which of the two.
        setting: &'static str,
        /// The file.
        file: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Nothing of the kind is in it.
    #[error("{setting} holds no {what} in PEM: {} (pass a file with -----BEGIN {})", .file.display(), .what.to_uppercase())]
    Empty {
        /// Which of the two.
        setting: &'static str,
        /// What was looked for.
        what: &'static str,
        /// The file.
        file: PathBuf,
    },
    /// They are of no use, or not together.
    #[error("tls_cert {} and tls_key {} cannot be used together (pass a certificate and the key it was made for)", .cert.display(), .key.display())]
    Unusable {
        /// The certificate.
        cert: PathBuf,
        /// The key.
        key: PathBuf,
        /// What the library said.
        source: rustls::Error,
    },
    /// There is no place to keep a certificate.
    #[error(
        "there is no folder to keep a certificate in (set HOME, or pass --tls-cert and --tls-key)"
    )]
    NoDataFolder,
    /// The certificate cannot be made or written.
    #[error("a certificate for localhost cannot be kept in {} (make the folder writable, or pass --tls-cert and --tls-key)", .folder.display())]
    NotKept {
        /// Where.
        folder: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

/// What the page port needs to speak TLS.
pub(super) struct Tls {
    pub(super) acceptor: TlsAcceptor,
    /// Holds a private key.
    pub(super) key_file: PathBuf,
    /// Who vouches for a certificate of our own.
    pub(super) authority_file: Option<PathBuf>,
}

impl Tls {
    /// Reads the files, or makes them.
    pub(super) fn load(certificate: &Certificate) -> Result<Self, TlsError> {
        let (cert, key, authority_file) = match certificate {
            Certificate::Files { cert, key } => (cert.clone(), key.clone(), None),
            Certificate::Localhost => {
                let Localhost {
                    file,
                    authority_file,
                } = Localhost::load()?;
                (file.clone(), file, Some(authority_file))
            }
        };
        let identity = identity(&cert, &key)?;
        let versions = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("ring has what every version of TLS needs");
        let mut config = versions
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(identity)));
        config.alpn_protocols = vec![H2.to_vec(), b"http/1.1".to_vec()];
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            key_file: key,
            authority_file,
        })
    }
}

/// Never the process's default: that panics once two providers are compiled in.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// Whether these files can be served with.
///
/// # Errors
/// They cannot, and why.
pub(crate) fn check_files(cert: &Path, key: &Path) -> Result<(), TlsError> {
    identity(cert, key).map(drop)
}

/// A certificate with the key that belongs to it.
pub(super) fn identity(cert: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
    let read = |setting, file: &Path| {
        std::fs::read(file).map_err(|source| TlsError::Unreadable {
            setting,
            file: file.to_owned(),
            source,
        })
    };
    let empty = |setting, what, file: &Path| TlsError::Empty {
        setting,
        what,
        file: file.to_owned(),
    };
    let chain = certificates(&read("tls_cert", cert)?);
    let chain = chain.filter(|chain| !chain.is_empty());
    let chain = chain.ok_or_else(|| empty("tls_cert", "certificate", cert))?;
    let secret = PrivateKeyDer::from_pem_slice(&read("tls_key", key)?)
        .map_err(|_| empty("tls_key", "private key", key))?;
    CertifiedKey::from_der(chain, secret, &provider()).map_err(|source| TlsError::Unusable {
        cert: cert.to_owned(),
        key: key.to_owned(),
        source,
    })
}

fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let certificates: Result<_, pem::Error> = CertificateDer::pem_slice_iter(pem).collect();
    certificates.ok()
}

/// Whether a client that trusts this authority takes the identity for a server of this name.
pub(super) fn is_trusted(
    identity: &CertifiedKey,
    authority_file: &Path,
    name: &'static str,
    at: SystemTime,
) -> bool {
    let judge = || {
        let mut roots = RootCertStore::empty();
        for authority in certificates(&std::fs::read(authority_file).ok()?)? {
            roots.add(authority).ok()?;
        }
        let verifier = WebPkiServerVerifier::builder_with_provider(roots.into(), provider());
        let verifier = verifier.build().ok()?;
        let at = at.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        let [certificate, between @ ..] = &identity.cert[..] else {
            return None;
        };
        let name = ServerName::try_from(name).ok()?;
        let at = UnixTime::since_unix_epoch(at);
        verifier
            .verify_server_cert(certificate, between, &name, &[], at)
            .ok()
    };
    judge().is_some()
}
