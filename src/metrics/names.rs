//! Every metric by its name: type, labels, what it says. The code that feeds them, the
//! exposition and `docs/metrics.md` all read this table.

/// What kind of metric it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Durations, in buckets.
    Histogram,
}

impl Kind {
    /// The word for it in the exposition.
    pub fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// One metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family {
    /// Its name. Names are API.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// Its labels, in the order of their values.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

const fn family(name: &'static str, kind: Kind, labels: &'static [&'static str], help: &'static str) -> Family {
    Family { name, kind, labels, help }
}

/// The metric of that name.
pub(super) fn named(name: &str) -> &'static Family {
    FAMILIES.iter().find(|family| family.name == name).expect("every metric stands in the table")
}

use Kind::{Counter, Gauge, Histogram};

/// All of them, in the order of their names.
pub const FAMILIES: &[Family] = &[
    family("driftless_aws_concurrency_limit", Gauge, &["account"], "Requests that may be under way at once, now."),
    family(
        "driftless_aws_request_duration_seconds",
        Histogram,
        &["operation"],
        "How long S3 took to answer a request, each attempt on its own.",
    ),
    family(
        "driftless_aws_requests_total",
        Counter,
        &["account", "operation", "result"],
        "Requests to S3, each attempt on its own; result is ok or the kind of the failure.",
    ),
    family("driftless_aws_throttles_total", Counter, &["account"], "Requests that S3 answered with a throttle."),
    family(
        "driftless_breaker_open",
        Gauge,
        &["source", "reason"],
        "1 while a breaker holds writes back: over-limit for the fleet, fighting for a loop.",
    ),
    family(
        "driftless_bucket_drift_first_detected_timestamp_seconds",
        Gauge,
        &["account", "bucket", "policy"],
        "When the drift was first seen that is still open; policy is spec for what the bucket's own spec says.",
    ),
    family(
        "driftless_bucket_policy_status",
        Gauge,
        &["account", "region", "bucket", "policy", "status"],
        "1 for the status that a bucket has under a policy, 0 for the others; policy is spec for the worst of what \
         the bucket's own spec says.",
    ),
    family(
        "driftless_bucket_setting_status",
        Gauge,
        &["account", "region", "bucket", "setting", "status"],
        "1 for the status of a setting that the bucket's own spec names; absent while it is compliant.",
    ),
    family("driftless_buckets", Gauge, &["source", "state"], "Buckets by how driftless stands to them."),
    family("driftless_build_info", Gauge, &["version", "commit"], "Always 1; the labels say which build runs."),
    family(
        "driftless_drift_detected_total",
        Counter,
        &["policy", "severity"],
        "Drift seen for the first time, even when it was repaired before the next scrape.",
    ),
    family(
        "driftless_drift_open_duration_seconds",
        Histogram,
        &["policy"],
        "How long drift was open, observed when it is gone.",
    ),
    family(
        "driftless_endpoint_setting_supported",
        Gauge,
        &["account", "region", "setting"],
        "1 where an endpoint has the setting, 0 where it lacks it; absent while neither is known.",
    ),
    family(
        "driftless_exemption_expiry_timestamp_seconds",
        Gauge,
        &["account", "bucket", "policy"],
        "When an exemption that is in use ends.",
    ),
    family(
        "driftless_exposure_seconds_total",
        Counter,
        &["policy"],
        "How long buckets were other than wanted while driftless watched, all of them together; grows while drift is open.",
    ),
    family("driftless_fights_total", Counter, &["policy"], "Repairs given up because something writes the drift back."),
    family("driftless_held", Gauge, &["reason"], "Differences that are held, by reason."),
    family("driftless_history_degraded", Gauge, &[], "1 while the history cannot be written."),
    family(
        "driftless_notifications_total",
        Counter,
        &["service", "result"],
        "Attempts to deliver a message, by kind of sink; dropped counts messages that were given up.",
    ),
    family(
        "driftless_policy_buckets",
        Gauge,
        &["policy", "severity", "status"],
        "Buckets by policy and status; policy is spec for what the bucket's own spec says.",
    ),
    family("driftless_process_cpu_seconds_total", Counter, &[], "CPU time of the process, user and system."),
    family("driftless_process_open_fds", Gauge, &[], "File descriptors that the process has open."),
    family("driftless_process_resident_memory_bytes", Gauge, &[], "Memory of the process that is resident."),
    family("driftless_process_start_time_seconds", Gauge, &[], "When the process began."),
    family(
        "driftless_repair_duration_seconds",
        Histogram,
        &["policy"],
        "How long a repair took, from the first request to the proof by reading again.",
    ),
    family(
        "driftless_repairs_total",
        Counter,
        &["policy", "result"],
        "Repairs by how they ended; held, observe-only and skipped are counted when they begin, not in every sweep.",
    ),
    family(
        "driftless_source_fetch_duration_seconds",
        Histogram,
        &["source", "op"],
        "How long it took to fetch the source, or to load its documents.",
    ),
    family("driftless_source_fetch_total", Counter, &["source", "op", "result"], "Fetches and loads of the source."),
    family(
        "driftless_source_info",
        Gauge,
        &["source", "url", "ref", "revision"],
        "Always 1; the labels say which revision is in force.",
    ),
    family("driftless_source_interval_seconds", Gauge, &["source"], "How often the source is asked, as configured."),
    family(
        "driftless_source_last_success_timestamp_seconds",
        Gauge,
        &["source"],
        "When the source last answered; absent before it ever has.",
    ),
    family(
        "driftless_source_revision_timestamp_seconds",
        Gauge,
        &["source"],
        "When the commit was made that is in force; absent where it is not known.",
    ),
    family(
        "driftless_source_state",
        Gauge,
        &["source", "state"],
        "1 for the state that the source is in, 0 for the others.",
    ),
    family("driftless_spec_errors", Gauge, &["source"], "Documents' faults that leave a document without effect."),
    family("driftless_suspended", Gauge, &["account", "bucket"], "1 while writing to a bucket is paused by its spec."),
    family("driftless_sweep_duration_seconds", Histogram, &[], "How long a sweep over the fleet took."),
    family(
        "driftless_sweep_interval_seconds",
        Gauge,
        &[],
        "The longest time from one sweep of the schedule to the next, in the coming week.",
    ),
    family(
        "driftless_sweep_last_success_timestamp_seconds",
        Gauge,
        &[],
        "When a sweep last reached its end with every account listed; absent before one has.",
    ),
    family(
        "driftless_sweep_longest_running_seconds",
        Gauge,
        &[],
        "How long the sweep under way has been running; 0 when there is none.",
    ),
    family(
        "driftless_sweep_next_timestamp_seconds",
        Gauge,
        &[],
        "When the schedule has the next sweep begin; absent until it is known.",
    ),
    family(
        "driftless_sweep_total",
        Counter,
        &["result"],
        "Sweeps that ended; failed is one in which an account could not be listed.",
    ),
    family("driftless_task_panics_total", Counter, &[], "Tasks that ended by a panic, which is a fault in driftless."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_follows_the_conventions() {
        assert!(FAMILIES.is_sorted_by(|a, b| a.name < b.name));
        for family in FAMILIES {
            assert!(family.name.starts_with("driftless_"), "{}", family.name);
            assert_eq!(family.kind == Counter, family.name.ends_with("_total"), "{}", family.name);
            assert!(family.kind != Histogram || family.name.ends_with("_seconds"), "{}", family.name);
            assert!(family.help.ends_with('.') && !family.help.contains('\n'), "{}", family.name);
        }
    }
}
