//! Where what several ask of one bucket cannot all be had: a policy that overrules the spec, and
//! policies that contradict each other (pure).

use std::sync::Arc;

use super::{Disagreement, Shared, Want, Wish};
use crate::clock::Timestamp;
use crate::doc::Doc;
use crate::finding::Finding;
use crate::observed::{Existence, Observed, Reading};
use crate::policy::{Assertion, Demand, Judgement, Policy, Rule};
use crate::setting::Overlay;
use crate::settings;
use crate::spec::{Asked, Mode};

/// Says where an enforced policy overrules the spec.
pub(super) fn of_spec(wish: &Wish, shared: &mut Shared, findings: &mut Vec<Finding>) {
    // An exemption was already the answer to the finding, and one that expired has its own.
    for use_ in wish.policies.iter().filter(|use_| use_.policy.mode == Mode::Enforce && use_.exemptions.is_empty()) {
        let demands = match &use_.policy.rule {
            Rule::Require(demands) => demands,
            Rule::Assert(_, repair) => repair,
        };
        for want in wish.wants.iter() {
            let Some(demand) = demands.iter().find(|demand| demand.setting == want.setting) else { continue };
            let key = (want.setting, want.asked.clone(), Arc::as_ptr(&use_.policy));
            let overruled = shared.agreed.entry(key).or_insert_with(|| overruled(want, demand));
            // An expression may be content with what the spec says although its repair is another.
            if let (Some(_), Rule::Assert(assertion, _)) = (&overruled, &use_.policy.rule)
                && !breached(wish, assertion)
            {
                continue;
            }
            for (path, spec, policy) in overruled.iter().flatten() {
                findings.push(
                    Finding::warning(
                        want.at.clone(),
                        format!("`{path}` is {spec} here, but policy `{}` requires {policy}", use_.policy.name),
                    )
                    .hint("the policy wins; change the spec, or add an Exemption"),
                );
            }
        }
    }
}

/// Says, once for each pair, where two enforced policies that meet on a bucket contradict each other.
pub(super) fn of_policies(wish: &Wish, shared: &mut Shared, findings: &mut Vec<Finding>) {
    let enforced: Vec<(&Arc<Policy>, &Vec<Demand>)> = wish
        .policies
        .iter()
        .filter(|use_| use_.policy.mode == Mode::Enforce)
        .filter_map(|use_| match &use_.policy.rule {
            Rule::Require(demands) => Some((&use_.policy, demands)),
            Rule::Assert(..) => None,
        })
        .collect();
    for (place, (second, theirs)) in enforced.iter().enumerate() {
        for (first, ours) in &enforced[..place] {
            if !shared.met.insert((Arc::as_ptr(first), Arc::as_ptr(second))) {
                continue;
            }
            for (one, other) in ours
                .iter()
                .flat_map(|one| theirs.iter().map(move |other| (one, other)))
                .filter(|(a, b)| a.setting == b.setting)
            {
                let setting = settings::named(one.setting);
                let with = |below: &Doc, demand: &Demand| match &demand.asked {
                    Asked::Value(doc) => setting.merge(below, doc, Overlay::Within),
                    Asked::Absent => setting.default_doc(),
                };
                let both = with(&with(&setting.default_doc(), one), other);
                if with(&both, one) != both {
                    let said = format!(
                        "policy `{}` contradicts policy `{}` on `{}`, and some bucket is under both",
                        second.name, first.name, one.setting
                    );
                    findings.push(Finding::error(second.at.clone(), said).hint(
                        "change one, or let their selectors not meet; until then neither is written to such a bucket",
                    ));
                }
            }
        }
    }
}

/// Whether an expression is false of what the spec says, whatever else may be live.
fn breached(wish: &Wish, assertion: &Assertion) -> bool {
    let mut observed = Observed::new(Existence::Here(wish.region.clone()));
    for want in wish.wants.iter() {
        let setting = settings::named(want.setting);
        let whole = match &want.asked {
            Asked::Value(doc) => setting.merge(&setting.default_doc(), doc, Overlay::Whole),
            Asked::Absent => setting.default_doc(),
        };
        observed.note(want.setting, Reading::Known(whole));
    }
    matches!(assertion.judge(wish, &observed, Timestamp::default()), Judgement::Breached(_))
}

/// The declared fields of a spec that a policy's demand would change.
fn overruled(want: &Want, demand: &Demand) -> Option<Disagreement> {
    let setting = settings::named(want.setting);
    let default = setting.default_doc();
    let whole = match &want.asked {
        Asked::Value(doc) => setting.merge(&default, doc, Overlay::Whole),
        Asked::Absent => default.clone(),
    };
    let demanded = match &demand.asked {
        Asked::Value(doc) => setting.merge(&whole, doc, Overlay::Within),
        Asked::Absent => default,
    };
    // Only what the spec declares can be overruled: satisfying it again must undo something.
    let again = match &want.asked {
        Asked::Value(doc) => setting.merge(&demanded, doc, Overlay::Within),
        Asked::Absent => whole,
    };
    let show = |value: Option<serde_json::Value>| {
        value.map_or("not set".to_owned(), |value| format!("`{value}`").replace('"', ""))
    };
    let changes = again.changes_to(&demanded);
    let said = changes.into_iter().map(|change| {
        let dot = if change.path.is_empty() || change.path.starts_with('[') { "" } else { "." };
        (format!("{}{dot}{}", want.setting, change.path), show(change.from), show(change.to))
    });
    Some(said.collect::<Vec<_>>()).filter(|said| !said.is_empty())
}
