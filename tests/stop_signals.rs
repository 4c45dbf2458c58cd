//! Signals that stop the daemon, and the processes that it must not leave behind.

use crate::support::{TestServer, command_after, within};
use pagewire_client::discovery::is_alive;
use rustix::process::Signal;
use std::path::Path;

/// Named shell scripts for a plugin. Each starts a child process in a new session, in a different way, and
/// prints the child's process id.
const LEAVES_A_CHILD: [(&str, &str); 3] = [
    ("setsid", "setsid sleep 1000 & echo left $!"),
    ("twice", "(setsid sh -c 'sleep 1000 & echo left $!' &)"),
    ("no-env", "setsid env -i sleep 1000 & echo left $!"),
];

/// Shell command that executes the daemon with the default actions for SIGHUP and SIGQUIT, in case these
/// tests were started by `nohup`, which ignores SIGHUP.
const NO_SIGNAL_IGNORED: &str = "exec env --default-signal=HUP,QUIT \"$0\" \"$@\"";

/// Starts a daemon with a private runtime folder and a plugin; returns the id of the child process that the
/// plugin started. The shell runs `preparation` before it executes the daemon.
async fn start(runtime: &Path, preparation: &str, plugin: &str) -> (TestServer, u32) {
    let config = format!("[[plugin]]\nname = 'p'\ncommand = ['sh', '-c', '''{plugin}''']");
    let site = runtime.join("site");
    std::fs::create_dir(&site).expect("a folder");
    std::fs::write(site.join("pagewire.toml"), config).expect("a file");
    std::fs::write(site.join("index.html"), "").expect("a file");
    let mut command = command_after(preparation);
    command.env("XDG_RUNTIME_DIR", runtime).arg("serve");
    command.arg(&site);
    command.args(["--port", "0", "--control", "127.0.0.1:0"]);
    let control = format!("unix:{}", runtime.join("control").display());
    command.args(["--control", &control]);
    let mut server = TestServer::spawn(command).await;
    let line = server.wait_for_log("p: left ").await;
    let (_, id) = line.rsplit_once(' ').expect("an id");
    (server, id.parse().expect("a number"))
}

/// Asserts that a process ends.
async fn assert_ends(pid: u32, what: &str) {
    let gone = async {
        while is_alive(pid) {
            tokio::task::yield_now().await;
        }
    };
    within(&format!("the end of {what}"), gone).await;
}

