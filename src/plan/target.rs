//! What one setting shall be when everybody has spoken: the spec first, then the policies, which
//! can only tighten it.

use super::mend::Mended;
use super::{exemption, ignore};
use crate::clock::Timestamp;
use crate::desired::Wish;
use crate::doc::Doc;
use crate::policy::{Demand, Rule};
use crate::setting::Overlay;
use crate::settings;
use crate::spec::{Asked, Mode};
use crate::verdict::Origin;

/// What one setting shall be.
pub(super) struct Target {
    /// The setting.
    pub setting: &'static str,
    /// With all that is enforced.
    pub enforced: Doc,
    /// Who changed something on the way to it.
    pub enforced_by: Vec<Origin>,
    /// With all that is only observed on top.
    pub observed: Doc,
    /// Who changed something on the way from one to the other.
    pub observed_by: Vec<Origin>,
    /// Two enforced policies of which the second undoes the first.
    pub contradiction: Option<(String, String)>,
}

/// A live value with one wish overlaid.
pub(super) fn overlaid(setting: &'static str, live: &Doc, asked: &Asked, how: Overlay) -> Doc {
    let setting = settings::named(setting);
    match asked {
        Asked::Value(doc) => setting.merge(live, doc, how),
        Asked::Absent => setting.default_doc(),
    }
}

pub(super) fn target(wish: &Wish, setting: &'static str, live: &Doc, mended: &[Mended], now: Timestamp) -> Target {
    let mut target = Target {
        setting,
        enforced: live.clone(),
        enforced_by: Vec::new(),
        observed: live.clone(),
        observed_by: Vec::new(),
        contradiction: None,
    };
    let mut speakers: Vec<(Mode, Origin, &Asked)> = Vec::new();
    if let Some(want) = wish.wants.iter().find(|want| want.setting == setting) {
        speakers.push((wish.mode, Origin::Spec(want.at.clone()), &want.asked));
    }
    for use_ in wish.policies.iter().filter(|use_| exemption(use_, now).is_none()) {
        let demands: &[Demand] = match &use_.policy.rule {
            Rule::Require(demands) => demands,
            // A repair is written only where the expression does not hold.
            Rule::Assert(..) => demands_of(mended, &use_.policy.name),
        };
        for demand in demands.iter().filter(|demand| demand.setting == setting) {
            speakers.push((wish.mode.and(use_.policy.mode), Origin::Policy(use_.policy.name.clone()), &demand.asked));
        }
    }

    let overlaid_by = |below: &Doc, by: &Origin, asked: &Asked| match by {
        Origin::Spec(_) => {
            let to = overlaid(setting, below, asked, Overlay::Whole);
            ignore::restore(&wish.ignore, setting, live, to)
        }
        Origin::Policy(_) => overlaid(setting, below, asked, Overlay::Within),
    };
    let mut spoken: Vec<(&Origin, &Asked)> = Vec::new();
    for (_, by, asked) in speakers.iter().filter(|(mode, ..)| *mode == Mode::Enforce) {
        target.enforced = overlaid_by(&target.enforced, by, asked);
        // Two may ask for one change; both are named.
        if overlaid_by(live, by, asked) != *live {
            target.enforced_by.push(by.clone());
        }
        if matches!(by, Origin::Policy(_)) {
            let undone = spoken
                .iter()
                .find(|(_, asked)| overlaid(setting, &target.enforced, asked, Overlay::Within) != target.enforced);
            if let (Some((Origin::Policy(first), _)), Origin::Policy(second)) = (undone, by) {
                target.contradiction = Some((first.to_string(), second.to_string()));
            }
            spoken.push((by, asked));
        }
    }
    // Who asked for a value that another then overruled did not ask for a change.
    if target.enforced == *live {
        target.enforced_by.clear();
    }
    target.observed = target.enforced.clone();
    for (_, by, asked) in speakers.iter().filter(|(mode, ..)| *mode == Mode::Observe) {
        let to = overlaid_by(&target.observed, by, asked);
        if to != target.observed {
            target.observed = to;
            target.observed_by.push(by.clone());
        }
    }
    target
}

/// A value with the demands of the enforced policies on top.
pub(super) fn tightened(wish: &Wish, setting: &'static str, value: Doc, mended: &[Mended], now: Timestamp) -> Doc {
    let enforced = wish.policies.iter().filter(|it| it.policy.mode == Mode::Enforce && exemption(it, now).is_none());
    enforced.fold(value, |value, use_| {
        let demands = match &use_.policy.rule {
            Rule::Require(demands) => demands,
            Rule::Assert(..) => demands_of(mended, &use_.policy.name),
        };
        let mine = demands.iter().filter(|demand| demand.setting == setting);
        mine.fold(value, |value, demand| overlaid(setting, &value, &demand.asked, Overlay::Within))
    })
}

/// What an expression's policy speaks for, because it does not hold or would not.
fn demands_of<'a>(mended: &'a [Mended], policy: &str) -> &'a [Demand] {
    mended.iter().find(|it| *it.policy == *policy).map_or(&[], |it| &it.demands)
}
