//! What a program can do to pages: each method is one RPC, and reports whom it reached.

use crate::{
    Client, ConsoleLevel, Error, Import, ImportReport, Report, Result, Target,
    proto::{self, send_command_request::Command, send_request::Payload},
};
use bytes::Bytes;
use prost::Message as _;
use serde::Serialize;

/// Sends to pages. A page that cannot be reached is a row of the [`Report`], never an error; so is
/// nobody being connected. A target or a value that makes no sense is an error (`FIELD_INVALID`).
///
/// Messages and answers go by one stream, in the order of the calls: also those whose futures are polled
/// at the same time. Nothing is sent before its future is polled.
impl Client {
    /// Sends a value as one JSON message. Page code expects an object with a `type`. 16 MiB at most
    /// by default.
    pub async fn send(&self, target: &Target, value: impl Serialize) -> Result<Report> {
        let json = serde_json::to_string(&value)?;
        self.send_payload(target.to_proto(), Payload::Json(json))
            .await
    }

    /// Sends JSON text as it is: numbers, key order and duplicate keys survive. The daemon refuses
    /// what does not parse.
    pub async fn send_json(&self, target: &Target, json: impl Into<String>) -> Result<Report> {
        self.send_payload(target.to_proto(), Payload::Json(json.into()))
            .await
    }

    /// Sends a text frame, verbatim and unchecked.
    pub async fn send_text(&self, target: &Target, text: impl Into<String>) -> Result<Report> {
        self.send_payload(target.to_proto(), Payload::Text(text.into()))
            .await
    }

    /// Sends a binary frame, verbatim.
    pub async fn send_binary(&self, target: &Target, bytes: impl Into<Bytes>) -> Result<Report> {
        self.send_payload(target.to_proto(), Payload::Binary(bytes.into()))
            .await
    }

    /// Answers a page's request, named by [`Message::request_id`](crate::Message::request_id). The
    /// first answer wins.
    ///
    /// # Errors
    /// [`Error::Rpc`](crate::Error::Rpc) with `ALREADY_ANSWERED`, `REQUEST_EXPIRED` (20 s) or
    /// `REQUEST_NOT_FOUND`.
    pub async fn reply(
        &self,
        request_id: impl Into<String>,
        value: impl Serialize,
    ) -> Result<Report> {
        let json = serde_json::to_string(&value)?;
        self.reply_json(request_id, json).await
    }

    /// As [`reply`](Client::reply), with JSON text that reaches the page as it is.
    pub async fn reply_json(
        &self,
        request_id: impl Into<String>,
        json: impl Into<String>,
    ) -> Result<Report> {
        self.send_payload(
            Target::reply_to(request_id).into(),
            Payload::Json(json.into()),
        )
        .await
    }

    /// Tells a page that its request failed, and why. Errors as for [`reply`](Client::reply).
    pub async fn reply_error(
        &self,
        request_id: impl Into<String>,
        problem: impl Into<String>,
    ) -> Result<Report> {
        self.send_payload(
            Target::reply_to(request_id).into(),
            Payload::Error(problem.into()),
        )
        .await
    }

    /// Has pages import a module and call its default export, and returns as soon as they are told.
    pub async fn send_import(&self, target: &Target, import: Import) -> Result<Report> {
        let message = import.into_request(target)?;
        let response = self
            .raw()
            .send_import(self.request(message))
            .await?
            .into_inner();
        Report::from_proto(response.report)
    }

    /// Has pages import a module and call its default export, and waits for what it returns (or its
    /// promise resolves to). Takes as long as the slowest page, up to [`Import::timeout`]. Its deadline,
    /// unless the client [has one](Client::with_deadline), is 5 s more.
    ///
    /// Waiting from inside a hook for a page whose load depends on that hook ends by deadline only.
    pub async fn import_value(&self, target: &Target, import: Import) -> Result<ImportReport> {
        let deadline = import.deadline();
        let mut message = import.into_request(target)?;
        message.await_result = true;
        let request = self.request_within(message, deadline);
        let response = self.raw().send_import(request).await?.into_inner();
        ImportReport::from_proto(response)
    }

