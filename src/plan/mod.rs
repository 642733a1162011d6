//! The difference between what is and what shall be, as values: steps to take, and what is held
//! and why (pure). Nothing here reads a clock, asks S3, or can fail.

mod digest;
mod directory;
mod existence;
mod ignore;
mod judge;
mod mend;
mod reads;
mod target;
mod waits;

use std::sync::Arc;

use serde::Serialize;

use crate::bucket::BucketId;
use crate::clock::Timestamp;
use crate::cloud::{Creation, S3Error};
use crate::desired::{PolicyUse, Wish};
use crate::doc::{Change, Doc};
use crate::observed::{Existence, Observed, Reading};
use crate::setting::{Hindrance, Risk};
use crate::settings;
use crate::spec::{ApprovalSpec, Approved, PolicySeverity};
use crate::verdict::{EXISTENCE, Hold, Origin, Verdict};

pub use digest::digest;
pub use directory::by_nature;
pub use existence::creation_doc;
use judge::{Breach, judge_policies, judge_spec, suspend_verdicts};
pub use reads::next_reads;
use target::Target;
pub use waits::{hold_what_waits, is_asked_for, waits_for};

/// What the planner must know besides the bucket.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The present moment.
    pub now: Timestamp,
    /// The approvals of the revision.
    pub approvals: &'a [ApprovalSpec],
    /// Why a setting of this bucket is not to be written for now, when there is such a reason.
    pub brakes: &'a dyn Brakes,
}

/// What the loop remembers of its own writes.
pub trait Brakes: std::fmt::Debug + Send + Sync {
    /// Why this change is not to be made now: it fights, or its last attempts failed.
    fn brake(&self, bucket: &BucketId, setting: &str, to: &Doc, now: Timestamp) -> Option<(Hold, String)>;
}

/// Nothing to remember: a single plan outside the loop.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoBrakes;

impl Brakes for NoBrakes {
    fn brake(&self, _: &BucketId, _: &str, _: &Doc, _: Timestamp) -> Option<(Hold, String)> {
        None
    }
}

/// What to do about one bucket, and how it stands.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct BucketPlan {
    /// The bucket.
    pub id: BucketId,
    /// The bucket is to be made.
    pub create: Option<Create>,
    /// The writes, in the order in which they are to be made.
    pub steps: Vec<Step>,
    /// What is not done, and why.
    pub held: Vec<Held>,
    /// How the bucket stands to each policy.
    pub policies: Vec<PolicyVerdict>,
    /// How the bucket stands to what its spec says.
    pub settings: Vec<SettingVerdict>,
    /// The bucket is known not to be there, or not to be ours: there is nothing to read, and that
    /// is no failure to read.
    pub absent: bool,
}

/// A bucket to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Create {
    /// What can only be said now.
    pub creation: Creation,
    /// Who asked.
    pub origin: Origin,
}

/// One write.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// The setting.
    pub setting: &'static str,
    /// What is there, in canonical form.
    pub from: Doc,
    /// What shall be there, whole and in canonical form.
    pub to: Doc,
    /// Who asked, the bucket's own spec first.
    pub origins: Vec<Origin>,
}

impl Step {
    /// The fields that change.
    pub fn changes(&self) -> Vec<Change> {
        self.from.changes_to(&self.to)
    }
}

/// One difference that stays for now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Held {
    /// The setting, or `existence`.
    pub setting: &'static str,
    /// Why.
    pub hold: Hold,
    /// The reason in words.
    pub detail: String,
    /// The write that is held, when there is one to make.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<Step>,
    /// What an approval must name to let it happen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// How a bucket stands to a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyVerdict {
    /// The policy.
    pub policy: Arc<str>,
    /// How bad a breach is.
    pub severity: PolicySeverity,
    /// How it stands.
    pub verdict: Verdict,
    /// The message of the policy, the failed read, the exemption's reason.
    pub detail: Option<String>,
}

/// How a bucket stands to what its spec says of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingVerdict {
    /// The setting, or `existence`.
    pub setting: &'static str,
    /// How it stands.
    pub verdict: Verdict,
    /// The failed read, or what else there is to say.
    pub detail: Option<String>,
}

fn exemption(use_: &PolicyUse, now: Timestamp) -> Option<&crate::spec::ExemptionSpec> {
    use_.exemptions.iter().find(|exemption| exemption.expires > now).map(|it| &**it)
}

