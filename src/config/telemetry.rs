//! The block `telemetry` of the configuration: where traces and logs are sent by OTLP.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::span::Span;

/// Traces and logs for an OpenTelemetry collector.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct TelemetryConfig {
    /// The address of a collector that takes OTLP over HTTP, such as `http://localhost:4318`;
    /// `/v1/traces` and `/v1/logs` are added to it. Without it nothing is sent, unless a variable
    /// such as `OTEL_EXPORTER_OTLP_ENDPOINT` names one.
    pub endpoint: Option<String>,
    /// A file with headers for every request, such as a token: `name=value`, each on a line of its
    /// own or parted by commas.
    pub headers_file: Option<PathBuf>,
    /// The name of an environment variable that holds such headers.
    pub headers_env: Option<String>,
    /// How the collector is spoken to.
    pub protocol: OtlpProtocol,
    /// How long one request may take.
    pub timeout: Option<Span>,
    /// The share of sweeps that are traced, from 0 to 1; a sweep is traced whole or not at all.
    /// Default 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub sample_ratio: Option<f64>,
    /// What the agent is called there. Default `driftless`.
    pub service_name: Option<String>,
    /// Whether traces are sent.
    pub traces: bool,
    /// Whether the log is sent.
    pub logs: bool,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self {
            endpoint: None,
            headers_file: None,
            headers_env: None,
            protocol: OtlpProtocol::HttpProtobuf,
            timeout: None,
            sample_ratio: None,
            service_name: None,
            traces: true,
            logs: true,
        }
    }
}

/// How a collector is spoken to, in the words of the OpenTelemetry specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
pub enum OtlpProtocol {
    /// Protobuf over HTTP.
    #[default]
    #[serde(rename = "http/protobuf")]
    HttpProtobuf,
}
