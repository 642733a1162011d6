//! One bucket in one sweep: look, plan, write, look again, until nothing is left to do.

use std::collections::BTreeSet;
use std::sync::Arc;

use tracing::field::Empty;
use tracing::{Instrument, Span, info_span};

use super::weigh::Planned;
use super::{FleetBreaker, Hands, Loop, gate};
use crate::apply::{Applied, apply};
use crate::bucket::Region;
use crate::clock::Timestamp;
use crate::cloud::{Presence, S3Error, S3ErrorKind, Target};
use crate::desired::{Desired, Wish};
use crate::doc::Doc;
use crate::observed::{Existence, Observed, Reading};
use crate::plan::{BucketPlan, Context, Step, by_nature, creation_doc, next_reads, waits_for};
use crate::report::tell::{Visit, tell};
use crate::report::{Repair, RepairResult};
use crate::verdict::EXISTENCE;

/// How often a bucket is planned anew in one sweep. Two rounds repair and prove; the rest are for
/// settings that wait for another, and for somebody who changes the bucket meanwhile.
const ROUNDS: usize = 4;

/// What a visit may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    /// Look, plan and tell.
    Look,
    /// Look and plan; tell where there is nothing to write. The others are visited again, and would
    /// be told twice, once without what is held.
    Weigh,
    /// Look, plan, write and tell.
    Act,
}

impl Pass {
    pub(super) fn of(hands: Hands) -> Self {
        match hands {
            Hands::Free => Self::Act,
            Hands::Bound => Self::Look,
        }
    }
}

/// What is known of a bucket before it is visited.
#[derive(Debug)]
pub(super) enum Known {
    /// The account's list has it, perhaps with its region.
    Listed(Option<Region>),
    /// The account's list has it not.
    NotListed,
    /// The account may not be listed.
    Nothing,
    /// The account could not be listed.
    Failed(Box<S3Error>),
    /// All of it: it was looked at a moment ago.
    Observed(Box<Observed>),
}

/// One bucket after a visit.
#[derive(Debug)]
pub struct Visited {
    /// What was wanted.
    pub wish: Arc<Wish>,
    /// What was seen at the end.
    pub observed: Observed,
    /// What was planned at first.
    pub first: BucketPlan,
    /// What is left.
    pub last: BucketPlan,
    /// The writes that were tried, oldest first.
    pub repairs: Vec<Repair>,
    /// Whether something is to be written that the last revision which passed the gate would not
    /// write; anything, where none is known.
    pub(super) asks_anew: bool,
    /// The settings of which something is put off that has not passed the gate before: found while
    /// the fleet is weighed.
    pub(super) put_off: BTreeSet<&'static str>,
}

pub(super) struct Visitor {
    pub(super) it: Arc<Loop>,
    pub(super) desired: Arc<Desired>,
    /// What has passed the gate, where it is not all of the revision in force.
    pub(super) passed: Option<gate::Before>,
    pub(super) breaker: Arc<FleetBreaker>,
}

impl Visitor {
    /// Visits one bucket. `None` when the daemon is to end and the bucket was not looked at.
    pub(super) async fn visit(&self, wish: Arc<Wish>, known: Known, pass: Pass) -> Option<Visited> {
        let stop = &self.it.stop;
        let mut observed = match known {
            Known::Observed(observed) => *observed,
            known => {
                let existence = stop.run_until_cancelled(self.existence(&wish, known)).await?;
                Observed::new(existence)
            }
        };
        let mut first = None;
        let mut repairs = Vec::new();
        let mut failed = Vec::new();
        let mut admitted = None;
        let (mut last, mut asks_anew, mut put_off);
        let mut round = 0;
        loop {
            round += 1;
            let mut target = target_of(&wish, &observed);
            let looked = stop.run_until_cancelled(self.look(&wish, &mut target, &mut observed)).await;
            if looked.is_none() && repairs.is_empty() {
                return None;
            }
            // What was written is told even when the daemon ends before all is read again.
            Planned { plan: last, asks_anew, put_off } = self.planned(&wish, &target, &observed, &failed, pass).await;
            if first.is_none() {
                first = Some(last.clone());
            }
            if pass != Pass::Act || !last.has_work() || round == ROUNDS || stop.is_cancelled() {
                break;
            }
            if !*admitted.get_or_insert_with(|| self.breaker.admit()) {
                gate::hold_anew(&mut last, None, &self.breaker.why_no_more());
                break;
            }
            let mut tried = self.act(&wish, &target, &last, &mut observed, &mut failed).await;
            let moved = tried.moved;
            repairs.append(&mut tried.repairs);
            if !moved {
                // Nothing was written and nothing is new: the same plan would come again.
                Planned { plan: last, asks_anew, put_off } =
                    self.planned(&wish, &target, &observed, &failed, pass).await;
                break;
            }
        }
        let first = first.unwrap_or_else(|| last.clone());
        let visited = Visited { wish, observed, first, last, repairs, asks_anew, put_off };
        if pass != Pass::Weigh || !visited.last.has_work() {
            info_span!("report").in_scope(|| self.tell(&visited));
        }
        Some(visited)
    }