/// Plans one bucket.
pub fn plan(wish: &Wish, observed: &Observed, context: &Context<'_>) -> BucketPlan {
    let mut plan = BucketPlan {
        id: wish.id.clone(),
        create: None,
        steps: Vec::new(),
        held: Vec::new(),
        policies: Vec::new(),
        settings: Vec::new(),
        absent: matches!(observed.existence, Existence::Missing | Existence::Foreign),
    };
    let pause = wish.suspend.as_ref().filter(|suspend| suspend.until > context.now);
    match &observed.existence {
        Existence::Here(region) => {
            // An account is there, and nowhere in particular.
            if wish.at.is_some() && !wish.id.is_account() {
                existence::here(wish, region, &mut plan);
            }
        }
        other => {
            existence::not_here(wish, other, pause.is_some(), context, &mut plan);
            return plan;
        }
    }

    let breaches = judge_policies(wish, observed, context.now, &mut plan);
    let broken: Vec<Arc<str>> = breaches.iter().map(|breach| Arc::clone(&breach.use_.policy.name)).collect();
    let foresight = target::foresee(wish, observed, &broken, context.now).unwrap_or_default();
    judge_spec(wish, observed, &foresight.speaking, context.now, &mut plan);

    for setting in write_order() {
        let Some(Reading::Known(live)) = observed.reading(setting) else { continue };
        let target = target::target(wish, setting, live, &foresight.speaking, context.now);
        let forbidden = foresight.forbidden.iter().find(|it| it.0 == *setting).map(|(_, why)| why.as_str());
        plan_setting(wish, observed, context, live, &target, forbidden, &mut plan);
    }
    waits::hold_behind_unread(wish, observed, context.now, &mut plan);
    hold_what_waits(&mut plan, &[]);
    no_repairs(&breaches, &mut plan);
    if pause.is_some() {
        suspend_verdicts(&mut plan);
    }
    plan
}

fn plan_setting(
    wish: &Wish,
    observed: &Observed,
    context: &Context<'_>,
    live: &Doc,
    target: &Target,
    forbidden: Option<&str>,
    plan: &mut BucketPlan,
) {
    let step = |to: &Doc, origins: &[Origin]| Step {
        setting: target.setting,
        from: live.clone(),
        to: to.clone(),
        origins: origins.to_vec(),
    };
    let mut hold = |hold, detail: String, step: Option<Step>, digest| {
        plan.held.push(Held { setting: target.setting, hold, detail, step, digest });
    };
    if let Some((first, second)) = &target.contradiction {
        let detail = format!("the policies `{first}` and `{second}` contradict each other");
        hold(Hold::Impossible, detail, None, None);
        return;
    }
    if target.enforced == *live {
        // Nothing to enforce; what is only observed is told all the same.
        if target.observed != *live {
            let detail = "would be repaired; the mode is `observe`".to_owned();
            hold(Hold::ObserveOnly, detail, Some(step(&target.observed, &target.observed_by)), None);
        }
        return;
    }
    let step = step(&target.enforced, &target.enforced_by);
    if let Some(why) = forbidden {
        hold(Hold::Impossible, why.to_owned(), Some(step), None);
        return;
    }
    if let Some(suspend) = wish.suspend.as_ref().filter(|suspend| suspend.until > context.now) {
        let until = suspend.until.format("%Y-%m-%d %H:%M UTC");
        hold(Hold::Suspended, format!("paused until {until}: {}", suspend.reason), Some(step), None);
        return;
    }
    if let Some(why) = directory::unwritable(&wish.id.name, target.setting) {
        hold(Hold::Impossible, why, Some(step), None);
        return;
    }
    let setting = settings::named(target.setting);
    let others = |name: &str| {
        let planned = plan.steps.iter().find(|step| step.setting == name).map(|step| &step.to);
        planned.or_else(|| observed.known(name)).cloned()
    };
    if let Some(Hindrance { why, advice }) = setting.hindrance(&step.to, &others) {
        hold(Hold::Impossible, format!("{why}; {advice}"), Some(step), None);
        return;
    }
    let risk = match (setting.risk(live, &step.to), observed.foreign(target.setting)) {
        (Risk::Impossible(why), _) => {
            hold(Hold::Impossible, why.to_owned(), Some(step), None);
            return;
        }
        (_, foreign @ [_, ..]) => Some(removes(foreign)),
        // Of a bucket that was made a moment ago nobody can lose anything.
        (Risk::Guarded(_), _) if observed.fresh => None,
        (Risk::Guarded(why), _) => Some(why.to_owned()),
        (Risk::Safe, _) if takes_access_by_tags(&step, observed) => {
            Some("tags decide access here: whoever is let in by one would be locked out, or another let in".to_owned())
        }
        (Risk::Safe, _) => None,
    };
    if let Some(why) = risk {
        let digest = digest(&wish.id, &step);
        let approved = context.approvals.iter().any(|approval| {
            approval.expires > context.now && matches!(&approval.what, Approved::Change(it) if *it == digest)
        });
        if !approved {
            hold(Hold::NeedsApproval, why, Some(step), Some(digest));
            return;
        }
    }
    if let Some((reason, why)) = context.brakes.brake(&wish.id, target.setting, &step.to, context.now) {
        hold(reason, why, Some(step), None);
        return;
    }
    plan.steps.push(step);
}

