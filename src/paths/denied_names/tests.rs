//! Which names are denied, and that the documentation lists them.

use super::*;
use std::collections::BTreeSet;

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
        "prod.env",
        "local.env",
        ".nfs.env",
        ".fuse_hidden.env",
        "4913.env",
        "team.htpasswd",
        "%2Fhome%2Fu%2F.env",
        "%2Fhome%2Fu%2F.ssh",
        "%2Fhome%2Fu%2Fid_rsa",
        ".flaskenv",
        ".dev.vars",
        ".cargo",
        ".gem",
        ".s3cfg",
        ".boto",
        ".mylogin.cnf",
        ".htdigest",
        ".dockercfg",
        ".dockerconfigjson",
        "kubeconfig",
        "prod.kubeconfig",
        "kubeconfig.yaml",
        "terraform.tfstate",
        "prod.tfvars",
        "prod.auto.tfvars.json",
        ".bash_history",
        ".zsh_history",
        ".rediscli_history",
        ".config",
        ".local",
        ".gcloud",
        ".m2",
        ".gradle",
        ".terraform",
        ".terraform.d",
        ".password-store",
        ".subversion",
        ".databrickscfg",
        ".curlrc",
        ".authinfo",
        ".Xauthority",
        ".gitconfig",
        ".gitcookies",
        "ssh_host_rsa_key",
        "ssh_host_ecdsa_key",
        "ssh_host_ed25519_key",
        "application_default_credentials.json",
        "backup.gpg",
        "http.keytab",
        "work.ovpn",
        "pagewire.local.toml",
        "pagewire copy.toml",
    ] {
        assert!(is_denied(name), "{name}");
        for ending in [
            "2",
            "old",
            "_old",
            "Backup",
            "copy2",
            ".tar",
            ".tgz",
            ".tar.gz",
            ".7z",
            ".rar",
            ".zip",
            ".enc",
            ".gpg",
            ".asc",
            ".age",
            ".b64",
            ".sample",
            ".example",
            ".local",
            ".prod",
            ".default",
            ".disabled",
            ".off",
            ".sav",
            ".bac",
            ".ori",
            ".pacnew",
            ".lock",
            ".merge",
            ".mine",
            ".theirs",
            ".partial",
            ".download",
            ".txt",
            ".bak.txt",
            ".old.txt",
            ",v",
            ".20240101T1200",
            ".XyZ12a",
            ".goutputstream-AB12",
            ".~undo-tree~",
            " kopie",
            " (conflicted copy 2024)",
            "\u{526f}\u{672c}",
        ] {
            let copy = format!("{name}{ending}");
            assert!(is_denied(&copy), "{copy}");
        }
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
        "envelope.js",
        "environment.ts",
        ".environment",
        "env.html",
        "gitignore.md",
        "turnkey.html",
        "monkey.css",
        "pem.min.js",
        "message.key.JS",
        "message.key.js.map",
        "key.woff2",
        "app.key.worker.mjs",
        "kubeconfig.ts",
        "kubeconfigs",
        "Microsoft.Azure.Core.dll",
        "credentials.json",
        "a.der",
        "vite.config.js",
        "tailwind.config.mjs",
        "web.config",
        "app.local.json",
        "index.local",
        "page.config.html",
        ".localized.txt",
        ".yarn",
        ".cache",
        ".vite",
        ".vitepress",
        ".vuepress",
        ".storybook",
        ".pnpm",
        ".nuxt",
        ".output",
        ".next",
        ".svelte-kit",
        ".astro",
        ".angular",
        ".netlify",
        ".vercel",
        ".vscode",
        ".gitmodules",
        ".dockerignore",
        ".gemini",
        "history.js",
        "user_history.json",
        "ssh_host_key.js",
        "package.toml",
    ] {
        assert!(!is_denied(name), "{name}");
    }
}

#[test]
fn the_documentation_lists_every_denied_name() {
    let page = include_str!("../../../docs/security.md");
    let block = page.split("```").find(|block| block.contains(".envrc"));
    // The block begins with its language, and ends with a remark.
    let (names, _) = block
        .and_then(|block| block.split_once(", and likewise"))
        .expect("the block of names");
    let documented: BTreeSet<_> = names.split_whitespace().skip(1).collect();
    let lists = [DENIED_NAMES, DENIED_DOTFILES, DENIED_ENDINGS].concat();
    for name in lists {
        let forms = [name.to_owned(), format!("*{name}"), format!("*.{name}")];
        assert!(
            forms.iter().any(|form| documented.contains(form.as_str())),
            "docs/security.md lacks {name}"
        );
    }
    for name in documented {
        let name = name.trim_start_matches("*.").trim_start_matches('*');
        let example = name.replace('*', "x");
        let forms = [example.clone(), format!(".{example}")];
        assert!(
            forms.iter().any(|form| is_denied(form)),
            "docs/security.md lists {name}"
        );
    }
}
