//! What a revision asks of a bucket and does not write yet, though it needs no further commit to be
//! written: it is held for a time, by an exemption or by what stands there, or the store has no such
//! setting so far (pure).

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::desired::{PolicyUse, Wish};
use crate::observed::{Existence, Observed, Reading};
use crate::plan::{BucketPlan, Context, Create, Held, Step, by_nature, is_asked_for, plan, waits_for};
use crate::policy::{Demand, Rule};
use crate::spec::{Asked, Mode};
use crate::verdict::{EXISTENCE, Hold, Verdict};

/// What is put off of one bucket.
#[derive(Debug, Default)]
pub(super) struct PutOff {
    create: Option<Create>,
    steps: Vec<Step>,
    /// Of these no value is known, so no step either.
    unread: BTreeSet<&'static str>,
}

impl PutOff {
    /// What `planned`, the plan of a bucket under a wish, leaves to be done later.
    pub(super) fn of(wish: &Wish, observed: &Observed, planned: &BucketPlan, context: &Context<'_>) -> Self {
        let now = context.now;
        let lifted = without_respite(wish, now);
        let wish = lifted.as_ref().unwrap_or(wish);
        let mut unread: BTreeSet<&'static str> = observed
            .readings()
            .filter(|(setting, reading)| {
                matches!(reading, Reading::Unsupported(_)) && by_nature(&wish.id.name, setting).is_none()
            })
            .map(|(setting, _)| setting)
            .filter(|setting| is_asked_for(wish, setting, now))
            .collect();
        let Some(lifted) = &lifted else {
            unread.extend(undecided(wish, observed, planned));
            return Self { create: None, steps: held_for_a_time(planned).cloned().collect(), unread };
        };
        let later = plan(lifted, &after(observed, planned), context);
        unread.extend(undecided(lifted, observed, &later));
        let steps = later.steps.iter().chain(held_for_a_time(&later)).cloned().collect();
        let create = later.create.filter(|_| planned.create.is_none());
        Self { create, steps, unread }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.create.is_none() && self.steps.is_empty() && self.unread.is_empty()
    }

    /// The settings of it.
    pub(super) fn settings(&self) -> BTreeSet<&'static str> {
        let create = self.create.iter().map(|_| EXISTENCE);
        create.chain(self.steps.iter().map(|step| step.setting)).chain(self.unread.iter().copied()).collect()
    }

    /// Takes out what has passed before: `known` asks for the same, and nothing of it is among
    /// `unweighed`. `planned` is what is done about the bucket now.
    pub(super) fn leave_out(
        &mut self,
        wish: &Wish,
        known: &Wish,
        unweighed: Option<&BTreeSet<&'static str>>,
        (seen, planned): (&Observed, &BucketPlan),
        context: &Context<'_>,
    ) {
        let weighed = |setting: &str| unweighed.is_none_or(|it| !it.contains(setting));
        let lifted = without_respite(known, context.now);
        let before = plan(lifted.as_ref().unwrap_or(known), &after(seen, planned), context);
        let creation = before.create.as_ref().map(|it| &it.creation).filter(|_| known.region == wish.region);
        self.create.take_if(|it| creation == Some(&it.creation));
        self.steps.retain(|step| {
            let held = before.held.iter().filter(|it| !waits_for_a_person(it)).filter_map(|it| it.step.as_ref());
            let same = |it: &Step| it.setting == step.setting && it.to == step.to;
            !(weighed(step.setting) && before.steps.iter().chain(held).any(same))
        });
        self.unread.retain(|setting| {
            let asked = asked_of(known, setting);
            !(weighed(setting) && asked.is_some() && asked == asked_of(wish, setting))
        });
    }
}

/// A wish without what lets its bucket be for a time, a pause and exemptions; `None` where there is
/// no such thing.
fn without_respite(wish: &Wish, now: Timestamp) -> Option<Wish> {
    let paused = wish.suspend.as_ref().is_some_and(|it| it.until > now);
    let exempt = wish.policies.iter().any(|it| it.exemptions.iter().any(|it| it.expires > now));
    let bare = |it: &PolicyUse| PolicyUse { policy: Arc::clone(&it.policy), exemptions: Arc::new([]) };
    (paused || exempt).then(|| Wish {
        suspend: None,
        policies: wish.policies.iter().map(bare).collect(),
        ..wish.clone()
    })
}

