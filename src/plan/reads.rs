//! What to read next: as little as the verdicts need.

use std::sync::Arc;

use super::{exemption, ignore, target};
use crate::clock::Timestamp;
use crate::desired::Wish;
use crate::observed::{Existence, Observed};
use crate::policy::{Judgement, Rule};
use crate::settings::SETTINGS;

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
    // Whether S3 would take a change can depend on a neighbour.
    for setting in SETTINGS.iter().filter(|setting| !setting.beside().is_empty()) {
        let changes = observed
            .known(setting.name())
            .is_some_and(|live| target::target(wish, setting.name(), live, &broken, now).enforced != *live);
        setting.beside().iter().filter(|_| changes).for_each(|it| need(it));
    }
    // What a repair overlays must be known before it can be planned.
    for use_ in judging().filter(|use_| broken.contains(&use_.policy.name)) {
        if let Rule::Assert(_, repair) = &use_.policy.rule {
            repair.iter().for_each(|demand| need(demand.setting));
        }
    }
    next
}
