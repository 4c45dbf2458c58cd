//! The daemon as its users see it: the real binary and real sockets, one module per capability, in
//! reading order.

#![allow(
    unreachable_pub,
    reason = "`pub` here is for the other modules of this binary"
)]

mod support;

mod tidy;

mod asset_modules;
mod attach;
mod attacks;
mod command_line;
mod configuration;
mod contract;
mod daemon;
mod discovery;
mod docs;
mod headers;
mod hook_errors;
mod http;
mod imports;
mod injection;
mod kills;
mod large_files;
mod log_context;
mod model;
mod observability;
mod packages;
mod page_requests;
mod pages;
mod plugin_restarts;
mod proxy;
mod resolve_import;
mod runtime_folder;
mod sends;
mod serve_content;
mod serve_hook;
mod sites;
mod sockets;
mod special_files;
mod stop_signals;
mod subscriptions;
mod supervision;
mod syntax_errors;
mod tls;
mod transform;
mod watch;
