//! How a bucket stands: to each policy, and to what its spec says of each setting.

use std::sync::Arc;

use super::{BucketPlan, PolicyVerdict, SettingVerdict, directory, exemption, ignore, target};
use crate::bucket::BucketName;
use crate::clock::Timestamp;
use crate::desired::{PolicyUse, Wish};
use crate::doc::{Change, Doc};
use crate::observed::{Observed, Reading};
use crate::policy::{Assertion, Demand, Judgement, Rule};
use crate::setting::Overlay;
use crate::spec::last_day;
use crate::verdict::Verdict;

/// A policy that does not hold.
pub(super) struct Breach<'a> {
    /// The policy.
    pub use_: &'a PolicyUse,
    /// What it says of the bucket.
    pub message: String,
    /// What would make it hold.
    pub demands: &'a [Demand],
}

/// Judges the bucket by every policy, and returns those that do not hold.
pub(super) fn judge_policies<'a>(
    wish: &'a Wish,
    observed: &Observed,
    now: Timestamp,
    plan: &mut BucketPlan,
) -> Vec<Breach<'a>> {
    let mut breaches = Vec::new();
    for use_ in wish.policies.iter() {
        let (verdict, detail) = if let Some(exemption) = exemption(use_, now) {
            let until = last_day(exemption.expires);
            (Verdict::Exempt, Some(format!("{} (until {until}, {})", exemption.reason, exemption.owner)))
        } else {
            match &use_.policy.rule {
                Rule::Require(demands) => {
                    let (verdict, detail) = judge_demands(&wish.id.name, demands, observed);
                    if verdict == Verdict::Drifted {
                        let message = detail.clone().unwrap_or_default();
                        breaches.push(Breach { use_, message, demands });
                    }
                    (verdict, detail)
                }
                Rule::Assert(assertion, repair) => match assertion.judge(wish, observed, now) {
                    // What is missing there may be all that it rests on: no evidence is no praise.
                    Judgement::Holds if rests_on_what_is_lacking(assertion, wish, observed, now) => {
                        (Verdict::Unsupported, Some("it holds only because the store has no such setting".to_owned()))
                    }
                    Judgement::Holds => (Verdict::Compliant, None),
                    Judgement::Breached(_) | Judgement::Failed(_)
                        if let Some(why) = directory::lacking(wish, observed, assertion)
                            && rests_on_what_is_lacking(assertion, wish, observed, now) =>
                    {
                        (Verdict::Unsupported, Some(why))
                    }
                    // Nothing of what it asks for can be there, so it can neither hold nor not.
                    Judgement::Breached(_) if all_lacking(assertion.looks_at(), observed) => {
                        (Verdict::Unsupported, Some("the store has no such setting".to_owned()))
                    }
                    Judgement::Breached(message) => {
                        breaches.push(Breach { use_, message: message.clone(), demands: repair });
                        (Verdict::Drifted, Some(message))
                    }
                    Judgement::Needs(setting) => (Verdict::Unknown, Some(format!("`{setting}` was not read"))),
                    Judgement::Unknown(setting) => {
                        let said = match observed.reading(setting) {
                            Some(Reading::Unknown(error)) => error.to_string(),
                            _ => format!("`{setting}` is not known"),
                        };
                        (Verdict::Unknown, Some(said))
                    }
                    Judgement::Failed(said) => (Verdict::Unknown, Some(said)),
                },
            }
        };
        plan.policies.push(PolicyVerdict {
            policy: Arc::clone(&use_.policy.name),
            severity: use_.policy.severity,
            verdict,
            detail,
        });
    }
    breaches
}

/// Whether an expression comes to its word only by what the store does not have: with that unknown,
/// it could not tell.
fn rests_on_what_is_lacking(assertion: &Assertion, wish: &Wish, observed: &Observed, now: Timestamp) -> bool {
    let mut blind = None;
    for setting in assertion.looks_at() {
        if let Some(Reading::Unsupported(error)) = observed.reading(setting) {
            let blind = blind.get_or_insert_with(|| observed.clone());
            blind.note(setting, Reading::Unknown(error.clone()));
        }
    }
    let told = |judgement| matches!(judgement, Judgement::Holds | Judgement::Breached(_));
    blind.is_some_and(|blind| !told(assertion.judge(wish, &blind, now)))
}

