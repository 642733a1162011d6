//! What of a policy's repair is worth writing: only what makes its expression hold, and of tags
//! only those that are needed for it. And what a spec may not write, because an enforced
//! expression would no longer hold.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::target::{overlaid, target};
use super::{exemption, ignore};
use crate::clock::Timestamp;
use crate::desired::Wish;
use crate::doc::Doc;
use crate::observed::{Observed, Reading};
use crate::policy::{Assertion, Demand, Judgement, Rule};
use crate::setting::Overlay;
use crate::spec::{Asked, Mode};

/// The tags of a bucket are a free map: each stands for itself.
const FREE_MAP: &str = "tags";

/// The demands that make an expression hold which does not; none when they cannot: a write that
/// mends nothing would be repeated for ever.
pub(super) fn mend(
    assertion: &Assertion,
    repair: &[Demand],
    wish: &Wish,
    observed: &Observed,
    now: Timestamp,
) -> Vec<Demand> {
    let holds = |demands: &[Demand]| {
        let mut mended = observed.clone();
        for want in wish.wants.iter() {
            if let Some(live) = observed.known(want.setting) {
                let to = overlaid(want.setting, live, &want.asked, Overlay::Whole);
                let to = ignore::restore(&wish.ignore, want.setting, live, to);
                mended.note(want.setting, Reading::Known(to));
            }
        }
        for demand in demands {
            put(&mut mended, demand.setting, &demand.asked, Overlay::Within);
        }
        assertion.judge(wish, &mended, now) == Judgement::Holds
    };
    if !holds(repair) {
        return Vec::new();
    }
    let mut demands = repair.to_vec();
    let Some(place) = demands.iter().position(|demand| demand.setting == FREE_MAP) else { return demands };
    let Asked::Value(doc) = &demands[place].asked else { return demands };
    let mut needed: BTreeMap<String, String> = doc.parse().unwrap_or_default();
    // A value that somebody chose and that will do stays.
    for key in needed.keys().cloned().collect::<Vec<_>>() {
        let mut without = needed.clone();
        without.remove(&key);
        demands[place].asked = Asked::Value(Doc::of(&without));
        if holds(&demands) {
            needed = without;
        }
    }
    demands[place].asked = Asked::Value(Doc::of(&needed));
    demands
}

fn put(observed: &mut Observed, setting: &'static str, asked: &Asked, how: Overlay) {
    if let Some(live) = observed.known(setting) {
        let to = overlaid(setting, live, asked, how);
        observed.note(setting, Reading::Known(to));
    }
}

/// What the policy of an expression speaks for.
pub(super) struct Mended {
    /// The policy.
    pub policy: Arc<str>,
    /// What makes its expression hold.
    pub demands: Vec<Demand>,
}

/// What enforced expressions say about what everybody else wants.
#[derive(Default)]
pub(super) struct Foresight {
    /// Those that hold, and would not as soon as the rest were written. Their repairs are part of
    /// the target from the start: a spec that a policy overrules is never written first and
    /// repaired afterwards.
    pub speaking: Vec<Mended>,
    /// Settings whose change would break a policy that cannot mend it, with the reason.
    pub forbidden: Vec<(&'static str, String)>,
    /// The settings that must be known to tell.
    pub needs: Vec<&'static str>,
}

/// Looks ahead; `broken` are the policies whose expression does not hold now.
pub(super) fn foresee(wish: &Wish, observed: &Observed, broken: &[Mended], now: Timestamp) -> Foresight {
    let mut foresight = Foresight::default();
    for use_ in wish.policies.iter() {
        let Rule::Assert(assertion, repair) = &use_.policy.rule else { continue };
        let name = &use_.policy.name;
        let silent = use_.policy.mode != Mode::Enforce || exemption(use_, now).is_some();
        if silent || broken.iter().any(|it| it.policy == *name) {
            continue;
        }
        let Some(planned) = planned(wish, observed, assertion.looks_at(), broken, now) else { continue };
        let message = match assertion.judge(wish, &planned, now) {
            Judgement::Breached(message) => message,
            Judgement::Needs(setting) => {
                foresight.needs.push(setting);
                continue;
            }
            _ => continue,
        };
        foresight.needs.extend(repair.iter().map(|demand| demand.setting));
        let demands = mend(assertion, repair, wish, observed, now);
        if !demands.is_empty() {
            foresight.speaking.push(Mended { policy: Arc::clone(name), demands });
            continue;
        }
        let changed = |setting: &&&'static str| planned.known(setting) != observed.known(setting);
        let why = format!("policy {name} is enforced and would no longer hold: {message}; correct the spec");
        foresight.forbidden.extend(assertion.looks_at().iter().filter(changed).map(|it| (*it, why.clone())));
    }
    foresight
}

/// The bucket with what is wanted of these settings written, when that changes anything.
fn planned(
    wish: &Wish,
    observed: &Observed,
    settings: &[&'static str],
    broken: &[Mended],
    now: Timestamp,
) -> Option<Observed> {
    let mut planned = None;
    for setting in settings {
        let Some(live) = observed.known(setting) else { continue };
        let target = target(wish, setting, live, broken, now);
        let to = if wish.mode == Mode::Enforce { target.enforced } else { target.observed };
        if to != *live {
            planned.get_or_insert_with(|| observed.clone()).note(setting, Reading::Known(to));
        }
    }
    planned
}
