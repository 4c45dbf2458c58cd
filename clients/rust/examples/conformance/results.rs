//! Builds the results of handlers from the fields of the conformance suite's rules
//! (`RESULT` in tests/conformance/README.md).

use crate::{gates::Gates, wire::emit};
use pagewire_client::{
    BoxError, Change, Content, Failure, HandlerResult, Imports, Outcome, Request, Resolved,
    Response, Skip,
};
use serde_json::{Map, Value, json};

type Fields = Map<String, Value>;

pub(crate) fn serve(fields: &Fields, request: &Request) -> HandlerResult<Outcome> {
    fail(fields)?;
    if fields.contains_key("skip") {
        return Ok(Skip::new().into());
    }
    let mut content = if fields.contains_key("echo") {
        echo(request)?
    } else if let Some(file) = text(fields, "file") {
        Content::file(file)
    } else {
        Content::new("", text(fields, "body").unwrap_or_default().to_owned())
    };
    if let Some(content_type) = text(fields, "type") {
        content = content.content_type(content_type);
    }
    if let Some(status) = fields.get("status").and_then(Value::as_u64) {
        content = content.status(u16::try_from(status)?);
    }
    for (name, value) in pairs(fields, "headers") {
        content = content.header(name, value.to_owned());
    }
    if fields.contains_key("remember") {
        content = content.remember();
    }
    if fields.contains_key("verbatim") {
        content = content.verbatim();
    }
    Ok(content.depends_on(texts(fields, "depends_on")).into())
}

fn echo(request: &Request) -> HandlerResult<Content> {
    let headers: Fields = request
        .headers()
        .map(|(name, value)| (name.to_owned(), String::from_utf8_lossy(value).into()))
        .collect();
    Ok(Content::json(json!({
        "method": request.method(),
        "path": request.path(),
        "query": request.query(),
        "headers": headers,
        "body": String::from_utf8_lossy(request.body()?),
    }))?)
}

pub(crate) fn transform(fields: &Fields, response: &Response) -> HandlerResult<Option<Change>> {
    fail(fields)?;
    if fields.contains_key("skip") {
        return Ok(None);
    }
    let mut change = Change::new()
        .remove_headers(texts(fields, "remove_headers"))
        .depends_on(texts(fields, "depends_on"));
    if let Some(more) = text(fields, "append") {
        change = change.body(format!("{}{more}", response.text()?));
    }
    if let Some([from, to]) = fields
        .get("replace")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
    {
        let (from, to) = (from.as_str().unwrap(), to.as_str().unwrap());
        change = change.body(response.text()?.replace(from, to));
    }
    if let Some(content_type) = text(fields, "type") {
        change = change.content_type(content_type);
    }
    for (name, value) in pairs(fields, "set_headers") {
        change = change.header(name, value.to_owned());
    }
    if fields.contains_key("no_cache") {
        change = change.no_cache();
    }
    Ok(Some(change))
}

pub(crate) fn resolve(fields: &Fields, imports: &Imports) -> HandlerResult<Resolved> {
    fail(fields)?;
    let map = fields
        .get("map")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    let resolved = imports.resolve(|import| map.get(&import.specifier)?.as_str());
    let resolved = resolved.depends_on(texts(fields, "depends_on"));
    Ok(if fields.contains_key("no_cache") {
        resolved.no_cache()
    } else {
        resolved
    })
}

/// Waits as the fields `wait_for` and `hang` say.
pub(crate) async fn wait(fields: &Fields, gates: &Gates, plugin: &str, path: &str) {
    if let Some(name) = text(fields, "wait_for") {
        gates.wait_for(name).await;
    }
    if fields.contains_key("hang") {
        let _on_cancel = Cancelled { plugin, path };
        std::future::pending::<()>().await;
    }
}

/// Prints an event when it is dropped, that is, when the call is cancelled.
struct Cancelled<'a> {
    plugin: &'a str,
    path: &'a str,
}

impl Drop for Cancelled<'_> {
    fn drop(&mut self) {
        emit(&json!({ "event": "cancelled", "plugin": self.plugin, "path": self.path }));
    }
}

/// Fails as the fields `throw` and `fail` say.
pub(crate) fn fail(fields: &Fields) -> Result<(), BoxError> {
    if let Some(message) = text(fields, "throw") {
        return Err(message.into());
    }
    let Some(fail) = fields.get("fail").and_then(Value::as_object) else {
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

fn text<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    fields.get(name)?.as_str()
}

fn texts<'a>(fields: &'a Fields, name: &str) -> impl Iterator<Item = &'a str> {
    let list = fields.get(name).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str)
}

fn pairs<'a>(fields: &'a Fields, name: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let map = fields.get(name).and_then(Value::as_object);
    map.into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
}
