//! Following the source: a new revision is fetched, read once, and put into force, or not obeyed
//! with a reason. Whatever fails, the last good revision stays.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span};

use super::assemble::load_files;
use super::{Telling, cards};
use crate::board::Board;
use crate::capability::Capabilities;
use crate::clock::Clock;
use crate::config::Config;
use crate::desired::Desired;
use crate::finding::{Finding, Severity};
use crate::history::History;
use crate::metrics::{FetchOp, FetchResult, Metrics};
use crate::past::Past;
use crate::report::{Event, SourceReport, SourceState, removals_document};
use crate::source::{Fetched, Revision, Source, Tree, acceptance, poll};
use crate::spec::Approved;
use crate::telemetry;

/// What is in force.
#[derive(Debug, Clone)]
pub(super) struct InForce {
    /// What every bucket shall be.
    pub desired: Arc<Desired>,
    /// The revision that says so.
    pub revision: Arc<str>,
    /// The files of it that have a fault, so that an older form of them is in force.
    pub faulty: Arc<BTreeSet<Arc<str>>>,
    /// Where in the traces it was read.
    pub mark: telemetry::Mark,
}

/// A revision that is held, and what to write to have it obeyed.
struct HeldBack {
    revision: Revision,
    release: Option<String>,
}

/// What became of a revision.
enum Put {
    InForce,
    /// It is not obeyed, and would not be when it were read again.
    Held,
    /// It could not be read, by a fault of driftless itself; the next look tries again.
    Unread,
}

pub(super) struct Follower {
    pub config: Config,
    pub clock: Arc<dyn Clock>,
    pub board: Arc<Board>,
    pub metrics: Arc<Metrics>,
    pub history: Arc<History>,
    pub past: Arc<Past>,
    pub capabilities: Arc<Capabilities>,
    pub telling: Arc<Telling>,
    pub source: Box<dyn Source>,
    /// Somebody wants it looked at now.
    pub demand: Arc<tokio::sync::Notify>,
    pub wanted: tokio::sync::watch::Sender<Option<InForce>>,
    pub stop: CancellationToken,
}

