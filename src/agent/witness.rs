//! Who is told of what the loop does: the log, the history, the metrics, and the loop's memory.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;

use crate::bucket::BucketId;
use crate::clock::Timestamp;
use crate::doc::Doc;
use crate::history::History;
use crate::metrics::{Metrics, RepairOutcome};
use crate::notify::messenger::Letterbox;
use crate::past::Past;
use crate::reconcile::Witness;
use crate::report::tell::DriftChange;
use crate::report::{CausedBy, Event, Repair, RepairResult, SourceState, by_revision};
use crate::verdict::{Hold, Origin, SPEC};

/// Tells the log, the history and the metrics.
pub struct Telling {
    history: Arc<History>,
    metrics: Arc<Metrics>,
    past: Arc<Past>,
    letterbox: Option<Arc<Letterbox>>,
}

impl Telling {
    /// Tells these.
    pub fn new(history: Arc<History>, metrics: Arc<Metrics>, past: Arc<Past>) -> Self {
        Self { history, metrics, past, letterbox: None }
    }

    /// Leaves what happens for the messenger, too.
    #[must_use]
    pub fn posting(self, letterbox: Option<Arc<Letterbox>>) -> Self {
        Self { letterbox, ..self }
    }

    /// Takes down what happened, and says it in the log.
    pub fn happened(&self, now: Timestamp, events: Vec<Event>) {
        let mut made: Option<&BucketId> = None;
        for event in &events {
            if let Event::Created { bucket, .. } = event {
                made = Some(bucket);
            }
            say(event, made);
            if let Event::Held { reason, origins, .. } = event {
                self.count_held(*reason, origins);
            }
        }
        if let Some(letterbox) = &self.letterbox {
            letterbox.happened(&events);
        }
        let dated: Vec<(Timestamp, Event)> = events.into_iter().map(|event| (now, event)).collect();
        self.history.record(&dated);
        self.metrics.history_degraded(self.history.degraded().is_some());
    }
}

impl Telling {
    /// Counts what is held, once, when it begins: for every policy that asked, and once for the
    /// spec.
    fn count_held(&self, reason: Hold, origins: &[Origin]) {
        let outcome = if reason == Hold::ObserveOnly { RepairOutcome::ObserveOnly } else { RepairOutcome::Held };
        for policy in origins.iter().map(asker).collect::<BTreeSet<_>>() {
            self.metrics.repair(policy, outcome, 0.0);
            if reason == Hold::Fighting {
                self.metrics.fight(policy);
            }
        }
    }
}

/// The metric label of who asked.
fn asker(origin: &Origin) -> &str {
    match origin {
        Origin::Spec(_) => SPEC,
        Origin::Policy(name) => name,
    }
}

impl Witness for Telling {
    fn events(&self, now: Timestamp, events: Vec<Event>) {
        self.happened(now, events);
    }

    fn drift(&self, now: Timestamp, changes: &[DriftChange]) {
        for change in changes {
            match change {
                DriftChange::Opened { policy, severity } => self.metrics.drift_detected(policy, *severity),
                DriftChange::Closed { policy, since, exposed_until } => {
                    let seconds = (now - *since).num_milliseconds() as f64 / 1000.0;
                    self.metrics.drift_closed(policy, seconds);
                    self.metrics.exposed(policy, *since, exposed_until.unwrap_or(now));
                }
            }
        }
    }

    fn repaired(&self, bucket: &BucketId, repair: &Repair, to: &Doc, seconds: f64) {
        let now = repair.at;
        self.past.note_repair(bucket, repair.setting, to, &repair.result, now);
        let outcome = match repair.result {
            RepairResult::Applied => RepairOutcome::Applied,
            RepairResult::Unproved { .. } | RepairResult::Failed { .. } => RepairOutcome::Failed,
        };
        for policy in repair.origins.iter().map(asker).collect::<BTreeSet<_>>() {
            self.metrics.repair(policy, outcome, seconds);
        }
    }

    fn panicked(&self) {
        tracing::error!("the check of a bucket failed by a fault of driftless itself; the others go on");
        self.metrics.panic();
    }
}

