//! The servers that are compared, the plugins they have, and how both are started.

pub(crate) mod bare;
mod child;
mod command;
mod language;
mod messages;
mod peer;
mod plugins;
mod server;

pub(crate) use child::{exit_with_parent, terminate};
pub(crate) use command::server_command;
pub(crate) use language::Language;
pub(crate) use messages::{Answer, BurstOrder, ImportOrder, Imported, Question};
pub(crate) use peer::{Peer, Setup, StartOptions};
pub(crate) use plugins::{APPENDED_LINE, CALLS_PATH, PluginSet, SLOW_PATH, VIRTUAL_PATH};
pub(crate) use server::{Server, free_address};
