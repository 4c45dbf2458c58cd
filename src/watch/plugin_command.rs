//! Which files the command of a plugin names: the plugin is restarted when they change.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

/// Programs that run the file that an argument names, without the version in their name. A program that is
/// found through `PATH` counts as one in any case.
const INTERPRETERS: &[&str] = &[
    "ash", "bash", "bun", "dash", "deno", "dotnet", "elixir", "env", "fish", "go", "groovy",
    "java", "julia", "kotlin", "ksh", "lua", "node", "nodejs", "perl", "php", "pypy", "python",
    "racket", "ruby", "scala", "sh", "swift", "tclsh", "uv", "zsh",
];

/// Options of interpreters whose value is the next argument, and no program.
const OPTIONS_WITH_VALUE: &[&str] = &[
    "-C",
    "-W",
    "-X",
    "-classpath",
    "-cp",
    "-p",
    "-r",
    "--class-path",
    "--conditions",
    "--config",
    "--env-file",
    "--env-file-if-exists",
    "--experimental-loader",
    "--import",
    "--import-map",
    "--loader",
    "--module-path",
    "--require",
    "--tsconfig",
];

/// Folders with programs of others.
const PACKAGE_FOLDERS: &[&str] = &["node_modules", ".venv", "venv"];

/// Beginning of a file in which a NUL byte shows that it is binary. Default 1 KiB.
const SNIFFED_BYTES: u64 = 1024;

/// What a command names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum CommandFiles {
    /// A text file, by its canonical path: it is run together with files around it.
    Script(PathBuf),
    /// A binary file, which need not exist yet.
    Program(PathBuf),
    /// A folder, by its canonical path, with the extension of its sources if it is known.
    Folder(PathBuf, Option<&'static str>),
}

/// Finds what a command names that runs in the folder `dir`. Blocks on file system access.
pub(super) fn find(command: &[String], dir: &Path) -> Option<CommandFiles> {
    let (program, arguments) = command.split_first()?;
    let path = Path::new(program);
    if !program.contains('/') {
        return find_in_arguments(program, arguments, dir);
    }
    let path = dir.join(path);
    if !runs_arguments(Path::new(program)) {
        return Some(file(&path));
    }
    // A plugin may have the name of an interpreter.
    let named = find_in_arguments(program, arguments, dir);
    named.or(Some(CommandFiles::Program(path)))
}

fn find_in_arguments(program: &str, arguments: &[String], dir: &Path) -> Option<CommandFiles> {
    let mut option = None;
    for argument in arguments {
        match option {
            Some("-m") => return module(argument, dir),
            Some(name) if OPTIONS_WITH_VALUE.contains(&name) => {
                option = None;
                continue;
            }
            _ => option = argument.starts_with('-').then_some(argument.as_str()),
        }
        let path = dir.join(argument);
        let is_named = option.is_none() && argument.contains(['.', '/']);
        // A script need not exist yet, but an argument of another program may be anything.
        let is_script = is_named && path.extension().is_some() && is_interpreter(program);
        if is_named && path.is_file() || is_script && !path.exists() {
            return Some(file(&path));
        }
        let is_named = argument.starts_with(['.', '/']);
        if is_named && path.is_dir() {
            let extension = (path_name(Path::new(program)) == "go").then_some("go");
            return Some(CommandFiles::Folder(path.canonicalize().ok()?, extension));
        }
    }
    None
}

/// Whether a program runs what its arguments name.
fn runs_arguments(program: &Path) -> bool {
    let is_package = |part: Component<'_>| {
        let part = part.as_os_str();
        PACKAGE_FOLDERS.iter().any(|folder| part == *folder)
    };
    is_interpreter(path_name(program)) || program.components().any(is_package)
}