/// A bucket as it is once a plan is done.
fn after(observed: &Observed, planned: &BucketPlan) -> Observed {
    let mut after = observed.clone();
    planned.steps.iter().for_each(|step| after.note(step.setting, Reading::Known(step.to.clone())));
    after
}

/// Whether it stays until somebody commits something.
fn waits_for_a_person(held: &Held) -> bool {
    matches!(held.hold, Hold::NeedsApproval | Hold::ObserveOnly | Hold::NoRepair)
}

/// The steps of a plan that nobody has to commit anything for: what stands there keeps them from
/// being written, or another write that does not succeed for now.
fn held_for_a_time(plan: &BucketPlan) -> impl Iterator<Item = &Step> {
    let braked = |held: &&Held| matches!(held.hold, Hold::BackingOff | Hold::Fighting);
    let first: Vec<&'static str> = plan.held.iter().filter(braked).map(|held| held.setting).collect();
    plan.held.iter().filter_map(move |held| {
        let step = held.step.as_ref()?;
        let by_nature = by_nature(&plan.id.name, held.setting).is_some();
        let for_a_time = match held.hold {
            Hold::Impossible => !by_nature,
            Hold::Suspended => true,
            Hold::BackingOff | Hold::Fighting => waits_for(step, &first).is_some(),
            _ => false,
        };
        for_a_time.then_some(step)
    })
}

/// What the enforced policies of a wish would write of what was not read, as nobody asked for it so
/// far, or where the store lacks what their expression looks at.
fn undecided(wish: &Wish, observed: &Observed, plan: &BucketPlan) -> BTreeSet<&'static str> {
    let mut undecided = BTreeSet::new();
    if !matches!(observed.existence, Existence::Here(_)) {
        return undecided;
    }
    for use_ in wish.policies.iter().filter(|it| wish.mode.and(it.policy.mode) == Mode::Enforce) {
        let verdict = plan.policies.iter().find(|it| it.policy == use_.policy.name).map(|it| it.verdict);
        let (demands, open): (&[Demand], bool) = match &use_.policy.rule {
            Rule::Require(demands) => (demands, false),
            Rule::Assert(assertion, demands) => {
                let lacks = |it: &&str| !matches!(observed.reading(it), Some(Reading::Known(_)));
                let open = matches!(verdict, Some(Verdict::Unknown | Verdict::Unsupported))
                    && assertion.looks_at().iter().any(|it| lacks(it) && by_nature(&wish.id.name, it).is_none());
                (demands, open)
            }
        };
        let compliant = verdict == Some(Verdict::Compliant);
        let unread = |setting: &str| !compliant && observed.reading(setting).is_none();
        undecided.extend(demands.iter().map(|it| it.setting).filter(|it| open || unread(it)));
    }
    undecided
}

/// What a wish asks of a setting, and what of it it leaves alone; `None` where that cannot be
/// compared, because an expression decides.
fn asked_of<'a>(wish: &'a Wish, setting: &str) -> Option<(Vec<&'a Asked>, Vec<&'a str>)> {
    if wish.mode != Mode::Enforce {
        return None;
    }
    let mut asked: Vec<&Asked> = wish.wants.iter().filter(|it| it.setting == setting).map(|want| &want.asked).collect();
    for use_ in wish.policies.iter().filter(|it| it.policy.mode == Mode::Enforce) {
        match &use_.policy.rule {
            Rule::Require(demands) => {
                asked.extend(demands.iter().filter(|it| it.setting == setting).map(|it| &it.asked));
            }
            Rule::Assert(_, demands) if demands.iter().any(|it| it.setting == setting) => return None,
            Rule::Assert(..) => {}
        }
    }
    Some((asked, wish.ignore.iter().filter(|it| it.setting == setting).map(|it| &*it.text).collect()))
}
