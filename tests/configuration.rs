//! Settings: `pagewire.toml`, environment variables and flags have the same effect, and `pagewire
//! config` prints the source of each effective value.

use crate::support::{Site, TestServer, command, within};
use serde_json::{Value, json};
use std::process::Output;
use tokio::process::Command;

/// Creates a root with this `pagewire.toml`.
fn site(file: &str) -> Site {
    let site = Site::page();
    site.write("pagewire.toml", file);
    site
}

/// Returns a command that runs in the root, so that the file has a short name.
fn within_root(site: &Site, arguments: &[&str]) -> Command {
    let mut command = command();
    command.current_dir(site.path()).args(arguments);
    command
}

async fn run(mut command: Command) -> Output {
    within("the command to end", command.output())
        .await
        .expect("it starts")
}

/// Returns the output of `config --json` with these arguments and variables.
async fn effective(site: &Site, arguments: &[&str], variables: &[(&str, &str)]) -> Value {
    let mut command = within_root(site, &["config", "--json"]);
    command.args(arguments).envs(variables.iter().copied());
    let output = run(command).await;
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), &*stderr), (Some(0), ""));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Asserts that both `serve` and `config` exit with code 2 and report these words.
async fn refused(site: &Site, variables: &[(&str, &str)], words: &str) {
    for verb in ["serve", "config"] {
        let mut command = within_root(site, &[verb]);
        command.envs(variables.iter().copied());
        let output = run(command).await;
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert_eq!(output.stdout, b"", "{stderr}");
        assert!(stderr.contains(words), "{words:?} is not in {stderr:?}");
    }
}

#[tokio::test]
async fn the_file_in_the_root_configures_the_daemon() {
    let shared = Site::new([("shared.txt", "shared")]);
    let site = site(
        "port = 0\n\
         control = ['127.0.0.1:0', 'unix:run/control']\n\
         inject = 'always'\n\
         allow_host = ['dev.example']\n\
         allow_dir = 'linked'\n\
         allow_file = ['.env']\n\
         log = 'warn'\n",
    );
    site.write("run/.keep", "");
    site.write(".env", "X=1");
    std::os::unix::fs::symlink(shared.path(), site.path().join("linked")).expect("a link");
    let mut command = command();
    command.arg("serve").arg(site.path());
    let server = TestServer::spawn(command).await;

    let unix = site.path().join("run/control");
    assert_eq!(
        server.ready["controls"][1],
        format!("unix:{}", unix.display())
    );
    let page = server.navigate("/").await;
    assert!(
        page.text().contains("/__pagewire__/client.js"),
        "{}",
        page.text()
    );
    assert_eq!(server.get("/.env").await.text(), "X=1");
    assert_eq!(server.get("/linked/shared.txt").await.text(), "shared");
    for (host, status) in [("dev.example", 200), ("other.example", 403)] {
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        assert_eq!(server.raw(request.as_bytes()).await.status, status);
    }
    server.signal(rustix::process::Signal::TERM);
    let (code, output) = server.wait_for_exit().await;
    assert_eq!(
        (code, output.as_str()),
        (Some(0), ""),
        "info lines are not logged"
    );
}

#[tokio::test]
async fn flags_take_precedence_over_the_environment_then_the_file_then_the_defaults() {
    let site = site("inject = 'always'\nallow_host = ['a', 'b']\n\ndebug = true\n");
    let variable = [("PAGEWIRE_INJECT", "never")];
    for (arguments, variables, expected) in [
        (
            &["--inject", "asked"][..],
            &variable[..],
            ["asked", "flag", "--inject"],
        ),
        (&[], &variable, ["never", "environment", "PAGEWIRE_INJECT"]),
        (
            &[],
            &[("PAGEWIRE_INJECT", "")],
            ["always", "file", "pagewire.toml:1"],
        ),
    ] {
        let found = &effective(&site, arguments, variables).await["settings"]["inject"];
        let [value, source, origin] = expected;
        assert_eq!(
            *found,
            json!({"value": value, "source": source, "origin": origin})
        );
    }

    let found = effective(&site, &[], &[]).await;
    let root = site.path().canonicalize().expect("a root");
    assert_eq!(found["root"], json!(root));
    assert_eq!(found["file"], json!(site.path().join("pagewire.toml")));
    let settings = &found["settings"];
    assert_eq!(settings["allow_host"]["value"], json!(["a", "b"]));
    assert_eq!(settings["allow_host"]["origin"], "pagewire.toml:2");
    assert_eq!(settings["debug"]["value"], json!(true));
    assert_eq!(settings["debug"]["origin"], "pagewire.toml:4");
    let default = json!({"value": null, "source": "default", "origin": "default"});
    assert_eq!(settings["port"], default);

    // A list replaces a list of lower precedence; a switch can be turned off again.
    let found = effective(&site, &["--allow-host", "c", "--debug=false"], &[]).await;
    assert_eq!(found["settings"]["allow_host"]["value"], json!(["c"]));
    assert_eq!(found["settings"]["debug"]["value"], json!(false));
}

