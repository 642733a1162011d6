//! What Prometheus is told: counters that the loop feeds, and state that is read from the board
//! when somebody asks. The names are API; [`FAMILIES`] lists them.

mod counted;
mod counters;
mod names;
mod process;
mod state;
mod text;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::board::Board;
use crate::bucket::AccountName;
use crate::clock::{Clock, Timestamp};
use crate::cloud::S3ErrorKind;
use crate::report::SweepReport;
use crate::spec::PolicySeverity;
use crate::verdict::SPEC;

pub use counted::{Counted, Counter};
use counters::Counters;
pub use names::{FAMILIES, Family, Kind};
pub use state::SPEC_SEVERITY;
pub(crate) use state::{Row, rows};
use text::Exposition;
pub(crate) use text::bounded;

/// The content type of the exposition.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How much is said of single buckets. `docs/metrics.md` tells what each level costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Detail {
    /// Every bucket under every policy.
    #[default]
    Bucket,
    /// Only those that are not compliant, and counts for the rest.
    Policy,
    /// Counts only.
    Summary,
}

impl Detail {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Bucket, Self::Policy, Self::Summary];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Bucket => "bucket",
            Self::Policy => "policy",
            Self::Summary => "summary",
        }
    }
}

/// What does not change while the daemon runs.
#[derive(Debug, Clone)]
pub struct MetricsOptions {
    /// How much is said of single buckets.
    pub detail: Detail,
    /// The name of the source, for the label.
    pub source: String,
    /// How often the source is asked.
    pub source_interval: std::time::Duration,
    /// The longest time from one sweep of the schedule to the next.
    pub sweep_interval: std::time::Duration,
    /// When the daemon began: until a sweep succeeds, this is since when none has.
    pub started_at: Option<Timestamp>,
    /// The version of the build.
    pub version: &'static str,
    /// The commit of the build, or `unknown`.
    pub commit: &'static str,
    /// Whether the process's own memory, CPU and files are told.
    pub process: bool,
}

impl Default for MetricsOptions {
    fn default() -> Self {
        Self {
            detail: Detail::default(),
            source: "default".to_owned(),
            source_interval: std::time::Duration::from_secs(60),
            sweep_interval: std::time::Duration::from_hours(1),
            started_at: None,
            version: env!("CARGO_PKG_VERSION"),
            commit: option_env!("DRIFTLESS_COMMIT").unwrap_or("unknown"),
            process: true,
        }
    }
}

/// What was done with the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchOp {
    /// It was asked for its newest revision.
    Fetch,
    /// The documents of a revision were read.
    Load,
}

impl FetchOp {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Fetch, Self::Load];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Fetch => "fetch",
            Self::Load => "load",
        }
    }
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchResult {
    /// The revision that is known is still the newest.
    Unchanged,
    /// There is a new one.
    New,
    /// There is a new one that is not obeyed.
    Held,
    /// It could not be had.
    Failed,
}

impl FetchResult {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Unchanged, Self::New, Self::Held, Self::Failed];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::New => "new",
            Self::Held => "held",
            Self::Failed => "failed",
        }
    }
}

/// How it ended with a repair that a policy, or a spec, asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RepairOutcome {
    /// It was written and proved by a read.
    Applied,
    /// S3 refused it, could not be reached, or reads back something else.
    Failed,
    /// It is held, for any reason but that somebody only observes. Counted when that begins.
    Held,
    /// The agent, the policy or the bucket only observes. Counted when that begins.
    ObserveOnly,
    /// It was not begun, because an earlier write to the bucket failed or the daemon ends.
    Skipped,
}

impl RepairOutcome {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Applied, Self::Failed, Self::Held, Self::ObserveOnly, Self::Skipped];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Failed => "failed",
            Self::Held => "held",
            Self::ObserveOnly => "observe-only",
            Self::Skipped => "skipped",
        }
    }
}

