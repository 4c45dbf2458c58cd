//! `GET /metrics` for Prometheus, next to the control service and behind the same token. The page port
//! has no metrics.

use super::control_connections::{Admission, Admit};
use super::incoming_messages::IncomingMessages;
use crate::control::{Auth, Control};
use crate::pages::PageService;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, Version, header};
use axum::middleware::{Next, from_fn, map_request};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};
use std::fmt;
use std::sync::Arc;
use tonic::service::{InterceptorLayer, Routes};

/// Media type of the OpenMetrics text format, which Prometheus reads.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Sources of the metrics.
#[derive(Clone)]
pub(super) struct MetricsSource {
    pub(super) control: Arc<Control>,
    pub(super) pages: Arc<PageService>,
}

/// Adds `/metrics` to the control routes of one listener, whose messages share a budget.
pub(super) fn add_route(
    routes: Routes,
    auth: Auth,
    source: MetricsSource,
    messages: IncomingMessages,
) -> Routes {
    let limit = move |request| std::future::ready(messages.clone().limit(request));
    let control = routes
        .into_axum_router()
        .layer(map_request(limit))
        .layer(InterceptorLayer::new(Admit(auth.clone())))
        .layer(from_fn(require_http2));
    let metrics = Router::new()
        .route("/metrics", get(metrics))
        .with_state((auth, source))
        .fallback_service(control);
    Routes::from(metrics)
}

/// Refuses HTTP/1.1 for the control service: only `/metrics` needs it, and a page could send it too.
async fn require_http2(request: Request, next: Next) -> Response {
    if request.version() == Version::HTTP_2 {
        return next.run(request).await;
    }
    let close = [(header::CONNECTION, "close")];
    let text = "the control service is gRPC and requires HTTP/2\n";
    (StatusCode::HTTP_VERSION_NOT_SUPPORTED, close, text).into_response()
}

async fn metrics(
    State((auth, source)): State<(Auth, MetricsSource)>,
    request: Request,
) -> Response {
    let given = request.headers().get(header::AUTHORIZATION);
    if let Err(status) = auth.check(given.map(header::HeaderValue::as_bytes)) {
        let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
        let text = format!("{}\n", status.message());
        return (StatusCode::UNAUTHORIZED, challenge, text).into_response();
    }
    if let Some(admission) = request.extensions().get::<Admission>()
        && let Err(status) = admission.authenticated()
    {
        let text = format!("{}\n", status.message());
        return (StatusCode::SERVICE_UNAVAILABLE, text).into_response();
    }
    let mut registry = Registry::with_prefix("pagewire");
    registry.register_collector(Box::new(source));
    let mut body = String::new();
    match text::encode(&mut body, &registry) {
        Ok(()) => ([(header::CONTENT_TYPE, OPEN_METRICS)], body).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

impl fmt::Debug for MetricsSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MetricsSource")
    }
}

impl Collector for MetricsSource {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut requests = encoder.encode_descriptor(
            "page_requests",
            "Requests to the page port, by responder and class of the status",
            None,
            MetricType::Counter,
        )?;
        for (by, class, count) in self.pages.counters().counts() {
            let labels = [("by", by.to_owned()), ("status", format!("{class}xx"))];
            requests
                .encode_family(&labels)?
                .encode_counter::<NoLabelSet, _, u64>(&count, None)?;
        }
        let gauges = [
            (
                "sockets",
                "Connected pages",
                self.control.hub.socket_count() as u64,
            ),
            (
                "plugins",
                "Connected plugins",
                self.control.plugins.sessions().len() as u64,
            ),
        ];
        for (name, help, value) in gauges {
            encoder
                .encode_descriptor(name, help, None, MetricType::Gauge)?
                .encode_gauge(&i64::try_from(value).unwrap_or(i64::MAX))?;
        }
        let counters = [
            (
                "events",
                "Events recorded since the start",
                self.control.hub.position().sequence,
            ),
            (
                "refused_frames",
                "Invalid frames from pages",
                self.control.hub.refused_frames(),
            ),
        ];
        for (name, help, value) in counters {
            encoder
                .encode_descriptor(name, help, None, MetricType::Counter)?
                .encode_counter::<NoLabelSet, _, u64>(&value, None)?;
        }
        self.encode_plugins(encoder)
    }
}

impl MetricsSource {
    fn encode_plugins(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let sessions = self.control.plugins.sessions();
        let plugins: Vec<_> = sessions
            .iter()
            .map(|(session, _)| (session.name(), session.counters().read()))
            .collect();
        let mut calls = encoder.encode_descriptor(
            "plugin_calls",
            "Hook calls, by plugin and outcome, since the plugin connected",
            None,
            MetricType::Counter,
        )?;
        for (plugin, counts) in &plugins {
            let answered = counts.calls
                - (counts.passes + counts.failures + counts.timeouts).min(counts.calls);
            for (outcome, count) in [
                ("content", answered),
                ("pass", counts.passes),
                ("failure", counts.failures),
                ("timeout", counts.timeouts),
            ] {
                let labels = [("plugin", *plugin), ("outcome", outcome)];
                calls
                    .encode_family(&labels)?
                    .encode_counter::<NoLabelSet, _, u64>(&count, None)?;
            }
        }
        let mut latency = encoder.encode_descriptor(
            "plugin_latency_p99",
            "99th percentile of the latency of answered calls",
            Some(&Unit::Seconds),
            MetricType::Gauge,
        )?;
        for (plugin, counts) in &plugins {
            if let Some(p99) = counts.latency_p99 {
                latency
                    .encode_family(&[("plugin", *plugin)])?
                    .encode_gauge(&p99.as_secs_f64())?;
            }
        }
        Ok(())
    }
}
