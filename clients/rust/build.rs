//! Compiles the contract in `proto/` with a pure-Rust compiler, so that protoc need not be installed.

use std::io;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=proto");
    let contract = protox::compile(["pagewire/v1/control.proto"], ["proto"])
        .map_err(|error| io::Error::other(format!("{error:?}")))?;

    tonic_prost_build::configure()
        .build_server(false)
        .build_transport(false)
        .bytes(".")
        .compile_fds(contract)?;
    Ok(())
}
