//! OpenTelemetry, for those who ask for it: a span for each stage of the pipeline, and the log, by
//! OTLP. The stages open ordinary spans of `tracing`; nobody listens to them while this is off, so
//! that each costs one look at a flag that its place in the code keeps.

mod exporter;
mod wanted;

use std::collections::HashMap;
use std::time::Duration;

use hyper_util::client::legacy::connect::HttpConnector;
use opentelemetry::trace::{SpanContext, TraceContextExt, TracerProvider};
use opentelemetry::{Context, Key, KeyValue};
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_http::hyper::HyperClient;
use opentelemetry_otlp::{LogExporter, Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider};
use tokio::runtime::Handle;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::filter::{EnvFilter, FilterExt, filter_fn};
use tracing_subscriber::{Layer, Registry};

use crate::config::TelemetryConfig;
use exporter::Exporter;
pub use wanted::{Wanted, headers};

/// How long the end of the program waits for what is still to be sent.
const FLUSH: Duration = Duration::from_secs(5);
/// Spans that wait to be sent, at most: those of about a thousand buckets. They end in bursts, and the
/// specification's default of 2048 would lose some that a collector has time for; room for more costs
/// memory (300 bytes each) also while nothing waits.
const QUEUE: usize = 8_192;
/// The beginning of the targets of driftless itself. What libraries say stays in the local log: some
/// of it is about the very connections that would carry it.
const OURS: &str = "driftless";

/// Sends traces and logs until [`Telemetry::end`].
#[derive(Debug)]
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
    logs: Option<SdkLoggerProvider>,
}

/// What cannot be begun, with what to do about it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// What is wrong.
    pub message: String,
    /// What the user can do about it.
    pub hint: String,
}

impl Telemetry {
    /// Begins to send what is wanted; nothing when nobody asked. Besides, what is to be said as soon
    /// as there is a log. It needs a runtime around it.
    ///
    /// # Errors
    /// When headers that the configuration names cannot be read.
    pub fn begin(config: &TelemetryConfig) -> Result<(Option<Self>, Vec<String>), Error> {
        let wanted = Wanted::of(config, &|name| std::env::var(name).ok());
        let mut remarks = wanted.remarks.clone();
        if !wanted.is_any() {
            return Ok((None, remarks));
        }
        let headers = said_headers(config)?;
        let addresses = || wanted.traces.iter().chain(&wanted.logs);
        if !headers.is_empty() && addresses().any(|it| in_the_clear(it)) {
            remarks.push("the headers of `telemetry` are sent in the clear; https would keep them secret".to_owned());
        }
        let resource = resource(config);
        let traces = wanted.traces.as_ref().map(|endpoint| {
            let exporter = SpanExporter::builder()
                .with_http()
                .with_http_client(client(wanted.timeout)?)
                .with_protocol(Protocol::HttpBinary)
                .with_endpoint(endpoint)
                .with_timeout(wanted.timeout)
                .with_headers(headers.clone())
                .build()
                .map_err(|error| error.to_string())?;
            let mut batches = BatchConfigBuilder::default();
            if std::env::var_os("OTEL_BSP_MAX_QUEUE_SIZE").is_none() {
                batches = batches.with_max_queue_size(QUEUE);
            }
            let exporter = Exporter::new(exporter, Handle::current(), "traces", endpoint);
            let processor = BatchSpanProcessor::builder(exporter).with_batch_config(batches.build()).build();
            let mut builder =
                SdkTracerProvider::builder().with_span_processor(processor).with_resource(resource.clone());
            if let Some(ratio) = config.sample_ratio {
                builder = builder.with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(ratio))));
            }
            Ok(builder.build())
        });
        let logs = wanted.logs.as_ref().map(|endpoint| {
            let exporter = LogExporter::builder()
                .with_http()
                .with_http_client(client(wanted.timeout)?)
                .with_protocol(Protocol::HttpBinary)
                .with_endpoint(endpoint)
                .with_timeout(wanted.timeout)
                .with_headers(headers.clone())
                .build()
                .map_err(|error| error.to_string())?;
            let exporter = Exporter::new(exporter, Handle::current(), "logs", endpoint);
            Ok(SdkLoggerProvider::builder().with_batch_exporter(exporter).with_resource(resource.clone()).build())
        });
        // Whatever the environment says that is not possible, such as a compression that is not built
        // in, ends nothing.
        let mut failed = |signal: &str, error: String| remarks.push(format!("{signal} are not sent: {error}"));
        let traces = traces.and_then(|it: Result<_, String>| it.map_err(|error| failed("traces", error)).ok());
        let logs = logs.and_then(|it: Result<_, String>| it.map_err(|error| failed("logs", error)).ok());
        Ok(((traces.is_some() || logs.is_some()).then_some(Self { traces, logs }), remarks))
    }

    /// What listens: to spans for the traces, to events for the log as far as `filter` lets them
    /// through.
    pub fn layers(&self, filter: impl Fn() -> EnvFilter) -> Vec<Box<dyn Layer<Registry> + Send + Sync>> {
        let mut layers: Vec<Box<dyn Layer<Registry> + Send + Sync>> = Vec::new();
        if let Some(traces) = &self.traces {
            let layer = tracing_opentelemetry::layer()
                .with_tracer(traces.tracer(OURS))
                .with_location(false)
                .with_threads(false)
                .with_target(false)
                .with_tracked_inactivity(false);
            let spans = filter_fn(|metadata| metadata.is_span() && metadata.target().starts_with(OURS));
            layers.push(Box::new(layer.with_filter(spans)));
        }
        if let Some(logs) = &self.logs {
            let layer = OpenTelemetryTracingBridge::new(logs);
            let events = filter_fn(|metadata| metadata.is_event() && metadata.target().starts_with(OURS));
            layers.push(Box::new(layer.with_filter(filter().and(events))));
        }
        layers
    }

    /// Sends what is left, within a deadline.
    pub async fn end(self) {
        let Self { traces, logs } = self;
        // Both wait for threads; each has the whole deadline, and they run beside each other.
        let traces = tokio::task::spawn_blocking(move || traces.map(|it| it.shutdown_with_timeout(FLUSH)));
        let logs = tokio::task::spawn_blocking(move || logs.map(|it| it.shutdown_with_timeout(FLUSH)));
        let both = async { tokio::join!(traces, logs) };
        // What could not be sent was told when it began to fail.
        let _ = tokio::time::timeout(FLUSH + Duration::from_secs(1), both).await;
    }
}

