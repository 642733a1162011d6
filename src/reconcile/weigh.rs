//! What is to be done about a bucket, weighed by what the last revision that passed would do.

use std::collections::BTreeSet;
use std::sync::Arc;

use tracing::info_span;

use super::gate;
use super::put_off::PutOff;
use super::visit::{Pass, Visitor};
use crate::clock::Timestamp;
use crate::cloud::Target;
use crate::desired::Wish;
use crate::observed::Observed;
use crate::plan::{BucketPlan, hold_what_waits, plan};

/// A plan, and what it has that the last revision that passed has not.
pub(super) struct Planned {
    pub(super) plan: BucketPlan,
    pub(super) asks_anew: bool,
    pub(super) put_off: BTreeSet<&'static str>,
}

/// What the last revision that passed would do about a bucket.
struct Earlier {
    wish: Arc<Wish>,
    seen: Observed,
    plan: BucketPlan,
}

impl Visitor {
    /// What is to be done, without what the gate holds and what waits for a write that failed in
    /// this visit; and what of it has not passed the gate.
    pub(super) async fn planned(
        &self,
        wish: &Wish,
        target: &Target,
        observed: &Observed,
        failed: &[&'static str],
        pass: Pass,
    ) -> Planned {
        let now = self.it.clock.now();
        let context = self.context(&self.desired, now);
        let mut planned = info_span!("plan").in_scope(|| plan(wish, observed, &context));
        let mut asks_anew = false;
        let weighs = pass == Pass::Weigh;
        let holds = pass == Pass::Act && self.breaker.holds_revision();
        let mut put_off = if weighs { PutOff::of(wish, observed, &planned, &context) } else { PutOff::default() };
        if (planned.has_work() && (holds || weighs)) || !put_off.is_empty() {
            let before = self.planned_before(wish, target, observed, now).await;
            if let (Some(before), Some(passed)) = (&before, &self.passed) {
                let context = self.context(passed.desired(), now);
                let unweighed = passed.unweighed_of(&wish.id);
                put_off.leave_out(wish, &before.wish, unweighed, (&before.seen, &planned), &context);
            }
            let before = before.as_ref().map(|it| &it.plan);
            asks_anew = gate::asks_anew(&planned, before);
            if holds {
                gate::hold_anew(&mut planned, before, &self.breaker.why_revision());
            }
        }
        hold_what_waits(&mut planned, failed);
        Planned { plan: planned, asks_anew, put_off: put_off.settings() }
    }

    /// What the last revision that passed would do about the bucket as it is now. What that one
    /// looks at and this one does not is read for it, and for nothing else.
    async fn planned_before(
        &self,
        wish: &Wish,
        target: &Target,
        observed: &Observed,
        now: Timestamp,
    ) -> Option<Earlier> {
        let passed = self.passed.as_ref()?;
        let known = passed.desired().buckets.get(&wish.id)?;
        let (mut target, mut seen) = (target.clone(), observed.clone());
        // At the end of the daemon nothing is written any more, and what was seen is told by what was seen.
        self.it.stop.run_until_cancelled(self.look(known, &mut target, &mut seen)).await;
        let mut before = plan(known, &seen, &self.context(passed.desired(), now));
        passed.leave_out_unweighed(&mut before);
        if known.region != wish.region {
            before.create = None;
        }
        Some(Earlier { wish: Arc::clone(known), seen, plan: before })
    }
}
