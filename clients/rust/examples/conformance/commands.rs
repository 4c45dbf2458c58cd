//! Executes commands: each makes one call to the library and prints its response.

use crate::{
    gates::Gates,
    plugin::{self, PluginSpec, Running},
    rules::FilterSpec,
    subscriptions::Subscriptions,
    wire::{self, TargetSpec},
};
use data_encoding::BASE64;
use futures_util::future::try_join_all;
use pagewire_client::{Client, ConsoleLevel, Endpoint, Error, Import, Result, Stale, Target};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::sync::Mutex as AsyncMutex;

#[derive(Default)]
pub(crate) struct Runner {
    client: AsyncMutex<Option<Client>>,
    /// The endpoint of the last `connect` command, and the number of these commands.
    endpoint: Mutex<(Option<Endpoint>, u32)>,
    plugins: Mutex<HashMap<String, Running>>,
    subscriptions: Subscriptions,
    gates: Arc<Gates>,
}

impl Runner {
    /// Performs one command and prints the response.
    pub(crate) async fn perform(self: Arc<Self>, command: Value) {
        let line = match self.call(&command).await {
            Ok(ok) => json!({ "id": command["id"], "ok": ok }),
            Err(error) => json!({ "id": command["id"], "error": error }),
        };
        wire::emit(&line);
    }

    async fn call(&self, command: &Value) -> Result<Value, Value> {
        let name = text(command, "name");
        match text(command, "do") {
            "plugin" => self.plugin(command).await,
            "release" => {
                self.gates.release(name);
                Ok(Value::Null)
            }
            "stop" => {
                self.stop(text(command, "plugin")).await;
                Ok(Value::Null)
            }
            "unsubscribe" => {
                self.subscriptions.unsubscribe(name).await;
                Ok(Value::Null)
            }
            _ => self
                .use_client(command)
                .await
                .map_err(|error| wire::error(&error)),
        }
    }

    async fn use_client(&self, command: &Value) -> Result<Value> {
        match text(command, "do") {
            "connect" => return self.connect(command).await,
            "set_filters" => return self.set_filters(command).await,
            _ => {}
        }
        let mut client = self.client().await?;
        if command["confirm"] == true {
            client = client.confirming_receipt();
        }
        if command["list_reached"] == true {
            client = client.listing_reached();
        }
        if let Some(ms) = command["deadline_ms"].as_u64() {
            client = client.with_deadline(Duration::from_millis(ms));
        }
        let target = || {
            let fields: TargetSpec = serde_json::from_value(command["target"].clone())?;
            Ok::<_, Error>(fields.target())
        };
        let report = match text(command, "do") {
            "info" => {
                let info = client.info().await?;
                return Ok(
                    json!({ "server_version": info.server_version, "features": info.features }),
                );
            }
            "sockets" => {
                let sockets = client.sockets().await?.into_iter().map(|socket| {
                    json!({ "socket_id": socket.socket_id, "url": socket.url, "ready": socket.ready })
                });
                return Ok(sockets.collect());
            }
            "plugins" => {
                let plugins = client.plugins().await?.into_iter();
                return Ok(plugins
                    .map(|one| json!({ "plugin_name": one.plugin_name }))
                    .collect());
            }
            "invalidate" => return Ok(client.invalidate(stale(command)).await?.into()),
            "subscribe" => {
                let reconnected = self.endpoint.lock().unwrap().1 > 0;
                return self
                    .subscriptions
                    .subscribe(&client, reconnected, command)
                    .await;
            }
            "import_value" => {
                let report = client.import_value(&target()?, import(command)).await?;
                return Ok(wire::import_report(report));
            }
            "send" => send(&client, &target()?, command).await?,
            "send_many" => return send_many(&client, &target()?, command).await,
            "send_import" => client.send_import(&target()?, import(command)).await?,
            "console_log" => {
                let level = match text(command, "level") {
                    "debug" => ConsoleLevel::Debug,
                    "info" => ConsoleLevel::Info,
                    "warn" => ConsoleLevel::Warn,
                    "error" => ConsoleLevel::Error,
                    _ => ConsoleLevel::Log,
                };
                client
                    .console_log(&target()?, level, "", text(command, "text"))
                    .await?
            }
            "reload" => client.reload(&target()?).await?,
            "navigate" => client.navigate(&target()?, text(command, "url")).await?,
            "swap_stylesheets" => {
                client
                    .swap_stylesheets(&target()?, texts(command, "paths"))
                    .await?
            }
            "close_sockets" => {
                let code = command["code"].as_u64().unwrap_or(1000) as u16;
                client
                    .close_sockets(&target()?, code, text(command, "reason"))
                    .await?
            }
            _ => return Err(Error::Unexpected("unknown command")),
        };
        Ok(wire::report(&report))
    }

