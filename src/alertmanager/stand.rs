//! What is wrong now, as the rules for Prometheus would find it (pure).

use chrono::Duration;

use super::Labels;
use super::rule::Rule;
use super::window::Samples;
use crate::board::Board;
use crate::clock::Timestamp;
use crate::finding::Severity;
use crate::metrics::{Counter, Detail, MetricsOptions, Row, bounded, rows};
use crate::report::SourceState;
use crate::spec::PolicySeverity;
use crate::verdict::{SPEC, Verdict};

/// Everything that alerts follow from.
#[derive(Debug, Clone, Copy)]
pub struct Stand<'a> {
    /// How everything stands.
    pub board: &'a Board,
    /// What was counted in the last hour.
    pub samples: &'a Samples,
    /// What the metrics are told with: the same detail and the same names.
    pub metrics: &'a MetricsOptions,
    /// Whether the history cannot be written.
    pub history_degraded: bool,
}

/// Something that is wrong now.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// The rule that says so.
    pub rule: Rule,
    /// What it is wrong with.
    pub labels: Labels,
    /// Since when, where it is known.
    pub since: Option<Timestamp>,
    /// The rule's number.
    pub value: f64,
}

/// An exemption that ends within so long is told.
const EXPIRING: Duration = Duration::days(7);

/// A sweep that runs longer is stuck, and one that is later than this missing.
const SWEEP: Duration = Duration::minutes(10);

impl Stand<'_> {
    /// Whether the fleet was looked at since the agent began.
    pub fn settled(&self) -> bool {
        self.board.last_sweep().is_some()
    }
}

impl Condition {
    fn new<const N: usize>(rule: Rule, labels: [(&str, &str); N]) -> Self {
        let labels = labels.map(|(name, value)| (name.to_owned(), bounded(value)));
        Self { rule, labels: labels.into(), since: None, value: 1.0 }
    }

    fn worth(self, value: f64) -> Self {
        Self { value, ..self }
    }
}

/// What is wrong now.
pub fn conditions(stand: &Stand<'_>, now: Timestamp) -> Vec<Condition> {
    let mut found = Vec::new();
    match (stand.settled(), stand.metrics.detail) {
        (false, _) => {}
        (true, Detail::Summary) => policies(stand, now, &mut found),
        (true, Detail::Bucket | Detail::Policy) => buckets(stand, now, &mut found),
    }
    counted(stand, &mut found);
    agent(stand, now, &mut found);
    found.push(Condition::new(Rule::Watchdog, []));
    found
}

/// What is wrong with a bucket under a policy, in the words of the rules: the rule, the status, and
/// since when. What was drifted and cannot be read now is both, as nobody saw that it ended; unless
/// the bucket is suspended, and was no alert before.
fn broken(row: &Row<'_>, suspended: bool) -> impl Iterator<Item = (Rule, &'static str, Option<Timestamp>)> {
    let drift = match row.severity {
        PolicySeverity::Critical => Rule::BucketPublicDrift,
        _ => Rule::BucketDrifted,
    };
    let drift = (drift, Verdict::Drifted.word(), row.since);
    // Since when it differs says nothing of since when nobody knows.
    let unknown = (Rule::PolicyUnknown, Verdict::Unknown.word(), None);
    let both = match row.verdict {
        Verdict::Drifted => [Some(drift), None],
        Verdict::Unknown => [Some(unknown), Some(drift).filter(|_| row.since.is_some() && !suspended)],
        _ => [None, None],
    };
    both.into_iter().flatten()
}

/// Bucket by bucket.
fn buckets(stand: &Stand<'_>, now: Timestamp, found: &mut Vec<Condition>) {
    let spec = SPEC.into();
    stand.board.each_bucket(|report| {
        let (account, bucket) = (report.id.account.as_str(), report.id.name.as_str());
        let suspended = report.suspended_until.is_some_and(|until| until > now);
        for row in rows(report, &spec) {
            for (rule, status, since) in broken(&row, suspended) {
                let labels = [
                    ("account", account),
                    ("bucket", bucket),
                    ("policy", &**row.policy),
                    ("region", report.region.as_str()),
                    ("status", status),
                ];
                found.push(Condition { since, ..Condition::new(rule, labels) });
            }
            if let Some(left) = row.exempt_until.map(|until| until - now).filter(|left| *left < EXPIRING) {
                let labels = [("account", account), ("bucket", bucket), ("policy", &**row.policy)];
                found.push(Condition::new(Rule::ExemptionExpiring, labels).worth(seconds(left)));
            }
        }
        if suspended {
            found.push(Condition::new(Rule::SuspendedTooLong, [("account", account), ("bucket", bucket)]));
        }
    });
}

