//! The `pagewire` binary.

fn main() -> std::process::ExitCode {
    pagewire::cli::main()
}