impl Follower {
    pub(super) async fn run(mut self) {
        let origin = self.source.describe();
        let mut report = SourceReport {
            url: if origin.path.is_empty() { origin.url.clone() } else { format!("{} ({})", origin.url, origin.path) },
            reference: origin.reference.replace('`', ""),
            ..SourceReport::default()
        };
        self.board.put_source(report.clone());
        let mut known = self.take_up(&mut report).instrument(follow()).await;
        let mut failures = 0;
        loop {
            let fetched = self.fetch(&mut known, &mut report).instrument(follow()).await;
            failures = if fetched { 0 } else { failures + 1 };
            let pause = poll::pause(self.config.source.interval.0, failures, fastrand::f64());
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = self.demand.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Takes up the last good revision, so that a git server that is away when the daemon begins
    /// leaves the buckets watched.
    async fn take_up(&mut self, report: &mut SourceReport) -> Option<String> {
        let revision = match self.history.good_revision(self.source.identity()).await {
            Ok(revision) => revision?,
            Err(error) => {
                tracing::warn!("the last good revision is not known: {error}");
                return None;
            }
        };
        match self.source.load(&revision).await {
            Ok(Some(tree)) => {
                if !matches!(self.put_in_force(&tree, report, false).await, Put::InForce) {
                    return None;
                }
                tracing::info!(revision, "revision {} goes on, until the source says otherwise", tree.revision.short());
                Some(revision)
            }
            Ok(None) => None,
            Err(error) => {
                tracing::warn!("the last good revision cannot be read: {error}");
                None
            }
        }
    }

    /// Looks once. Returns whether the source answered.
    async fn fetch(&mut self, known: &mut Option<String>, report: &mut SourceReport) -> bool {
        let begun = Instant::now();
        let deadline = self.config.source.timeout.0;
        let span =
            tracing::info_span!("fetch", result = tracing::field::Empty, otel.status_code = tracing::field::Empty);
        let fetching = self.source.fetch(known.as_deref(), deadline).instrument(span.clone());
        let Some(fetched) = self.stop.clone().run_until_cancelled(fetching).await else { return true };
        let seconds = begun.elapsed().as_secs_f64();
        let now = self.clock.now();
        let result = match &fetched {
            Ok(Fetched::Unchanged) => FetchResult::Unchanged,
            Ok(Fetched::New { .. }) => FetchResult::New,
            Ok(Fetched::Held { .. } | Fetched::StillHeld) => FetchResult::Held,
            Err(_) => FetchResult::Failed,
        };
        self.metrics.fetch(FetchOp::Fetch, result, seconds);
        span.record("result", result.word());
        if fetched.is_err() {
            span.record("otel.status_code", "ERROR");
        }
        drop(span);
        match fetched {
            Err(error) => {
                let Some(state) = unanswered(report) else {
                    tracing::warn!("{error}; what is held stays held");
                    return false;
                };
                let mut detail = error.to_string();
                if let Some(revision) = &report.revision {
                    detail.push_str(&format!("; revision {} stays in force", crate::source::short(revision)));
                }
                self.stand(report, state, detail, error.hint.clone(), None);
                return false;
            }
            Ok(Fetched::Unchanged) => {
                report.last_success = Some(now);
                // A held revision that is taken back leaves the one in force as the newest.
                if report.state != SourceState::Ready {
                    let again = if report.state == SourceState::Held { "it is as it was" } else { "it answers again" };
                    self.stand(report, SourceState::Ready, String::new(), None, None);
                    let event = Event::Source { state: SourceState::Ready, detail: again.to_owned() };
                    self.telling.happened(now, vec![event]);
                }
            }
            Ok(Fetched::Held { revision, reason }) => {
                report.last_success = Some(now);
                let detail = format!("revision {} is not obeyed: {reason}", revision.short());
                let held = HeldBack { release: Some(acceptance(&revision.id)), revision };
                self.stand(report, SourceState::Held, detail, Some(reason.hint()), Some(held));
            }
            // What is said of it still is.
            Ok(Fetched::StillHeld) => report.last_success = Some(now),
            Ok(Fetched::New { tree, despite }) => {
                report.last_success = Some(now);
                if let Some(reason) = despite {
                    tracing::warn!("revision {} is obeyed although {reason}", tree.revision.short());
                }
                match self.put_in_force(&tree, report, true).await {
                    Put::InForce => {
                        if let Err(error) = self.source.mark_good(&tree.revision.id).await {
                            tracing::warn!("the revision in force cannot be kept for a restart: {error}");
                        }
                        *known = Some(tree.revision.id.clone());
                    }
                    // An approval comes with another revision, an acceptance with a restart.
                    Put::Held => self.source.hold(&tree.revision.id),
                    Put::Unread => {}
                }
            }
        }
        self.board.put_source(report.clone());
        true
    }

    /// Changes the state of the source, and says so when it is another.
    fn stand(
        &self,
        report: &mut SourceReport,
        state: SourceState,
        detail: String,
        hint: Option<String>,
        held: Option<HeldBack>,
    ) {
        let new = report.state != state || (!detail.is_empty() && report.detail.as_deref() != Some(&*detail));
        report.state = state;
        report.detail = Some(detail.clone()).filter(|it| !it.is_empty());
        report.hint = hint.clone();
        put_held(report, held);
        if new && state != SourceState::Ready {
            let hint = hint.map_or(String::new(), |hint| format!("\nhint: {hint}"));
            let event = Event::Source { state, detail: format!("{detail}{hint}") };
            self.telling.happened(self.clock.now(), vec![event]);
        }
        self.board.put_source(report.clone());
    }

    /// Reads a revision and puts it into force.
    async fn put_in_force(&self, tree: &Tree, report: &mut SourceReport, new: bool) -> Put {
        let begun = Instant::now();
        let good: BTreeMap<String, Vec<u8>> = match self.history.good_files(self.source.identity()).await {
            Ok(good) => good.files.into_iter().collect(),
            Err(error) => {
                tracing::warn!("the last good files cannot be read: {error}");
                BTreeMap::new()
            }
        };
        let now = self.clock.now();
        let (desired, loaded) = {
            let (config, files, good) = (self.config.clone(), tree.clone(), good.clone());
            let span = tracing::info_span!("load", revision = &*tree.revision.id, files = tree.files.len());
            let read = move || span.in_scope(|| load_files(&config, &files, &good, now));
            let reading = tokio::task::spawn_blocking(read);
            match reading.await {
                Ok(read) => read,
                Err(error) => {
                    let detail = format!("revision {} could not be read: {error}", tree.revision.short());
                    let held = HeldBack { revision: tree.revision.clone(), release: None };
                    self.stand(report, SourceState::Held, detail, None, Some(held));
                    return Put::Unread;
                }
            }
        };
        if let Some((detail, hint, release)) = self.shrinks(&tree.revision.id, &desired, &loaded.specs.approvals, now) {
            let detail = format!("revision {} is not obeyed: {detail}", tree.revision.short());
            self.metrics.fetch(FetchOp::Load, FetchResult::Held, begun.elapsed().as_secs_f64());
            let held = HeldBack { revision: tree.revision.clone(), release: Some(release) };
            self.stand(report, SourceState::Held, detail, Some(hint), Some(held));
            return Put::Held;
        }
        self.metrics.fetch(FetchOp::Load, FetchResult::New, begun.elapsed().as_secs_f64());
        say_findings(&loaded.findings);

        let revision = &tree.revision;
        report.state = SourceState::Ready;
        report.detail = None;
        report.hint = None;
        put_held(report, None);
        report.revision = Some(revision.id.clone());
        report.subject = Some(revision.message.clone()).filter(|it| !it.is_empty());
        report.author = Some(revision.author.clone()).filter(|it| !it.is_empty());
        report.committed_at = revision.committed_at;
        report.signature.clone_from(&revision.signature);
        report.findings = loaded.findings;
        self.board.put_source(report.clone());
        self.board.put_policies(cards(&desired));
        self.metrics.follow_policies();
        let mut desired = desired;
        desired.revision = Some(Arc::new(revision.clone()));
        if new {
            let event = Event::Revision {
                revision: revision.id.clone(),
                subject: revision.message.clone(),
                author: revision.author.clone(),
                findings: report.findings.len(),
            };
            self.telling.happened(now, vec![event]);
            self.past.on_revision();
            self.capabilities.on_revision();
            self.keep_good(tree, &good, &loaded.faulty).await;
        }
        self.wanted.send_replace(Some(InForce {
            desired: Arc::new(desired),
            revision: tree.revision.id.as_str().into(),
            faulty: Arc::new(loaded.faulty),
            mark: telemetry::mark(&Span::current()),
        }));
        Put::InForce
    }

    /// Keeps the files without fault, which a later fault falls back on. One that is at fault, or
    /// that one at fault names, is kept as it is, also when it could not be read at all.
    async fn keep_good(&self, tree: &Tree, good: &BTreeMap<String, Vec<u8>>, faulty: &BTreeSet<Arc<str>>) {
        let changed = tree.files.iter().filter(|(path, bytes)| {
            !faulty.contains(*path) && good.get(&***path).is_none_or(|known| known.as_slice() != &***bytes)
        });
        let changed = changed.map(|(path, bytes)| (path.to_string(), bytes.to_vec())).collect();
        let gone = |path: &str| !tree.files.contains_key(path) && !faulty.contains(path);
        let removed = good.keys().filter(|path| gone(path)).cloned().collect();
        let (revision, origin) = (tree.revision.id.clone(), self.source.identity());
        if let Err(error) = self.history.put_good_files(revision, origin, changed, removed).await {
            tracing::warn!("the good files of this revision cannot be kept: {error}");
        }
    }

    /// Why a revision that drops most buckets is not obeyed, and what to commit so that it is.
    fn shrinks(
        &self,
        revision: &str,
        desired: &Desired,
        approvals: &[crate::spec::ApprovalSpec],
        now: crate::clock::Timestamp,
    ) -> Option<(String, String, String)> {
        let before = self.wanted.borrow().as_ref().map(|it| Arc::clone(&it.desired))?;
        let from = before.buckets.len();
        let gone = before.buckets.keys().filter(|id| !desired.buckets.contains_key(*id)).count();
        let accepted = crate::source::is_accepted(self.config.source.accept.as_deref(), revision);
        if accepted || !crate::source::is_shrunk(from, from - gone) {
            return None;
        }
        let approved = approvals.iter().filter(|it| it.expires > now).any(|it| match it.what {
            Approved::Removals(buckets) => buckets >= gone,
            _ => false,
        });
        (!approved).then(|| {
            (
                format!("{gone} of {from} buckets would no longer be managed"),
                format!("when this was meant, commit an Approval with `removals: {gone}`"),
                removals_document(gone, now),
            )
        })
    }
}

/// What a source is that did not answer. `None` when it stays as it is: that a revision is held is
/// not over because nobody can ask.
fn unanswered(report: &SourceReport) -> Option<SourceState> {
    match (&report.held_revision, &report.revision) {
        (Some(_), _) => None,
        (None, Some(_)) => Some(SourceState::Stale),
        (None, None) => Some(SourceState::Failed),
    }
}

fn put_held(report: &mut SourceReport, held: Option<HeldBack>) {
    let (revision, release) = held.map_or((None, None), |held| (Some(held.revision), held.release));
    report.held_revision = revision.as_ref().map(|it| it.id.clone());
    report.held_commit = revision;
    report.release = release;
}

/// The span of one look at the source.
fn follow() -> Span {
    tracing::info_span!(parent: None, "follow")
}

/// Every fault once, at its place.
fn say_findings(findings: &[Finding]) {
    for finding in findings {
        match finding.severity {
            Severity::Error => tracing::error!(place = %finding.place, "{finding}"),
            Severity::Warning => tracing::warn!(place = %finding.place, "{finding}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One fetch that failed said that a held revision was held no more.
    #[test]
    fn a_revision_that_is_held_stays_held_when_the_source_does_not_answer() {
        let of = |revision: Option<&str>, held: Option<&str>| {
            let (revision, held_revision) = (revision.map(str::to_owned), held.map(str::to_owned));
            unanswered(&SourceReport { revision, held_revision, ..SourceReport::default() })
        };
        assert_eq!(of(Some("a"), Some("b")), None);
        assert_eq!(of(None, Some("b")), None);
        assert_eq!(of(Some("a"), None), Some(SourceState::Stale));
        assert_eq!(of(None, None), Some(SourceState::Failed));
    }
}
