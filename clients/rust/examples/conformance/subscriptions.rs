//! Subscriptions by name.

use crate::wire::{emit, error};
use pagewire_client::{
    Client, Error, Event, FailedResource, SocketFilter, SubscribeOptions, Subscription, What,
};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};
use tokio::sync::oneshot;

#[derive(Default)]
pub(crate) struct Subscriptions(Mutex<HashMap<String, Following>>);

/// A subscription that a task reads; the task returns the subscription when it ends.
struct Following {
    unsubscribe: Option<oneshot::Sender<()>>,
    back: oneshot::Receiver<Subscription>,
}

impl Subscriptions {
    pub(crate) async fn subscribe(
        &self,
        client: &Client,
        reconnected: bool,
        command: &Value,
    ) -> Result<Value, Error> {
        let name: Arc<str> = command["name"].as_str().unwrap_or_default().into();
        let subscription = if command["resume"] == true {
            let mut last = self.end(&name).await.expect("it was subscribed to before");
            if reconnected {
                let options = options(command).resume_after(last.position().clone());
                last = client.subscribe(options).await?;
            } else {
                last.resume().await?;
            }
            last
        } else {
            client.subscribe(options(command)).await?
        };
        let resumed = subscription.resumed();
        let (unsubscribe, asked) = oneshot::channel();
        let (give_back, back) = oneshot::channel();
        let following = Following {
            unsubscribe: Some(unsubscribe),
            back,
        };
        self.0.lock().unwrap().insert(name.to_string(), following);
        tokio::spawn(async move {
            let _ = give_back.send(follow(&name, subscription, asked).await);
        });
        Ok(json!({ "resumed": resumed }))
    }

    /// Ends a subscription, unless it has ended by itself, and returns it.
    pub(crate) async fn end(&self, name: &str) -> Option<Subscription> {
        let following = self.0.lock().unwrap().remove(name)?;
        drop(following.unsubscribe);
        following.back.await.ok()
    }

    /// Unsubscribes and stores the position.
    pub(crate) async fn unsubscribe(&self, name: &str) {
        let subscription = self.end(name).await.expect("a subscription of this name");
        let (give_back, back) = oneshot::channel();
        let _ = give_back.send(subscription);
        let following = Following {
            unsubscribe: None,
            back,
        };
        self.0.lock().unwrap().insert(name.to_owned(), following);
    }
}

async fn follow(
    name: &str,
    mut subscription: Subscription,
    mut asked: oneshot::Receiver<()>,
) -> Subscription {
    let error = loop {
        tokio::select! {
            _ = &mut asked => return subscription,
            event = subscription.next() => match event {
                Ok(Some(event)) => emit(&line(name, &event)),
                Ok(None) => break None,
                Err(problem) => break Some(error(&problem)),
            },
        }
    };
    let mut line = json!({ "event": "subscription_ended", "subscription": name });
    if let Some(error) = error {
        line["error"] = error;
    }
    emit(&line);
    subscription
}

fn line(name: &str, event: &Event) -> Value {
    let what = match &event.what {
        What::Message(message) => json!({
            "kind": "message", "socket_id": message.socket_id(), "text": message.text(),
        }),
        What::SocketOpened { socket, .. } => {
            json!({ "kind": "socket_opened", "socket_id": socket.socket_id })
        }
        What::SocketUpdated(socket) => {
            json!({ "kind": "socket_updated", "socket_id": socket.socket_id })
        }
        What::SocketClosed(closed) => {
            json!({ "kind": "socket_closed", "socket_id": closed.socket_id })
        }
        What::Console(entry) => json!({
            "kind": "console", "socket_id": entry.socket_id,
            "url": entry.url, "line": entry.line, "column": entry.column,
        }),
        What::PageError(problem) => {
            let mut what = json!({ "kind": "page_error", "socket_id": problem.socket_id });
            if let Some(resource) = &problem.failed_resource {
                what["failed_resource"] = failed_resource(resource);
            }
            what
        }
        What::FileChanged(_) => json!({ "kind": "file" }),
        What::Gap(gap) => json!({
            "kind": "gap", "after": gap.after_sequence, "before": gap.before_sequence,
        }),
        _ => json!({ "kind": "other" }),
    };
    let mut line = json!({
        "event": "event", "subscription": name, "sequence": event.position.sequence,
    });
    let keys = what.as_object().expect("an object").clone();
    line.as_object_mut().expect("an object").extend(keys);
    line
}

fn failed_resource(resource: &FailedResource) -> Value {
    let hook = resource.hook().as_str_name();
    let hook = hook.strip_prefix("HOOK_").expect("its prefix");
    let mut value = json!({
        "plugin_name": resource.plugin_name, "hook": hook.to_lowercase(), "url": resource.url,
        "status": resource.status, "message": resource.message,
    });
    let Some(location) = &resource.location else {
        return value;
    };
    if !location.file.is_empty() {
        value["file"] = location.file.as_str().into();
    }
    for (key, number) in [("line", location.line), ("column", location.column)] {
        if number != 0 {
            value[key] = number.into();
        }
    }
    value
}

fn options(command: &Value) -> SubscribeOptions {
    let texts = |name: &str| -> Vec<String> {
        serde_json::from_value(command[name].clone()).unwrap_or_default()
    };
    let mut options = SubscribeOptions::new();
    for kind in texts("kinds") {
        options = match kind.as_str() {
            "messages" => options.messages(),
            "sockets" => options.sockets(),
            "console" => options.console(),
            "page_errors" => options.page_errors(),
            "files" => options.files(),
            other => panic!("no kind is called {other}"),
        };
    }
    let types = texts("types");
    if !types.is_empty() {
        options = options.message_types(types);
    }
    if let Some(url) = command["url"].as_str() {
        options = options.from_sockets(SocketFilter::url(url));
    }
    if command["strict"] == true {
        options = options.strict_resume();
    }
    if let Some(events) = command["max_queue"].as_u64() {
        options = options.max_queue(events as u32);
    }
    options
}
