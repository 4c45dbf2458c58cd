//! The daemon's certificate for localhost: created on first use in the user's data folder, and
//! renewed before it expires.
//!
//! It is signed by an authority that signs nothing else: the authority's key is discarded at once.
//! Trusting the authority therefore means trusting this one certificate.

use super::error::TlsError;
use super::identity;
use crate::ids;
use crate::paths::OwnedPath;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use std::env;
use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Names in the certificate. Not `*.localhost`: browsers accept no wildcard directly below a top-level
/// name.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

const DAY: Duration = Duration::from_hours(24);

/// Validity of a new certificate. Default 800 days: Apple's systems refuse more than 825.
const LIFETIME: Duration = DAY.saturating_mul(800);

/// Remaining validity below which the certificate is renewed. Default 30 days.
const RENEW_BEFORE: Duration = DAY.saturating_mul(30);

/// Validity before the time of creation, for clients whose clock is slow.
const BACKDATED: Duration = DAY;

/// PEM files of the certificate for localhost.
pub(super) struct LocalhostCertificate {
    /// The certificate and its private key, in a file of mode 0600.
    pub(super) file: PathBuf,
    /// The certificate of the authority, which browsers have to trust.
    pub(super) authority_file: PathBuf,
}

impl LocalhostCertificate {
    /// Finds the certificate in the data folder, or creates it there.
    pub(super) fn load() -> Result<Self, TlsError> {
        let folder = data_folder().ok_or(TlsError::NoDataFolder)?;
        let certificate = Self {
            file: folder.join("localhost.pem"),
            authority_file: folder.join("authority.pem"),
        };
        certificate
            .ensure(&folder)
            .map_err(|source| TlsError::NotCreated { folder, source })?;
        Ok(certificate)
    }

    fn ensure(&self, folder: &Path) -> io::Result<()> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
        // If several daemons start together, one creates it; the others wait for the lock and then find it.
        let lock = File::open(folder)?;
        lock.lock()?;
        if self.is_usable() {
            return Ok(());
        }
        let (certificate, authority) = create().map_err(io::Error::other)?;
        for (file, content) in [(&self.file, certificate), (&self.authority_file, authority)] {
            OwnedPath::private_file(file, content.as_bytes())?.keep();
        }
        Ok(())
    }

    /// Returns whether a browser that trusts the authority accepts the certificate, now and for
    /// another [`RENEW_BEFORE`].
    fn is_usable(&self) -> bool {
        let Ok(identity) = identity::load(&self.file, &self.file) else {
            return false;
        };
        let then = SystemTime::now() + RENEW_BEFORE;
        identity::is_trusted(&identity, &self.authority_file, "localhost", then)
    }
}

/// Returns `$XDG_DATA_HOME/pagewire`, by default `~/.local/share/pagewire`.
fn data_folder() -> Option<PathBuf> {
    let absolute = |name| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let base = absolute("XDG_DATA_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))?;
    Some(base.join("pagewire"))
}

/// Creates the certificate with its key, and its authority, as PEM.
fn create() -> Result<(String, String), rcgen::Error> {
    let now = SystemTime::now();
    let params = |names: &[&str], name: &str| {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_before = (now - BACKDATED).into();
        params.not_after = (now + LIFETIME).into();
        Ok::<_, rcgen::Error>(params)
    };
    // Trust stores find an authority by name, so the name must differ from earlier ones.
    let mut authority = params(&[], &format!("pagewire {}", &ids::random()[..8]))?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let authority_key = KeyPair::generate()?;
    let authority_pem = authority.self_signed(&authority_key)?.pem();

    let mut localhost = params(&NAMES, NAMES[0])?;
    localhost.use_authority_key_identifier_extension = true;
    localhost.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    localhost.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate()?;
    let issuer = Issuer::new(authority, authority_key);
    let certificate = localhost.signed_by(&key, &issuer)?;
    Ok((certificate.pem() + &key.serialize_pem(), authority_pem))
}
