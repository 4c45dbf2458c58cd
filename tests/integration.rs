//! The daemon as its users meet it: the real binary, real sockets, one module a capability.
//! In reading order.

#![allow(
    unreachable_pub,
    reason = "`pub` here is for the other modules of this binary"
)]

mod support;

mod tidy;

mod attach;
mod attacks;
mod command_line;
mod configuration;
mod contract;
mod daemon;
mod discovery;
mod docs;
mod hook_faults;
mod http;
mod imports;
mod injection;
mod kills;
mod model;
mod observation;
mod pages;
mod proxy;
mod requests;
mod resolve_import;
mod sends;
mod serve_answers;
mod serve_hook;
mod sites;
mod sockets;
mod subscriptions;
mod supervision;
mod tls;
mod transform;
mod watch;
