//! Which changes of lifecycle rules would delete objects that are kept today, or archive objects that
//! can be read today.

use super::{
    Date, Expiration, Filter, MinimumObjectSize, NoncurrentVersionExpiration, NoncurrentVersionTransition, Rule,
    Status, StorageClass, Transition, Value,
};
use crate::setting::Risk;

/// Guarded, when a rule of `to` deletes objects sooner than all of those in `from` do, or moves them
/// sooner to where a read fails until somebody restores them: training that expects its data at once
/// stands still. Delete markers and the parts of incomplete uploads are no objects; any other move
/// loses nothing.
pub(super) fn risk(from: &Value, to: &Value) -> Risk {
    let same_size = from.transition_default_minimum_object_size == to.transition_default_minimum_object_size;
    let before = from.rules.as_deref().unwrap_or_default();
    // A status that this version does not know might act: it counts where that is the careful way.
    let changed = || {
        let acting = to.rules.iter().flatten().filter(|rule| rule.status != Status::Disabled);
        acting.map(|rule| (rule, before.contains(rule)))
    };
    if !changed().all(|(rule, stood)| stood || deletes_no_more(before, rule)) {
        return Risk::Guarded("objects would be deleted");
    }
    if !changed().all(|(rule, stood)| (stood && same_size) || archives_no_more(from, to, rule)) {
        return Risk::Guarded("objects would be archived, and could not be read before somebody restores them");
    }
    Risk::Safe
}

/// Whether a rule that acts for certain, and that is for all objects of another, does what is asked.
fn covered(from: &[Rule], rule: &Rule, does: &dyn Fn(&Rule) -> bool) -> bool {
    from.iter()
        .any(|from| from.status == Status::Enabled && reaches(from.filter.as_ref(), rule.filter.as_ref()) && does(from))
}

fn deletes_no_more(before: &[Rule], rule: &Rule) -> bool {
    let current = rule.expiration.as_ref().filter(|it| it.days.is_some() || it.date.is_some()).is_none_or(|to| {
        covered(before, rule, &|from| from.expiration.as_ref().is_some_and(|from| no_sooner(from, to)))
    });
    let noncurrent = rule.noncurrent_version_expiration.as_ref().is_none_or(|to| {
        covered(before, rule, &|from| {
            from.noncurrent_version_expiration.as_ref().is_some_and(|from| no_fewer(from, to))
        })
    });
    current && noncurrent
}

fn archives_no_more(from: &Value, to: &Value, rule: &Rule) -> bool {
    let before = from.rules.as_deref().unwrap_or_default();
    // Where no small objects moved, none may move unasked.
    let sized = |before: &Rule| moves_small(from, before) || !moves_small(to, rule);
    let current = |to: &Transition| {
        covered(before, rule, &|from| {
            sized(from) && from.transitions.iter().flatten().any(|from| archives_as(from, to))
        })
    };
    let noncurrent = |to: &NoncurrentVersionTransition| {
        covered(before, rule, &|from| {
            let mut moves = from.noncurrent_version_transitions.iter().flatten();
            sized(from) && moves.any(|from| archives_old_as(from, to))
        })
    };
    let archiving = rule.transitions.iter().flatten().filter(|it| is_archive(&it.storage_class));
    let archiving_old = rule.noncurrent_version_transitions.iter().flatten().filter(|it| is_archive(&it.storage_class));
    archiving.into_iter().all(current) && archiving_old.into_iter().all(noncurrent)
}

/// Whether objects of the class have to be restored before they can be read. One that this version
/// does not know might be such.
fn is_archive(class: &StorageClass) -> bool {
    matches!(class, StorageClass::Glacier | StorageClass::DeepArchive | StorageClass::Other(_))
}

/// Whether a rule moves objects under 128 KB to an archive: its filter speaks of sizes itself, or the
/// default lets them.
fn moves_small(value: &Value, rule: &Rule) -> bool {
    let sized = |it: &Filter| it.object_size_greater_than.is_some() || it.object_size_less_than.is_some();
    let default = value.transition_default_minimum_object_size.as_ref();
    rule.filter.as_ref().is_some_and(sized) || default.is_some_and(|size| *size != MinimumObjectSize::All128K)
}

/// Whether `from` archives as deep as `to`, and no later.
fn archives_as(from: &Transition, to: &Transition) -> bool {
    let when =
        |it: &Transition| Expiration { days: it.days, date: it.date.clone(), expired_object_delete_marker: None };
    deeper(&from.storage_class, &to.storage_class) && no_sooner(&when(from), &when(to))
}

fn archives_old_as(from: &NoncurrentVersionTransition, to: &NoncurrentVersionTransition) -> bool {
    deeper(&from.storage_class, &to.storage_class)
        && from.noncurrent_days.unwrap_or(0) <= to.noncurrent_days.unwrap_or(0)
        && from.newer_noncurrent_versions.unwrap_or(0) <= to.newer_noncurrent_versions.unwrap_or(0)
}