    pub(super) fn context<'a>(&'a self, desired: &'a Desired, now: Timestamp) -> Context<'a> {
        Context { now, approvals: &desired.approvals, brakes: &*self.it.brakes }
    }

    fn tell(&self, visited: &Visited) {
        let now = self.it.clock.now();
        let previous = self.it.board.bucket(&visited.wish.id);
        let (report, events, changes) = tell(Visit {
            wish: &visited.wish,
            observed: &visited.observed,
            first: &visited.first,
            last: &visited.last,
            repairs: visited.repairs.clone(),
            previous: previous.as_deref(),
            revision: self.desired.revision.as_deref(),
            commits: self.desired.commits.as_deref(),
            now,
        });
        self.it.board.put_bucket(report);
        if !events.is_empty() {
            self.it.witness.events(now, events);
        }
        if !changes.is_empty() {
            self.it.witness.drift(now, &changes);
        }
    }

    /// Finds out whether the bucket is there, where the account's list does not say it.
    async fn existence(&self, wish: &Wish, known: Known) -> Existence {
        let listed = match known {
            Known::Observed(observed) => return observed.existence,
            Known::Failed(error) => return Existence::Unknown(*error),
            Known::Listed(region) => return Existence::Here(region.unwrap_or_else(|| wish.region.clone())),
            Known::NotListed => false,
            Known::Nothing => true,
        };
        // The list of directory buckets is of one account and one zone's region: whoever is not on
        // it is not there. To ask the bucket itself takes leave to open a session with its objects.
        if wish.id.name.is_directory() && !listed {
            return Existence::Missing;
        }
        let target = Target { id: wish.id.clone(), region: wish.region.clone() };
        match self.it.cloud.head(&target).await {
            Ok(Presence::Here(region)) if listed => Existence::Here(region.unwrap_or_else(|| wish.region.clone())),
            // Made since the list was: S3 answers for the account's own buckets alone.
            Ok(Presence::Here(region)) if self.it.owners.contains(&wish.id.account) => {
                Existence::Here(region.unwrap_or_else(|| wish.region.clone()))
            }
            // Whose it is cannot be told: it may have been made since the list was, and it may be
            // another's who lets us look at it.
            Ok(Presence::Here(_)) => Existence::Unknown(not_listed(&target)),
            Ok(Presence::Foreign) => Existence::Foreign,
            Ok(Presence::Missing) => Existence::Missing,
            Err(error) if error.kind == S3ErrorKind::Denied && !listed => Existence::Foreign,
            Err(error) => Existence::Unknown(error),
        }
    }