fn is_interpreter(program: &str) -> bool {
    let name = path_name(Path::new(program));
    INTERPRETERS.contains(&name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.'))
}

fn path_name(path: &Path) -> &str {
    let name = path.file_name().and_then(OsStr::to_str);
    name.unwrap_or_default()
}

/// Returns what is named by `-m`, as Python has it: a file or a folder.
fn module(name: &str, dir: &Path) -> Option<CommandFiles> {
    let path = dir.join(name.replace('.', "/"));
    let script = path.with_extension("py");
    if script.is_file() {
        return Some(file(&script));
    }
    let folder = path.canonicalize().ok().filter(|path| path.is_dir())?;
    Some(CommandFiles::Folder(folder, Some("py")))
}

fn file(path: &Path) -> CommandFiles {
    match path.canonicalize() {
        Ok(real) if !is_binary(&real) => CommandFiles::Script(real),
        _ => CommandFiles::Program(path.to_owned()),
    }
}

/// Whether a file is binary. One that cannot be read counts as such.
fn is_binary(path: &Path) -> bool {
    let mut beginning = Vec::new();
    let read =
        File::open(path).and_then(|file| file.take(SNIFFED_BYTES).read_to_end(&mut beginning));
    read.is_err() || beginning.contains(&0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use CommandFiles::{Folder, Program, Script};
    use std::fs;

    #[test]
    fn a_command_names_a_script_a_program_or_a_folder() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().canonicalize().unwrap();
        for folder in ["bin", "lib/pkg", "tool", ".venv/bin", "run", "content"] {
            fs::create_dir_all(dir.join(folder)).unwrap();
        }
        for script in [
            "plugin.py",
            "x.mjs",
            "bin/script",
            "lib/mod.py",
            "config.json",
        ] {
            fs::write(dir.join(script), "#!/bin/sh\n").unwrap();
        }
        for binary in ["bin/plugin", "plugin.jar", ".venv/bin/python"] {
            fs::write(dir.join(binary), b"\x7fELF\0").unwrap();
        }
        let script = |name: &str| Some(Script(dir.join(name)));
        let program = |name: &str| Some(Program(dir.join(name)));
        let folder = |name: &str, extension| Some(Folder(dir.join(name), extension));
        for (command, expected) in [
            ("python3 plugin.py", script("plugin.py")),
            ("python3 -u ./plugin.py x.mjs", script("plugin.py")),
            ("/usr/bin/env node x.mjs", script("x.mjs")),
            ("/usr/bin/python3.12 plugin.py", script("plugin.py")),
            (".venv/bin/python plugin.py", script("plugin.py")),
            (".venv/bin/runner plugin.py", script("plugin.py")),
            ("npx tsx x.mjs", script("x.mjs")),
            ("bin/script config.json", script("bin/script")),
            ("bin/plugin config.json", program("bin/plugin")),
            ("./bin/plugin ./content", program("./bin/plugin")),
            ("bin/env", program("bin/env")),
            (".venv/bin/runner -v", program(".venv/bin/runner")),
            ("bin/not-built-yet", program("bin/not-built-yet")),
            ("java -jar plugin.jar", program("plugin.jar")),
            ("go run ./tool", folder("tool", Some("go"))),
            ("go run .", folder("", Some("go"))),
            ("node ./lib", folder("lib", None)),
            ("python3 -m lib.mod", script("lib/mod.py")),
            ("python3 -m lib.pkg", folder("lib/pkg", Some("py"))),
            ("python3 -m http.server", None),
            ("python3 missing.py", program("missing.py")),
            ("runner missing.py", None),
            ("node --import ./bin/script x.mjs", script("x.mjs")),
            (
                "node -r ./bin/script --env-file config.json x.mjs",
                script("x.mjs"),
            ),
            ("node --import=./bin/script x.mjs", script("x.mjs")),
            ("python3 -c 'import this'", None),
            ("sh -c 'exec x'", None),
            ("cargo run", None),
            ("npx plugin content", None),
            ("plugin", None),
        ] {
            let command = shlex::split(command).unwrap();
            let found = find(&command, &dir);
            let expected = expected.map(|found| match found {
                Folder(path, extension) => Folder(path.components().collect(), extension),
                other => other,
            });
            assert_eq!(found, expected, "{command:?}");
        }
        assert_eq!(find(&[], &dir), None);
    }
}
