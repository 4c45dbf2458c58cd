//! Builds plugins from commands.

use crate::{
    gates::Gates,
    results,
    rules::{self, OptionsSpec, Rule},
    wire::{emit, error},
};
use pagewire_client::{
    Client, Context, Endpoint, HandlerResult, LiveFilters, Message, Plugin, ResolveOptions,
    ServeOptions, StopHandle, Target, TransformOptions,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::HashMap, sync::Arc};
use tokio::sync::watch;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PluginSpec {
    name: String,
    version: String,
    inject: bool,
    replace_existing: bool,
    required_features: Vec<String>,
    once: bool,
    signals: bool,
    serve: Option<Vec<Rule>>,
    transform: Option<Vec<Rule>>,
    resolve_import: Option<Vec<Rule>>,
    on_message: HashMap<String, Value>,
    on_request: HashMap<String, Value>,
    on_socket: bool,
    server_start: StartSpec,
    options: HashMap<String, OptionsSpec>,
}

/// What `server_start` does before it reports the start.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct StartSpec {
    wait_for: Option<String>,
}

/// A running plugin.
pub(crate) struct Running {
    pub(crate) filters: HashMap<&'static str, LiveFilters>,
    pub(crate) stop: StopHandle,
    /// The context of its first `server_start`, or the error with which `run` ended before it.
    pub(crate) started: watch::Receiver<Option<Result<Value, Value>>>,
    pub(crate) ended: watch::Receiver<bool>,
}

pub(crate) fn start(fields: PluginSpec, endpoint: Option<Endpoint>, gates: &Arc<Gates>) -> Running {
    let (started, start) = watch::channel(None);
    let (ended, end) = watch::channel(false);
    let name: Arc<str> = fields.name.as_str().into();
    let once = fields.once;
    let (plugin, filters) = build(fields, &name, gates, started.clone());
    let stop = plugin.stop_handle();
    tokio::spawn(async move {
        let result = match (once, endpoint) {
            (false, None) => plugin.run().await,
            (false, Some(endpoint)) => plugin.run_with(endpoint).await,
            (true, None) => plugin.run_once().await,
            (true, Some(endpoint)) => plugin.run_once_with(endpoint).await,
        };
        let mut line = json!({ "event": "ended", "plugin": &*name });
        if let Err(problem) = &result {
            line["error"] = error(problem);
        }
        let outcome = result
            .map(|()| Value::Null)
            .map_err(|problem| error(&problem));
        started.send_if_modified(|start| {
            let first = start.is_none();
            start.get_or_insert(outcome);
            first
        });
        emit(&line);
        ended.send_replace(true);
    });
    Running {
        filters,
        stop,
        started: start,
        ended: end,
    }
}

fn build(
    fields: PluginSpec,
    name: &Arc<str>,
    gates: &Arc<Gates>,
    started: watch::Sender<Option<Result<Value, Value>>>,
) -> (Plugin, HashMap<&'static str, LiveFilters>) {
    let mut filters = HashMap::new();
    let mut plugin = Plugin::new(fields.name)
        .version(fields.version)
        .handle_signals(fields.signals);
    if fields.inject {
        plugin = plugin.inject_web_socket();
    }
    if fields.replace_existing {
        plugin = plugin.replace_existing();
    }
    plugin = plugin.required_features(fields.required_features);
    let (start, started_name, start_gates) = (fields.server_start, name.clone(), gates.clone());
    plugin = plugin.server_start(move |context| {
        let (start, started) = (start.clone(), started.clone());
        let (name, gates) = (started_name.clone(), start_gates.clone());
        async move {
            if let Some(gate) = start.wait_for {
                emit(&json!({ "event": "starting", "plugin": &*name }));
                gates.wait_for(&gate).await;
            }
            report_start(&name, &context, &started);
            Ok(())
        }
    });
    let stopping_name = name.clone();
    plugin = plugin.server_stop(move |_| {
        emit(&json!({ "event": "stopping", "plugin": &*stopping_name }));
        async { Ok(()) }
    });

    let hook_options = |hook: &str| fields.options.get(hook).cloned().unwrap_or_default();
    let hook = |kind: &'static str, rules: Vec<Rule>| Hook {
        kind,
        plugin: name.clone(),
        rules: rules.into(),
        gates: gates.clone(),
    };
    if let Some(rules) = fields.serve {
        let options = hook_options("serve").serve(ServeOptions::new(rules::filters(&rules)));
        filters.insert("serve", options.live_filters());
        let hook = hook("serve", rules);
        plugin = plugin.serve(options, move |request| {
            let hook = hook.clone();
            async move {
                match hook.called(request.path()).await {
                    Some(fields) => results::serve(&fields, &request),
                    None => Ok(pagewire_client::Skip::new().into()),
                }
            }
        });
    }
    if let Some(rules) = fields.transform {
        let options = TransformOptions::new(rules::filters(&rules));
        let options = hook_options("transform").transform(options);
        filters.insert("transform", options.live_filters());
        let hook = hook("transform", rules);
        plugin = plugin.transform(options, move |response| {
            let hook = hook.clone();
            async move {
                match hook.called(response.request().path()).await {
                    Some(fields) => results::transform(&fields, &response),
                    None => Ok(None),
                }
            }
        });
    }
    if let Some(rules) = fields.resolve_import {
        let options = ResolveOptions::new(rules::filters(&rules));
        let options = hook_options("resolve_import").resolve(options);
        filters.insert("resolve_import", options.live_filters());
        let hook = hook("resolve_import", rules);
        plugin = plugin.resolve_import(options, move |imports| {
            let hook = hook.clone();
            async move {
                let fields = hook.called(imports.importer().path()).await;
                results::resolve(&fields.unwrap_or_default(), &imports)
            }
        });
    }

    for (message_type, action) in fields.on_message {
        let action = Action::new(name, action, gates);
        plugin = plugin.on_message(message_type, move |message, client| {
            let action = action.clone();
            async move { action.perform(&message, &client).await.map(drop) }
        });
    }
    for (message_type, action) in fields.on_request {
        let action = Action::new(name, action, gates);
        plugin = plugin.on_request(message_type, move |message, client| {
            let action = action.clone();
            async move { action.perform(&message, &client).await }
        });
    }
    if fields.on_socket {
        let names = [name.clone(), name.clone(), name.clone()];
        let [opened, ready, closed] = names;
        plugin = plugin
            .on_socket_opened(move |socket, _| report_socket(&opened, "opened", &socket.socket_id))
            .on_socket_ready(move |socket, _| report_socket(&ready, "ready", &socket.socket_id))
            .on_socket_closed(move |socket, _| report_socket(&closed, "closed", &socket.socket_id));
    }
    (plugin, filters)
}

