//! The bucket itself: there, to be made, in another region, or somebody else's.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{BucketPlan, Context, Create, Held, PolicyVerdict, SettingVerdict, exemption, ignore};
use crate::cloud::Creation;
use crate::desired::Wish;
use crate::doc::Doc;
use crate::observed::Existence;
use crate::policy::Rule;
use crate::setting::Setting;
use crate::settings;
use crate::settings::object_lock::{self, ObjectLock};
use crate::spec::{Asked, Mode};
use crate::verdict::{EXISTENCE, Hold, Origin, Verdict};

/// A bucket that is there: in the right region, or not.
pub(super) fn here(wish: &Wish, region: &crate::bucket::Region, plan: &mut BucketPlan) {
    let (verdict, detail) = if *region == wish.region {
        (Verdict::Compliant, None)
    } else {
        let said = format!("lives in `{region}`, not in `{}`", wish.region);
        plan.held.push(Held {
            setting: EXISTENCE,
            hold: Hold::Impossible,
            detail: format!("the bucket {said}; a bucket cannot move, so correct `region` in its spec"),
            step: None,
            digest: None,
        });
        (Verdict::Drifted, Some(said))
    };
    plan.settings.push(SettingVerdict { setting: EXISTENCE, verdict, detail });
}

/// What the loop remembers of the creation of a bucket.
pub fn creation_doc(wish: &Wish) -> Doc {
    Doc::of(&serde_json::json!({ "region": wish.region.as_str() }))
}

/// Whether the bucket is to be made with object lock: its spec asks for it, or an enforced policy.
fn locked(wish: &Wish, context: &Context<'_>) -> bool {
    let by_spec = wish.wants.iter().map(|want| (want.setting, &want.asked));
    let enforced = wish.policies.iter().filter(|use_| use_.policy.mode == Mode::Enforce);
    let required = enforced.filter(|use_| exemption(use_, context.now).is_none()).flat_map(|use_| {
        let demands = match &use_.policy.rule {
            Rule::Require(demands) => demands.as_slice(),
            Rule::Assert(..) => &[],
        };
        demands.iter().map(|demand| (demand.setting, &demand.asked))
    });
    by_spec.chain(required).any(|(setting, asked)| match asked {
        Asked::Value(doc) => setting == ObjectLock::NAME && object_lock::asks_for_it(doc),
        Asked::Absent => false,
    })
}

/// What the spec says that can, or had better, be said when the bucket is made.
fn creation(wish: &Wish, context: &Context<'_>) -> Creation {
    let asked = |setting: &str| {
        wish.wants.iter().find(|want| want.setting == setting).and_then(|want| match &want.asked {
            Asked::Value(doc) => Some(doc),
            Asked::Absent => None,
        })
    };
    let ownership = asked("objectOwnership").and_then(|doc| doc.value().get("rule")?.as_str().map(str::to_owned));
    let tags: Option<BTreeMap<String, String>> = asked("tags").and_then(|doc| {
        let none = settings::named("tags").default_doc();
        ignore::restore(&wish.ignore, "tags", &none, doc.clone()).parse().ok()
    });
    Creation {
        object_ownership: ownership,
        object_lock: locked(wish, context),
        namespace: wish.namespace,
        tags: tags.unwrap_or_default(),
    }
}

/// A bucket that is not there, is somebody else's, or could not be looked at.
pub(super) fn not_here(wish: &Wish, existence: &Existence, paused: bool, context: &Context<'_>, plan: &mut BucketPlan) {
    let mut held = |hold, detail: String| {
        plan.held.push(Held { setting: EXISTENCE, hold, detail, step: None, digest: None });
    };
    let (verdict, detail) = match existence {
        Existence::Missing if paused => {
            let reason = wish.suspend.as_ref().map_or("", |suspend| suspend.reason.as_str());
            held(Hold::Suspended, format!("the bucket does not exist; its spec pauses writing: {reason}"));
            (Verdict::Suspended, "does not exist".to_owned())
        }
        Existence::Missing if wish.mode == Mode::Observe => {
            held(Hold::ObserveOnly, "the bucket does not exist and would be created".to_owned());
            (Verdict::Drifted, "does not exist".to_owned())
        }
        Existence::Missing
            if let Some((hold, why)) = context.brakes.brake(&wish.id, EXISTENCE, &creation_doc(wish), context.now) =>
        {
            held(hold, format!("the bucket does not exist; {why}"));
            (Verdict::Drifted, "does not exist".to_owned())
        }
        Existence::Missing => {
            let creation = creation(wish, context);
            let origin = wish.at.clone().map_or_else(|| Origin::Policy("".into()), Origin::Spec);
            plan.create = Some(Create { creation, origin });
            (Verdict::Drifted, "does not exist".to_owned())
        }
        Existence::Foreign => {
            let detail = "the name belongs to another account (or the role lacks `s3:ListBucket`); choose another name";
            held(Hold::Impossible, detail.to_owned());
            (Verdict::Drifted, "belongs to another account".to_owned())
        }
        Existence::Unknown(error) => (Verdict::Unknown, error.to_string()),
        Existence::Here(_) => unreachable!("handled by the caller"),
    };
    plan.settings.push(SettingVerdict { setting: EXISTENCE, verdict, detail: Some(detail.clone()) });
    for want in wish.wants.iter() {
        plan.settings.push(SettingVerdict { setting: want.setting, verdict: Verdict::Unknown, detail: None });
    }
    for use_ in wish.policies.iter() {
        plan.policies.push(PolicyVerdict {
            policy: Arc::clone(&use_.policy.name),
            severity: use_.policy.severity,
            verdict: Verdict::Unknown,
            detail: Some(format!(
                "the bucket {}",
                if verdict == Verdict::Unknown { "could not be read" } else { &detail }
            )),
        });
    }
}
