//! The plugins of a case. Pagewire's run here, in one process and with a connection each;
//! `peers/plugins.js` has the same for the ancestor, in its own process, and `bare_plugins` some of it for
//! the bare server, in one process.

use crate::{site, talk};
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

/// How many there are where there are many.
const COUNT: usize = 32;

/// Subscribers where there are very many.
const SUBSCRIBERS: usize = 1000;

/// How long the slow one takes, without using the processor.
const SLOW: Duration = Duration::from_millis(100);

/// What a plugin serves: [`site::MODULE`], unchanged.
pub(crate) const VIRTUAL_PATH: &str = "/virtual/module.js";
/// The same from the slow one.
pub(crate) const SLOW_PATH: &str = "/slow/module.js";
/// How often the plugin that does something was asked to.
pub(crate) const CALLS_PATH: &str = "/virtual/calls";
/// What a plugin that transforms appends.
pub(crate) const LINE: &str = "export const transformed = true;\n";

/// Which plugins a server has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Plugins {
    #[default]
    None,
    /// One that serves a module and is asked each time.
    Serve,
    /// The same, and what it answered is remembered by who can.
    Remember,
    /// One that transforms a module and is asked each time.
    Transform,
    /// The same, and what comes of it is cached.
    Cache,
    /// 32 that serve and transform what nobody asks for.
    Bystanders,
    /// 31 of these, and behind them one that transforms each of many modules, cached.
    Many,
    /// A slow one, and one that serves a module as [`Plugins::Serve`].
    Slow,
    /// One that serves a module as [`Plugins::Serve`] and answers pages as [`Plugins::Talk`], in a program
    /// of its own: see `languages`.
    Language,
    /// One that talks to pages: see [`talk`].
    Talk,
    /// The same beside a subscriber to other messages.
    TalkBesideOne,
    /// The same beside very many of them.
    TalkBesideMany,
}

impl Plugins {
    /// What is left without what the case is about.
    pub(crate) fn without(self) -> Self {
        match self {
            Self::Slow => Self::Serve,
            Self::Talk => Self::Talk,
            Self::TalkBesideMany => Self::TalkBesideOne,
            _ => Self::None,
        }
    }

    /// As the command lines of plugins and ancestor have it.
    pub(crate) fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Is these plugins until the daemon ends. Says a line when all are in force.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        Runtime::new()?.block_on(async {
            let endpoint = Endpoint::find()?;
            let _others = self.subscribe_others(&endpoint).await?;
            let plugins = self.plugins();
            let mut missing = plugins.len();
            let (started, mut starts) = mpsc::channel(missing.max(1));
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
                    _ = starts.recv(), if missing > 0 => {
                        missing -= 1;
                        if missing == 0 {
                            println!("ready");
                        }
                    }
                    ended = running.join_next() => match ended {
                        Some(ended) => ended??,
                        None => return Ok(()),
                    },
                }
            }
        })
    }

    /// Subscribers who want messages that no page sends.
    async fn subscribe_others(self, endpoint: &Endpoint) -> anyhow::Result<Vec<Subscription>> {
        let count = match self {
            Self::TalkBesideOne => 1,
            Self::TalkBesideMany => SUBSCRIBERS,
            _ => return Ok(Vec::new()),
        };
        let client = Client::connect(endpoint.clone()).await?;
        let mut others = Vec::with_capacity(count);
        for index in 0..count {
            let options = SubscribeOptions::new().message_types([format!("other-{index}")]);
            others.push(client.subscribe(options).await?);
        }
        Ok(others)
    }

    fn plugins(self) -> Vec<Plugin> {
        match self {
            Self::None | Self::Language => Vec::new(),
            Self::Serve => vec![serving(false)],
            Self::Remember => vec![serving(true)],
            Self::Transform => vec![transforming(Filter::path(site::MODULE), false)],
            Self::Cache => vec![transforming(Filter::path(site::MODULE), true)],
            Self::Bystanders => (0..COUNT).map(bystander).collect(),
            Self::Many => {
                let last = transforming(Filter::prefix(site::MANY), true);
                (1..COUNT).map(bystander).chain([last]).collect()
            }
            Self::Slow => vec![slow(), serving(false)],
            Self::Talk | Self::TalkBesideOne | Self::TalkBesideMany => vec![talk::plugin()],
        }
    }
}

fn serving(remember: bool) -> Plugin {
    let module = Bytes::from(site::the_module());
    let calls = Arc::new(AtomicU64::new(0));
    let filter = Filter::paths([VIRTUAL_PATH, CALLS_PATH]);
    Plugin::new("serving").serve(filter, move |request| {
        let content = if request.path() == CALLS_PATH {
            counted(&calls)
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

fn transforming(what: Filter, cache: bool) -> Plugin {
    let calls = Arc::new(AtomicU64::new(0));
    let read = calls.clone();
    Plugin::new("transforming")
        .serve(Filter::path(CALLS_PATH), move |_| {
            let content = counted(&read);
            async { Ok(content) }
        })
        .transform(what, move |response| {
            calls.fetch_add(1, Ordering::Relaxed);
            let change = Change::new().body([response.body(), LINE.as_bytes()].concat());
            let change = if cache { change } else { change.no_cache() };
            async { Ok(change) }
        })
}

fn counted(calls: &AtomicU64) -> Content {
    Content::text(calls.load(Ordering::Relaxed).to_string())
}

fn bystander(index: usize) -> Plugin {
    let filters = [
        Filter::prefix(format!("/bystander-{index}/")),
        Filter::regex(format!(r"\.bystander{index}$")),
    ];
    Plugin::new(format!("bystander-{index}"))
        .serve(filters.clone(), |_| async { Ok(None::<Content>) })
        .transform(filters, |_| async { Ok(None::<Change>) })
}

fn slow() -> Plugin {
    let module = Bytes::from(site::the_module());
    Plugin::new("slow").serve(Filter::path(SLOW_PATH), move |_| {
        let content = Content::js(module.clone());
        async {
            tokio::time::sleep(SLOW).await;
            Ok(content)
        }
    })
}
