//! Which of the tags that a policy gives are worth writing: only those without which its
//! expression does not hold. A value that somebody chose and that will do stays.

use std::collections::BTreeMap;

use super::target::overlaid;
use crate::clock::Timestamp;
use crate::desired::Wish;
use crate::doc::Doc;
use crate::observed::{Existence, Observed, Reading};
use crate::policy::{Assertion, Judgement};
use crate::setting::Overlay;
use crate::spec::Asked;

/// The setting whose fields each stand for themselves.
pub(super) const TAGS: &str = "tags";

/// The tags with as few of the asked ones overlaid as make the expression hold; all of them where
/// it looks at more than tags, or does not hold even so.
pub(super) fn tags(assertion: &Assertion, below: &Doc, asked: &Asked, wish: &Wish, now: Timestamp) -> Doc {
    let full = overlaid(TAGS, below, asked, Overlay::Within);
    let Asked::Value(doc) = asked else { return full };
    if assertion.looks_at() != [TAGS] {
        return full;
    }
    let holds = |tags: &Doc| {
        let mut alone = Observed::new(Existence::Here(wish.region.clone()));
        alone.note(TAGS, Reading::Known(tags.clone()));
        assertion.judge(wish, &alone, now) == Judgement::Holds
    };
    if holds(below) {
        return below.clone();
    }
    if !holds(&full) {
        return full;
    }
    let with = |tags: &BTreeMap<String, String>| overlaid(TAGS, below, &Asked::Value(Doc::of(tags)), Overlay::Within);
    let mut needed: BTreeMap<String, String> = doc.parse().unwrap_or_default();
    for key in needed.keys().cloned().collect::<Vec<_>>() {
        let mut without = needed.clone();
        without.remove(&key);
        if holds(&with(&without)) {
            needed = without;
        }
    }
    with(&needed)
}