fn deeper(from: &StorageClass, to: &StorageClass) -> bool {
    from == to || (*from == StorageClass::DeepArchive && *to == StorageClass::Glacier)
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
    let instant = |it: &Expiration| it.date.as_ref().and_then(Date::instant);
    let date = to.date.is_none() || instant(from).is_some_and(|from| instant(to).is_some_and(|to| from <= to));
    days && date
}

/// Whether `to` keeps every noncurrent version that `from` keeps.
fn no_fewer(from: &NoncurrentVersionExpiration, to: &NoncurrentVersionExpiration) -> bool {
    from.noncurrent_days.unwrap_or(0) <= to.noncurrent_days.unwrap_or(0)
        && from.newer_noncurrent_versions.unwrap_or(0) <= to.newer_noncurrent_versions.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use crate::setting::{Risk, Setting};
    use crate::settings::lifecycle::{Lifecycle, Value};

    fn rule(fields: &str) -> String {
        format!(r#"{{"rules":[{{"id":"a","status":"Enabled",{fields}}}]}}"#)
    }

    fn risk(from: &str, to: &str) -> Risk {
        let canonical = |json: &str| Lifecycle::canonical(serde_json::from_str::<Value>(json).expect("a value"));
        Lifecycle::risk(&canonical(from), &canonical(to))
    }

    const ARCHIVED: Risk =
        Risk::Guarded("objects would be archived, and could not be read before somebody restores them");

    /// A move to the archive was called safe, and the training jobs of the next night could read nothing.
    #[test]
    fn what_archives_more_objects_is_guarded() {
        let moves =
            |days: u16, class: &str| rule(&format!(r#""transitions":[{{"days":{days},"storageClass":"{class}"}}]"#));
        assert_eq!(risk("{}", &moves(90, "GLACIER")), ARCHIVED);
        assert_eq!(risk("{}", &moves(90, "DEEP_ARCHIVE")), ARCHIVED);
        assert_eq!(risk(&moves(90, "GLACIER"), &moves(30, "GLACIER")), ARCHIVED, "sooner");
        assert_eq!(risk(&moves(90, "GLACIER"), &moves(90, "DEEP_ARCHIVE")), ARCHIVED, "deeper");
        assert_eq!(risk(&moves(90, "GLACIER_IR"), &moves(90, "GLACIER")), ARCHIVED);
        let date = |date: &str| rule(&format!(r#""transitions":[{{"date":"{date}","storageClass":"GLACIER"}}]"#));
        assert_eq!(risk(&date("2030-01-02"), &date("2030-01-01")), ARCHIVED);
        assert_eq!(risk(&moves(90, "GLACIER"), &date("2030-01-01")), ARCHIVED, "days and dates");
        let filter = |filter: &str| {
            moves(90, "GLACIER").replace(r#""transitions""#, &format!(r#""filter":{filter},"transitions""#))
        };
        assert_eq!(risk(&filter(r#"{"prefix":"a/"}"#), &filter("{}")), ARCHIVED, "wider");
        assert_eq!(risk(&filter("{}"), &filter(r#"{"objectSizeGreaterThan":0}"#)), ARCHIVED, "small objects, too");
        let varies = moves(90, "GLACIER")
            .replace(r#"{"rules""#, r#"{"transitionDefaultMinimumObjectSize":"varies_by_storage_class","rules""#);
        assert_eq!(risk(&moves(90, "GLACIER"), &varies), ARCHIVED, "small objects, too");
        assert_eq!(risk(&moves(90, "GLACIER").replace("Enabled", "Disabled"), &moves(90, "GLACIER")), ARCHIVED);
        let old = |days: u8, kept: u8| {
            rule(&format!(
                r#""noncurrentVersionTransitions":[{{"noncurrentDays":{days},"newerNoncurrentVersions":{kept},"storageClass":"GLACIER"}}]"#
            ))
        };
        assert_eq!(risk("{}", &old(30, 2)), ARCHIVED);
        assert_eq!(risk(&old(30, 2), &old(29, 2)), ARCHIVED);
        assert_eq!(risk(&old(30, 2), &old(30, 1)), ARCHIVED);
        assert_eq!(risk(&varies, &moves(90, "GLACIER")), Risk::Safe, "fewer");
        assert_eq!(risk(&old(30, 2), &old(31, 3)), Risk::Safe);
        assert_eq!(risk(&moves(30, "GLACIER"), &moves(90, "GLACIER")), Risk::Safe, "later");
        assert_eq!(risk(&moves(90, "DEEP_ARCHIVE"), &moves(90, "GLACIER")), Risk::Safe, "less deep");
        assert_eq!(risk(&filter("{}"), &filter(r#"{"prefix":"a/"}"#)), Risk::Safe, "narrower");
        assert_eq!(risk(&moves(90, "GLACIER"), "{}"), Risk::Safe, "removed");
        for class in ["STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR"] {
            assert_eq!(risk("{}", &moves(30, class)), Risk::Safe, "{class} is read at once");
        }
    }
}