    /// Prints to the console of pages, as `[source] text`, or as the text alone when the source is
    /// empty. The text is printed exactly: it is no format string.
    pub async fn console_log(
        &self,
        target: &Target,
        level: ConsoleLevel,
        source: impl Into<String>,
        text: impl Into<String>,
    ) -> Result<Report> {
        let message = proto::SendConsoleLogRequest {
            target: Some(target.to_proto()),
            level: level.into(),
            source: source.into(),
            text: text.into(),
            args_json: Vec::new(),
            delivery: self.delivery,
        };
        let response = self.raw().send_console_log(self.request(message)).await?;
        Report::from_proto(response.into_inner().report)
    }

    /// Reloads pages. Reports delivery, not that they have loaded again.
    pub async fn reload(&self, target: &Target) -> Result<Report> {
        self.send_command(target, Command::Reload(proto::Reload {}))
            .await
    }

    /// Sends pages to another URL, resolved against each page's own. Reports delivery.
    pub async fn navigate(&self, target: &Target, url: impl Into<String>) -> Result<Report> {
        self.send_command(
            target,
            Command::Navigate(proto::Navigate { url: url.into() }),
        )
        .await
    }

    /// Swaps stylesheets for their new content; the pages keep their state. Paths are URL paths,
    /// each beginning with `/`; none at all means every stylesheet of the pages' own origin.
    pub async fn swap_stylesheets<I: IntoIterator<Item: Into<String>>>(
        &self,
        target: &Target,
        paths: I,
    ) -> Result<Report> {
        let paths = paths.into_iter().map(Into::into).collect();
        self.send_command(
            target,
            Command::SwapStylesheets(proto::SwapStylesheets { paths }),
        )
        .await
    }

    /// Closes sockets with a WebSocket close code: 1000, 4000-4499 (the page connects again) or
    /// 4500-4999 (it does not). The reason has 123 bytes at most.
    pub async fn close_sockets(
        &self,
        target: &Target,
        close_code: u16,
        close_reason: impl Into<String>,
    ) -> Result<Report> {
        let message = proto::CloseSocketsRequest {
            target: Some(target.to_proto()),
            close_code: close_code.into(),
            close_reason: close_reason.into(),
        };
        let response = self.raw().close_sockets(self.request(message)).await?;
        Report::from_proto(response.into_inner().report)
    }

    async fn send_payload(&self, target: proto::Target, payload: Payload) -> Result<Report> {
        let message = proto::SendRequest {
            target: Some(target),
            payload: Some(payload),
            delivery: self.delivery,
        };
        // One that waits for pages would hold up those behind it, and is refused there.
        let waits = |delivery: proto::DeliveryOptions| {
            delivery.ack_level == i32::from(proto::AckLevel::Received)
        };
        let is_too_large = message.encoded_len() > self.max_message_bytes;
        if is_too_large || self.delivery.is_some_and(waits) {
            // Boxed: other sends need not have the room for it.
            return Box::pin(self.send_apart(message)).await;
        }
        let send = self.send_stream.send(|| self.raw(), message);
        let sent = tokio::time::timeout(self.deadline(), send).await;
        sent.unwrap_or_else(|_| Err(Error::deadline()))
    }

    async fn send_apart(&self, message: proto::SendRequest) -> Result<Report> {
        let response = self.raw().send(self.request(message)).await?;
        Report::from_proto(response.into_inner().report)
    }

    async fn send_command(&self, target: &Target, command: Command) -> Result<Report> {
        let message = proto::SendCommandRequest {
            target: Some(target.to_proto()),
            command: Some(command),
            delivery: self.delivery,
        };
        let response = self.raw().send_command(self.request(message)).await?;
        Report::from_proto(response.into_inner().report)
    }
}
