//! Compiles the contract between the bare server and its plugin, as Pagewire compiles its own.

use std::io;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=compare/peers/bare/bare.proto");
    let contract = protox::compile(["bare.proto"], ["compare/peers/bare"])
        .map_err(|error| io::Error::other(format!("{error:?}")))?;

    tonic_prost_build::configure()
        .build_transport(false)
        .bytes(".")
        .compile_fds(contract)?;
    Ok(())
}
