//! Pagewire: a headless dev server that programs in any language control over gRPC.
//!
//! Modules are listed in reading order, from plain data to the command line. Each uses only the modules
//! listed before it; `ARCHITECTURE.md` explains the floors.

#![cfg_attr(test, allow(clippy::unwrap_used))]
// std's macros panic when standard output or error cannot be written; `cli` has its own.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

// Floor 1: plain data, JavaScript as text, and the pool of threads for long work.
mod blocking;
mod ids;
mod javascript;
mod message;
mod origins;
mod paths;

// Plain data built from the other modules of floor 1.
mod config;

// Floor 2: the core. No HTTP, no gRPC.
mod hub;
mod plugins;

// Floor 3: the edges, one protocol each. They share the core and never import each other.
mod browser;
mod control;
mod node_resolve;
mod pages;
mod supervise;
mod watch;

// Floor 4: binds, spawns, drains.
mod discovery;
mod server;

// Floor 5: the command line. It calls the daemon like any other client.
pub mod cli;
