//! What is to be written after another setting waits for it: while that one is held, or its write
//! failed, it is not written either.

use super::{BucketPlan, Held, Step};
use crate::doc::Doc;
use crate::settings;
use crate::verdict::Hold;

/// The first of some settings after which a setting is to be written, at once or by others between
/// them ([`crate::setting::Setting::AFTER`]).
pub fn comes_after(setting: &'static str, others: &[&'static str]) -> Option<&'static str> {
    settings::named(setting)
        .after()
        .iter()
        .find_map(|before| others.iter().find(|it| *it == before).copied().or_else(|| comes_after(before, others)))
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

fn why(step: &Step, plan: &BucketPlan, failed: &[&'static str]) -> Option<(Hold, String)> {
    // What is only observed, or gives no value, is not to be written: nothing waits for it.
    let is_wanted = |held: &&Held| !matches!(held.hold, Hold::ObserveOnly | Hold::NoRepair);
    for held in plan.held.iter().filter(is_wanted).filter(|held| !is_freed_by(held, step)) {
        if comes_after(step.setting, &[held.setting]).is_some() {
            let reason = held.hold.word();
            return Some((held.hold, format!("is written after `{}`, which is held ({reason})", held.setting)));
        }
    }
    let before = comes_after(step.setting, failed)?;
    Some((Hold::BackingOff, format!("is written after `{before}`, whose write failed")))
}

/// Whether what is held waits for the step itself: replication is written after versioning, and
/// versioning cannot be suspended before replication is gone.
fn is_freed_by(held: &Held, step: &Step) -> bool {
    let Some(waiting) = &held.step else { return false };
    let hindered = |by: &Doc| {
        let others = |name: &str| (name == step.setting).then(|| by.clone());
        settings::named(held.setting).hindrance(&waiting.to, &others).is_some()
    };
    hindered(&step.from) && !hindered(&step.to)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::bucket::{AccountName, BucketId, BucketName};

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
            to: Doc::of(&json!({})),
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

    /// Each waited for the other, for ever, though the end of replication was approved.
    #[test]
    fn what_frees_a_setting_that_is_held_does_not_wait_for_it() {
        let of = |setting: &'static str, said: serde_json::Value| settings::named(setting).parse(&said).expect("legal");
        let rule = json!({"role": "arn:aws:iam::111111111111:role/r", "rules": [
            {"id": "a", "status": "Enabled", "destination": {"bucket": "arn:aws:s3:::other-bucket"}}]});
        let mut plan = plan(&["replication"], &[("versioning", Hold::Impossible)]);
        plan.steps[0].from = of("replication", rule);
        plan.steps[0].to = settings::named("replication").default_doc();
        let suspended = of("versioning", json!({"status": "Suspended"}));
        plan.held[0].step = Some(Step { setting: "versioning", to: suspended, ..plan.steps[0].clone() });
        hold_what_waits(&mut plan, &[]);
        assert_eq!(steps(&plan), ["replication"]);
    }

    /// Between the two stands `acl`, which may be as it shall be.
    #[test]
    fn order_reaches_over_settings_that_need_no_write() {
        assert_eq!(comes_after("objectOwnership", &["publicAccessBlock"]), Some("publicAccessBlock"));
        assert_eq!(comes_after("publicAccessBlock", &["objectOwnership"]), None);
    }
}