#[derive(Clone)]
struct Hook {
    kind: &'static str,
    plugin: Arc<str>,
    rules: Arc<[Rule]>,
    gates: Arc<Gates>,
}

impl Hook {
    /// Prints the call, waits if the rule for the path says so, and returns the fields of the rule.
    async fn called(&self, path: &str) -> Option<serde_json::Map<String, Value>> {
        let plugin = &*self.plugin;
        emit(&json!({ "event": "call", "plugin": plugin, "hook": self.kind, "path": path }));
        let fields = rules::result(&self.rules, path)?;
        results::wait(fields, &self.gates, plugin, path).await;
        Some(fields.clone())
    }
}

fn report_start(
    name: &str,
    context: &Context,
    started: &watch::Sender<Option<Result<Value, Value>>>,
) {
    let sockets = context
        .sockets()
        .iter()
        .map(|socket| socket.socket_id.as_str());
    let sockets: Vec<_> = sockets.collect();
    emit(&json!({ "event": "started", "plugin": name, "sockets": sockets }));
    started.send_if_modified(|start| {
        let start_context = json!({ "plugin_name": context.plugin_name(), "sockets": sockets });
        let first = start.is_none();
        start.get_or_insert(Ok(start_context));
        first
    });
}

fn report_socket(plugin: &str, what: &str, socket_id: &str) -> std::future::Ready<HandlerResult> {
    emit(&json!({ "event": "socket", "plugin": plugin, "what": what, "socket_id": socket_id }));
    std::future::ready(Ok(()))
}

#[derive(Clone)]
struct Action {
    plugin: Arc<str>,
    fields: Value,
    gates: Arc<Gates>,
}

impl Action {
    fn new(plugin: &Arc<str>, fields: Value, gates: &Arc<Gates>) -> Self {
        let (plugin, gates) = (plugin.clone(), gates.clone());
        Self {
            plugin,
            fields,
            gates,
        }
    }

    /// Performs the action for a message; returns the reply to a request.
    async fn perform(&self, message: &Message, client: &Client) -> HandlerResult<Value> {
        let text = message.text().unwrap_or_default();
        let sender = message.socket_id();
        emit(&json!({
            "event": "message", "plugin": &*self.plugin, "socket_id": sender,
            "type": message.message_type(), "text": text,
        }));
        let field = |name| self.fields.get(name);
        if let Some(name) = field("wait_for").and_then(Value::as_str) {
            self.gates.wait_for(name).await;
        }
        if let Some(value) = field("reply_to_sender") {
            client.send(&Target::socket(sender), value).await?;
        }
        if let Some(value) = field("broadcast") {
            client
                .send(&Target::all().excluding([sender]), value)
                .await?;
        }
        if let Some(problem) = field("throw").and_then(Value::as_str) {
            return Err(problem.into());
        }
        if field("hang").is_some() {
            std::future::pending::<()>().await;
        }
        if field("answer_text").is_some() {
            return Ok(text.into());
        }
        Ok(field("answer").cloned().unwrap_or_default())
    }
}
