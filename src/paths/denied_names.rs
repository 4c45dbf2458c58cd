//! Names that are never served: credentials, repositories and the daemon's own configuration.

use regex::{Regex, RegexBuilder};
use std::sync::LazyLock;

/// Names of files and folders, in any case, where `*` is any text. They are denied in any form in which a
/// name contains one as a whole word, whatever follows: editors keep copies of `id_rsa` as `id_rsa~`,
/// `#id_rsa#` and `%home%id_rsa.swp`, and people as `id_rsa.old`, `id_rsa2` and `copy of id_rsa`.
const DENIED_NAMES: &[&str] = &[
    ".git",
    ".hg",
    ".svn",
    ".bzr",
    ".jj",
    ".ssh",
    ".aws",
    ".azure",
    ".docker",
    ".kube",
    ".gnupg",
    ".cargo",
    ".gem",
    // Where tools keep their settings and credentials: `.config/gh/hosts.yml`, `.config/gcloud`, `.local/share`.
    ".config",
    ".local",
    ".gcloud",
    ".gsutil",
    ".oci",
    ".bluemix",
    ".aliyun",
    ".m2",
    ".gradle",
    ".ivy2",
    ".nuget",
    ".composer",
    ".pip",
    ".terraform",
    ".pulumi",
    ".ansible",
    ".chef",
    ".subversion",
    ".minikube",
    ".databricks",
    ".snowsql",
    ".kaggle",
    ".huggingface",
    ".jupyter",
    ".ipython",
    ".heroku",
    ".fly",
    ".jfrog",
    ".ngrok",
    ".ngrok2",
    ".cloudflared",
    ".tsh",
    ".saml2aws",
    ".password-store",
    ".pki",
    ".putty",
    ".mozilla",
    ".thunderbird",
    ".purple",
    ".claude",
    ".codex",
    "_netrc",
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "ssh_host_*_key",
    "application_default_credentials.json",
    "tfvars.json",
    "pagewire*.toml",
];

/// Files that are denied as [`DENIED_NAMES`] are, and after another name as [`DENIED_ENDINGS`] are:
/// `.env.js` and `prod.env` are denied, `vite.env.js` is code.
const DENIED_DOTFILES: &[&str] = &[
    ".env",
    ".envrc",
    ".flaskenv",
    ".dev.vars",
    ".git-credentials",
    ".gitconfig",
    ".gitcookies",
    ".npmrc",
    ".yarnrc",
    ".netrc",
    ".pypirc",
    ".pgpass",
    ".my.cnf",
    ".mylogin.cnf",
    ".htpasswd",
    ".htdigest",
    ".dockercfg",
    ".dockerconfigjson",
    ".vault-token",
    ".terraformrc",
    ".sentryclirc",
    ".s3cfg",
    ".boto",
    ".databrickscfg",
    ".hgrc",
    ".curlrc",
    ".wgetrc",
    ".condarc",
    ".msmtprc",
    ".fetchmailrc",
    ".authinfo",
    ".smbcredentials",
    ".passwd-s3fs",
    ".xauthority",
    ".iceauthority",
    ".viminfo",
    ".lesshst",
    ".*_history",
];

/// Ends of the names of keys, certificates and other secrets. Whatever follows makes a copy, as in
/// `server.key.tar.gz` and `server.key (copy 2)`, except one of [`WEB_EXTENSIONS`].
const DENIED_ENDINGS: &[&str] = &[
    ".pem",
    ".key",
    ".crt",
    ".p12",
    ".pfx",
    ".p8",
    ".ppk",
    ".jks",
    ".keystore",
    ".kdbx",
    ".keytab",
    ".gpg",
    ".ovpn",
    ".tfstate",
    ".tfvars",
    "kubeconfig",
];

/// Last extensions of what pages load: `message.key.js` is code, and not a copy of a key.
const WEB_EXTENSIONS: &[&str] = &[
    "js",
    "mjs",
    "cjs",
    "jsx",
    "ts",
    "mts",
    "cts",
    "tsx",
    "vue",
    "svelte",
    "astro",
    "wasm",
    "dll",
    "pdb",
    "map",
    "json",
    "json5",
    "jsonc",
    "webmanifest",
    "css",
    "scss",
    "sass",
    "less",
    "styl",
    "pcss",
    "html",
    "htm",
    "xhtml",
    "xml",
    "md",
    "mdx",
    "graphql",
    "gql",
    "svg",
    "png",
    "apng",
    "jpg",
    "jpeg",
    "gif",
    "webp",
    "avif",
    "bmp",
    "ico",
    "woff",
    "woff2",
    "ttf",
    "otf",
    "eot",
    "mp3",
    "mp4",
    "m4a",
    "ogg",
    "wav",
    "webm",
    "vtt",
    "pdf",
];

/// Words that people append to a secret without a separator, as they do digits: `.envold`, `id_rsa2`.
const COPY_WORDS: &[&str] = &[
    "backup", "bak", "bck", "bk", "bkp", "copy", "dev", "local", "new", "old", "orig", "original",
    "prev", "previous", "prod", "sav", "save", "saved", "temp", "tmp",
];

/// Whether a name is on the deny list.
pub(super) fn is_denied(name: &str) -> bool {
    DENIED.is_match(name) && (DENIED_WHATEVER_FOLLOWS.is_match(name) || !has_web_extension(name))
}

fn has_web_extension(name: &str) -> bool {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    WEB_EXTENSIONS
        .iter()
        .any(|web| web.eq_ignore_ascii_case(extension))
}

/// One pattern for the whole list, since every name of every path is compared with it.
static DENIED: LazyLock<Regex> = LazyLock::new(|| {
    let endings = any_of(&[DENIED_ENDINGS, DENIED_DOTFILES]);
    pattern(&format!("(?:{}|{endings})", whole_names()))
});

/// The part of [`DENIED`] to which [`WEB_EXTENSIONS`] makes no difference.
static DENIED_WHATEVER_FOLLOWS: LazyLock<Regex> = LazyLock::new(|| pattern(&whole_names()));

/// Matches the names that must begin a word. Editors encode the slashes of a path as `%` or `%2F`.
fn whole_names() -> String {
    let names = any_of(&[DENIED_NAMES, DENIED_DOTFILES]);
    format!("(?:^|[^a-z0-9]|%[0-9a-f]{{2}}){names}")
}

/// Compiles the pattern of secrets that end a word. ASCII letters and digits are words; everything else,
/// the underscore included, is between them.
fn pattern(secrets: &str) -> Regex {
    let copies = any_of(&[COPY_WORDS]);
    let pattern = format!("{secrets}(?:{copies}|[0-9])*(?:$|[^a-z0-9])");
    let pattern = RegexBuilder::new(&pattern)
        .case_insensitive(true)
        .dot_matches_new_line(true)
        .build();
    pattern.expect("the words are escaped")
}

fn any_of(lists: &[&[&str]]) -> String {
    let words = lists.iter().copied().flatten();
    let words: Vec<_> = words
        .map(|word| regex::escape(word).replace(r"\*", ".*"))
        .collect();
    format!("(?:{})", words.join("|"))
}

#[cfg(test)]
mod tests;
