//! What a sweep looks at as a whole before it writes anything: what a revision asks that none that
//! passed has asked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Visited;
use crate::bucket::BucketId;
use crate::desired::{Desired, Wish};
use crate::observed::Existence;
use crate::plan::{BucketPlan, Create, Held, PolicyVerdict, Step, failed_reads, waits_for};
use crate::policy::Rule;
use crate::verdict::{EXISTENCE, Hold, Verdict};

/// What a revision was not weighed by when it passed, and so has not passed with it: what could not
/// be seen of buckets, and what was put off. Settings, or all of a bucket, for which `existence`
/// stands.
pub type Unweighed = BTreeMap<BucketId, BTreeSet<&'static str>>;

/// What a sweep plans over the whole fleet before it writes any of it: too much, and none of it is
/// written.
#[derive(Debug, Clone)]
pub enum Gate {
    /// Nothing: the revision has passed, so whatever differs is drift.
    Open,
    /// All of it: no revision is known that has passed.
    Whole,
    /// What has not passed. What the last revision that passed would write as well, setting and
    /// value, is drift, and is repaired whatever becomes of the rest.
    Since(Before),
}

/// What has passed: what the last revision that passed asks for, without what it was not weighed by.
/// A bucket that may not be looked at, or that is let be for a time, keeps no revision from passing,
/// and does not pass with it: else a revision that came while nothing could be seen, or to a fleet
/// that is paused, would be obeyed without a gate as soon as it can.
#[derive(Debug, Clone)]
pub struct Before {
    desired: Arc<Desired>,
    unweighed: Arc<Unweighed>,
}

impl Before {
    /// Everything that a revision asks for.
    pub fn all(desired: Arc<Desired>) -> Self {
        Self { desired, unweighed: Arc::default() }
    }

    /// What a revision asks for, without what it was not weighed by. A bucket of which nothing was
    /// weighed stays under what had passed of it before.
    pub fn but(desired: &Arc<Desired>, unweighed: Unweighed, before: Option<&Self>) -> Self {
        let mut all = Arc::clone(desired);
        for (id, _) in unweighed.iter().filter(|(_, settings)| settings.contains(EXISTENCE)) {
            let known = before.and_then(|it| it.known(id));
            let buckets = &mut Arc::make_mut(&mut all).buckets;
            match known {
                Some(wish) => drop(buckets.insert(id.clone(), wish)),
                None => drop(buckets.remove(id)),
            }
        }
        Self { desired: all, unweighed: Arc::new(unweighed) }
    }

    /// What has passed of a bucket of which nothing is weighed now.
    fn known(&self, id: &BucketId) -> Option<Arc<Wish>> {
        let whole = self.unweighed.get(id).is_none_or(|settings| settings.contains(EXISTENCE));
        self.desired.buckets.get(id).filter(|_| whole).cloned()
    }

    /// What is still unweighed of it after one more sweep, which could not weigh `now`.
    pub fn still_unweighed(&self, now: &Unweighed) -> Unweighed {
        let still = self.unweighed.iter().filter_map(|(id, before)| {
            let now = now.get(id)?;
            let settings: BTreeSet<&'static str> = match (before.contains(EXISTENCE), now.contains(EXISTENCE)) {
                (true, _) => now.clone(),
                (false, true) => before.clone(),
                (false, false) => before.intersection(now).copied().collect(),
            };
            (!settings.is_empty()).then(|| (id.clone(), settings))
        });
        still.collect()
    }

    /// The settings of a bucket that have not passed, though others of it have.
    pub(super) fn unweighed_of(&self, id: &BucketId) -> Option<&BTreeSet<&'static str>> {
        self.unweighed.get(id).filter(|it| !it.contains(EXISTENCE))
    }

    pub(super) fn desired(&self) -> &Desired {
        &self.desired
    }

    /// Takes out of a plan under what has passed what it was not weighed by.
    pub(super) fn leave_out_unweighed(&self, plan: &mut BucketPlan) {
        if let Some(unweighed) = self.unweighed_of(&plan.id) {
            plan.steps.retain(|step| !unweighed.contains(step.setting));
        }
    }
}

