//! When to sweep: on the schedule, at once after a new revision, and when somebody asks.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span};

use super::Telling;
use super::follow::InForce;
use super::passed::Passed;
use crate::board::Board;
use crate::capability::Capabilities;
use crate::clock::{Clock, Timestamp};
use crate::cloud::Cloud;
use crate::config::Config;
use crate::config::schedule::Schedule;
use crate::desired::Desired;
use crate::history::History;
use crate::metrics::Metrics;
use crate::notify::messenger::Letterbox;
use crate::past::Past;
use crate::reconcile::{FleetLimit, Gate, Hands, Loop, Swept, Unweighed};
use crate::report::Cause;
use crate::serve::health::Heartbeat;
use crate::source::Commits;
use crate::telemetry;
use crate::verdict::Hold;

/// How often the sweeper looks at the clock: a machine that slept, or a clock that was put
/// forward, makes a sweep due that no timer announced.
const GLANCE: Duration = Duration::from_secs(5);

pub(super) struct Sweeper {
    pub config: Config,
    pub clock: Arc<dyn Clock>,
    pub board: Arc<Board>,
    pub metrics: Arc<Metrics>,
    pub past: Arc<Past>,
    pub capabilities: Arc<Capabilities>,
    pub telling: Arc<Telling>,
    pub cloud: Arc<dyn Cloud>,
    pub heartbeat: Arc<Heartbeat>,
    pub demand: Arc<tokio::sync::Notify>,
    pub coming: tokio::sync::watch::Receiver<Option<InForce>>,
    pub history: Arc<History>,
    /// Changes after each sweep.
    pub swept: tokio::sync::watch::Sender<()>,
    /// Where the end of a sweep is left for the messenger.
    pub letterbox: Option<Arc<Letterbox>>,
    pub stop: CancellationToken,
}

impl Sweeper {
    pub(super) async fn run(mut self) {
        let schedule = Schedule::parse(&self.config.schedule.cron, &self.config.schedule.zone)
            .expect("a configuration with a bad schedule is refused");
        let mut due = None;
        let mut swept = None;
        let mut pruned_at: Option<Timestamp> = None;
        let mut passed = Passed::remembered(&self.config, &self.history).await;
        loop {
            let now = self.clock.now();
            self.heartbeat.beat(now);
            // It fails after those who had something to write have gone on.
            self.metrics.history_degraded(self.history.degraded().is_some());
            if self.coming.borrow().is_some() {
                due = Some(self.due(&schedule, due, now));
            }
            self.board.put_next_sweep(due);
            let cause = match self.wait(due).await {
                None => return,
                Some(None) => continue,
                Some(Some(Cause::Revision)) if swept.is_none() => Cause::Start,
                Some(Some(cause)) => cause,
            };
            if due.is_none() && self.coming.borrow().is_some() {
                // Whoever looks at the end of the first sweep is told of the next one, too.
                self.board.put_next_sweep(Some(self.due(&schedule, None, self.clock.now())));
            }
            if !self.obey(&mut passed, &mut swept, cause).await {
                continue;
            }
            due = None;
            let now = self.clock.now();
            if pruned_at.is_none_or(|at| now - at > chrono::Duration::days(1) || at > now) {
                pruned_at = Some(now);
                self.prune(now).await;
            }
        }
    }

    /// Makes the sweep that is due, of what is in force by now. `false` when nothing is.
    ///
    /// A revision is gated, whatever the cause of the sweep, until it passed once: else one that is
    /// held would be obeyed bit by bit, some buckets in every sweep.
    async fn obey(&mut self, passed: &mut Passed, swept: &mut Option<Arc<str>>, cause: Cause) -> bool {
        let Some(mut in_force) = self.coming.borrow_and_update().clone() else { return false };
        let gating = passed.gate(&in_force, &self.config, self.clock.now());
        let Some(gate) = self.stop.run_until_cancelled(gating).await else { return false };
        if let Some(before) = swept.replace(Arc::clone(&in_force.revision)).filter(|it| *it != in_force.revision) {
            let commits = Some(Arc::new(self.commits(&before, &in_force.revision).await));
            let mut desired = Desired::clone(&in_force.desired);
            desired.commits = commits;
            in_force.desired = Arc::new(desired);
        }
        let span = tracing::info_span!(
            parent: None, "sweep",
            cause = cause.word(), revision = &*in_force.revision, buckets = tracing::field::Empty,
            repaired = tracing::field::Empty, otel.status_code = tracing::field::Empty
        );
        telemetry::link(&span, &in_force.mark);
        if let Some(unweighed) = self.sweep(&in_force, cause, &gate).instrument(span).await {
            passed.note(&in_force, unweighed, &self.history).await;
        }
        self.swept.send_replace(());
        true
    }

    /// What lies between the revision of the sweep before and this one.
    async fn commits(&self, from: &str, to: &str) -> Commits {
        match super::assemble::source(&self.config) {
            Ok(source) => self.stop.run_until_cancelled(source.commits(from, to)).await.unwrap_or_default(),
            Err(_) => Commits::default(),
        }
    }

