//! Compiles the contract in `proto/` with a pure-Rust compiler, so that protoc is not required.

use prost::Message;
use std::{env, fs, io, path::PathBuf};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=proto");
    let mut contract = protox::compile(["pagewire/v1/control.proto"], ["proto"])
        .map_err(|error| io::Error::other(format!("{error:?}")))?;

    tonic_prost_build::configure()
        .build_client(false)
        .bytes(".")
        .compile_fds(contract.clone())?;

    // The descriptors are served by reflection; comments would triple their size.
    for file in &mut contract.file {
        file.source_code_info = None;
    }
    let descriptors = PathBuf::from(env::var("OUT_DIR")?).join("pagewire.v1.bin");
    fs::write(descriptors, contract.encode_to_vec())?;
    Ok(())
}
