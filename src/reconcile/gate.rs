//! What a sweep looks at as a whole before it writes anything: what a revision asks that none that
//! passed has asked.

use std::sync::Arc;

use crate::desired::Desired;
use crate::plan::{BucketPlan, Create, Held, Step};
use crate::verdict::{EXISTENCE, Hold};

/// What a sweep plans over the whole fleet before it writes any of it: too much, and none of it is
/// written.
#[derive(Debug, Clone)]
pub enum Gate {
    /// Nothing: the revision has passed, so whatever differs is drift.
    Open,
    /// All of it: no revision is known that has passed.
    Whole,
    /// What the last revision that passed does not ask for. What it would write as well, setting
    /// and value, is drift, and is repaired whatever becomes of the rest.
    Since(Arc<Desired>),
}

impl Gate {
    /// The last revision that passed, where it is not the one in force.
    pub(super) fn passed(&self) -> Option<&Arc<Desired>> {
        match self {
            Self::Since(passed) => Some(passed),
            Self::Open | Self::Whole => None,
        }
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