fn assert_no_files(runtime: &Path) {
    assert!(!runtime.join("control").exists());
    let left = std::fs::read_dir(runtime.join("pagewire")).expect("the folder");
    let left: Vec<_> = left.map(|entry| entry.expect("an entry").path()).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn every_stop_signal_drains_the_daemon() {
    let mut signals = vec![
        Signal::HUP,
        Signal::QUIT,
        Signal::TERM,
        Signal::INT,
        Signal::XCPU,
    ];
    #[cfg(target_os = "linux")]
    signals.push(Signal::POWER);
    for signal in signals {
        let runtime = tempfile::tempdir().expect("a folder");
        let plugin = format!("{}; cat", LEAVES_A_CHILD[0].1);
        let (server, child) = start(runtime.path(), NO_SIGNAL_IGNORED, &plugin).await;
        let mut page = server.page().await;
        server.signal(signal);
        assert_eq!(page.receive_close().await.0, 1001, "{signal:?}");
        let (code, output) = server.wait_for_exit().await;
        assert_eq!(code, Some(0), "{signal:?}: {output}");
        assert!(!is_alive(child), "{signal:?}: {output}");
        assert_no_files(runtime.path());
    }
}

#[tokio::test]
async fn a_signal_that_is_sent_repeatedly_does_not_abort_the_drain_and_another_one_does() {
    let stubborn = format!("trap '' TERM; {}; sleep 1000", LEAVES_A_CHILD[0].1);
    for (second, expected) in [(Signal::HUP, 0), (Signal::XCPU, 0), (Signal::QUIT, 1)] {
        let runtime = tempfile::tempdir().expect("a folder");
        let (mut server, child) = start(runtime.path(), NO_SIGNAL_IGNORED, &stubborn).await;
        server.signal(Signal::HUP);
        server.wait_for_log("stopping").await;
        server.signal(second);
        assert_eq!(server.wait_for_exit().await.0, Some(expected));
        assert!(!is_alive(child), "{second:?}");
        assert_no_files(runtime.path());
    }
}

#[tokio::test]
async fn a_signal_that_the_parent_ignores_stays_ignored() {
    let runtime = tempfile::tempdir().expect("a folder");
    let plugin = format!("{}; cat", LEAVES_A_CHILD[0].1);
    let (server, child) = start(runtime.path(), "trap '' HUP QUIT", &plugin).await;
    server.signal(Signal::HUP);
    server.signal(Signal::QUIT);
    assert_eq!(server.get("/").await.status, 200);
    let info = server.client().await.info().await;
    info.expect("it does not stop");
    server.signal(Signal::TERM);
    assert_eq!(server.wait_for_exit().await.0, Some(0));
    assert!(!is_alive(child));
}

#[tokio::test]
async fn a_process_in_a_session_of_its_own_ends_with_its_plugin() {
    for (name, script) in &LEAVES_A_CHILD[..2] {
        let runtime = tempfile::tempdir().expect("a folder");
        // The plugin exits once its script has printed the id; the supervisor restarts it only after a delay.
        let plugin = format!("{script} | head -n 1");
        let (_server, child) = start(runtime.path(), "true", &plugin).await;
        assert_ends(child, name).await;
    }
}

#[tokio::test]
async fn a_process_in_a_session_of_its_own_ends_with_the_daemon() {
    for (name, script) in LEAVES_A_CHILD {
        let runtime = tempfile::tempdir().expect("a folder");
        let plugin = format!("{script}; cat");
        let (server, child) = start(runtime.path(), "true", &plugin).await;
        assert!(is_alive(child), "{name}: it may run as long as its plugin");
        server.signal(Signal::TERM);
        assert_eq!(server.wait_for_exit().await.0, Some(0), "{name}");
        assert!(!is_alive(child), "{name}");
    }
}

#[tokio::test]
async fn processes_that_a_plugin_left_behind_are_reaped() {
    let runtime = tempfile::tempdir().expect("a folder");
    let plugin = "(setsid sh -c 'sleep 1000 & echo left $!' &); cat";
    let (server, child) = start(runtime.path(), "true", plugin).await;
    let pid = i32::try_from(child)
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    rustix::process::kill_process(pid.expect("an id"), Signal::KILL).expect("a signal");
    let reaped = async {
        while Path::new(&format!("/proc/{child}")).exists() {
            tokio::task::yield_now().await;
        }
    };
    within("the daemon to wait for its adopted child", reaped).await;
    drop(server);
}

#[tokio::test]
async fn a_process_older_than_the_daemon_survives_it_and_those_of_plugins_do_not() {
    for (name, script) in LEAVES_A_CHILD {
        let runtime = tempfile::tempdir().expect("a folder");
        let earlier = runtime.path().join("earlier");
        let preparation = format!(
            "sleep 1000 </dev/null >/dev/null 2>&1 & echo $! > {}",
            earlier.display()
        );
        let plugin = format!("{script}; cat");
        let (server, child) = start(runtime.path(), &preparation, &plugin).await;
        let earlier = std::fs::read_to_string(earlier).expect("an id");
        let earlier = earlier.trim().parse().expect("a number");
        server.signal(Signal::TERM);
        assert_eq!(server.wait_for_exit().await.0, Some(0));
        let alive = (is_alive(earlier), is_alive(child));
        let pid = i32::try_from(earlier)
            .ok()
            .and_then(rustix::process::Pid::from_raw);
        rustix::process::kill_process(pid.expect("an id"), Signal::KILL).expect("a signal");
        assert_eq!(alive, (true, false), "{name}");
    }
}

/// Sends a signal that may have a number only.
fn send(server: &TestServer, signal: &str) {
    let pid = server.pid().to_string();
    let sent = std::process::Command::new("sh")
        .args(["-c", "kill -s \"$1\" \"$2\"", "sh", signal, &pid])
        .status();
    assert!(sent.expect("a shell").success(), "{signal}");
}

#[tokio::test]
async fn signals_without_a_meaning_for_the_daemon_have_no_effect() {
    let runtime = tempfile::tempdir().expect("a folder");
    let plugin = format!("{}; cat", LEAVES_A_CHILD[0].1);
    let (server, child) = start(runtime.path(), NO_SIGNAL_IGNORED, &plugin).await;
    let named = ["USR1", "USR2", "ALRM", "VTALRM", "PROF", "XFSZ", "PIPE"];
    for signal in named {
        send(&server, signal);
        assert_eq!(server.get("/").await.status, 200, "{signal}");
    }
    if cfg!(target_os = "linux") {
        // SIGSTKFLT, SIGIO, and the realtime signals that programs may use.
        for number in [16, 29].into_iter().chain(34..=64) {
            send(&server, &number.to_string());
            assert_eq!(server.get("/").await.status, 200, "{number}");
        }
    }
    server.signal(Signal::TERM);
    let (code, output) = server.wait_for_exit().await;
    assert_eq!(code, Some(0), "{output}");
    assert!(!is_alive(child), "{output}");
    assert_no_files(runtime.path());
}

#[tokio::test]
async fn a_plugin_gets_the_default_actions_of_signals() {
    let runtime = tempfile::tempdir().expect("a folder");
    let plugin = "(sleep 1000; echo survived) & kill -USR1 $!; wait $!; echo left $?; cat";
    let (server, status) = start(runtime.path(), NO_SIGNAL_IGNORED, plugin).await;
    let killed = 128 + Signal::USR1.as_raw().unsigned_abs();
    assert_eq!(status, killed);
    drop(server);
}
