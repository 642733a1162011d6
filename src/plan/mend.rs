//! What of a policy's repair is worth writing: only what makes its expression hold, and of tags
//! only those that are needed for it.

use std::collections::BTreeMap;

use super::target::overlaid;
use crate::clock::Timestamp;
use crate::desired::Wish;
use crate::doc::Doc;
use crate::observed::{Observed, Reading};
use crate::policy::{Assertion, Demand, Judgement};
use crate::setting::Overlay;
use crate::spec::Asked;

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
            put(&mut mended, want.setting, &want.asked, Overlay::Whole);
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
