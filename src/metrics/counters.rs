//! Counters and histograms that the loop feeds, in a registry.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use prometheus::core::Collector;
use prometheus::{
    CounterVec, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry,
};

use crate::cloud::S3ErrorKind;
use crate::spec::PolicySeverity;

use super::names::{Family, named};
use super::{FetchOp, FetchResult, RepairOutcome};

/// Half a decade a step, to half an hour.
const DURATIONS: &[f64] = &[0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 900.0, 1800.0];

/// Drift that nobody repairs stays open for days.
const OPEN_DURATIONS: &[f64] =
    &[1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 900.0, 1800.0, 7200.0, 21600.0, 86400.0, 604_800.0];

/// Failures that a dashboard asks for: they stand at 0 from the first request on, so that the
/// first one is an increase. The others appear when they happen.
const EXPECTED: [S3ErrorKind; 4] =
    [S3ErrorKind::Denied, S3ErrorKind::Throttled, S3ErrorKind::Server, S3ErrorKind::Transport];

/// How a request ended that did not fail.
const OK: &str = "ok";

pub(super) struct Counters {
    pub(super) registry: Registry,
    requests: IntCounterVec,
    request_seconds: HistogramVec,
    pub(super) throttles: IntCounterVec,
    accounts: RwLock<HashMap<Box<str>, Arc<Account>>>,
    pub(super) concurrency_limit: GaugeVec,
    pub(super) drift_detected: IntCounterVec,
    pub(super) drift_open: HistogramVec,
    pub(super) exposure: CounterVec,
    pub(super) repairs: IntCounterVec,
    pub(super) repair_seconds: HistogramVec,
    pub(super) fights: IntCounterVec,
    pub(super) sweeps: IntCounterVec,
    pub(super) sweep_seconds: Histogram,
    pub(super) fetches: IntCounterVec,
    pub(super) fetch_seconds: HistogramVec,
    pub(super) panics: IntCounter,
    pub(super) history_degraded: Gauge,
    pub(super) notifications: IntCounterVec,
}

/// An account's series, found once and kept: requests are counted ten thousand times a second.
#[derive(Default)]
struct Account(RwLock<HashMap<Box<str>, Operation>>);

#[derive(Clone)]
struct Operation {
    ok: IntCounter,
    seconds: Histogram,
}

fn options(family: &Family) -> Opts {
    Opts::new(family.name, family.help)
}

/// Builds a metric from its line in the table, and registers it.
fn register<T: Collector + Clone + 'static>(
    registry: &Registry,
    name: &str,
    build: impl FnOnce(&'static Family) -> prometheus::Result<T>,
) -> T {
    let metric = build(named(name)).expect("the table holds legal names");
    registry.register(Box::new(metric.clone())).expect("the table holds each name once");
    metric
}

impl Counters {
    pub(super) fn new(source: &str) -> Self {
        let registry = Registry::new();
        let counters = |name| register(&registry, name, |it| IntCounterVec::new(options(it), it.labels));
        let histograms = |name, buckets: &[f64]| {
            register(&registry, name, |it| {
                HistogramVec::new(HistogramOpts::from(options(it)).buckets(buckets.to_vec()), it.labels)
            })
        };
        let counters = Self {
            requests: counters("driftless_aws_requests_total"),
            request_seconds: histograms("driftless_aws_request_duration_seconds", DURATIONS),
            throttles: counters("driftless_aws_throttles_total"),
            accounts: RwLock::default(),
            concurrency_limit: register(&registry, "driftless_aws_concurrency_limit", |it| {
                GaugeVec::new(options(it), it.labels)
            }),
            drift_detected: counters("driftless_drift_detected_total"),
            drift_open: histograms("driftless_drift_open_duration_seconds", OPEN_DURATIONS),
            exposure: register(&registry, "driftless_exposure_seconds_total", |it| {
                CounterVec::new(options(it), it.labels)
            }),
            repairs: counters("driftless_repairs_total"),
            repair_seconds: histograms("driftless_repair_duration_seconds", DURATIONS),
            fights: counters("driftless_fights_total"),
            sweeps: counters("driftless_sweep_total"),
            sweep_seconds: register(&registry, "driftless_sweep_duration_seconds", |it| {
                Histogram::with_opts(HistogramOpts::from(options(it)).buckets(DURATIONS.to_vec()))
            }),
            fetches: counters("driftless_source_fetch_total"),
            fetch_seconds: histograms("driftless_source_fetch_duration_seconds", DURATIONS),
            notifications: counters("driftless_notifications_total"),
            panics: register(&registry, "driftless_task_panics_total", |it| IntCounter::with_opts(options(it))),
            history_degraded: register(&registry, "driftless_history_degraded", |it| Gauge::with_opts(options(it))),
            registry: registry.clone(),
        };
        for result in ["ok", "failed", "interrupted"] {
            counters.sweeps.with_label_values(&[result]);
        }
        for op in FetchOp::ALL {
            counters.fetch_seconds.with_label_values(&[source, op.word()]);
            for result in FetchResult::ALL {
                counters.fetches.with_label_values(&[source, op.word(), result.word()]);
            }
        }
        counters
    }