#[tokio::test]
async fn every_setting_can_be_given_as_flag_variable_and_key() {
    let site = Site::page();
    site.write("folder/x", "");
    let folder = site.path().canonicalize().expect("a root").join("folder");
    let folder = folder.to_str().expect("UTF-8");
    let mount = format!("/lib={folder}");
    let settings = [
        ("port", json!(8123), "8123"),
        ("host", json!("127.0.0.1"), "127.0.0.1"),
        ("tls", json!(true), "true"),
        ("tls_cert", json!("/cert.pem"), "/cert.pem"),
        ("tls_key", json!("/key.pem"), "/key.pem"),
        ("control", json!(["127.0.0.1:8124"]), "127.0.0.1:8124"),
        ("base_path", json!("/app"), "/app"),
        ("app_index", json!("index.html"), "index.html"),
        ("mount", json!([mount]), &mount),
        ("listing", json!(true), "true"),
        ("no_files", json!(true), "true"),
        ("mime_types", json!(["*.x=text/x-x"]), "*.x=text/x-x"),
        ("headers", json!(["*.x=X-A: 1, 2"]), "*.x=X-A: 1, 2"),
        ("cross_origin_isolated", json!(true), "true"),
        ("proxy", json!(["http://a:1"]), "http://a:1"),
        ("plugin", json!(["run 'a, b'"]), "run 'a, b'"),
        ("inject", json!("never"), "never"),
        ("preload_modules", json!(false), "false"),
        ("import_json", json!(false), "false"),
        ("import_css", json!(false), "false"),
        ("import_assets", json!(false), "false"),
        ("import_queries", json!(false), "false"),
        ("node_resolve", json!(true), "true"),
        ("node_env", json!("production"), "production"),
        ("allow_host", json!(["a.example"]), "a.example"),
        (
            "allow_origin",
            json!(["https://a.example"]),
            "https://a.example",
        ),
        ("allow_embedding", json!(true), "true"),
        ("allow_dir", json!([folder]), folder),
        ("allow_file", json!([".env"]), ".env"),
        ("watch", json!("events"), "events"),
        ("watch_poll", json!(true), "true"),
        ("watch_delay", json!(300), "300"),
        ("watch_ignore", json!(["*.log"]), "*.log"),
        ("watch_include", json!(["dist/"]), "dist/"),
        ("console", json!(true), "true"),
        ("debug", json!(true), "true"),
        ("log", json!("warn,pages=debug"), "warn,pages=debug"),
        ("log_format", json!("json"), "json"),
    ];
    let mut all: Vec<_> = effective(&site, &[], &[]).await["settings"]
        .as_object()
        .expect("settings")
        .keys()
        .cloned()
        .collect();
    let mut tried: Vec<_> = settings.iter().map(|(key, ..)| (*key).to_owned()).collect();
    tried.sort_unstable();
    all.sort_unstable();
    assert_eq!(all, tried, "every setting is tested here");

    for (key, value, text) in &settings {
        let flag = format!("--{}={text}", key.replace('_', "-"));
        let variable = format!("PAGEWIRE_{}", key.to_ascii_uppercase());
        // A certificate without its key, or a key without its certificate, is refused unless TLS is off.
        let off = key.starts_with("tls_").then_some(("PAGEWIRE_TLS", "false"));
        let off = off.as_slice();
        let output = effective(&site, &[&flag], off).await;
        assert_eq!(output["settings"][key]["value"], *value, "{flag}");
        assert_eq!(output["settings"][key]["source"], "flag");
        let output = effective(&site, &[], &[off, &[(&variable, text)]].concat()).await;
        assert_eq!(output["settings"][key]["value"], *value, "{variable}");
        assert_eq!(output["settings"][key]["origin"], json!(variable));
        site.write("pagewire.toml", format!("\n{key} = {value}\n"));
        let output = effective(&site, &[], off).await;
        assert_eq!(output["settings"][key]["value"], *value, "{key}");
        assert_eq!(output["settings"][key]["origin"], "pagewire.toml:2");
        site.write("pagewire.toml", "");
    }
}

#[tokio::test]
async fn config_prints_a_file_with_the_same_effect() {
    let written = site("inject = 'always'\nlog = \"info,pages=debug\"\nallow_file = ['a \"b\"']\n");
    let mut print = within_root(&written, &["config", "--port", "8123"]);
    print.env("PAGEWIRE_ALLOW_HOST", "a,b");
    let output = run(print).await;
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    let rows: Vec<_> = printed
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    let root = written.path().canonicalize().expect("a root");
    let head = format!("# {}", root.display());
    let expected = [
        head.as_str(),
        "port = 8123 # --port",
        "inject = \"always\" # pagewire.toml:1",
        "allow_host = [\"a\",\"b\"] # PAGEWIRE_ALLOW_HOST",
        r#"allow_file = ["a \"b\""] # pagewire.toml:3"#,
        "log = \"info,pages=debug\" # pagewire.toml:2",
    ];
    let (defaults, output): (Vec<_>, Vec<_>) =
        rows.iter().partition(|row| row.contains("# default"));
    assert_eq!(output, expected.each_ref(), "{printed}");
    for row in [
        "# host # default: both loopback addresses",
        "allow_origin = [] # default",
        "log_format = \"text\" # default",
    ] {
        assert!(defaults.contains(&&row.to_owned()), "{row}: {printed}");
    }

    let values = |output: Value| {
        let settings = output["settings"].as_object().expect("settings").clone();
        settings
            .into_iter()
            .map(|(key, output)| (key, output["value"].clone()))
            .collect::<Vec<_>>()
    };
    let first = effective(
        &written,
        &["--port", "8123"],
        &[("PAGEWIRE_ALLOW_HOST", "a,b")],
    )
    .await;
    let again = effective(&site(&printed), &[], &[]).await;
    assert_eq!(values(first), values(again));
}

