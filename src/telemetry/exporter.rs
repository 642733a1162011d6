//! The exporters as the batches use them: on the program's own runtime, and said once when they
//! begin to fail and once when they are well again.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogBatch, LogExporter};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use tokio::runtime::Handle;

use crate::config::without_secrets;

/// An exporter that is polled by the thread of its batches, while the connections belong to the
/// runtime: the HTTP client needs its timers and its sockets.
#[derive(Debug)]
pub(super) struct Exporter<E> {
    inner: E,
    runtime: Handle,
    told: Told,
}

impl<E> Exporter<E> {
    pub(super) fn new(inner: E, runtime: Handle, signal: &'static str, endpoint: &str) -> Self {
        let told = Told { signal, endpoint: without_secrets(endpoint), failing: Arc::default() };
        Self { inner, runtime, told }
    }
}

/// What was said of an exporter.
#[derive(Debug)]
struct Told {
    signal: &'static str,
    endpoint: String,
    failing: Arc<AtomicBool>,
}

impl Told {
    fn note(&self, result: &OTelSdkResult) {
        let Self { signal, endpoint, failing } = self;
        match result {
            Err(error) if !failing.swap(true, Ordering::Relaxed) => tracing::warn!(
                signal, error = %error.to_string().to_lowercase(),
                "{signal} cannot be sent to {endpoint}; what does not fit the queue is lost, and nothing else changes"
            ),
            Ok(()) if failing.swap(false, Ordering::Relaxed) => {
                tracing::info!(signal, "{signal} are sent to {endpoint} again");
            }
            _ => {}
        }
    }
}

/// Polls with the runtime at hand, wherever it is polled.
async fn within<T>(runtime: &Handle, future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    poll_fn(|context| {
        let _entered = runtime.enter();
        future.as_mut().poll(context)
    })
    .await
}

impl<E: SpanExporter> SpanExporter for Exporter<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let result = within(&self.runtime, self.inner.export(batch)).await;
        self.told.note(&result);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

impl<E: LogExporter> LogExporter for Exporter<E> {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        let result = within(&self.runtime, self.inner.export(batch)).await;
        self.told.note(&result);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}