    pub(super) fn begin_policy(&self, policy: &str, severity: PolicySeverity) {
        self.drift_detected.with_label_values(&[policy, severity.word()]);
        self.drift_open.with_label_values(&[policy]);
        self.exposure.with_label_values(&[policy]);
        self.repair_seconds.with_label_values(&[policy]);
        self.fights.with_label_values(&[policy]);
        for outcome in RepairOutcome::ALL {
            self.repairs.with_label_values(&[policy, outcome.word()]);
        }
    }

    /// That a series was not there is as good.
    pub(super) fn end_policy(&self, policy: &str) {
        for severity in SEVERITIES {
            let _ = self.drift_detected.remove_label_values(&[policy, severity.word()]);
        }
        let _ = self.drift_open.remove_label_values(&[policy]);
        let _ = self.exposure.remove_label_values(&[policy]);
        let _ = self.repair_seconds.remove_label_values(&[policy]);
        let _ = self.fights.remove_label_values(&[policy]);
        for outcome in RepairOutcome::ALL {
            let _ = self.repairs.remove_label_values(&[policy, outcome.word()]);
        }
    }

    pub(super) fn request(&self, account: &str, operation: &str, failed: Option<S3ErrorKind>, seconds: f64) {
        let operation = legal(operation);
        let series = self.series(account, operation);
        series.seconds.observe(seconds);
        match failed {
            None => series.ok.inc(),
            Some(kind) => {
                self.requests.with_label_values(&[account, operation, kind.word()]).inc();
                if kind == S3ErrorKind::Throttled {
                    self.throttles.with_label_values(&[account]).inc();
                }
            }
        }
    }

    fn series(&self, account: &str, operation: &str) -> Operation {
        let known = self.accounts.read().expect("no holder of the lock panics").get(account).cloned();
        let known = known.unwrap_or_else(|| {
            self.throttles.with_label_values(&[account]);
            let mut accounts = self.accounts.write().expect("no holder of the lock panics");
            Arc::clone(accounts.entry(account.into()).or_default())
        });
        if let Some(series) = known.0.read().expect("no holder of the lock panics").get(operation) {
            return series.clone();
        }
        let series = Operation {
            ok: self.requests.with_label_values(&[account, operation, OK]),
            seconds: self.request_seconds.with_label_values(&[operation]),
        };
        for kind in EXPECTED {
            self.requests.with_label_values(&[account, operation, kind.word()]);
        }
        known.0.write().expect("no holder of the lock panics").insert(operation.into(), series.clone());
        series
    }
}

const SEVERITIES: [PolicySeverity; 5] =
    [PolicySeverity::Info, PolicySeverity::Low, PolicySeverity::Medium, PolicySeverity::High, PolicySeverity::Critical];

/// Names of operations are ours; whatever else comes is counted under one label.
fn legal(operation: &str) -> &str {
    let is_legal = (1..=64).contains(&operation.len()) && operation.bytes().all(|b| b.is_ascii_alphanumeric());
    if is_legal { operation } else { "other" }
}
