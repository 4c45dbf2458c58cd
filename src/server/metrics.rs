//! `GET /metrics` beside the control service: counts for Prometheus, by the same token. The page
//! port has none.

use crate::control::{Auth, Control};
use crate::pages::PageService;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, Version, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};
use std::fmt;
use std::sync::Arc;
use tonic::service::{InterceptorLayer, Routes};

/// The media type of the OpenMetrics text format, which Prometheus reads.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Whose counts they are.
#[derive(Clone)]
pub(super) struct MetricsSource {
    pub(super) control: Arc<Control>,
    pub(super) pages: Arc<PageService>,
}

/// The control service of one listener, and the counts beside it.
pub(super) fn add_route(routes: Routes, auth: Auth, source: MetricsSource) -> Routes {
    let control = routes
        .into_axum_router()
        .layer(InterceptorLayer::new(auth.clone()))
        .layer(from_fn(http2_alone));
    let metrics = Router::new()
        .route("/metrics", get(metrics))
        .with_state((auth, source))
        .fallback_service(control);
    Routes::from(metrics)
}

/// The counts are read with HTTP/1.1, which every page can speak too: to the control service nobody
/// else may.
async fn http2_alone(request: Request, next: Next) -> Response {
    if request.version() == Version::HTTP_2 {
        return next.run(request).await;
    }
    let close = [(header::CONNECTION, "close")];
    let text = "the control service is gRPC: it speaks HTTP/2\n";
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
    let mut registry = Registry::with_prefix("pagewire");
    registry.register_collector(Box::new(source));
    let mut said = String::new();
    match text::encode(&mut said, &registry) {
        Ok(()) => ([(header::CONTENT_TYPE, OPEN_METRICS)], said).into_response(),
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
            "Requests to the page port, by who answered and the class of the status",
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
                "Pages that are connected",
                self.control.hub.socket_count() as u64,
            ),
            (
                "plugins",
                "Plugins that are connected",
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
                "Events in the log since the start",
                self.control.hub.position().sequence,
            ),
            (
                "refused_frames",
                "Frames of pages that were no messages",
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
            "Calls of hooks, by plugin and outcome, since the plugin connected",
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
            "99 of 100 answered calls were at most this slow",
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
