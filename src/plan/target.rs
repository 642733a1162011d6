//! What one setting shall be when everybody has spoken: the spec first, then the policies, which
//! can only tighten it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use super::{exemption, ignore, mend};
use crate::clock::Timestamp;
use crate::desired::Wish;
use crate::doc::Doc;
use crate::observed::{Observed, Reading};
use crate::policy::{Assertion, Demand, Judgement, Rule};
use crate::setting::{Overlay, Risk};
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

/// Somebody who wants something of the setting.
struct Speaker<'a> {
    mode: Mode,
    by: Origin,
    asked: &'a Asked,
    /// The expression that the value is to make hold, for the repair of one.
    assertion: Option<&'a Assertion>,
}

/// A live value with one wish overlaid.
pub(super) fn overlaid(setting: &'static str, live: &Doc, asked: &Asked, how: Overlay) -> Doc {
    match asked {
        Asked::Value(want) => merged(setting, live, want, how),
        Asked::Absent => settings::named(setting).default_doc(),
    }
}

/// So many merges are remembered by each thread; then it begins anew.
const REMEMBERED: usize = 1024;

type Merge = (&'static str, Doc, Doc, Overlay);

thread_local! {
    /// A fleet repeats itself, and a merge reads and writes JSON four times: remembered, nearly
    /// all merges of a sweep cost nothing. A function of its key alone, so nobody can tell.
    static MERGES: RefCell<HashMap<Merge, Doc>> = RefCell::default();
}

fn merged(setting: &'static str, live: &Doc, want: &Doc, how: Overlay) -> Doc {
    let key = (setting, live.clone(), want.clone(), how);
    if let Some(known) = MERGES.with_borrow(|merges| merges.get(&key).cloned()) {
        return known;
    }
    let merged = settings::named(setting).merge(live, want, how);
    MERGES.with_borrow_mut(|merges| {
        if merges.len() >= REMEMBERED {
            merges.clear();
        }
        merges.insert(key, merged.clone());
    });
    merged
}

pub(super) fn target(wish: &Wish, setting: &'static str, live: &Doc, broken: &[Arc<str>], now: Timestamp) -> Target {
    let mut target = Target {
        setting,
        enforced: live.clone(),
        enforced_by: Vec::new(),
        observed: live.clone(),
        observed_by: Vec::new(),
        contradiction: None,
    };
    let mut speakers: Vec<Speaker<'_>> = Vec::new();
    if let Some(want) = wish.wants.iter().find(|want| want.setting == setting) {
        let by = Origin::Spec(want.at.clone());
        speakers.push(Speaker { mode: wish.mode, by, asked: &want.asked, assertion: None });
    }
    for use_ in wish.policies.iter().filter(|use_| exemption(use_, now).is_none()) {
        let (demands, speaks, assertion) = match &use_.policy.rule {
            Rule::Require(demands) => (demands, true, None),
            // A repair is written only where the expression does not hold.
            Rule::Assert(assertion, repair) => (repair, broken.contains(&use_.policy.name), Some(&**assertion)),
        };
        for demand in demands.iter().filter(|demand| speaks && demand.setting == setting) {
            let by = Origin::Policy(use_.policy.name.clone());
            speakers.push(Speaker { mode: wish.mode.and(use_.policy.mode), by, asked: &demand.asked, assertion });
        }
    }

    let overlaid_by = |below: &Doc, speaker: &Speaker<'_>| match (&speaker.by, speaker.assertion) {
        (Origin::Spec(_), _) => {
            let to = overlaid(setting, below, speaker.asked, Overlay::Whole);
            ignore::restore(&wish.ignore, setting, live, to)
        }
        (Origin::Policy(_), Some(assertion)) if setting == mend::TAGS => {
            mend::tags(assertion, below, speaker.asked, wish, now)
        }
        (Origin::Policy(_), _) => overlaid(setting, below, speaker.asked, Overlay::Within),
    };
    let mut spoken: Vec<&Speaker<'_>> = Vec::new();
    for speaker in speakers.iter().filter(|it| it.mode == Mode::Enforce) {
        target.enforced = overlaid_by(&target.enforced, speaker);
        // Two may ask for one change; both are named.
        if overlaid_by(live, speaker) != *live {
            target.enforced_by.push(speaker.by.clone());
        }
        if matches!(speaker.by, Origin::Policy(_)) {
            let undone = spoken.iter().find(|it| overlaid_by(&target.enforced, it) != target.enforced);
            if let (Some(Speaker { by: Origin::Policy(first), .. }), Origin::Policy(second)) = (undone, &speaker.by) {
                target.contradiction = Some((first.to_string(), second.to_string()));
            }
            spoken.push(speaker);
        }
    }
    // Who asked for a value that another then overruled did not ask for a change.
    if target.enforced == *live {
        target.enforced_by.clear();
    }
    target.observed = target.enforced.clone();
    for speaker in speakers.iter().filter(|it| it.mode == Mode::Observe) {
        let to = overlaid_by(&target.observed, speaker);
        if to != target.observed {
            target.observed = to;
            target.observed_by.push(speaker.by.clone());
        }
    }
    target
}