/// Whether the store has none of these settings.
fn all_lacking(settings: &[&'static str], observed: &Observed) -> bool {
    !settings.is_empty()
        && settings.iter().all(|setting| matches!(observed.reading(setting), Some(Reading::Unsupported(_))))
}

/// The verdict over several settings: a difference outweighs what is unknown, and that outweighs
/// what the store does not have.
fn judge_demands(name: &BucketName, demands: &[Demand], observed: &Observed) -> (Verdict, Option<String>) {
    let mut worst = (Verdict::Compliant, None);
    let rank = |verdict: Verdict| match verdict {
        Verdict::Drifted => 3,
        Verdict::Unknown => 2,
        Verdict::Unsupported => 1,
        _ => 0,
    };
    for demand in demands {
        let to = |live: &Doc| target::overlaid(demand.setting, live, &demand.asked, Overlay::Within);
        let (verdict, detail) = judge(name, demand.setting, observed, |live| (live.clone(), to(live)));
        if rank(verdict) > rank(worst.0) {
            worst = (verdict, detail);
        }
    }
    worst
}

/// How one setting stands: `compare` gives, for its live value, two values that are equal when the
/// wish is fulfilled.
fn judge(
    name: &BucketName,
    setting: &'static str,
    observed: &Observed,
    compare: impl FnOnce(&Doc) -> (Doc, Doc),
) -> (Verdict, Option<String>) {
    match observed.reading(setting) {
        None => (Verdict::Unknown, Some(format!("`{setting}` was not read"))),
        Some(Reading::Unknown(error)) => (Verdict::Unknown, Some(error.to_string())),
        Some(Reading::Unsupported(error)) => (Verdict::Unsupported, Some(directory::said(name, error))),
        Some(Reading::Known(live)) => {
            let (from, to) = compare(live);
            let remarks = observed.remarks(setting).iter().cloned();
            if from == to {
                let remarks: Vec<String> = remarks.collect();
                (Verdict::Compliant, Some(remarks.join("; ")).filter(|said| !said.is_empty()))
            } else {
                let all: Vec<String> = [said(setting, &from.changes_to(&to))].into_iter().chain(remarks).collect();
                (Verdict::Drifted, Some(all.join("; ")))
            }
        }
    }
}

/// A few changes in one line: `status: Suspended -> Enabled`.
fn said(setting: &str, changes: &[Change]) -> String {
    let mut text = changes
        .iter()
        .take(3)
        .map(|change| {
            let dot = if change.path.is_empty() || change.path.starts_with('[') { "" } else { "." };
            format!("{setting}{dot}{change}")
        })
        .collect::<Vec<_>>()
        .join("; ");
    if changes.len() > 3 {
        text.push_str(&format!("; and {} more", changes.len() - 3));
    }
    text
}

/// Judges the bucket by what its spec says, setting by setting.
pub(super) fn judge_spec(wish: &Wish, observed: &Observed, broken: &[Arc<str>], now: Timestamp, plan: &mut BucketPlan) {
    for want in wish.wants.iter() {
        let (verdict, detail) = if ignore::whole(&wish.ignore, want.setting) {
            (Verdict::Compliant, Some("ignored".to_owned()))
        } else {
            judge(&wish.id.name, want.setting, observed, |live| {
                let to = target::overlaid(want.setting, live, &want.asked, Overlay::Whole);
                let to = ignore::restore(&wish.ignore, want.setting, live, to);
                let target = target::tightened(wish, want.setting, to.clone(), broken, now);
                // Where an enforced policy overrules all that the spec would change, the
                // disagreement is a finding, and no drift that nobody may repair.
                let overruled = target == *live && target != to;
                (live.clone(), if overruled { live.clone() } else { to })
            })
        };
        plan.settings.push(SettingVerdict { setting: want.setting, verdict, detail });
    }
}

/// A paused bucket's differences are suspended, not drifted.
pub(super) fn suspend_verdicts(plan: &mut BucketPlan) {
    for verdict in plan
        .policies
        .iter_mut()
        .map(|it| &mut it.verdict)
        .chain(plan.settings.iter_mut().map(|it| &mut it.verdict))
        .filter(|verdict| **verdict == Verdict::Drifted)
    {
        *verdict = Verdict::Suspended;
    }
}