    /// Reads until every verdict is known.
    pub(super) async fn look(&self, wish: &Wish, target: &mut Target, observed: &mut Observed) {
        let now = self.it.clock.now();
        let mut followed = false;
        loop {
            let next = next_reads(wish, observed, now);
            if next.is_empty() {
                return;
            }
            for setting in next {
                if let Some(reading) = by_nature(&wish.id.name, setting) {
                    observed.note(setting, reading);
                    continue;
                }
                let span = info_span!("read", setting, error.type = Empty, otel.status_code = Empty);
                let answer = self.it.cloud.read(target, setting).instrument(span.clone()).await;
                failed(&span, answer.as_ref().err().filter(|it| it.kind != S3ErrorKind::Unsupported));
                drop(span);
                let reading = match answer {
                    Ok(doc) => {
                        observed.note_foreign(setting, self.it.cloud.foreign_fields(target, setting));
                        observed.note_remarks(setting, self.it.cloud.remarks(target, setting));
                        Reading::Known(doc)
                    }
                    Err(error) if error.kind == S3ErrorKind::Unsupported => Reading::Unsupported(error),
                    Err(error) if error.kind == S3ErrorKind::WrongRegion && !followed => {
                        followed = true;
                        if let Ok(Presence::Here(Some(region))) = self.it.cloud.head(target).await {
                            target.region = region.clone();
                            observed.existence = Existence::Here(region);
                            break;
                        }
                        Reading::Unknown(error)
                    }
                    Err(error) => Reading::Unknown(error),
                };
                observed.note(setting, reading);
                // The bucket answered from elsewhere, and was followed there.
                if let Some(region) = self.it.cloud.found_at(target) {
                    target.region = region.clone();
                    observed.existence = Existence::Here(region);
                }
            }
        }
    }

    /// Makes the writes of a plan, and notes in `unwritten` the settings of which one failed in this
    /// visit: what is to be written after them is not written.
    async fn act(
        &self,
        wish: &Wish,
        target: &Target,
        plan: &BucketPlan,
        observed: &mut Observed,
        unwritten: &mut Vec<&'static str>,
    ) -> Tried {
        let mut tried = Tried { repairs: Vec::new(), moved: false };
        if let Some(create) = &plan.create {
            let begun = tokio::time::Instant::now();
            let at = self.it.clock.now();
            // It was missing when it was looked at, which may be long ago, and in us-east-1 making a
            // bucket of one's own again succeeds and resets its ACL (API page CreateBucket).
            let span = info_span!("apply", setting = EXISTENCE, error.type = Empty, otel.status_code = Empty);
            let making = async {
                match self.it.cloud.head(target).await {
                    Ok(Presence::Missing) => match self.it.cloud.create(target, &create.creation).await {
                        // What was made is proved like every write.
                        Ok(()) => self.it.cloud.head(target).await,
                        Err(error) => Err(error),
                    },
                    Ok(Presence::Here(_) | Presence::Foreign) => Err(made_meanwhile(target)),
                    Err(error) => Err(error),
                }
            };
            let made = making.instrument(span.clone()).await;
            // It waited for its turn, and was not sent.
            if matches!(&made, Err(error) if error.kind == S3ErrorKind::Forbidden) && self.it.stop.is_cancelled() {
                return tried;
            }
            failed(&span, made.as_ref().err());
            drop(span);
            let result = match made {
                Ok(Presence::Here(_)) => {
                    observed.existence = Existence::Here(target.region.clone());
                    observed.fresh = true;
                    tried.moved = true;
                    RepairResult::Applied
                }
                Ok(Presence::Missing | Presence::Foreign) => RepairResult::Unproved {
                    detail: "the store said that it made the bucket, and it is not there".to_owned(),
                },
                Err(error) => {
                    if error.kind == S3ErrorKind::Foreign {
                        observed.existence = Existence::Foreign;
                    }
                    RepairResult::Failed { error }
                }
            };
            let to = creation_doc(wish);
            let repair = Repair {
                setting: EXISTENCE,
                at,
                changes: Vec::new(),
                to: Some(to.clone()),
                origins: vec![create.origin.clone()],
                result,
            };
            self.it.witness.repaired(&wish.id, &repair, &to, begun.elapsed().as_secs_f64());
            tried.repairs.push(repair);
        }
        // Somebody changed them meanwhile; the next round plans them anew, and what comes after them.
        let mut stale: Vec<&'static str> = Vec::new();
        for step in &plan.steps {
            if [&*unwritten, &stale].iter().any(|it| waits_for(step, it).is_some()) {
                continue;
            }
            let begun = tokio::time::Instant::now();
            let at = self.it.clock.now();
            let span = info_span!("apply", setting = step.setting, result = Empty, error.type = Empty, otel.status_code = Empty);
            let applied =
                apply(&*self.it.cloud, target, step, observed.foreign(step.setting), &self.it.proof, &self.it.stop)
                    .instrument(span.clone())
                    .await;
            span.record("result", applied.word());
            if let Applied::Failed(error) | Applied::Lost(error) = &applied {
                failed(&span, Some(error));
            }
            match &applied {
                Applied::Proved(_) => unwritten.retain(|it| *it != step.setting),
                Applied::Unproved(_) | Applied::Failed(_) | Applied::Lost(_) => unwritten.push(step.setting),
                Applied::Stale(_) => stale.push(step.setting),
                Applied::Interrupted => {}
            }
            drop(span);
            let result = match applied {
                Applied::Proved(found) => {
                    observed.note(step.setting, Reading::Known(found));
                    tried.moved = true;
                    RepairResult::Applied
                }
                Applied::Unproved(found) => {
                    let detail = unproved(&found, step);
                    observed.note(step.setting, Reading::Known(found));
                    RepairResult::Unproved { detail }
                }
                Applied::Stale(found) => {
                    observed.note_foreign(step.setting, self.it.cloud.foreign_fields(target, step.setting));
                    observed.note(step.setting, Reading::Known(found));
                    tried.moved = true;
                    continue;
                }
                Applied::Failed(error) => RepairResult::Failed { error },
                // What stood there before the write is no evidence any more.
                Applied::Lost(error) => {
                    observed.note(step.setting, Reading::Unknown(error.clone()));
                    RepairResult::Failed { error }
                }
                Applied::Interrupted => break,
            };
            self.done(wish, step, result, at, begun.elapsed().as_secs_f64(), &mut tried);
        }
        tried
    }

