//! A certificate with its private key: loading and verification.

use super::error::TlsError;
use crate::paths::read_regular;
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

/// Returns the crypto provider. Never the process's default: that panics once two are compiled in.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// Checks that pages can be served with these files.
pub(crate) fn check_files(cert: &Path, key: &Path) -> Result<(), TlsError> {
    load(cert, key).map(drop)
}

/// Loads a certificate chain and the private key of its first certificate.
pub(super) fn load(cert: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
    let read = |setting, file: &Path| {
        read_regular(file).map_err(|source| TlsError::Unreadable {
            setting,
            file: file.to_owned(),
            source,
        })
    };
    let empty = |setting, content, file: &Path| TlsError::Empty {
        setting,
        content,
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

/// Returns whether a client that trusts this authority accepts the identity for this server name.
pub(super) fn is_trusted(
    identity: &CertifiedKey,
    authority_file: &Path,
    name: &'static str,
    at: SystemTime,
) -> bool {
    let verify = || {
        let mut roots = RootCertStore::empty();
        for authority in certificates(&read_regular(authority_file).ok()?)? {
            roots.add(authority).ok()?;
        }
        let verifier = WebPkiServerVerifier::builder_with_provider(roots.into(), provider());
        let verifier = verifier.build().ok()?;
        let at = at.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        let [certificate, intermediates @ ..] = &identity.cert[..] else {
            return None;
        };
        let name = ServerName::try_from(name).ok()?;
        let at = UnixTime::since_unix_epoch(at);
        verifier
            .verify_server_cert(certificate, intermediates, &name, &[], at)
            .ok()
    };
    verify().is_some()
}