/// How it ended with a message to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotificationResult {
    /// An attempt delivered it.
    Ok,
    /// An attempt did not; others follow.
    Failed,
    /// It was given up.
    Dropped,
}

impl NotificationResult {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Ok, Self::Failed, Self::Dropped];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }
}

/// Everything that Prometheus is told.
pub struct Metrics {
    counters: Counters,
    /// The policies whose counters stand, so that they go when the policy goes.
    policies: Mutex<BTreeMap<Arc<str>, PolicySeverity>>,
    /// Until when the exposure of open drift is counted.
    exposed_until: Mutex<Timestamp>,
    board: Arc<Board>,
    clock: Arc<dyn Clock>,
    options: MetricsOptions,
}

/// Seconds from one moment to a later one; none when the clock was put back.
fn seconds_between(from: Timestamp, to: Timestamp) -> f64 {
    ((to - from).num_milliseconds() as f64 / 1000.0).max(0.0)
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Metrics {
    /// Metrics over a board, with every counter at 0.
    pub fn new(board: Arc<Board>, clock: Arc<dyn Clock>, options: MetricsOptions) -> Self {
        let metrics = Self {
            counters: Counters::new(&options.source),
            policies: Mutex::default(),
            exposed_until: Mutex::new(clock.now()),
            board,
            clock,
            options,
        };
        metrics.follow_policies();
        metrics
    }

    /// What does not change while the daemon runs.
    pub fn options(&self) -> &MetricsOptions {
        &self.options
    }

    /// A request to S3 ended, `failed` or not. Called ten thousand times a second.
    pub fn request(&self, account: &AccountName, operation: &str, failed: Option<S3ErrorKind>, seconds: f64) {
        self.counters.request(account.as_str(), operation, failed, seconds);
    }

    /// So many requests to an account may be under way at once from now on.
    pub fn concurrency_limit(&self, account: &AccountName, limit: f64) {
        self.counters.concurrency_limit.with_label_values(&[account.as_str()]).set(limit);
    }

    /// Drift was seen for the first time. `policy` is `spec` for a bucket's own spec.
    pub fn drift_detected(&self, policy: &str, severity: PolicySeverity) {
        self.counters.drift_detected.with_label_values(&[&*text::bounded(policy), severity.word()]).inc();
    }

    /// Drift is gone that was open for so long.
    pub fn drift_closed(&self, policy: &str, open_seconds: f64) {
        self.counters.drift_open.with_label_values(&[text::bounded(policy)]).observe(open_seconds.max(0.0));
    }

    /// A bucket was other than a policy, or its spec, wants it, and is so no more.
    pub fn exposed(&self, policy: &str, from: Timestamp, to: Timestamp) {
        // What lies before the last scrape is counted already.
        let counted = *self.exposed_until.lock().expect("no holder of the lock panics");
        let rest = seconds_between(from.max(counted), to);
        self.counters.exposure.with_label_values(&[text::bounded(policy)]).inc_by(rest);
    }

    /// Counts the exposure of what is open up to now. Time before this process began, or while
    /// nothing watched, is nobody's to count.
    fn count_exposure(&self, now: Timestamp) {
        let mut until = self.exposed_until.lock().expect("no holder of the lock panics");
        let mut open: BTreeMap<Arc<str>, f64> = BTreeMap::new();
        state::each_open(&self.board, |policy, since| {
            let seconds = seconds_between(since.max(*until), now);
            match open.get_mut(policy) {
                Some(sum) => *sum += seconds,
                None => drop(open.insert(policy.into(), seconds)),
            }
        });
        for (policy, seconds) in open {
            self.counters.exposure.with_label_values(&[text::bounded(&policy)]).inc_by(seconds);
        }
        *until = now.max(*until);
    }

    /// A repair ended, or was not begun. `seconds` counts only where something was written.
    pub fn repair(&self, policy: &str, outcome: RepairOutcome, seconds: f64) {
        let policy = text::bounded(policy);
        self.counters.repairs.with_label_values(&[&*policy, outcome.word()]).inc();
        if matches!(outcome, RepairOutcome::Applied | RepairOutcome::Failed) {
            self.counters.repair_seconds.with_label_values(&[policy]).observe(seconds);
        }
    }

    /// A repair was given up, because something writes the drift back.
    pub fn fight(&self, policy: &str) {
        self.counters.fights.with_label_values(&[text::bounded(policy)]).inc();
    }

    /// A sweep ended.
    pub fn sweep_ended(&self, sweep: &SweepReport) {
        let result = match (sweep.interrupted, sweep.errors.is_empty()) {
            (true, _) => "interrupted",
            (false, true) => "ok",
            (false, false) => "failed",
        };
        self.counters.sweeps.with_label_values(&[result]).inc();
        self.counters.sweep_seconds.observe(sweep.seconds);
    }

    /// The source was fetched or loaded.
    pub fn fetch(&self, op: FetchOp, result: FetchResult, seconds: f64) {
        let source = &*self.options.source;
        self.counters.fetches.with_label_values(&[source, op.word(), result.word()]).inc();
        self.counters.fetch_seconds.with_label_values(&[source, op.word()]).observe(seconds);
    }

    /// A kind of sink is in use: its counters begin at 0, so that the first failure is an increase.
    pub fn begin_notifications(&self, service: &str) {
        for result in NotificationResult::ALL {
            self.counters.notifications.with_label_values(&[service, result.word()]);
        }
    }

    /// An attempt to deliver a message ended, or one was given up.
    pub fn notification(&self, service: &str, result: NotificationResult) {
        self.counters.notifications.with_label_values(&[service, result.word()]).inc();
    }

    /// A task ended by a panic.
    pub fn panic(&self) {
        self.counters.panics.inc();
    }

    /// Whether the history can be written.
    pub fn history_degraded(&self, degraded: bool) {
        self.counters.history_degraded.set(if degraded { 1.0 } else { 0.0 });
    }

    /// Counters of a policy begin at 0 with the policy, so that the first drift is an increase,
    /// and go with it. Called when policies come into force; each scrape sees to it as well.
    pub fn follow_policies(&self) {
        let mut now: BTreeMap<Arc<str>, PolicySeverity> =
            self.board.policies().iter().map(|card| (Arc::clone(&card.name), card.severity)).collect();
        now.insert(SPEC.into(), SPEC_SEVERITY);
        let mut known = self.policies.lock().expect("no holder of the lock panics");
        for (policy, severity) in known.iter() {
            if !now.contains_key(policy) {
                self.counters.end_policy(&text::bounded(policy));
            } else if now.get(policy) != Some(severity) {
                let _ = self.counters.drift_detected.remove_label_values(&[&*text::bounded(policy), severity.word()]);
            }
        }
        for (policy, severity) in now.iter().filter(|(policy, severity)| known.get(*policy) != Some(severity)) {
            self.counters.begin_policy(&text::bounded(policy), *severity);
        }
        *known = now;
    }

    /// The exposition, in the format that [`CONTENT_TYPE`] names.
    pub fn render(&self) -> String {
        let mut text = String::new();
        self.render_to(&mut |piece| {
            text += &piece;
            true
        });
        text
    }

    /// The exposition in pieces of some 64 KiB, until `sink` wants no more. With every bucket of a
    /// large fleet in it, the whole would be larger than all that the daemon holds otherwise.
    pub fn render_to(&self, sink: &mut dyn FnMut(String) -> bool) {
        self.follow_policies();
        let now = self.clock.now();
        self.count_exposure(now);
        let mut sink = |piece: String| sink(piece);
        let mut out = Exposition::new(&mut sink);
        state::write(&mut out, &self.board, &self.options, now);
        if self.options.process {
            process::write(&mut out);
        }
        out.finish(&self.counters.registry);
    }
}