/// Where a span stands in its trace, for others to point at.
#[derive(Debug, Clone, Default)]
pub struct Mark(Option<SpanContext>);

/// Where this span stands.
pub fn mark(span: &Span) -> Mark {
    Mark((!span.is_disabled()).then(|| span.context().span().span_context().clone()).filter(SpanContext::is_valid))
}

/// Makes a span point at another that caused it.
pub fn link(span: &Span, to: &Mark) {
    if let (Mark(Some(to)), false) = (to, span.is_disabled()) {
        span.add_link(to.clone());
    }
}

/// The ids of trace and span in force, as W3C writes them; none outside of a trace.
pub fn ids() -> Option<(String, String)> {
    Context::map_current(|context| {
        let span = context.span();
        let it = span.span_context();
        it.is_valid().then(|| (it.trace_id().to_string(), it.span_id().to_string()))
    })
}

fn client(timeout: Duration) -> Result<HyperClient<hyper_rustls::HttpsConnector<HttpConnector>>, String> {
    let roots = hyper_rustls::HttpsConnectorBuilder::new()
        .with_native_roots()
        .map_err(|error| format!("the certificate authorities cannot be read: {error}"))?;
    Ok(HyperClient::new(roots.https_or_http().enable_http1().build(), timeout, None))
}

fn resource(config: &TelemetryConfig) -> Resource {
    // Reads OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES.
    let mut builder = Resource::builder().with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    let named = Resource::builder()
        .build()
        .get(&Key::from_static_str("service.name"))
        .is_some_and(|name| !name.as_str().starts_with("unknown_service"));
    match &config.service_name {
        Some(name) => builder = builder.with_service_name(name.clone()),
        None if !named => builder = builder.with_service_name("driftless"),
        None => {}
    }
    builder.build()
}

/// The headers that the configuration names.
fn said_headers(config: &TelemetryConfig) -> Result<HashMap<String, String>, Error> {
    let mut all = HashMap::new();
    let mut add = |text: &str, from: &str| {
        let read = headers(text).map_err(|part| Error {
            message: format!("header {part} of {from} is none"),
            hint: "write `name=value`, with commas between them or each on its own line".to_owned(),
        })?;
        all.extend(read);
        Ok(())
    };
    if let Some(file) = &config.headers_file {
        let text = std::fs::read_to_string(file).map_err(|error| Error {
            message: format!(
                "the headers for telemetry cannot be read from `{}`: {}",
                file.display(),
                error.to_string().to_lowercase()
            ),
            hint: "correct `telemetry.headersFile`, or leave it out".to_owned(),
        })?;
        add(&text, &format!("`{}`", file.display()))?;
    }
    if let Some(name) = &config.headers_env {
        let text = std::env::var(name).map_err(|_| Error {
            message: format!("the variable `{name}` with the headers for telemetry is not set"),
            hint: "set it, or correct `telemetry.headersEnv`".to_owned(),
        })?;
        add(&text, &format!("the variable `{name}`"))?;
    }
    Ok(all)
}

/// Whether whoever listens on the way could read it.
fn in_the_clear(address: &str) -> bool {
    let Some(rest) = address.strip_prefix("http://") else { return false };
    let host = rest.split(['/', '?']).next().unwrap_or_default();
    let host = if host.starts_with('[') {
        host.split(']').next().unwrap_or_default().trim_start_matches('[')
    } else {
        host.split(':').next().unwrap_or_default()
    };
    !(host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|it| it.is_loopback()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_leaves_the_machine_unencrypted_is_in_the_clear() {
        for address in ["http://collector:4318/v1/logs", "http://10.0.0.1/v1/logs", "http://[2001:db8::1]:4318/"] {
            assert!(in_the_clear(address), "{address}");
        }
        for address in
            ["https://collector/v1/logs", "http://localhost:4318/v1/logs", "http://127.0.0.1/", "http://[::1]:4318/"]
        {
            assert!(!in_the_clear(address), "{address}");
        }
    }

    #[test]
    fn outside_of_a_trace_there_are_no_ids_and_nothing_to_point_at() {
        assert_eq!(ids(), None);
        let Mark(none) = mark(&Span::none());
        assert!(none.is_none());
    }
}
