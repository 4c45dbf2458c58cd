//! The daemon's settings: what can be set, how it is read, and the [`Config`] that results.
//!
//! [`SETTINGS`] lists every setting. [`Settings`] holds the effective value of each, from flags,
//! environment, `pagewire.toml` and defaults. [`Config`] is what the daemon runs with.

mod control_address;
mod daemon;
mod file;
mod glob;
mod headers;
mod log;
#[cfg(test)]
mod markdown;
mod modes;
mod pages;
mod plugins;
mod proxy;
mod setting;
mod settings;
mod table;

pub(crate) use control_address::ControlAddress;
pub(crate) use daemon::{Certificate, Config, Port};
pub(crate) use file::{FILE_NAME, FileEntry, parse};
pub(crate) use glob::FilePattern;
pub(crate) use headers::HeaderRule;
pub(crate) use log::{LogFormat, LogLevels};
pub(crate) use modes::{Inject, WatchMode};
pub(crate) use pages::{AppIndex, MimeRule};
pub(crate) use plugins::{PluginConfig, PluginWatch, is_plugin_name};
pub(crate) use proxy::{BackendAddress, ProxyRule, Trust};
pub(crate) use setting::{Setting, SettingType};
pub(crate) use settings::{EffectiveSetting, Settings};
pub(crate) use table::SETTINGS;
