//! Random identifiers, safe in URLs, file names and headers.

use data_encoding::{Encoding, Specification};
use std::sync::LazyLock;

/// Lower-case base32 without padding (RFC 4648, section 6).
static BASE32: LazyLock<Encoding> = LazyLock::new(|| {
    let mut specification = Specification::new();
    specification
        .symbols
        .push_str("abcdefghijklmnopqrstuvwxyz234567");
    specification
        .encoding()
        .expect("32 distinct symbols make an encoding")
});

/// Returns 128 random bits as 26 characters, for socket, session, request and call ids.
///
/// # Panics
/// Panics if the operating system provides no random bytes: ids are secrets, and there is no safe
/// fallback.
#[must_use]
pub(crate) fn random() -> String {
    encode::<16>()
}

/// Returns 256 random bits as 52 characters, for the control token.
///
/// # Panics
/// See [`random`].
#[must_use]
pub(crate) fn secret() -> String {
    encode::<32>()
}

fn encode<const BYTES: usize>() -> String {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).expect("the operating system provides random bytes");
    BASE32.encode(&bytes)
}

#[cfg(test)]
mod tests {
    #[test]
    fn ids_are_long_and_differ() {
        assert_eq!(super::random().len(), 26);
        assert_eq!(super::secret().len(), 52);
        assert_ne!(super::random(), super::random());
    }
}
