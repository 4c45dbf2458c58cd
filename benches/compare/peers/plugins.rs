//! The plugins of a case. For Pagewire, they all run in one child process (this program again), each with its own
//! connection. `peers/plugins.js` has the same plugins for @web/dev-server, which runs them in its own process;
//! `bare::plugin` has some of them for the bare server.

use super::messages;
use crate::site;
use bytes::Bytes;
use clap::ValueEnum;
use pagewire_client::{
    Change, Client, Content, Endpoint, Filter, Plugin, SubscribeOptions, Subscription,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Plugins in the cases with many plugins.
const MANY_PLUGINS: usize = 32;

/// Subscribers in the case with many subscribers.
const MANY_SUBSCRIBERS: usize = 1000;

/// Response time of the slow plugin; it waits without using the processor.
const SLOW_DELAY: Duration = Duration::from_millis(100);

/// A path that a plugin serves with the content of [`site::MODULE`].
pub(crate) const VIRTUAL_PATH: &str = "/virtual/module.js";
/// A path that the slow plugin serves with the same content.
pub(crate) const SLOW_PATH: &str = "/slow/module.js";
/// The path where the plugin under test serves the number of calls to it.
pub(crate) const CALLS_PATH: &str = "/virtual/calls";
/// The line that a transforming plugin appends.
pub(crate) const APPENDED_LINE: &str = "export const transformed = true;\n";

/// The plugins of a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum PluginSet {
    #[default]
    None,
    /// A plugin that serves a module and is called for each request.
    Serve,
    /// Like [`PluginSet::Serve`], but servers that can cache the result do so.
    Remember,
    /// A plugin that transforms a module and is called for each request.
    Transform,
    /// Like [`PluginSet::Transform`], but the result is cached.
    Cache,
    /// 32 plugins whose filters match no request.
    Bystanders,
    /// 31 bystanders, then a plugin that transforms each of many modules; its results are cached.
    Many,
    /// A slow plugin, and the plugin of [`PluginSet::Serve`].
    Slow,
    /// A plugin in a program of its own that serves a module as in [`PluginSet::Serve`] and answers messages from
    /// pages as in [`PluginSet::Messages`]: see `cases::languages`.
    Language,
    /// A plugin that exchanges messages with pages: see [`messages`].
    Messages,
    /// The plugin of [`PluginSet::Messages`], and one subscriber to messages that no page sends.
    MessagesBesideOne,
    /// The plugin of [`PluginSet::Messages`], and 1,000 such subscribers.
    MessagesBesideMany,
}

impl PluginSet {
    /// Returns the reference set: this one without the plugins whose effect the case measures.
    pub(super) fn without(self) -> Self {
        match self {
            Self::Slow => Self::Serve,
            Self::Messages => Self::Messages,
            Self::MessagesBesideMany => Self::MessagesBesideOne,
            _ => Self::None,
        }
    }

    /// The name of the set on command lines.
    pub(super) fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Runs these plugins until the daemon exits. Prints a line once the hooks of all are open.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        Runtime::new()?.block_on(async {
            let endpoint = Endpoint::find()?;
            let _subscriptions = self.subscribe_to_others(&endpoint).await?;
            let plugins = self.plugins();
            let mut not_started = plugins.len();
            let (started, mut starts) = mpsc::channel(not_started.max(1));
            let mut running = JoinSet::new();
            for plugin in plugins {
                let started = started.clone();
                let plugin = plugin.server_start(move |_| {
                    let started = started.clone();
                    async move { Ok(started.send(()).await?) }
                });
                running.spawn(plugin.run_with(endpoint.clone()));
            }
            loop {
                tokio::select! {
                    _ = starts.recv(), if not_started > 0 => {
                        not_started -= 1;
                        if not_started == 0 {
                            println!("ready");
                        }
                    }
                    exited = running.join_next() => match exited {
                        Some(exited) => exited??,
                        None => return Ok(()),
                    },
                }
            }
        })
    }

    /// Opens subscriptions to messages that no page sends.
    async fn subscribe_to_others(self, endpoint: &Endpoint) -> anyhow::Result<Vec<Subscription>> {
        let count = match self {
            Self::MessagesBesideOne => 1,
            Self::MessagesBesideMany => MANY_SUBSCRIBERS,
            _ => return Ok(Vec::new()),
        };
        let client = Client::connect(endpoint.clone()).await?;
        let mut subscriptions = Vec::with_capacity(count);
        for index in 0..count {
            let options = SubscribeOptions::new().message_types([format!("other-{index}")]);
            subscriptions.push(client.subscribe(options).await?);
        }
        Ok(subscriptions)
    }

    fn plugins(self) -> Vec<Plugin> {
        match self {
            Self::None | Self::Language => Vec::new(),
            Self::Serve => vec![serving_plugin(false)],
            Self::Remember => vec![serving_plugin(true)],
            Self::Transform => vec![transforming_plugin(Filter::path(site::MODULE), false)],
            Self::Cache => vec![transforming_plugin(Filter::path(site::MODULE), true)],
            Self::Bystanders => (0..MANY_PLUGINS).map(bystander_plugin).collect(),
            Self::Many => {
                let last = transforming_plugin(Filter::prefix(site::MANY), true);
                (1..MANY_PLUGINS)
                    .map(bystander_plugin)
                    .chain([last])
                    .collect()
            }
            Self::Slow => vec![slow_plugin(), serving_plugin(false)],
            Self::Messages | Self::MessagesBesideOne | Self::MessagesBesideMany => {
                vec![messages::plugin()]
            }
        }
    }
}

fn serving_plugin(remember: bool) -> Plugin {
    let module = Bytes::from(site::module_text());
    let calls = Arc::new(AtomicU64::new(0));
    let filter = Filter::paths([VIRTUAL_PATH, CALLS_PATH]);
    Plugin::new("serving").serve(filter, move |request| {
        let content = if request.path() == CALLS_PATH {
            call_count(&calls)
        } else {
            calls.fetch_add(1, Ordering::Relaxed);
            let content = Content::js(module.clone());
            if remember {
                content.remember()
            } else {
                content
            }
        };
        async { Ok(content) }
    })
}

fn transforming_plugin(filter: Filter, cache: bool) -> Plugin {
    let calls = Arc::new(AtomicU64::new(0));
    let counter = calls.clone();
    Plugin::new("transforming")
        .serve(Filter::path(CALLS_PATH), move |_| {
            let content = call_count(&counter);
            async { Ok(content) }
        })
        .transform(filter, move |response| {
            calls.fetch_add(1, Ordering::Relaxed);
            let change = Change::new().body([response.body(), APPENDED_LINE.as_bytes()].concat());
            let change = if cache { change } else { change.no_cache() };
            async { Ok(change) }
        })
}

fn call_count(calls: &AtomicU64) -> Content {
    Content::text(calls.load(Ordering::Relaxed).to_string())
}

fn bystander_plugin(index: usize) -> Plugin {
    let filters = [
        Filter::prefix(format!("/bystander-{index}/")),
        Filter::regex(format!(r"\.bystander{index}$")),
    ];
    Plugin::new(format!("bystander-{index}"))
        .serve(filters.clone(), |_| async { Ok(None::<Content>) })
        .transform(filters, |_| async { Ok(None::<Change>) })
}

fn slow_plugin() -> Plugin {
    let module = Bytes::from(site::module_text());
    Plugin::new("slow").serve(Filter::path(SLOW_PATH), move |_| {
        let content = Content::js(module.clone());
        async {
            tokio::time::sleep(SLOW_DELAY).await;
            Ok(content)
        }
    })
}
