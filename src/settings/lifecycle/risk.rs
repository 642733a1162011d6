//! Which changes of lifecycle rules would delete objects that are kept today.

use super::{Expiration, Filter, NoncurrentVersionExpiration, Rule, Status, Value};
use crate::setting::Risk;

/// Guarded, when a rule of `to` deletes objects sooner than all of those in `from` do. Delete
/// markers and the parts of incomplete uploads are no objects; a move loses nothing.
pub(super) fn risk(from: &Value, to: &Value) -> Risk {
    let (from, to) = (from.rules.as_deref().unwrap_or_default(), to.rules.as_deref().unwrap_or_default());
    // A status that this version does not know might act: it counts where that is the careful way.
    let covered = |rule: &Rule, deletes: &dyn Fn(&Rule) -> bool| {
        from.iter().any(|from| {
            from.status == Status::Enabled && reaches(from.filter.as_ref(), rule.filter.as_ref()) && deletes(from)
        })
    };
    let current = |rule: &Rule| {
        let Some(to) = rule.expiration.as_ref().filter(|it| it.days.is_some() || it.date.is_some()) else {
            return true;
        };
        covered(rule, &|from| from.expiration.as_ref().is_some_and(|from| no_sooner(from, to)))
    };
    let noncurrent = |rule: &Rule| {
        let Some(to) = &rule.noncurrent_version_expiration else { return true };
        covered(rule, &|from| from.noncurrent_version_expiration.as_ref().is_some_and(|from| no_fewer(from, to)))
    };
    let harmless = |rule: &Rule| rule.status == Status::Disabled || (current(rule) && noncurrent(rule));
    if to.iter().all(|rule| from.contains(rule) || harmless(rule)) {
        Risk::Safe
    } else {
        Risk::Guarded("objects would be deleted")
    }
}

/// Whether every object of the filter `to` is one of the filter `from`.
fn reaches(from: Option<&Filter>, to: Option<&Filter>) -> bool {
    let everything = Filter::default();
    let (from, to) = (from.unwrap_or(&everything), to.unwrap_or(&everything));
    let prefix = |filter: &Filter| filter.prefix.clone().unwrap_or_default();
    let tags = |filter: &Filter| filter.tags.clone().unwrap_or_default();
    prefix(to).starts_with(&prefix(from))
        && tags(from).iter().all(|tag| tags(to).iter().any(|other| other == tag))
        && from.object_size_greater_than <= to.object_size_greater_than
        && from.object_size_less_than.is_none_or(|most| to.object_size_less_than.is_some_and(|to| to <= most))
}

/// Whether `to` deletes no current version before `from` does. Days and dates do not compare.
fn no_sooner(from: &Expiration, to: &Expiration) -> bool {
    let days = to.days.is_none_or(|to| from.days.is_some_and(|from| from <= to));
    let instant = |it: &Expiration| it.date.as_ref().and_then(super::Date::instant);
    let date = to.date.is_none() || instant(from).is_some_and(|from| instant(to).is_some_and(|to| from <= to));
    days && date
}

/// Whether `to` keeps every noncurrent version that `from` keeps.
fn no_fewer(from: &NoncurrentVersionExpiration, to: &NoncurrentVersionExpiration) -> bool {
    from.noncurrent_days.unwrap_or(0) <= to.noncurrent_days.unwrap_or(0)
        && from.newer_noncurrent_versions.unwrap_or(0) <= to.newer_noncurrent_versions.unwrap_or(0)
}
