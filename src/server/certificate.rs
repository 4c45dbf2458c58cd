//! Our own certificate for localhost: made when it is first needed, kept in the user's data folder,
//! made anew before it ends.
//!
//! It is signed by an authority of one certificate: the authority's key is forgotten at once, so
//! whoever trusts the authority trusts this certificate and never another.

use super::tls::{TlsError, identity, is_trusted};
use crate::discovery::write_private;
use crate::ids;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use std::env;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// What it is for. Not `*.localhost`: browsers take no wildcard right below a top-level name.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

const DAY: Duration = Duration::from_hours(24);

/// How long it is good for. Default 800 days: Apple's systems refuse more than 825.
const LIFETIME: Duration = DAY.saturating_mul(800);

/// One that ends sooner than this is made anew. Default 30 days.
const RENEW_BEFORE: Duration = DAY.saturating_mul(30);

/// A clock that is slower than ours must not find it too young.
const BACKDATED: Duration = DAY;

/// The certificate with its key, and who vouches for it.
pub(super) struct Localhost {
    /// PEM: the certificate and its private key, in a file of mode 0600.
    pub(super) file: PathBuf,
    /// PEM: the certificate of the authority, which browsers are to trust.
    pub(super) authority_file: PathBuf,
}

impl Localhost {
    /// Finds it in the data folder, or makes it there.
    pub(super) fn load() -> Result<Self, TlsError> {
        let folder = data_folder().ok_or(TlsError::NoDataFolder)?;
        let kept = Self {
            file: folder.join("localhost.pem"),
            authority_file: folder.join("authority.pem"),
        };
        kept.ensure(&folder)
            .map_err(|source| TlsError::NotKept { folder, source })?;
        Ok(kept)
    }

    fn ensure(&self, folder: &Path) -> io::Result<()> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
        // Of daemons that start together one makes it, the others find it.
        let lock = File::open(folder)?;
        lock.lock()?;
        if self.is_good() {
            return Ok(());
        }
        let (certificate, authority) = make().map_err(io::Error::other)?;
        replace(&self.file, &certificate)?;
        replace(&self.authority_file, &authority)
    }

    /// A browser that trusts the authority would take it, and for a while yet.
    fn is_good(&self) -> bool {
        let Ok(identity) = identity(&self.file, &self.file) else {
            return false;
        };
        let then = SystemTime::now() + RENEW_BEFORE;
        is_trusted(&identity, &self.authority_file, "localhost", then)
    }
}

/// `$XDG_DATA_HOME/pagewire`, by default `~/.local/share/pagewire`.
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

/// The certificate with its key, and its authority, as PEM.
fn make() -> Result<(String, String), rcgen::Error> {
    let now = SystemTime::now();
    let params = |names: &[&str], name: &str| {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_before = (now - BACKDATED).into();
        params.not_after = (now + LIFETIME).into();
        Ok::<_, rcgen::Error>(params)
    };
    // Trust stores find an authority by its name: an earlier one has another.
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

/// Whoever reads the file reads all of it.
fn replace(path: &Path, content: &str) -> io::Result<()> {
    let beside = path.with_extension("pem.new");
    write_private(&beside, content.as_bytes())?;
    fs::rename(&beside, path)
}
