//! What a plan looks like to people and to machines (pure).

use std::fmt::Write;

use serde_json::{Value, json};

use crate::bucket::Outputs;
use crate::clock::Timestamp;
use crate::desired::Wish;
use crate::observed::{Existence, Observed};
use crate::plan::{BucketPlan, Step, failed_reads};
use crate::report::{Repair, approval_document};
use crate::verdict::{EXISTENCE, Origin, Verdict};

/// One bucket with its plan.
#[derive(Debug, Clone, Copy)]
pub struct Planned<'a> {
    /// What is wanted.
    pub wish: &'a Wish,
    /// What was seen.
    pub observed: &'a Observed,
    /// What is to be done.
    pub plan: &'a BucketPlan,
    /// What was done, for `apply`.
    pub repairs: &'a [Repair],
}

/// What a plan comes to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    /// Buckets that are as wanted.
    pub in_sync: usize,
    /// Buckets to make.
    pub create: usize,
    /// Settings to write.
    pub repair: usize,
    /// Differences held.
    pub held: usize,
    /// Buckets of which something is not known.
    pub unknown: usize,
    /// Writes that were proved.
    pub repaired: usize,
    /// Writes that failed.
    pub failed: usize,
}

impl Sum {
    /// Adds up.
    pub fn of(planned: &[Planned<'_>]) -> Self {
        let mut sum = Self::default();
        for Planned { plan, repairs, .. } in planned {
            sum.in_sync += usize::from(plan.in_sync());
            sum.create += usize::from(plan.create.is_some());
            sum.repair += plan.steps.len();
            sum.held += plan.held.len();
            sum.unknown += usize::from(plan.has_unknown());
            let applied = repairs.iter().filter(|it| it.result.word() == "applied").count();
            sum.repaired += applied;
            sum.failed += repairs.len() - applied;
        }
        sum
    }

    /// The exit code: in sync, drift, or could not tell.
    pub fn exit(self) -> u8 {
        if self.create + self.repair + self.held > 0 {
            super::DRIFT
        } else if self.unknown + self.failed > 0 {
            super::CANNOT_TELL
        } else {
            super::IN_SYNC
        }
    }
}

fn origins(origins: &[Origin]) -> String {
    origins.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
}

fn changes(text: &mut String, step: &Step) {
    for change in step.changes() {
        let _ = writeln!(text, "      {change}");
    }
}

/// The plan for people.
pub fn text(planned: &[Planned<'_>], now: Timestamp) -> String {
    let mut text = String::new();
    for it in planned.iter().filter(|it| !it.plan.in_sync() || !it.repairs.is_empty()) {
        one(&mut text, it, now);
    }
    let sum = Sum::of(planned);
    let mut parts = Vec::new();
    for (count, one, many) in [
        (sum.repaired, "write made and proved", "writes made and proved"),
        (sum.failed, "write failed", "writes failed"),
        (sum.create, "bucket to create", "buckets to create"),
        (sum.repair, "setting to repair", "settings to repair"),
        (sum.held, "held", "held"),
        (sum.unknown, "bucket not fully known", "buckets not fully known"),
        (sum.in_sync, "bucket in sync", "buckets in sync"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {}", if count == 1 { one } else { many }));
        }
    }
    let _ = writeln!(text, "{}", if parts.is_empty() { "no buckets".to_owned() } else { parts.join(", ") });
    text
}

fn one(text: &mut String, it: &Planned<'_>, now: Timestamp) {
    let Planned { wish, observed, plan, repairs } = it;
    let region = match &observed.existence {
        Existence::Here(region) => region,
        _ => &wish.region,
    };
    let _ = writeln!(text, "{} ({region})", wish.id);
    for repair in *repairs {
        let how = match &repair.result {
            crate::report::RepairResult::Applied => "done".to_owned(),
            crate::report::RepairResult::Unproved { detail } => format!("not proved: {detail}"),
            crate::report::RepairResult::Failed { error } => format!("failed: {error}"),
        };
        let _ = writeln!(text, "  = {}  {how}; asked for by {}", repair.setting, origins(&repair.origins));
        for change in &repair.changes {
            let _ = writeln!(text, "      {change}");
        }
    }
    if let Some(create) = &plan.create {
        let by = origins(std::slice::from_ref(&create.origin));
        let _ = writeln!(text, "  + create in {region}; asked for by {by}");
        for want in wish.wants.iter() {
            let said = crate::desired::said(&want.asked);
            let _ = writeln!(text, "      {}: {said}", want.setting);
        }
    }
    for step in &plan.steps {
        let _ = writeln!(text, "  ~ {}  asked for by {}", step.setting, origins(&step.origins));
        changes(text, step);
    }
    for held in &plan.held {
        let _ = writeln!(text, "  ! {}  held ({}): {}", held.setting, held.hold.word(), held.detail);
        if let Some(step) = &held.step {
            changes(text, step);
        }
        if let Some(document) = approval_document(&wish.id, held, now) {
            let _ = writeln!(text, "      to let it happen, commit this to the source:");
            for line in document.lines() {
                let _ = writeln!(text, "        {line}");
            }
        }
    }
    for (setting, error) in failed_reads(observed) {
        let _ = writeln!(text, "  ? {setting}  unknown: {error}");
        if let Some(hint) = error.hint() {
            let _ = writeln!(text, "      hint: {hint}");
        }
    }
    for verdict in &plan.policies {
        let said = match verdict.verdict {
            Verdict::Drifted | Verdict::Suspended | Verdict::Unknown => verdict.detail.as_deref().unwrap_or_default(),
            _ => continue,
        };
        if plan.create.is_none() {
            let _ = writeln!(
                text,
                "  policy {} ({}): {}: {said}",
                verdict.policy,
                verdict.severity.word(),
                verdict.verdict.word()
            );
        }
    }
}

/// The plan for machines.
pub fn json(planned: &[Planned<'_>], now: Timestamp) -> Value {
    let sum = Sum::of(planned);
    let buckets: Vec<Value> = planned.iter().map(|it| bucket_json(it, now)).collect();
    json!({
        "summary": {
            "inSync": sum.in_sync,
            "create": sum.create,
            "repair": sum.repair,
            "held": sum.held,
            "unknown": sum.unknown,
            "repaired": sum.repaired,
            "failed": sum.failed,
        },
        "buckets": buckets,
    })
}

fn bucket_json(it: &Planned<'_>, now: Timestamp) -> Value {
    let Planned { wish, observed, plan, repairs } = it;
    let region = match &observed.existence {
        Existence::Here(region) => region,
        _ => &wish.region,
    };
    let step = |step: &Step| {
        json!({
            "setting": step.setting,
            "from": step.from,
            "to": step.to,
            "changes": step.changes(),
            "origins": step.origins.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })
    };
    let held: Vec<Value> = plan
        .held
        .iter()
        .map(|held| {
            json!({
                "setting": held.setting,
                "reason": held.hold.word(),
                "detail": held.detail,
                "step": held.step.as_ref().map(step),
                "digest": held.digest,
                "approval": approval_document(&wish.id, held, now),
            })
        })
        .collect();
    let unknown: Vec<Value> = failed_reads(observed)
        .map(|(setting, error)| json!({ "setting": setting, "error": error, "said": error.to_string(), "hint": error.hint() }))
        .collect();
    json!({
        "bucket": wish.id.name,
        "account": wish.id.account,
        "inSync": plan.in_sync(),
        "outputs": (!wish.id.is_account()).then(|| Outputs::of(&wish.id.name, region)),
        "create": plan.create.as_ref().map(|create| json!({ "region": region, "origin": create.origin.to_string() })),
        "steps": plan.steps.iter().map(step).collect::<Vec<_>>(),
        "held": held,
        "unknown": unknown,
        "repairs": repairs,
        "policies": plan.policies.iter().map(|it| json!({
            "policy": &*it.policy, "severity": it.severity.word(), "verdict": it.verdict.word(), "detail": it.detail,
        })).collect::<Vec<_>>(),
        "settings": plan.settings.iter().map(|it| json!({
            "setting": it.setting, "verdict": it.verdict.word(), "detail": it.detail,
        })).collect::<Vec<_>>(),
        "existence": plan.settings.iter().find(|it| it.setting == EXISTENCE).map(|it| it.verdict.word()),
    })
}
