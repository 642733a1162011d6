//! What rules become when a spec or a policy speaks, also when it spells them in S3's other version.

use std::collections::BTreeSet;

use super::{Filter, Rule, Switch, Value};
use crate::setting::Overlay;

pub(super) fn merge(live: &Value, want: &Value, how: Overlay) -> Value {
    let role = want.role.clone().or_else(|| live.role.clone());
    let Some(wanted) = &want.rules else { return Value { role, rules: live.rules.clone() } };
    let live = live.rules.as_deref().unwrap_or_default();
    let mut seen = BTreeSet::new();
    let wanted: Vec<&Rule> = wanted.iter().filter(|rule| seen.insert(rule.id.as_str())).collect();
    // What means the same stays as it is, whatever its version.
    let chosen = wanted.iter().map(|want| {
        let same = live.iter().find(|live| live.id == want.id).filter(|live| mean_the_same(live, want));
        same.cloned().unwrap_or_else(|| (*want).clone())
    });
    let mut others: Vec<Rule> = Vec::new();
    if how == Overlay::Within {
        others = live.iter().filter(|rule| !seen.contains(rule.id.as_str())).cloned().collect();
    }
    let mut chosen: Vec<Rule> = chosen.collect();
    if versions(others.iter().chain(&chosen)) > 1 {
        // S3 takes rules of one version only: the second can say what the first does.
        for (chosen, want) in chosen.iter_mut().zip(&wanted).filter(|(chosen, _)| !chosen.has_filter()) {
            *chosen = (*want).clone();
        }
        second(others.iter_mut().chain(&mut chosen).collect());
    }
    others.extend(chosen);
    Value { role, rules: Some(others) }
}

fn versions<'a>(rules: impl Iterator<Item = &'a Rule>) -> usize {
    rules.map(Rule::has_filter).collect::<BTreeSet<_>>().len()
}

/// Whether S3 does the same by both. Rules of the first version have no priority, because no
/// object fits two of them.
fn mean_the_same(live: &Rule, want: &Rule) -> bool {
    let (live, want) = (live.clone().canonical(), want.clone().canonical());
    if live.has_filter() == want.has_filter() {
        return live == want;
    }
    let plain = |rule: Rule| Rule { priority: None, ..modern(rule, 0).canonical() };
    plain(live) == plain(want)
}

/// A rule of the first version as the second says it.
fn modern(rule: Rule, priority: i32) -> Rule {
    if rule.has_filter() {
        return rule;
    }
    Rule {
        filter: Some(Filter { prefix: rule.prefix.clone(), tags: None }),
        prefix: None,
        priority: Some(priority),
        delete_marker_replication: Some(Switch::ON),
        ..rule
    }
}

/// Makes all rules of the second version, those of the first with priorities above the others'.
fn second(rules: Vec<&mut Rule>) {
    let highest = rules.iter().filter_map(|rule| rule.priority).max().unwrap_or(0);
    let mut old: Vec<&mut Rule> = rules.into_iter().filter(|rule| !rule.has_filter()).collect();
    old.sort_by(|a, b| a.id.cmp(&b.id));
    for (place, rule) in old.into_iter().enumerate() {
        let place = i32::try_from(place).unwrap_or(i32::MAX);
        *rule = modern(rule.clone(), highest.saturating_add(place).saturating_add(1));
    }
}
