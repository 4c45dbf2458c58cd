//! Prints the machine and the versions, without which a figure means nothing.

use crate::peers::StartOptions;
use std::fs;
use std::process::Command;

pub(crate) fn describe(options: &StartOptions<'_>) -> anyhow::Result<()> {
    let cpu = fs::read_to_string("/proc/cpuinfo")?;
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown processor", |(_, model)| model);
    let cores = cpu
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let load = fs::read_to_string("/proc/loadavg")?;
    let load = load.split_whitespace().next().unwrap_or_default();
    println!(
        "{model}, {cores} cores, Linux {}, load average before {load}",
        kernel.trim()
    );
    let version = |package: &str| -> anyhow::Result<String> {
        let folder = options.peers.join("node_modules").join(package);
        let description = fs::read_to_string(folder.join("package.json"))?;
        let description: serde_json::Value = serde_json::from_str(&description)?;
        let version = description["version"].as_str().unwrap_or("?");
        Ok(format!("{package} {version}"))
    };
    println!(
        "{}, {}, {}, {}, {}, {}, Node {}",
        first_line(Command::new(options.pagewire).arg("--version"))?,
        first_line(Command::new("nginx").arg("-v"))?.replace("nginx version: ", ""),
        version("@web/dev-server-core")?,
        version("@web/dev-server")?,
        version("vite")?,
        version("ws")?,
        first_line(Command::new("node").arg("--version"))?,
    );
    let placement = if options.pinned {
        "servers on one core, load generator on another"
    } else {
        "servers and load generator on any core"
    };
    println!("{placement}\n");
    Ok(())
}

/// The first line that a program prints to standard output, else to standard error.
fn first_line(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output()?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