/// What the enforced policies with an expression say about what everybody else wants.
#[derive(Default)]
pub(super) struct Foresight {
    /// Those whose repairs are part of the target: their expression does not hold, or would not as
    /// soon as the rest were written. A spec that a policy overrules is so never written first and
    /// repaired afterwards.
    pub speaking: Vec<Arc<str>>,
    /// Settings whose change would break a policy that has no repair for it, with the reason.
    pub forbidden: Vec<(&'static str, String)>,
}

/// Looks ahead; `broken` are the policies whose expression does not hold now. `Err` names a setting
/// that must be read to tell.
pub(super) fn foresee(
    wish: &Wish,
    observed: &Observed,
    broken: &[Arc<str>],
    now: Timestamp,
) -> Result<Foresight, &'static str> {
    let mut foresight = Foresight::default();
    for use_ in wish.policies.iter() {
        let Rule::Assert(assertion, repair) = &use_.policy.rule else { continue };
        if exemption(use_, now).is_some() {
            continue;
        }
        let name = &use_.policy.name;
        let mut with = broken.to_vec();
        if broken.contains(name) {
            let (repaired, guarded) = expected(wish, observed, &looked_at(assertion, repair), &with, now);
            let helps = repaired.is_none_or(|it| !matches!(assertion.judge(wish, &it, now), Judgement::Breached(_)));
            // What is dangerous and does not even help is never offered for approval.
            if helps || !guarded {
                foresight.speaking.push(Arc::clone(name));
            }
            continue;
        }
        if use_.policy.mode != Mode::Enforce {
            continue;
        }
        let (Some(planned), _) = expected(wish, observed, assertion.looks_at(), &with, now) else { continue };
        // What holds must be known to hold afterwards. Where it cannot be told even now, no more is
        // asked than that it be not known to be broken: one read that fails would else keep
        // everything that the policy looks at from being repaired.
        let holds = assertion.judge(wish, observed, now) == Judgement::Holds;
        let lost = |judgement: &Judgement| match judgement {
            Judgement::Holds => false,
            Judgement::Breached(_) => true,
            Judgement::Needs(_) | Judgement::Unknown(_) | Judgement::Failed(_) => holds,
        };
        let judgement = match assertion.judge(wish, &planned, now) {
            Judgement::Needs(setting) => return Err(setting),
            judgement if lost(&judgement) => judgement,
            _ => continue,
        };
        with.push(Arc::clone(name));
        let repaired = expected(wish, observed, &looked_at(assertion, repair), &with, now).0;
        let helps = match repaired.map(|it| assertion.judge(wish, &it, now)) {
            Some(Judgement::Needs(setting)) if holds => return Err(setting),
            repaired => repaired.is_none_or(|it| !lost(&it)),
        };
        if helps && !repair.is_empty() {
            foresight.speaking.push(Arc::clone(name));
            continue;
        }
        let changed = |setting: &&&'static str| planned.known(setting) != observed.known(setting);
        let unjudged = |why: &str| format!("policy {name} cannot be judged after this change: {why}");
        let why = match judgement {
            Judgement::Unknown(setting) | Judgement::Needs(setting) => unjudged(&format!("`{setting}` is unknown")),
            Judgement::Failed(said) => unjudged(&said),
            Judgement::Breached(said) => {
                format!("policy {name} is enforced and would no longer hold: {said}; correct the spec")
            }
            Judgement::Holds => continue,
        };
        foresight.forbidden.extend(assertion.looks_at().iter().filter(changed).map(|it| (*it, why.clone())));
    }
    Ok(foresight)
}

fn looked_at(assertion: &Assertion, repair: &[Demand]) -> Vec<&'static str> {
    let mut settings = assertion.looks_at().to_vec();
    settings.extend(repair.iter().map(|demand| demand.setting).filter(|it| !assertion.looks_at().contains(it)));
    settings
}

/// The bucket with what is wanted of these settings written, when that changes anything, and
/// whether a change of them is guarded.
fn expected(
    wish: &Wish,
    observed: &Observed,
    settings: &[&'static str],
    broken: &[Arc<str>],
    now: Timestamp,
) -> (Option<Observed>, bool) {
    let mut expected = None;
    let mut guarded = false;
    for setting in settings {
        let Some(live) = observed.known(setting) else { continue };
        let target = target(wish, setting, live, broken, now);
        let to = if wish.mode == Mode::Enforce { target.enforced } else { target.observed };
        if to != *live {
            guarded |= settings::named(setting).risk(live, &to) != Risk::Safe;
            expected.get_or_insert_with(|| observed.clone()).note(setting, Reading::Known(to));
        }
    }
    (expected, guarded)
}

/// A value with the demands of the enforced policies on top; `broken` are those whose expression
/// does not hold, now or as soon as the spec were written.
pub(super) fn tightened(wish: &Wish, setting: &'static str, value: Doc, broken: &[Arc<str>], now: Timestamp) -> Doc {
    let enforced = wish.policies.iter().filter(|it| it.policy.mode == Mode::Enforce && exemption(it, now).is_none());
    enforced.fold(value, |value, use_| match &use_.policy.rule {
        Rule::Assert(..) if !broken.contains(&use_.policy.name) => value,
        Rule::Require(demands) | Rule::Assert(_, demands) => demands
            .iter()
            .filter(|demand| demand.setting == setting)
            .fold(value, |value, demand| overlaid(setting, &value, &demand.asked, Overlay::Within)),
    })
}
