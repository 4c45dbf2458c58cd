//! Names that are never served: credentials, repositories and the daemon's own configuration.

use regex::{Regex, RegexBuilder};
use std::sync::LazyLock;

/// Names of files and folders. Any case, and any form in which a name contains one as a whole word: editors
/// keep copies of `.env` as `.env~`, `#.env#`, `.#.env`, `.env.swp` and `%site%.env.swp`, and people as
/// `.env.old`, `.env-2` and `copy of .env`.
const DENIED_NAMES: &[&str] = &[
    ".env",
    ".envrc",
    ".git",
    ".git-credentials",
    ".hg",
    ".svn",
    ".bzr",
    ".jj",
    ".npmrc",
    ".yarnrc",
    ".netrc",
    "_netrc",
    ".pypirc",
    ".pgpass",
    ".my.cnf",
    ".htpasswd",
    ".ssh",
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    ".aws",
    ".azure",
    ".docker",
    ".dockercfg",
    ".kube",
    ".gnupg",
    ".vault-token",
    "pagewire.toml",
];

/// Extensions of keys and certificates. The file may be a copy: see [`COPY_WORDS`].
const DENIED_EXTENSIONS: &[&str] = &[
    "pem", "key", "crt", "p12", "pfx", "p8", "ppk", "jks", "keystore", "kdbx",
];

/// Words after a denied extension that make the file a copy of it, with numbers and punctuation between
/// them: `server.key~`, `.server.key.swp`, `server.key.~1~`, `server.key (copy 2)`, `server.key.bak.gz`. Any
/// other word is an extension of its own: `message.key.js` is code.
const COPY_WORDS: &[&str] = &[
    "backup", "bak", "bck", "bk", "bkp", "br", "bz2", "copy", "dist", "dpkg", "gz", "jb", "kate",
    "new", "old", "orig", "original", "part", "prev", "previous", "rej", "rpmnew", "rpmorig",
    "rpmsave", "save", "saved", "swap", "temp", "tmp", "ucf", "un", "xz", "zip", "zst",
];

/// Whether a name is on the deny list.
pub(super) fn is_denied(name: &str) -> bool {
    PATTERN.is_match(name)
}

/// One pattern for the whole list, since every name of every path is compared with it. Letters and digits
/// are words; everything else, the underscore included, is between them.
static PATTERN: LazyLock<Regex> = LazyLock::new(|| {
    let any_of = |words: &[&str]| {
        let words: Vec<_> = words.iter().map(|word| regex::escape(word)).collect();
        format!("(?:{})", words.join("|"))
    };
    let (names, extensions) = (any_of(DENIED_NAMES), any_of(DENIED_EXTENSIONS));
    // Vim counts its swap files backwards: swp, swo, and so on.
    let copy = format!(r"(?:(?:{}|sw[a-z])?\d*)", any_of(COPY_WORDS));
    let pattern = format!(r"(?:^|[\W_]){names}(?:$|[\W_])|\.{extensions}(?:[\W_]+{copy})*$");
    let pattern = RegexBuilder::new(&pattern).case_insensitive(true).build();
    pattern.expect("the words are escaped")
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_their_copies_are_denied_in_any_case() {
        for name in [
            ".env",
            ".ENV",
            ".env.local",
            ".envrc",
            ".git",
            ".git-credentials",
            ".gnupg",
            ".docker",
            ".kube",
            ".aws",
            ".ssh",
            "id_rsa",
            "ID_ED25519",
            "id_ed25519_sk",
            "id_ecdsa-work",
            ".npmrc",
            ".netrc",
            "_netrc",
            ".pypirc",
            "pagewire.toml",
            "server.pem",
            "Server.KEY",
            "store.jks",
        ] {
            assert!(is_denied(name), "{name}");
            for copy in [
                format!("{name}~"),
                format!("#{name}#"),
                format!(".#{name}"),
                format!("{name}.~1~"),
                format!(".{name}.swp"),
                format!("{name}.swo"),
                format!("%srv%site%{name}.swp"),
                format!(".{name}.un~"),
                format!(".{name}.kate-swp"),
                format!("{name}.bak"),
                format!("{name}.BAK2"),
                format!("{name}.old"),
                format!("{name}.orig"),
                format!("{name}.save"),
                format!("{name}_backup"),
                format!("{name}-2026-01-31"),
                format!("{name}.1"),
                format!("{name} copy"),
                format!("{name} (copy 2)"),
                format!("Copy of {name}"),
                format!("~${name}"),
                format!("._{name}"),
                format!(".~lock.{name}#"),
                format!("{name}.dpkg-old"),
                format!("{name}___jb_old___"),
                format!("{name}.bak.gz"),
            ] {
                assert!(is_denied(&copy), "{copy}");
            }
        }
    }

    #[test]
    fn names_that_only_resemble_a_secret_are_served() {
        for name in [
            "environment.js",
            "vite.env.js",
            "vite-env.d.ts",
            "import.env.ts",
            ".gitignore",
            ".gitattributes",
            ".github",
            ".gitlab-ci.yml",
            ".sshd",
            ".hidden.txt",
            ".well-known",
            "keys.js",
            "message.key.js",
            "i18n.key-map.json",
            "x.pem.d.ts",
            "key",
            "monkey",
            "app.keys",
            "grid_rsa.js",
            "dockerfile",
            "docker.html",
            "kube.html",
            "swap.css",
            "old.js",
            "index.html~",
            ".index.html.swp",
            "page.bak",
        ] {
            assert!(!is_denied(name), "{name}");
        }
    }
}
