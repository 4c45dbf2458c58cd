//! How long the daemon takes to its ready line and to its first page, and what it holds idle.
//!
//! `benches/run` builds and starts it; `startup PATH` measures another binary. Medians of many
//! starts; these machines are noisy, so compare within one run.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const STARTS: usize = 50;

struct Start {
    to_ready_line: Duration,
    to_first_page: Duration,
    resident_kib: u64,
}

fn main() {
    let binary = std::env::args_os().nth(1);
    let binary = PathBuf::from(binary.unwrap_or_else(|| "target/release/pagewire".into()));
    let site = tempfile::tempdir().expect("a folder");
    let page = "<!doctype html><title>t</title><body>hello</body>";
    std::fs::write(site.path().join("index.html"), page).expect("a page");

    let mut starts: Vec<Start> = (0..STARTS).map(|_| start(&binary, site.path())).collect();
    let mut report = |name: &str, unit: &str, figure: fn(&Start) -> f64| {
        starts.sort_by(|a, b| figure(a).total_cmp(&figure(b)));
        let at = |percent: usize| figure(&starts[(starts.len() - 1) * percent / 100]);
        println!(
            "{name:<24} {:>8.2} {unit}   (p10 {:.2}, p90 {:.2})",
            at(50),
            at(10),
            at(90)
        );
    };
    report("start to ready line", "ms", |start| {
        start.to_ready_line.as_secs_f64() * 1e3
    });
    report("start to first page", "ms", |start| {
        start.to_first_page.as_secs_f64() * 1e3
    });
    report("idle resident memory", "MiB", |start| {
        f64::from(u32::try_from(start.resident_kib).unwrap_or(u32::MAX)) / 1024.0
    });
}

fn start(binary: &Path, site: &Path) -> Start {
    let begin = Instant::now();
    let mut daemon = Command::new(binary)
        .arg("serve")
        .arg(site)
        .args([
            "--port",
            "0",
            "--control",
            "127.0.0.1:0",
            "--inject",
            "always",
            "--exit-with-stdin",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the daemon starts");
    let mut line = String::new();
    let stdout = daemon.stdout.take().expect("piped");
    BufReader::new(stdout)
        .read_line(&mut line)
        .expect("the ready line");
    let to_ready_line = begin.elapsed();
    let http = line
        .split("http://")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("a URL");
    let mut stream = TcpStream::connect(http).expect("a listener");
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let to_first_page = begin.elapsed();
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("client.js"),
        "{answer}"
    );
    let resident_kib = resident_kib(&daemon);
    drop(daemon.stdin.take());
    daemon.wait().expect("the daemon ends");
    Start {
        to_ready_line,
        to_first_page,
        resident_kib,
    }
}

/// From the operating system, as a user would see it.
fn resident_kib(daemon: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.id())).expect("Linux");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .expect("a resident size");
    line.split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse().ok())
        .expect("a number")
}
