//! Errors of the TLS setup.

use std::io;
use std::path::PathBuf;

/// Why pages cannot be served over TLS.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    #[error("cannot read {setting}: {} (pass a PEM file)", .file.display())]
    Unreadable {
        /// `tls_cert` or `tls_key`.
        setting: &'static str,
        file: PathBuf,
        source: io::Error,
    },
    #[error("{setting} contains no {content} in PEM format: {} (pass a file with -----BEGIN {})", .file.display(), .content.to_uppercase())]
    Empty {
        /// `tls_cert` or `tls_key`.
        setting: &'static str,
        /// "certificate" or "private key".
        content: &'static str,
        file: PathBuf,
    },
    /// One of them is invalid, or the key belongs to another certificate.
    #[error("tls_cert {} and tls_key {} cannot be used together (pass a certificate and its private key)", .cert.display(), .key.display())]
    Unusable {
        cert: PathBuf,
        key: PathBuf,
        source: rustls::Error,
    },
    #[error(
        "no data folder for the localhost certificate (set HOME, or pass --tls-cert and --tls-key)"
    )]
    NoDataFolder,
    #[error("cannot create the localhost certificate in {} (make the folder writable, or pass --tls-cert and --tls-key)", .folder.display())]
    NotCreated { folder: PathBuf, source: io::Error },
}
