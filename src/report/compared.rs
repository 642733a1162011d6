//! One bucket's settings, wanted and live side by side (pure).

use crate::clock::Timestamp;
use crate::desired::{Wish, said};
use crate::observed::{Observed, Reading};
use crate::plan::{BucketPlan, Context, NoBrakes, Step, plan};
use crate::policy::Rule;
use crate::spec::{ApprovalSpec, Asked};
use crate::verdict::{Hold, Origin, Verdict, worst};
use serde_json::Value;

/// A bucket as it is wanted and as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// When it was read.
    pub read_at: Timestamp,
    /// Setting by setting, those that differ first.
    pub settings: Vec<Setting>,
}

/// One setting.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// The worst of how it stands to its spec, of what is held of it, and of the policies that judge
    /// by it.
    pub verdict: Verdict,
    /// What each spec and policy asks, as far as it names fields.
    pub asked: Vec<(Origin, Value)>,
    /// What is there, whole; or why that is not known.
    pub live: Result<Value, String>,
    /// What shall be there, whole, when that is something else.
    pub wanted: Option<Value>,
}

/// Puts what was read of a bucket beside what is wanted.
pub fn compare(wish: &Wish, observed: &Observed, approvals: &[ApprovalSpec], now: Timestamp) -> Compared {
    let plan = plan(wish, observed, &Context { now, approvals, brakes: &NoBrakes });
    let held = plan.held.iter().filter_map(|held| held.step.as_ref());
    let steps: Vec<_> = plan.steps.iter().chain(held).collect();
    let mut settings: Vec<Setting> = observed
        .readings()
        .map(|(name, reading)| Setting {
            name,
            verdict: verdict(wish, &plan, name, reading),
            asked: asked(wish, name),
            live: match reading {
                Reading::Known(doc) => Ok(doc.value()),
                Reading::Unsupported(_) => Err("the store has no such setting".to_owned()),
                Reading::Unknown(error) => Err(error.to_string()),
            },
            wanted: steps.iter().find(|step| step.setting == name).map(|step| step.to.value()),
        })
        .collect();
    settings.sort_by_key(|it| (it.wanted.is_none(), it.live.is_ok(), it.name));
    Compared { read_at: now, settings }
}

/// How a setting stands, in the same words as the bucket.
fn verdict(wish: &Wish, plan: &BucketPlan, name: &str, reading: &Reading) -> Verdict {
    let read = match reading {
        Reading::Known(_) => Verdict::Compliant,
        Reading::Unsupported(_) => Verdict::Unsupported,
        Reading::Unknown(_) => Verdict::Unknown,
    };
    let own = plan.settings.iter().filter(|it| it.setting == name).map(|it| it.verdict);
    let written = plan.steps.iter().filter(|step| step.setting == name).map(|_| Verdict::Drifted);
    let held = plan.held.iter().filter(|held| held.setting == name).map(|held| match held.hold {
        Hold::Suspended => Verdict::Suspended,
        _ => Verdict::Drifted,
    });
    let policies = plan.policies.iter().filter(|it| speaks_of(wish, plan, &it.policy, name)).map(|it| it.verdict);
    // What a policy cannot read is another setting where this one is read, and what breaks it is
    // another where this one is not.
    let policies = policies.filter(|it| match it {
        Verdict::Unknown | Verdict::Unsupported => read != Verdict::Compliant,
        Verdict::Drifted | Verdict::Suspended => read == Verdict::Compliant,
        Verdict::Exempt | Verdict::Compliant => true,
    });
    worst([read].into_iter().chain(own).chain(written).chain(held).chain(policies))
}

/// Whether how a policy stands says something of a setting: it looks at it, and where it would write
/// something, it would write this.
fn speaks_of(wish: &Wish, plan: &BucketPlan, policy: &str, name: &str) -> bool {
    let looks = wish.policies.iter().any(|it| *it.policy.name == *policy && it.policy.looks_at().contains(&name));
    let held = plan.held.iter().filter_map(|held| held.step.as_ref());
    let asks = |step: &&Step| step.origins.iter().any(|it| matches!(it, Origin::Policy(by) if **by == *policy));
    let mut steps = plan.steps.iter().chain(held).filter(asks).peekable();
    looks && (steps.peek().is_none() || steps.any(|step| step.setting == name))
}

/// Who asks what of a setting.
fn asked(wish: &Wish, name: &str) -> Vec<(Origin, Value)> {
    let value = |asked: &Asked| match asked {
        Asked::Value(doc) => doc.value(),
        Asked::Absent => Value::String(said(asked)),
    };
    let spec = wish.wants.iter().filter(|want| want.setting == name);
    let spec = spec.map(|want| (Origin::Spec(want.at.clone()), value(&want.asked)));
    let policies = wish.policies.iter().flat_map(|it| {
        let demands = match &it.policy.rule {
            Rule::Require(demands) | Rule::Assert(_, demands) => demands,
        };
        let of_this = demands.iter().filter(|demand| demand.setting == name);
        of_this.map(|demand| (Origin::Policy(it.policy.name.clone()), value(&demand.asked)))
    });
    spec.chain(policies).collect()
}
