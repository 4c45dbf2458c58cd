//! What handlers make of the results that rules name.

use crate::{gates::Gates, wire::say};
use pagewire_client::{
    BoxError, Change, Content, Failure, HandlerResult, Imports, Outcome, Request, Resolved,
    Response, Skip,
};
use serde_json::{Map, Value, json};

type Words = Map<String, Value>;

pub(crate) fn serve(words: &Words, request: &Request) -> HandlerResult<Outcome> {
    fail(words)?;
    if words.contains_key("skip") {
        return Ok(Skip::new().into());
    }
    let mut content = if words.contains_key("echo") {
        echo(request)?
    } else if let Some(file) = text(words, "file") {
        Content::file(file)
    } else {
        Content::new("", text(words, "body").unwrap_or_default().to_owned())
    };
    if let Some(content_type) = text(words, "type") {
        content = content.content_type(content_type);
    }
    if let Some(status) = words.get("status").and_then(Value::as_u64) {
        content = content.status(u16::try_from(status)?);
    }
    for (name, value) in pairs(words, "headers") {
        content = content.header(name, value.to_owned());
    }
    if words.contains_key("remember") {
        content = content.remember();
    }
    if words.contains_key("verbatim") {
        content = content.verbatim();
    }
    Ok(content.depends_on(texts(words, "depends_on")).into())
}

fn echo(request: &Request) -> HandlerResult<Content> {
    let headers: Words = request
        .headers()
        .map(|(name, value)| (name.to_owned(), String::from_utf8_lossy(value).into()))
        .collect();
    Ok(Content::json(json!({
        "method": request.method(),
        "path": request.path(),
        "query": request.query(),
        "headers": headers,
        "body": String::from_utf8_lossy(request.body()),
    }))?)
}

pub(crate) fn transform(words: &Words, response: &Response) -> HandlerResult<Option<Change>> {
    fail(words)?;
    if words.contains_key("skip") {
        return Ok(None);
    }
    let mut change = Change::new().depends_on(texts(words, "depends_on"));
    if let Some(more) = text(words, "append") {
        change = change.body(format!("{}{more}", response.text()?));
    }
    if let Some([from, to]) = words
        .get("replace")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
    {
        let (from, to) = (from.as_str().unwrap(), to.as_str().unwrap());
        change = change.body(response.text()?.replace(from, to));
    }
    if let Some(content_type) = text(words, "type") {
        change = change.content_type(content_type);
    }
    for (name, value) in pairs(words, "set_headers") {
        change = change.header(name, value.to_owned());
    }
    for name in texts(words, "remove_headers") {
        change = change.remove_header(name);
    }
    if words.contains_key("no_cache") {
        change = change.no_cache();
    }
    Ok(Some(change))
}

pub(crate) fn resolve(words: &Words, imports: &Imports) -> HandlerResult<Resolved> {
    fail(words)?;
    let map = words
        .get("map")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    let resolved = imports.resolve(|import| map.get(&import.specifier)?.as_str());
    let resolved = resolved.depends_on(texts(words, "depends_on"));
    Ok(if words.contains_key("no_cache") {
        resolved.no_cache()
    } else {
        resolved
    })
}

/// Waits for what the words say to wait for.
pub(crate) async fn wait(words: &Words, gates: &Gates, plugin: &str, path: &str) {
    if let Some(name) = text(words, "wait_for") {
        gates.wait_for(name).await;
    }
    if words.contains_key("hang") {
        let _told = Cancelled { plugin, path };
        std::future::pending::<()>().await;
    }
}

/// Says that a call was cancelled: its future is dropped.
struct Cancelled<'a> {
    plugin: &'a str,
    path: &'a str,
}

impl Drop for Cancelled<'_> {
    fn drop(&mut self) {
        say(&json!({ "event": "cancelled", "plugin": self.plugin, "path": self.path }));
    }
}

/// The failure or error that the words name.
pub(crate) fn fail(words: &Words) -> Result<(), BoxError> {
    if let Some(message) = text(words, "throw") {
        return Err(message.into());
    }
    let Some(fail) = words.get("fail").and_then(Value::as_object) else {
        return Ok(());
    };
    let number = |name| {
        fail.get(name)
            .and_then(Value::as_u64)
            .map(|number| number as u32)
    };
    let mut failure = Failure::new(text(fail, "message").unwrap_or_default());
    if let Some(status) = number("status") {
        failure = failure.status(u16::try_from(status)?);
    }
    if let Some(file) = text(fail, "file") {
        failure = failure.at(
            file,
            number("line").unwrap_or(0),
            number("column").unwrap_or(0),
        );
    }
    if let Some(frame) = text(fail, "frame") {
        failure = failure.frame(frame);
    }
    Err(failure.into())
}

fn text<'a>(words: &'a Words, name: &str) -> Option<&'a str> {
    words.get(name)?.as_str()
}

fn texts<'a>(words: &'a Words, name: &str) -> impl Iterator<Item = &'a str> {
    let list = words.get(name).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str)
}

fn pairs<'a>(words: &'a Words, name: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let map = words.get(name).and_then(Value::as_object);
    map.into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
}