    /// The connected client, or else a new one that discovers its daemon.
    async fn client(&self) -> Result<Client> {
        let mut client = self.client.lock().await;
        if client.is_none() {
            *client = Some(Client::find().await?);
        }
        Ok(client.clone().expect("just found"))
    }

    async fn connect(&self, command: &Value) -> Result<Value> {
        let endpoint = wire::endpoint(command)?;
        let client = match endpoint.clone() {
            Some(endpoint) => Client::connect(endpoint).await?,
            None => Client::find().await?,
        };
        let version = client.info().await?.server_version;
        *self.client.lock().await = Some(client);
        let mut connected = self.endpoint.lock().unwrap();
        *connected = (endpoint, connected.1 + 1);
        Ok(json!({ "server_version": version }))
    }

    async fn plugin(&self, command: &Value) -> Result<Value, Value> {
        let fields: PluginSpec = serde_json::from_value(command.clone())
            .map_err(|error| json!({ "kind": "plugin", "message": error.to_string() }))?;
        let endpoint = self.endpoint.lock().unwrap().0.clone();
        let running = plugin::start(fields, endpoint, &self.gates);
        let mut started = running.started.clone();
        self.plugins
            .lock()
            .unwrap()
            .insert(text(command, "name").to_owned(), running);
        let start = started.wait_for(Option::is_some).await;
        start
            .expect("the plugin reports its start")
            .clone()
            .expect("just seen")
    }

    async fn stop(&self, name: &str) {
        let running = self.plugins.lock().unwrap().remove(name);
        let mut running = running.expect("a plugin of this name");
        running.stop.stop();
        let _ = running.ended.wait_for(|ended| *ended).await;
    }

    /// Stops all plugins gracefully.
    pub(crate) async fn stop_plugins(&self) {
        for running in self.plugins.lock().unwrap().values() {
            running.stop.stop();
        }
        self.plugins_ended().await;
    }

    /// Returns once no plugin is running.
    pub(crate) async fn plugins_ended(&self) {
        let plugins = std::mem::take(&mut *self.plugins.lock().unwrap());
        for mut running in plugins.into_values() {
            let _ = running.ended.wait_for(|ended| *ended).await;
        }
    }

    async fn set_filters(&self, command: &Value) -> Result<Value> {
        let filters = {
            let plugins = self.plugins.lock().unwrap();
            plugins[text(command, "plugin")].filters[text(command, "hook")].clone()
        };
        let fields: Vec<FilterSpec> = serde_json::from_value(command["filters"].clone())?;
        filters.set(fields.iter().map(FilterSpec::filter)).await?;
        Ok(Value::Null)
    }
}

async fn send(
    client: &Client,
    target: &Target,
    command: &Value,
) -> Result<pagewire_client::Report> {
    if let Some(raw) = command["raw"].as_str() {
        client.send_json(target, raw).await
    } else if let Some(plain) = command["text"].as_str() {
        client.send_text(target, plain).await
    } else if let Some(base64) = command["base64"].as_str() {
        let bytes = BASE64.decode(base64.as_bytes()).expect("base64");
        client.send_binary(target, bytes).await
    } else {
        client.send(target, &command["json"]).await
    }
}

async fn send_many(client: &Client, target: &Target, command: &Value) -> Result<Value> {
    let count = command["count"].as_u64().unwrap_or(0);
    let sends = (0..count).map(|n| client.send(target, json!({ "type": "n", "n": n })));
    let reports = try_join_all(sends).await?;
    let reached: u32 = reports.iter().map(|report| report.reached).sum();
    let unreached: Vec<_> = reports
        .iter()
        .flat_map(|report| {
            wire::report(report)["unreached"]
                .as_array()
                .cloned()
                .unwrap_or_default()
        })
        .collect();
    Ok(json!({ "reached": reached, "unreached": unreached }))
}

fn import(command: &Value) -> Import {
    let mut import = match command["code"].as_str() {
        Some(code) => Import::code(code),
        None => Import::path(text(command, "path")),
    };
    for arg in command["args"].as_array().into_iter().flatten() {
        import = import.arg(arg);
    }
    if command["fresh"] == true {
        import = import.fresh();
    }
    match command["timeout_ms"].as_u64() {
        Some(ms) => import.timeout(Duration::from_millis(ms)),
        None => import,
    }
}

fn stale(command: &Value) -> Stale {
    let parts = texts(command, "paths")
        .map(Stale::path)
        .chain(texts(command, "prefixes").map(Stale::prefix))
        .chain(texts(command, "files").map(Stale::file))
        .chain((command["all"] == true).then(Stale::all));
    let stale = parts.reduce(Stale::and).expect("at least one selection");
    if command["refresh_pages"] == true {
        stale.refresh_pages()
    } else {
        stale
    }
}

fn text<'a>(command: &'a Value, name: &str) -> &'a str {
    command[name].as_str().unwrap_or_default()
}

fn texts<'a>(command: &'a Value, name: &str) -> impl Iterator<Item = &'a str> {
    command[name]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}
