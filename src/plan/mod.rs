//! The difference between what is and what shall be, as values: steps to take, and what is held
//! and why (pure). Nothing here reads a clock, asks S3, or can fail.

mod digest;
mod ignore;
mod mend;
mod target;

use std::sync::Arc;

use serde::Serialize;

use crate::bucket::BucketId;
use crate::clock::Timestamp;
use crate::cloud::{Creation, S3Error};
use crate::desired::{PolicyUse, Wish};
use crate::doc::{Change, Doc};
use crate::observed::{Existence, Observed, Reading};
use crate::policy::{Demand, Judgement, Rule};
use crate::setting::{Overlay, Risk};
use crate::settings;
use crate::spec::{ApprovalSpec, Approved, Asked, Mode, PolicySeverity, last_day};
use crate::verdict::{EXISTENCE, Hold, Origin, Verdict};

pub use digest::digest;
use target::Target;

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

/// The settings to read next, given what was read so far; none when every verdict is known.
///
/// What specs and `require` name is read at once; expressions are read for one setting at a time,
/// as far as they need it, so that a verdict stops reading as soon as it is known.
pub fn next_reads(wish: &Wish, observed: &Observed, now: Timestamp) -> Vec<&'static str> {
    if !matches!(observed.existence, Existence::Here(_)) {
        return Vec::new();
    }
    let mut next = Vec::new();
    let mut need = |setting: &'static str| {
        if observed.reading(setting).is_none() && !next.contains(&setting) {
            next.push(setting);
        }
    };
    for want in wish.wants.iter().filter(|want| !ignore::whole(&wish.ignore, want.setting)) {
        need(want.setting);
    }
    let judging = || wish.policies.iter().filter(|it| exemption(it, now).is_none());
    for use_ in judging() {
        if let Rule::Require(demands) = &use_.policy.rule {
            demands.iter().for_each(|demand| need(demand.setting));
        }
    }
    if !next.is_empty() {
        return next;
    }
    let mut need = |setting: &'static str| {
        if observed.reading(setting).is_none() && !next.contains(&setting) {
            next.push(setting);
        }
    };
    let mut broken = Vec::new();
    for use_ in judging() {
        let Rule::Assert(assertion, _) = &use_.policy.rule else { continue };
        match assertion.judge(wish, observed, now) {
            Judgement::Needs(setting) => need(setting),
            Judgement::Breached(_) => broken.push(Arc::clone(&use_.policy.name)),
            _ => {}
        }
    }
    match target::foresee(wish, observed, &broken, now) {
        Ok(foresight) => broken.extend(foresight.speaking),
        Err(setting) => need(setting),
    }
    // What a repair overlays must be known before it can be planned.
    for use_ in judging().filter(|use_| broken.contains(&use_.policy.name)) {
        if let Rule::Assert(_, repair) = &use_.policy.rule {
            repair.iter().for_each(|demand| need(demand.setting));
        }
    }
    next
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
            if wish.at.is_some() {
                existence_here(wish, region, &mut plan);
            }
        }
        other => {
            not_here(wish, other, pause.is_some(), context, &mut plan);
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
    no_repairs(&breaches, &mut plan);
    if pause.is_some() {
        suspend_verdicts(&mut plan);
    }
    plan
}

fn existence_here(wish: &Wish, region: &crate::bucket::Region, plan: &mut BucketPlan) {
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

fn not_here(wish: &Wish, existence: &Existence, paused: bool, context: &Context<'_>, plan: &mut BucketPlan) {
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
            let ownership =
                wish.wants.iter().find(|want| want.setting == "objectOwnership").and_then(|want| match &want.asked {
                    Asked::Value(doc) => doc.value().get("rule")?.as_str().map(str::to_owned),
                    Asked::Absent => None,
                });
            let creation = Creation { object_ownership: ownership, object_lock: wish.object_lock };
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

/// A policy that does not hold.
pub(crate) struct Breach<'a> {
    use_: &'a PolicyUse,
    message: String,
    /// What would make it hold.
    demands: &'a [Demand],
}

fn judge_policies<'a>(wish: &'a Wish, observed: &Observed, now: Timestamp, plan: &mut BucketPlan) -> Vec<Breach<'a>> {
    let mut breaches = Vec::new();
    for use_ in wish.policies.iter() {
        let (verdict, detail) = if let Some(exemption) = exemption(use_, now) {
            let until = last_day(exemption.expires);
            (Verdict::Exempt, Some(format!("{} (until {until}, {})", exemption.reason, exemption.owner)))
        } else {
            match &use_.policy.rule {
                Rule::Require(demands) => {
                    let (verdict, detail) = judge_demands(demands, observed);
                    if verdict == Verdict::Drifted {
                        let message = detail.clone().unwrap_or_default();
                        breaches.push(Breach { use_, message, demands });
                    }
                    (verdict, detail)
                }
                Rule::Assert(assertion, repair) => match assertion.judge(wish, observed, now) {
                    Judgement::Holds => (Verdict::Compliant, None),
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
                    Judgement::Failed(said) => (Verdict::Unknown, Some(format!("the expression failed: {said}"))),
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

/// The verdict over several settings: a difference outweighs what is unknown, and that outweighs
/// what the store does not have.
fn judge_demands(demands: &[Demand], observed: &Observed) -> (Verdict, Option<String>) {
    let mut worst = (Verdict::Compliant, None);
    let rank = |verdict: Verdict| match verdict {
        Verdict::Drifted => 3,
        Verdict::Unknown => 2,
        Verdict::Unsupported => 1,
        _ => 0,
    };
    for demand in demands {
        let to = |live: &Doc| target::overlaid(demand.setting, live, &demand.asked, Overlay::Within);
        let (verdict, detail) = judge(demand.setting, observed, |live| (live.clone(), to(live)));
        if rank(verdict) > rank(worst.0) {
            worst = (verdict, detail);
        }
    }
    worst
}

/// How one setting stands: `compare` gives, for its live value, two values that are equal when the
/// wish is fulfilled.
fn judge(
    setting: &'static str,
    observed: &Observed,
    compare: impl FnOnce(&Doc) -> (Doc, Doc),
) -> (Verdict, Option<String>) {
    match observed.reading(setting) {
        None => (Verdict::Unknown, Some(format!("`{setting}` was not read"))),
        Some(Reading::Unknown(error)) => (Verdict::Unknown, Some(error.to_string())),
        Some(Reading::Unsupported(_)) => (Verdict::Unsupported, Some("the store has no such setting".to_owned())),
        Some(Reading::Known(live)) => {
            let (from, to) = compare(live);
            if from == to {
                (Verdict::Compliant, None)
            } else {
                (Verdict::Drifted, Some(said(setting, &from.changes_to(&to))))
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

fn judge_spec(wish: &Wish, observed: &Observed, broken: &[Arc<str>], now: Timestamp, plan: &mut BucketPlan) {
    for want in wish.wants.iter() {
        let (verdict, detail) = if ignore::whole(&wish.ignore, want.setting) {
            (Verdict::Compliant, Some("ignored".to_owned()))
        } else {
            judge(want.setting, observed, |live| {
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
    let risk = if observed.fresh { Risk::Safe } else { settings::named(target.setting).risk(live, &step.to) };
    let risk = match (risk, observed.foreign(target.setting)) {
        (Risk::Impossible(why), _) => {
            hold(Hold::Impossible, why.to_owned(), Some(step), None);
            return;
        }
        (_, foreign @ [_, ..]) => Some(removes(foreign)),
        (Risk::Guarded(why), _) => Some(why.to_owned()),
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

fn suspend_verdicts(plan: &mut BucketPlan) {
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
