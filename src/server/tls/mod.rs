//! TLS on the page port: its certificate and the protocols it offers.

mod error;
mod identity;
mod localhost;

use crate::config::Certificate;
use localhost::LocalhostCertificate;
use rustls::ServerConfig;
use std::path::PathBuf;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

pub(crate) use error::TlsError;
pub(crate) use identity::check_files;

/// The name of HTTP/2 in the handshake (RFC 7301).
pub(super) const H2: &[u8] = b"h2";

/// Acceptor of TLS connections, and the files behind it.
pub(super) struct Tls {
    pub(super) acceptor: TlsAcceptor,
    /// The private key, which must not be served.
    pub(super) key_file: PathBuf,
    /// The authority of a certificate that the daemon made.
    pub(super) authority_file: Option<PathBuf>,
}

impl Tls {
    /// Loads the certificate; creates the one for localhost if there is none.
    pub(super) fn load(certificate: &Certificate) -> Result<Self, TlsError> {
        let (cert, key, authority_file) = match certificate {
            Certificate::Files { cert, key } => (cert.clone(), key.clone(), None),
            Certificate::Localhost => {
                let LocalhostCertificate {
                    file,
                    authority_file,
                } = LocalhostCertificate::load()?;
                (file.clone(), file, Some(authority_file))
            }
        };
        let identity = identity::load(&cert, &key)?;
        let versions = ServerConfig::builder_with_provider(identity::provider())
            .with_safe_default_protocol_versions()
            .expect("ring supports every version of TLS that rustls enables");
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
