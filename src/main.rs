//! The `pagewire` binary.

/// Gives freed memory back: see the dependency in `Cargo.toml`.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    pagewire::cli::main()
}