/// Says an event in one plain sentence; what belongs to it stands on lines below.
/// `made` is the bucket that was created a moment before.
fn say(event: &Event, made: Option<&BucketId>) {
    match event {
        Event::Started { version } => tracing::info!(version, "driftless {version} begins"),
        Event::Stopped => tracing::info!("driftless ended in good order"),
        Event::Revision { revision, subject, author, findings } => {
            let short = crate::source::short(revision);
            let by = if author.is_empty() { String::new() } else { format!(", by {author}") };
            let subject = if subject.is_empty() { String::new() } else { format!(": {subject}{by}") };
            tracing::info!(revision, findings, "revision {short} is in force{subject}");
        }
        Event::Source { state: SourceState::Ready, detail } => tracing::info!("the source is ready: {detail}"),
        Event::Source { state, detail } => {
            tracing::warn!(state = state.word(), "the source is {}: {detail}", state.word());
        }
        Event::Unmanaged { bucket } => {
            tracing::warn!(bucket.name = %bucket, "{bucket}: no spec declares it any more; it stays as it is, unwatched");
        }
        Event::Created { bucket, region, origins } => {
            tracing::info!(bucket.name = %bucket, "{bucket}: created in {region}, asked for by {}", asked(origins));
        }
        Event::DriftDetected { bucket, policy, setting, severity, detail, caused_by } => {
            let who = if &**policy == SPEC { format!("its spec ({setting})") } else { format!("policy {policy}") };
            let since = caused_by.as_ref().map_or(String::new(), |CausedBy::Revision { revision, commits, .. }| {
                format!(", since {}", by_revision(revision, *commits))
            });
            tracing::warn!(
                bucket.name = %bucket, policy = &**policy, setting, severity = severity.word(),
                "{bucket}: drift from {who}{since}: {}", short(detail)
            );
        }
        Event::DriftClosed { bucket, policy, setting, .. } => {
            let who = if &**policy == SPEC { format!("its spec ({setting})") } else { format!("policy {policy}") };
            tracing::debug!(bucket.name = %bucket, policy = &**policy, setting, "{bucket}: agrees with {who} again");
        }
        Event::Repair { bucket, repair } => {
            said_repair(bucket, repair, if made == Some(bucket) { "set" } else { "repaired" });
        }
        Event::Held { bucket, setting, reason, detail, origins, approval } => {
            let by = if origins.is_empty() { String::new() } else { format!(", asked for by {}", asked(origins)) };
            let mut text = format!("{bucket}: held ({}): {setting}: {detail}{by}", reason.word());
            if let Some(approval) = approval {
                let _ = write!(text, "\nto let it happen, commit this to the source:\n\n{}", indented(approval));
            }
            tracing::warn!(bucket.name = %bucket, setting, reason = reason.word(), "{text}");
        }
    }
}

fn said_repair(bucket: &BucketId, repair: &Repair, done: &str) {
    let Repair { setting, changes, origins, result, .. } = repair;
    let mut lines = String::new();
    for change in changes {
        let dot = if change.path.is_empty() || change.path.starts_with('[') { "" } else { "." };
        let _ = write!(lines, "\n    {setting}{dot}{change}");
    }
    let by = asked(origins);
    match result {
        RepairResult::Applied => {
            tracing::info!(
                bucket.name = %bucket, setting,
                "{bucket}: {setting} {done} and read back, asked for by {by}{lines}"
            );
        }
        RepairResult::Unproved { detail } => tracing::error!(
            bucket.name = %bucket, setting,
            "{bucket}: {setting} was written and does not read back: {detail}"
        ),
        RepairResult::Failed { error } => {
            let hint = error.hint().map_or(String::new(), |hint| format!("\nhint: {hint}"));
            tracing::error!(
                bucket.name = %bucket, setting, kind = error.kind.word(),
                "{bucket}: {setting} was not repaired: {error}{hint}"
            );
        }
    }
}

fn asked(origins: &[Origin]) -> String {
    let names: Vec<String> = origins.iter().map(ToString::to_string).collect();
    names.join(" and ")
}

/// The beginning of a text; the whole stands in the report and, once repaired, below the repair.
fn short(text: &str) -> String {
    const MOST: usize = 160;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}
