//! Pagewire: a headless dev server that programs in any language control over gRPC.
//!
//! The modules in reading order, from plain data up to the whole; each uses only those above
//! it. `ARCHITECTURE.md` draws the picture.

#![cfg_attr(test, allow(clippy::unwrap_used))]

// Floor 1: plain data.
pub mod ids;
pub mod message;
pub mod origins;
pub mod paths;

// Made of the others of its floor.
pub mod config;

// Floor 2: the core. No HTTP, no gRPC.
pub mod hub;
pub mod plugins;

// Floor 3: the edges, one protocol each. They meet in the core and never import each other.
pub mod browser;
pub mod control;
pub mod node_resolve;
pub mod pages;
pub mod supervise;
pub mod watch;

// Floor 4: binds, spawns, drains.
pub mod discovery;
pub mod server;

// Floor 5: parses what was typed; calls the daemon as any client would.
pub mod cli;