/// Policy by policy, where the metrics name no buckets either.
fn policies(stand: &Stand<'_>, now: Timestamp, found: &mut Vec<Condition>) {
    let spec = SPEC.into();
    stand.board.each_bucket(|report| {
        let suspended = report.suspended_until.is_some_and(|until| until > now);
        let rows: Vec<Row<'_>> = rows(report, &spec).collect();
        for (row, (rule, status, since)) in rows.iter().flat_map(|row| broken(row, suspended).map(move |it| (row, it)))
        {
            let new = Condition::new(rule, [("policy", &**row.policy), ("status", status)]);
            match found.iter_mut().find(|it| it.rule == rule && it.labels == new.labels) {
                Some(known) => {
                    known.value += 1.0;
                    known.since = [known.since, since].into_iter().flatten().min();
                }
                None => found.push(Condition { since, ..new }),
            }
        }
    });
}

/// What was counted within the last minutes.
fn counted(stand: &Stand<'_>, found: &mut Vec<Condition>) {
    let minutes = Duration::minutes;
    for (rule, counter, window, label) in [
        (Rule::DriftOccurred, Counter::Drift, minutes(60), "policy"),
        (Rule::RepairFailing, Counter::FailedRepairs, minutes(15), "policy"),
        (Rule::Fight, Counter::Fights, minutes(30), "policy"),
        (Rule::NotificationFailing, Counter::FailedNotifications, minutes(10), "service"),
        (Rule::NotificationDropped, Counter::DroppedNotifications, minutes(15), "service"),
    ] {
        for (of, grown) in stand.samples.increase(counter, window) {
            found.push(Condition::new(rule, [(label, &*of)]).worth(grown));
        }
    }
    let throttled = minutes(10);
    for (account, grown) in stand.samples.increase(Counter::Throttles, throttled) {
        let rate = grown / seconds(throttled);
        found.push(Condition::new(Rule::AwsThrottled, [("account", &*account)]).worth(rate));
    }
    if let Some(grown) = stand.samples.increase(Counter::Panics, minutes(15)).get("") {
        found.push(Condition::new(Rule::TaskPanicked, []).worth(*grown));
    }
}

/// The source, the sweep, the breakers, the history.
fn agent(stand: &Stand<'_>, now: Timestamp, found: &mut Vec<Condition>) {
    let (board, name) = (stand.board, &*stand.metrics.source);
    let source = board.source();
    let interval = Duration::from_std(stand.metrics.source_interval).unwrap_or(Duration::hours(1));
    if source.state == SourceState::Failed || source.last_success.is_some_and(|at| now - at > interval * 3) {
        found.push(Condition::new(Rule::SourceStale, [("source", name)]));
    }
    if source.state == SourceState::Held {
        found.push(Condition::new(Rule::SourceHeld, [("source", name), ("state", source.state.word())]));
    }
    let errors = source.findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    if errors > 0 {
        found.push(Condition::new(Rule::SpecErrors, [("source", name)]).worth(errors as f64));
    }
    for (_, hold) in board.breakers() {
        found.push(Condition::new(Rule::BreakerOpen, [("reason", hold.word()), ("source", name)]));
    }
    let running = board.running().map(|sweep| now - sweep.started_at);
    if let Some(long) = running.filter(|it| *it > SWEEP) {
        found.push(Condition::new(Rule::SweepStuck, []).worth(seconds(long)));
    }
    let late = running.is_none() && board.next_sweep().is_some_and(|next| now - next > SWEEP);
    let sweeps = stand.samples.increase(Counter::Sweeps, Duration::minutes(30));
    let fail = sweeps.get("failed").is_some_and(|failed| *failed > 2.5) && !sweeps.contains_key("ok");
    let every = Duration::from_std(stand.metrics.sweep_interval).unwrap_or(Duration::hours(1));
    let succeeded = board.last_success().or(stand.metrics.started_at);
    // A sweep that takes long is another matter.
    let rare = succeeded.is_some_and(|at| now - at - running.unwrap_or_default() > every * 3);
    if late || fail || rare {
        found.push(Condition::new(Rule::SweepMissing, []));
    }
    if stand.history_degraded {
        found.push(Condition::new(Rule::HistoryDegraded, []));
    }
}

fn seconds(span: Duration) -> f64 {
    span.num_milliseconds() as f64 / 1000.0
}
