//! Which changes of replication would stop copies, spoil them, or give them away.

use super::{Rule, Status, Value};
use crate::setting::Risk;

/// Guarded, when something that is copied today would not be, or be copied to the detriment of
/// those who rely on it. Where data goes to besides is for the review of the commit, like a
/// statement of a bucket policy.
pub(super) fn risk(from: &Value, to: &Value) -> Risk {
    let active = |value: &Value| -> Vec<Rule> {
        // A status that this version does not know might act.
        value.rules.iter().flatten().filter(|rule| rule.status != Status::Disabled).cloned().collect()
    };
    let (before, after) = (active(from), active(to));
    let covered = |rule: &Rule| {
        after.iter().any(|to| {
            to.status == Status::Enabled
                && to.destination.bucket == rule.destination.bucket
                && reaches(to, rule)
                && (to.copies_kms() || !rule.copies_kms())
        })
    };
    if !before.iter().all(|rule| after.contains(rule) || covered(rule)) {
        return Risk::Guarded("objects that are copied today would no longer be");
    }
    if !before.is_empty() && from.role != to.role {
        return Risk::Guarded("copies would stop if the new role may do less than the one of today");
    }
    // To destinations that get copies already; of the rules there, each against each.
    let changed = |differ: &dyn Fn(&Rule, &Rule) -> bool| {
        after.iter().any(|to| {
            let mut there = before.iter().filter(|from| from.destination.bucket == to.destination.bucket).peekable();
            there.peek().is_some() && there.all(|from| differ(from, to))
        })
    };
    if changed(&|from, to| to.copies_delete_markers() && !from.copies_delete_markers()) {
        return Risk::Guarded("what is deleted here would be deleted in the copies, too");
    }
    let key = |rule: &Rule| rule.destination.encryption_configuration.clone().filter(|_| rule.copies_kms());
    if changed(&|from, to| key(to).is_some() && key(from).is_some() && key(to) != key(from)) {
        return Risk::Guarded("readers of the copies without leave to use the new key would be locked out");
    }
    let owner = |rule: &Rule| rule.destination.access_control_translation.clone();
    if changed(&|from, to| owner(from) != owner(to)) {
        return Risk::Guarded("copies would belong to another account than today");
    }
    Risk::Safe
}

/// Whether every object of the second rule is one of the first.
fn reaches(wide: &Rule, narrow: &Rule) -> bool {
    let ((wide, wide_tags), (narrow, narrow_tags)) = (wide.scope(), narrow.scope());
    narrow.starts_with(wide) && wide_tags.iter().all(|(key, value)| narrow_tags.get(key) == Some(value))
}