impl Gate {
    /// What has passed, where it is not all of the revision in force.
    pub(super) fn passed(&self) -> Option<&Before> {
        match self {
            Self::Since(passed) => Some(passed),
            Self::Open | Self::Whole => None,
        }
    }
}

impl Visited {
    /// Whether a read failed for a moment: the next sweep may see what this one did not, and then
    /// there may be something to write. What is denied, or another's, is the same then.
    pub(super) fn is_in_doubt(&self) -> bool {
        failed_reads(&self.observed).any(|(_, error)| error.kind.is_transient())
    }

    /// The settings by which the revision could not be weighed; `existence` alone for all of them.
    pub(super) fn unweighed(&self) -> BTreeSet<&'static str> {
        let mut unweighed = self.unseen();
        unweighed.extend(&self.put_off);
        if unweighed.contains(EXISTENCE) { BTreeSet::from([EXISTENCE]) } else { unweighed }
    }

    /// The settings of which it could not be told what is to be written: those that were not read,
    /// and those that depend on one that was not.
    fn unseen(&self) -> BTreeSet<&'static str> {
        let mut unseen: BTreeSet<_> = failed_reads(&self.observed).map(|(setting, _)| setting).collect();
        if unseen.contains(EXISTENCE) || self.observed.existence == Existence::Foreign {
            return BTreeSet::from([EXISTENCE]);
        }
        if unseen.is_empty() {
            return unseen;
        }
        let failed: Vec<&'static str> = unseen.iter().copied().collect();
        for use_ in self.wish.policies.iter() {
            let Rule::Assert(assertion, repair) = &use_.policy.rule else { continue };
            if !assertion.looks_at().iter().any(|it| failed.contains(it)) {
                continue;
            }
            let undecided = |it: &PolicyVerdict| it.policy == use_.policy.name && it.verdict == Verdict::Unknown;
            if self.last.policies.iter().any(undecided) {
                unseen.extend(assertion.looks_at());
                unseen.extend(repair.iter().map(|demand| demand.setting));
            }
            // A change of what the expression looks at is held where it could not be judged after it.
            let held = self.last.held.iter().filter(|held| held.hold == Hold::Impossible).map(|held| held.setting);
            unseen.extend(held.filter(|it| assertion.looks_at().contains(it)));
        }
        let waiting = self.last.held.iter().filter_map(|held| held.step.as_ref());
        unseen.extend(waiting.filter(|step| waits_for(step, &failed).is_some()).map(|step| step.setting));
        unseen
    }
}

fn wrote(step: &Step, before: Option<&BucketPlan>) -> bool {
    before.is_some_and(|it| it.steps.iter().any(|known| known.setting == step.setting && known.to == step.to))
}

fn made(create: &Create, before: Option<&BucketPlan>) -> bool {
    before.and_then(|it| it.create.as_ref()).is_some_and(|known| known.creation == create.creation)
}

/// Whether a plan has something to write that the plan `before` has not: that of the same bucket,
/// as it was seen, under the revision that passed.
pub(super) fn asks_anew(plan: &BucketPlan, before: Option<&BucketPlan>) -> bool {
    plan.create.as_ref().is_some_and(|it| !made(it, before)) || plan.steps.iter().any(|it| !wrote(it, before))
}

/// Holds what a plan has to write and the plan `before` has not; all of it where there is none.
pub(super) fn hold_anew(plan: &mut BucketPlan, before: Option<&BucketPlan>, detail: &str) {
    let held = |setting, step| Held { setting, hold: Hold::OverLimit, detail: detail.to_owned(), step, digest: None };
    if plan.create.take_if(|it| !made(it, before)).is_some() {
        plan.held.push(held(EXISTENCE, None));
    }
    for step in std::mem::take(&mut plan.steps) {
        if wrote(&step, before) {
            plan.steps.push(step);
        } else {
            plan.held.push(held(step.setting, Some(step)));
        }
    }
}