#[tokio::test]
async fn a_mistake_in_the_file_is_refused_with_line_and_column() {
    for (file, words) in [
        (
            "# ports\n\nprot = 1\n",
            "error: pagewire.toml:3:1: unknown key \"prot\" (did you mean \"port\"?)",
        ),
        (
            "port = 0\n  debug = 'yes'",
            "pagewire.toml:2:11: debug must be true or false, not 'yes'",
        ),
        (
            "host = 1",
            "pagewire.toml:1:8: host must be a string, not 1",
        ),
        (
            "inject = 'sometimes'",
            "pagewire.toml:1:10: inject: \"sometimes\" is not one of asked, always, never",
        ),
        (
            "control = ['127.0.0.1:0', '0.0.0.0:1']",
            "pagewire.toml:1:27: control: control address 0.0.0.0:1 is not a loopback address",
        ),
        (
            "[headers]\nX-A = '1'\nX-B = [\n  2]",
            "pagewire.toml:4:3: headers: X-B must be a string or a list of strings",
        ),
        (
            "[headers]\n\"X A\" = '1'",
            "pagewire.toml:2:1: headers: \"X A\" is not the name of a header",
        ),
        (
            "[headers]\n\"/a/*\" = 'X-A: 1'",
            "pagewire.toml:2:1: headers: \"/a/*\" is not the name of a header (letters, digits and dashes); \
             [headers.\"/a/*\"] is a table of headers for some paths",
        ),
        (
            "[headers.\"*.js\"]\nX-A = '1'\n  etag = 'x'",
            "pagewire.toml:3:3: headers: etag cannot be set: it is made for each response",
        ),
        (
            "[headers.\"[\"]\nX-A = '1'",
            "pagewire.toml:1:10: headers: \"[\" is not a glob",
        ),
        (
            "[headers]\nX-A = \"1\\n2\"",
            "pagewire.toml:2:7: headers: the value of X-A contains '\\n'",
        ),
        (
            "headers = ['X-A: 1', 'X-B']",
            "pagewire.toml:1:22: headers: \"X-B\" is not NAME: VALUE",
        ),
        (
            "headers = 1",
            "pagewire.toml:1:11: headers must be a list of strings such as 'NAME: VALUE', or a table, not 1",
        ),
        (
            &format!("node_env = '{}'", "x".repeat(65)),
            "pagewire.toml:1:12: node_env: \"xxx",
        ),
        (
            "node_env = '\"; alert(1)'",
            "is not a name (1 to 64 letters, digits, - _ and .), such as development or production",
        ),
        ("port = 1\nport = 2", "pagewire.toml:2:1: "),
        ("port = ", "pagewire.toml:1:"),
        (
            "exit_with_stdin = true",
            "pagewire.toml:1:1: unknown key \"exit_with_stdin\"",
        ),
        (
            "\nallow_dir = ['missing']",
            "pagewire.toml:2: allow_dir is not a directory: ",
        ),
    ] {
        refused(&site(file), &[], words).await;
    }
    let not_text = Site::page();
    not_text.write("pagewire.toml", [0xff, 0xfe]);
    refused(&not_text, &[], "cannot read pagewire.toml: ").await;
    // From another folder, the file is named by a path that can be opened.
    let site = site("x = 1");
    let mut command = command();
    command.arg("serve").arg(site.path());
    let output = run(command).await;
    let name = site.path().join("pagewire.toml:1:1: ");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains(&*name.to_string_lossy()), "{stderr}");
}

#[tokio::test]
async fn an_invalid_variable_is_refused_by_name() {
    let site = Site::page();
    for (name, value, words) in [
        (
            "PAGEWIRE_PORT",
            "many",
            "PAGEWIRE_PORT: \"many\" is not a port",
        ),
        (
            "PAGEWIRE_DEBUG",
            "maybe",
            "PAGEWIRE_DEBUG: \"maybe\" is not true or false",
        ),
        (
            "PAGEWIRE_LOG",
            "loud",
            "PAGEWIRE_LOG: \"loud\" is neither a level",
        ),
        (
            "PAGEWIRE_CONTROL",
            "127.0.0.1:0,here",
            "PAGEWIRE_CONTROL: control address \"here\"",
        ),
    ] {
        refused(&site, &[(name, value)], words).await;
    }
}