    fn done(&self, wish: &Wish, step: &Step, result: RepairResult, at: Timestamp, seconds: f64, tried: &mut Tried) {
        let repair = Repair {
            setting: step.setting,
            at,
            changes: step.changes(),
            to: Some(step.to.clone()),
            origins: step.origins.clone(),
            result,
        };
        self.it.witness.repaired(&wish.id, &repair, &step.to, seconds);
        tried.repairs.push(repair);
    }
}

/// Says in a span that its stage failed, if it did.
fn failed(span: &Span, error: Option<&S3Error>) {
    if let Some(error) = error {
        span.record("error.type", error.kind.word()).record("otel.status_code", "ERROR");
    }
}

/// What came of the writes of one round.
struct Tried {
    repairs: Vec<Repair>,
    /// Whether the bucket is another than the plan saw, so that planning again is worth it.
    moved: bool,
}

fn target_of(wish: &Wish, observed: &Observed) -> Target {
    let region = match &observed.existence {
        Existence::Here(region) => region.clone(),
        _ => wish.region.clone(),
    };
    Target { id: wish.id.clone(), region }
}

/// Somebody made the bucket since it was looked at: it is neither new nor known to be ours.
fn made_meanwhile(target: &Target) -> S3Error {
    S3Error {
        operation: "CreateBucket".to_owned(),
        object: target.id.name.to_string(),
        kind: S3ErrorKind::Other,
        code: String::new(),
        status: 0,
        request_id: None,
        message: "somebody made the bucket meanwhile; the next sweep looks at it".to_owned(),
        action: None,
    }
}

/// A bucket that the account's list has not, and that is there when it is looked for by its name.
fn not_listed(target: &Target) -> S3Error {
    S3Error {
        operation: "HeadBucket".to_owned(),
        object: target.id.name.to_string(),
        kind: S3ErrorKind::Other,
        code: String::new(),
        status: 0,
        request_id: None,
        message: "it was not in the list of the account's buckets and is there now; looked at again in the next \
                  sweep; when it stays so, the name belongs to another account"
            .to_owned(),
        action: None,
    }
}

fn unproved(found: &Doc, step: &Step) -> String {
    let said: Vec<String> = found.changes_to(&step.to).iter().take(3).map(ToString::to_string).collect();
    if *found == step.from {
        format!("the store took the write and kept what it had ({})", said.join("; "))
    } else {
        format!("the store took the write and reads back something else ({})", said.join("; "))
    }
}