/// Whether a change of tags, where they are known to decide access, changes or removes one.
fn takes_access_by_tags(step: &Step, observed: &Observed) -> bool {
    let decide = observed.known("abac").is_some_and(|abac| abac.value()["status"] == "Enabled");
    decide && step.setting == "tags" && step.changes().iter().any(|change| change.from.is_some())
}

/// Why a setting with fields that this version does not know is not written.
fn removes(foreign: &[String]) -> String {
    let named: Vec<String> = foreign.iter().map(|field| format!("`{field}`")).collect();
    format!("S3 returned {}, which this version does not know and would remove", named.join(", "))
}

/// A breach for which no write is planned or held has nothing that could be written.
fn no_repairs(breaches: &[Breach<'_>], plan: &mut BucketPlan) {
    for breach in breaches {
        let name = &breach.use_.policy.name;
        let theirs = |step: &Step| step.origins.iter().any(|it| matches!(it, Origin::Policy(policy) if policy == name));
        let planned = plan.steps.iter().any(theirs)
            || plan.held.iter().any(|held| {
                held.step.as_ref().is_some_and(theirs)
                    || breach.demands.iter().any(|demand| demand.setting == held.setting)
            });
        // A spec may be repairing, for its own sake, what the policy looks at, or be held in it.
        let spec_repairs = |step: &Step| step.origins.iter().any(|it| matches!(it, Origin::Spec(_)));
        let looked_at = breach.use_.policy.looks_at();
        let steps = plan.steps.iter().chain(plan.held.iter().filter_map(|held| held.step.as_ref()));
        let by_spec = steps.into_iter().any(|step| looked_at.contains(&step.setting) && spec_repairs(step));
        if !planned && !by_spec {
            plan.held.push(Held {
                setting: looked_at.first().copied().unwrap_or(EXISTENCE),
                hold: Hold::NoRepair,
                detail: format!(
                    "policy {name}: {}; {}",
                    breach.message,
                    if breach.demands.is_empty() {
                        "it gives no value to write"
                    } else {
                        "what it would write does not help"
                    }
                ),
                step: None,
                digest: None,
            });
        }
    }
}

/// The settings in an order in which each stands behind all that it is to be written after.
pub fn write_order() -> &'static [&'static str] {
    static ORDER: std::sync::OnceLock<Vec<&'static str>> = std::sync::OnceLock::new();
    ORDER.get_or_init(|| {
        let mut order: Vec<&'static str> = Vec::new();
        while order.len() < settings::SETTINGS.len() {
            let next = settings::SETTINGS
                .iter()
                .find(|setting| {
                    !order.contains(&setting.name())
                        && setting.after().iter().all(|first| order.contains(first) || settings::find(first).is_none())
                })
                .expect("a test of the table shows that AFTER has no cycle");
            order.push(next.name());
        }
        order
    })
}

impl BucketPlan {
    /// Whether anything is to be written.
    pub fn has_work(&self) -> bool {
        self.create.is_some() || !self.steps.is_empty()
    }

    /// Whether everything wanted is there and known to be.
    pub fn in_sync(&self) -> bool {
        let good = |verdict: Verdict| matches!(verdict, Verdict::Compliant | Verdict::Exempt | Verdict::Unsupported);
        !self.has_work()
            && self.held.is_empty()
            && self.policies.iter().all(|it| good(it.verdict))
            && self.settings.iter().all(|it| good(it.verdict))
    }

    /// Whether something could not be found out.
    pub fn has_unknown(&self) -> bool {
        let verdicts = self.policies.iter().map(|it| it.verdict).chain(self.settings.iter().map(|it| it.verdict));
        !self.absent && verdicts.into_iter().any(|verdict| verdict == Verdict::Unknown)
    }
}

/// The failed reads behind a bucket's unknown verdicts.
pub fn failed_reads(observed: &Observed) -> impl Iterator<Item = (&'static str, &S3Error)> {
    let existence = match &observed.existence {
        Existence::Unknown(error) => Some((EXISTENCE, error)),
        _ => None,
    };
    existence.into_iter().chain(observed.readings().filter_map(|(setting, reading)| match reading {
        Reading::Unknown(error) => Some((setting, error)),
        _ => None,
    }))
}
