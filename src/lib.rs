//! Pagewire: a headless dev server that programs in any language control over gRPC.
//!
//! The modules in reading order, from plain data up to the whole; each uses only those above
//! it. `ARCHITECTURE.md` draws the picture.

#![cfg_attr(test, allow(clippy::unwrap_used))]

// Floor 1: plain data.
mod ids;
mod message;
mod origins;
mod paths;

// Made of the others of its floor.
mod config;

// Floor 2: the core. No HTTP, no gRPC.
mod hub;
mod plugins;

// Floor 3: the edges, one protocol each. They meet in the core and never import each other.
mod browser;
mod control;
mod node_resolve;
mod pages;
mod supervise;
mod watch;

// Floor 4: binds, spawns, drains.
mod discovery;
mod server;

// Floor 5: parses what was typed; calls the daemon as any client would.
pub mod cli;