    /// When the next sweep is due. A clock that jumps back far would leave it in a distant future,
    /// so it is never further away than the schedule says from now.
    fn due(&self, schedule: &Schedule, known: Option<Timestamp>, now: Timestamp) -> Timestamp {
        let jitter = chrono::Duration::from_std(self.config.schedule.jitter.0).unwrap_or_default();
        let next = schedule.next_after(now).unwrap_or(now + chrono::Duration::hours(1));
        match known {
            Some(known) if known <= next + jitter => known,
            _ => next + jitter * fastrand::i32(0..=1000) / 1000,
        }
    }

    /// Waits for a cause to sweep; `Some(None)` when there is none yet, `None` at the end.
    async fn wait(&mut self, due: Option<Timestamp>) -> Option<Option<Cause>> {
        let left = match due {
            None => GLANCE,
            Some(due) => (due - self.clock.now()).to_std().unwrap_or_default(),
        };
        tokio::select! {
            biased;
            () = self.stop.cancelled() => None,
            changed = self.coming.changed() => Some(changed.is_ok().then_some(Cause::Revision)),
            () = self.demand.notified() => Some(Some(Cause::Demand)),
            () = tokio::time::sleep(left.min(GLANCE)) => {
                Some(due.filter(|due| *due <= self.clock.now()).map(|_| Cause::Schedule))
            }
        }
    }

    /// Makes one sweep. Returns, where the revision passed the gate, what it was not weighed by.
    async fn sweep(&self, in_force: &InForce, cause: Cause, gate: &Gate) -> Option<Unweighed> {
        let limits = &self.config.limits;
        let it = Arc::new(Loop {
            cloud: Arc::clone(&self.cloud),
            clock: Arc::clone(&self.clock),
            board: Arc::clone(&self.board),
            brakes: Arc::clone(&self.past) as Arc<dyn crate::plan::Brakes>,
            witness: Arc::clone(&self.telling) as Arc<dyn crate::reconcile::Witness>,
            limit: FleetLimit { percent: limits.changed_percent, least: limits.changed_least },
            concurrency: limits.concurrency,
            owners: self.config.owners(),
            proof: crate::apply::Proof::default(),
            keep_plans: false,
            stop: self.stop.clone(),
        });
        let sweeping = it.sweep(&in_force.desired, cause, Hands::Free, gate);
        tokio::pin!(sweeping);
        let Swept { report, passed, unweighed, .. } = loop {
            tokio::select! {
                swept = &mut sweeping => break swept,
                // A long sweep is alive as long as its buckets move, which `/readyz` sees.
                () = tokio::time::sleep(GLANCE) => self.heartbeat.beat(self.clock.now()),
            }
        };
        let span = Span::current();
        span.record("buckets", report.buckets).record("repaired", report.repaired);
        if report.interrupted || !report.errors.is_empty() {
            span.record("otel.status_code", "ERROR");
        }
        self.board.put_endpoints(self.capabilities.cards(self.clock.now()));
        self.metrics.sweep_ended(&report);
        self.keep_endpoints().await;
        let fights = self.past.fights(self.clock.now());
        self.board.put_breaker("loop", (fights > 0).then_some(Hold::Fighting));
        for error in &report.errors {
            let hint = error.hint().map_or(String::new(), |hint| format!("\nhint: {hint}"));
            tracing::error!(kind = error.kind.word(), "{error}{hint}");
        }
        if report.interrupted {
            tracing::info!("the sweep was ended before its time; the write under way was finished");
            if let Some(letterbox) = &self.letterbox {
                letterbox.broken_off(cause, &in_force.desired, &in_force.revision);
            }
            return None;
        }
        if let Some(letterbox) = &self.letterbox {
            letterbox.swept(cause, &in_force.desired, &in_force.revision);
        }
        let mut said = vec![format!("{} in sync", report.in_sync)];
        for (count, word) in [
            (report.repaired, "repaired"),
            (report.drifted, "still different"),
            (report.held, "held"),
            (report.unknown, "unknown"),
            (report.failed, "writes failed"),
        ] {
            if count > 0 {
                said.push(format!("{count} {word}"));
            }
        }
        tracing::info!(
            buckets = report.buckets,
            seconds = report.seconds,
            "sweep of {} {} in {:.1} s: {}",
            report.buckets,
            if report.buckets == 1 { "bucket" } else { "buckets" },
            report.seconds,
            said.join(", ")
        );
        passed.then_some(unweighed)
    }

    /// Keeps what the endpoints can do over a restart.
    async fn keep_endpoints(&self) {
        let Some(text) = self.capabilities.save(env!("CARGO_PKG_VERSION")) else { return };
        if let Err(error) = self.history.put_cached(super::remember::ENDPOINTS, text).await {
            tracing::debug!("what the endpoints can do is not kept: {error}");
        }
    }

    async fn prune(&self, now: Timestamp) {
        let keep = chrono::Duration::from_std(self.config.history.keep.0).unwrap_or(chrono::Duration::days(400));
        if let Err(error) = self.history.prune(now - keep, now).await {
            tracing::warn!("old entries of the history cannot be dropped: {error}");
        }
    }
}

#[cfg(test)]
mod tests;
