//! What is to be written after another setting waits for it: while that one is held, cannot be read
//! though something is wanted of it, or its write failed, it is not written either.

use super::{BucketPlan, Held, Step, exemption, ignore};
use crate::clock::Timestamp;
use crate::desired::Wish;
use crate::observed::{Observed, Reading};
use crate::policy::Rule;
use crate::settings;
use crate::spec::Mode;
use crate::verdict::Hold;

/// The first of some settings for which a step waits ([`crate::setting::Setting::waits_for`]).
pub fn waits_for(step: &Step, others: &[&'static str]) -> Option<&'static str> {
    settings::named(step.setting).waits_for(&step.to).iter().find(|it| others.contains(it)).copied()
}

/// Holds every step that is to be written after a setting that is held, or that `failed`.
pub fn hold_what_waits(plan: &mut BucketPlan, failed: &[&'static str]) {
    for step in std::mem::take(&mut plan.steps) {
        match why(&step, plan, failed) {
            None => plan.steps.push(step),
            Some((hold, detail)) => {
                plan.held.push(Held { setting: step.setting, hold, detail, step: Some(step), digest: None });
            }
        }
    }
}

/// Holds every step that is to be written after a setting of which something is wanted and that
/// could not be read: whether there is something to write before it is not known.
pub(super) fn hold_behind_unread(wish: &Wish, observed: &Observed, now: Timestamp, plan: &mut BucketPlan) {
    let unread = |setting: &str| match observed.reading(setting) {
        Some(Reading::Unknown(error)) if is_asked_for(wish, setting, now) => Some(error),
        _ => None,
    };
    for step in std::mem::take(&mut plan.steps) {
        let before = settings::named(step.setting).waits_for(&step.to).iter();
        match before.copied().find_map(|it| unread(it).map(|error| (it, error))) {
            None => plan.steps.push(step),
            Some((before, error)) => {
                let detail = format!("is written after `{before}`, which could not be read: {error}");
                let hold = Hold::BackingOff;
                plan.held.push(Held { setting: step.setting, hold, detail, step: Some(step), digest: None });
            }
        }
    }
}

/// Whether somebody may have something to write there.
pub fn is_asked_for(wish: &Wish, setting: &str, now: Timestamp) -> bool {
    if wish.wants.iter().any(|want| want.setting == setting) && !ignore::whole(&wish.ignore, setting) {
        return true;
    }
    let enforced = wish.policies.iter().filter(|it| it.policy.mode == Mode::Enforce && exemption(it, now).is_none());
    enforced.into_iter().any(|it| {
        let (Rule::Require(demands) | Rule::Assert(_, demands)) = &it.policy.rule;
        demands.iter().any(|demand| demand.setting == setting)
    })
}

fn why(step: &Step, plan: &BucketPlan, failed: &[&'static str]) -> Option<(Hold, String)> {
    // What is only observed, or gives no value, is not to be written: nothing waits for it.
    let is_wanted = |held: &&Held| !matches!(held.hold, Hold::ObserveOnly | Hold::NoRepair);
    for held in plan.held.iter().filter(is_wanted) {
        if waits_for(step, &[held.setting]).is_some() {
            let reason = held.hold.word();
            return Some((held.hold, format!("is written after `{}`, which is held ({reason})", held.setting)));
        }
    }
    let before = waits_for(step, failed)?;
    Some((Hold::BackingOff, format!("is written after `{before}`, whose write failed")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::bucket::{AccountName, BucketId, BucketName};
    use crate::doc::Doc;

    fn plan(steps: &[&'static str], held: &[(&'static str, Hold)]) -> BucketPlan {
        let held = held.iter().map(|(setting, hold)| Held {
            setting,
            hold: *hold,
            detail: "for some reason".to_owned(),
            step: None,
            digest: None,
        });
        let step = |setting: &&'static str| Step {
            setting,
            from: Doc::of(&json!({})),
            to: if *setting == "abac" {
                Doc::of(&json!({"status": "Enabled"}))
            } else {
                settings::named(setting).default_doc()
            },
            origins: Vec::new(),
        };
        let name = BucketName::parse("ai-data").expect("a legal name");
        BucketPlan {
            id: BucketId { account: AccountName::default(), name },
            create: None,
            steps: steps.iter().map(step).collect(),
            held: held.collect(),
            policies: Vec::new(),
            settings: Vec::new(),
            absent: false,
        }
    }

    fn steps(plan: &BucketPlan) -> Vec<&'static str> {
        plan.steps.iter().map(|step| step.setting).collect()
    }

    /// `abac` was switched on though the tags by which it lets people in were held.
    #[test]
    fn what_is_written_after_a_setting_that_is_held_waits_under_the_same_word() {
        let mut plan = plan(&["versioning", "abac"], &[("tags", Hold::Fighting)]);
        hold_what_waits(&mut plan, &[]);
        assert_eq!(steps(&plan), ["versioning"]);
        let held = plan.held.last().expect("two");
        assert_eq!((held.setting, held.hold), ("abac", Hold::Fighting));
        assert_eq!(held.detail, "is written after `tags`, which is held (fighting)");
    }

    #[test]
    fn what_is_written_after_a_setting_that_failed_waits_for_it() {
        let mut plan = plan(&["abac", "encryption"], &[]);
        hold_what_waits(&mut plan, &["tags"]);
        assert_eq!(steps(&plan), ["encryption"]);
        assert_eq!(plan.held[0].hold, Hold::BackingOff);
        assert_eq!(plan.held[0].detail, "is written after `tags`, whose write failed");
    }

    #[test]
    fn nothing_waits_for_what_nobody_is_to_write() {
        let mut plan = plan(&["abac"], &[("tags", Hold::ObserveOnly), ("tags", Hold::NoRepair)]);
        hold_what_waits(&mut plan, &["versioning"]);
        assert_eq!(steps(&plan), ["abac"]);
    }

    /// Everything waited for what stands before it in the order of writes: while the public access
    /// block could not be written, a policy that somebody opened stayed open; and the end of
    /// replication waited for the suspension of versioning, which waited for it.
    #[test]
    fn what_does_no_harm_by_itself_waits_for_nothing() {
        let held =
            [("publicAccessBlock", Hold::NeedsApproval), ("versioning", Hold::Impossible), ("tags", Hold::Fighting)];
        let mut plan = plan(&["policy", "acl", "replication", "abac"], &held);
        plan.steps[3].to = Doc::of(&json!({"status": "Disabled"}));
        hold_what_waits(&mut plan, &["publicAccessBlock"]);
        assert_eq!(steps(&plan), ["policy", "acl", "replication", "abac"]);
    }
}
