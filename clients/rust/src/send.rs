//! Sends to pages: each method is one RPC that returns a delivery report.

use crate::{
    Client, ConsoleLevel, Error, Import, ImportReport, Report, Result, Target,
    proto::{self, send_command_request::Command, send_request::Payload},
};
use bytes::Bytes;
use prost::Message as _;
use serde::Serialize;

/// Sends to pages. A page that cannot be reached is a row of the [`Report`], never an error. An empty selection
/// is not an error either, but an invalid target or value is (`FIELD_INVALID`).
///
/// Messages and replies use one stream and are sent in the order of the calls, even when their futures are
/// polled concurrently. Nothing is sent before its future is polled.
impl Client {
    /// Sends a value as one JSON message. Page code expects an object with a `type`. At most 16 MiB by default.
    pub async fn send(&self, target: &Target, value: impl Serialize) -> Result<Report> {
        let json = serde_json::to_string(&value)?;
        self.send_payload(target.to_proto(), Payload::Json(json))
            .await
    }

    /// Sends JSON text unchanged: numbers, key order and duplicate keys survive. The daemon refuses invalid
    /// JSON.
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

    /// Replies to a page's request, identified by [`Message::request_id`](crate::Message::request_id). The first
    /// reply wins.
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

    /// Like [`reply`](Client::reply), with JSON text that reaches the page unchanged.
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

    /// Rejects a page's request with a message. Errors as for [`reply`](Client::reply).
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

    /// Lets pages import a module and call its default export, without waiting for the result.
    pub async fn send_import(&self, target: &Target, import: Import) -> Result<Report> {
        let message = import.into_request(target)?;
        let response = self
            .raw()
            .send_import(self.request(message))
            .await?
            .into_inner();
        Report::from_proto(response.report)
    }

    /// Lets pages import a module and call its default export, and waits for the returned or resolved values.
    /// Takes as long as the slowest page, up to [`Import::timeout`]. The deadline of the RPC is 5 s later,
    /// unless the client [sets one](Client::with_deadline).
    ///
    /// A hook must not wait for a page that cannot load without that hook: it would wait until its deadline.
    pub async fn import_value(&self, target: &Target, import: Import) -> Result<ImportReport> {
        let deadline = import.deadline();
        let mut message = import.into_request(target)?;
        message.await_result = true;
        let request = self.request_within(message, deadline);
        let response = self.raw().send_import(request).await?.into_inner();
        ImportReport::from_proto(response)
    }

    /// Prints to the console of pages, as `[source] text`, or as the text alone when the source is
    /// empty. The text is printed exactly; it is not a format string.
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

    /// Reloads pages. Reports the delivery, not the completed load.
    pub async fn reload(&self, target: &Target) -> Result<Report> {
        self.send_command(target, Command::Reload(proto::Reload {}))
            .await
    }

    /// Navigates pages to a URL, resolved against each page's own. Reports the delivery.
    pub async fn navigate(&self, target: &Target, url: impl Into<String>) -> Result<Report> {
        self.send_command(
            target,
            Command::Navigate(proto::Navigate { url: url.into() }),
        )
        .await
    }

    /// Reloads stylesheets in place; the pages keep their state. Paths are URL paths, each beginning with `/`;
    /// without any, every stylesheet of the pages' own origin is reloaded.
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

    /// Closes sockets with a WebSocket close code: 1000, 4000-4499 (the page reconnects) or 4500-4999 (it does
    /// not). The reason has at most 123 bytes.
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
        // A send that waits for pages would delay later ones, so the stream refuses it.
        let waits = |delivery: proto::DeliveryOptions| {
            delivery.ack_level == i32::from(proto::AckLevel::Received)
        };
        let is_too_large = message.encoded_len() > self.max_message_bytes;
        if is_too_large || self.delivery.is_some_and(waits) {
            // Boxed, so that the futures of other sends stay small.
            return Box::pin(self.send_unary(message)).await;
        }
        let send = self.send_stream.send(|| self.raw(), message);
        let report = tokio::time::timeout(self.deadline(), send).await;
        report.unwrap_or_else(|_| Err(Error::deadline()))
    }

    async fn send_unary(&self, message: proto::SendRequest) -> Result<Report> {
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
