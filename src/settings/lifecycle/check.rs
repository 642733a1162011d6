//! The limits of lifecycle rules (S3 User Guide, "Lifecycle configuration elements" and
//! "Transitioning objects using Amazon S3 Lifecycle"; API page PutBucketLifecycleConfiguration).

use std::collections::BTreeSet;

use super::{Date, Filter, MinimumObjectSize, Rule, Status, StorageClass, Value};
use crate::setting::Problem;
use crate::settings::words::listed;

const MOST_RULES: usize = 1_000;
const LONGEST_ID: usize = 255;
/// The longest key of an object, in bytes of UTF-8.
const LONGEST_KEY: usize = 1_024;
/// Days before an object may move to infrequent access, and days that it stays there.
const INFREQUENT_DAYS: i64 = 30;
/// Noncurrent versions that a rule can keep.
const MOST_VERSIONS: i32 = 100;

pub(super) fn check(want: &Value) -> Vec<Problem> {
    let rules = want.rules.as_deref().unwrap_or_default();
    let mut problems = Vec::new();
    if rules.len() > MOST_RULES {
        problems.push(
            Problem::at("/rules", format!("{} lifecycle rules", rules.len()))
                .hint(format!("S3 keeps at most {MOST_RULES} rules on a bucket")),
        );
    }
    if let Some(MinimumObjectSize::Other(word)) = &want.transition_default_minimum_object_size {
        problems.push(
            Problem::at("/transitionDefaultMinimumObjectSize", format!("`{word}` is not a default of S3"))
                .hint(format!("use {}", listed(MinimumObjectSize::KNOWN))),
        );
    }
    let mut seen = BTreeSet::new();
    for (place, rule) in rules.iter().enumerate() {
        let mut check = Check { at: format!("/rules/{place}"), problems: &mut problems };
        if !seen.insert(rule.id.as_str()) {
            check.say("/id", format!("a second rule has the id `{}`", rule.id), "give every rule an id of its own");
        }
        check.rule(rule);
    }
    problems
}

/// Rules of a directory bucket expire objects and abort uploads, and nothing else (API page
/// PutBucketLifecycleConfiguration, "Rules for directory buckets").
pub(super) fn on_directory_buckets(want: &Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    if want.transition_default_minimum_object_size.is_some() {
        problems.push(
            Problem::at("/transitionDefaultMinimumObjectSize", "objects of a directory bucket never move")
                .hint("leave it out"),
        );
    }
    for (place, rule) in want.rules.iter().flatten().enumerate() {
        let marker = rule.expiration.as_ref().is_some_and(|it| it.expired_object_delete_marker.is_some());
        let tags = rule.filter.as_ref().is_some_and(|it| it.tags.is_some());
        for (there, field, what) in [
            (rule.transitions.is_some(), "transitions", "objects of a directory bucket never move"),
            (
                rule.noncurrent_version_transitions.is_some(),
                "noncurrentVersionTransitions",
                "directory buckets keep no versions",
            ),
            (
                rule.noncurrent_version_expiration.is_some(),
                "noncurrentVersionExpiration",
                "directory buckets keep no versions",
            ),
            (marker, "expiration/expiredObjectDeleteMarker", "directory buckets keep no versions"),
            (tags, "filter/tags", "objects of a directory bucket have no tags"),
        ] {
            if there {
                problems.push(
                    Problem::at(format!("/rules/{place}/{field}"), what)
                        .hint("rules there have `expiration` and `abortIncompleteMultipartUpload`"),
                );
            }
        }
    }
    problems
}

/// The checks of one rule.
struct Check<'a> {
    at: String,
    problems: &'a mut Vec<Problem>,
}

/// When a version moves or goes, in days from its creation or from 1970.
#[derive(Clone, Copy)]
enum When {
    Days(i64),
    Date(i64),
}

/// One transition, of current or noncurrent versions.
struct Step<'a> {
    at: String,
    when: Option<When>,
    class: &'a StorageClass,
}

impl Check<'_> {
    fn say(&mut self, field: &str, message: impl Into<String>, hint: impl Into<String>) {
        self.problems.push(Problem::at(format!("{}{field}", self.at), message).hint(hint));
    }

    fn rule(&mut self, rule: &Rule) {
        if rule.id.is_empty() {
            self.say("/id", "the rule has no id", "name it: S3 would invent an id, and the rule would look foreign");
        } else if rule.id.chars().count() > LONGEST_ID {
            let length = rule.id.chars().count();
            self.say("/id", format!("the id has {length} characters"), format!("use at most {LONGEST_ID}"));
        }
        if let Status::Other(word) = &rule.status {
            self.say("/status", format!("`{word}` is not a status of S3"), format!("use {}", listed(Status::KNOWN)));
        }
        if rule.prefix.is_some() && rule.filter.is_some() {
            self.say("/prefix", "a prefix beside a filter", "move the prefix into the filter");
        }
        let bare = rule.clone().canonical();
        if bare.expiration.is_none()
            && bare.noncurrent_version_expiration.is_none()
            && bare.transitions.is_none()
            && bare.noncurrent_version_transitions.is_none()
            && bare.abort_incomplete_multipart_upload.is_none()
        {
            self.say(
                "",
                format!("the rule `{}` does nothing", rule.id),
                "give it `expiration`, `noncurrentVersionExpiration`, `transitions`, \
                 `noncurrentVersionTransitions` or `abortIncompleteMultipartUpload`",
            );
        }
        if let Some(prefix) = &rule.prefix {
            self.prefix("/prefix", prefix);
        }
        if let Some(filter) = &rule.filter {
            self.filter(filter);
        }
        self.current(rule);
        self.noncurrent(rule);
        self.uploads(rule);
    }

    fn prefix(&mut self, field: &str, prefix: &str) {
        if prefix.len() > LONGEST_KEY {
            let hint = format!("keys of objects have at most {LONGEST_KEY}");
            self.say(field, format!("the prefix has {} bytes", prefix.len()), hint);
        }
    }

    fn filter(&mut self, filter: &Filter) {
        if let Some(prefix) = &filter.prefix {
            self.prefix("/filter/prefix", prefix);
        }
        for (key, value) in filter.tags.iter().flatten() {
            let field = format!("/filter/tags/{}", key.replace('~', "~0").replace('/', "~1"));
            if key.is_empty() || key.chars().count() > 128 {
                let length = key.chars().count();
                self.say(&field, format!("the tag key has {length} characters"), "use 1 to 128 characters");
            }
            if value.chars().count() > 256 {
                let length = value.chars().count();
                let message = format!("the value of tag `{key}` has {length} characters");
                self.say(&field, message, "use at most 256 characters");
            }
        }
        let sizes = [
            ("/filter/objectSizeGreaterThan", filter.object_size_greater_than),
            ("/filter/objectSizeLessThan", filter.object_size_less_than),
        ];
        for (field, size) in sizes {
            if let Some(size) = size.filter(|size| *size < 0) {
                self.say(field, format!("{size} bytes"), "use 0 or more");
            }
        }
        if let (Some(least), Some(most)) = (filter.object_size_greater_than, filter.object_size_less_than)
            && most <= least
        {
            let message = format!("no object is larger than {least} and smaller than {most} bytes");
            self.say("/filter/objectSizeLessThan", message, "make it larger than `objectSizeGreaterThan`");
        }
    }

    fn current(&mut self, rule: &Rule) {
        let mut steps = Vec::new();
        for (place, it) in rule.transitions.iter().flatten().enumerate() {
            let at = format!("/transitions/{place}");
            if it.days.is_some() == it.date.is_some() {
                self.say(&at, "a transition needs either `days` or `date`", "say when objects move");
            }
            if let Some(days) = it.days.filter(|days| *days < 0) {
                self.say(&format!("{at}/days"), format!("{days} days"), "use 0 or more");
            }
            let date = self.date(&format!("{at}/date"), it.date.as_ref());
            steps.push(Step {
                at,
                when: it.days.map(|days| When::Days(days.into())).or(date),
                class: &it.storage_class,
            });
        }
        self.steps(&steps, "days");
        let end = rule.expiration.as_ref().and_then(|it| {
            let date = self.date("/expiration/date", it.date.as_ref());
            it.days.map(|days| When::Days(days.into())).or(date)
        });
        self.last(&steps, end, "/expiration", "objects");
        let Some(expiration) = &rule.expiration else { return };
        if let Some(days) = expiration.days.filter(|days| *days < 1) {
            self.say("/expiration/days", format!("{days} days"), "use 1 or more");
        }
        let said = [
            expiration.days.is_some(),
            expiration.date.is_some(),
            expiration.expired_object_delete_marker == Some(true),
        ];
        if said.iter().filter(|said| **said).count() > 1 {
            let message = "more than one of `days`, `date` and `expiredObjectDeleteMarker`";
            self.say("/expiration", message, "leave one; days or a date remove expired delete markers, too");
        }
        if said[2] && rule.filter.as_ref().is_some_and(|filter| filter.tags.iter().flatten().count() > 0) {
            let hint = "delete markers have no tags: put it into a rule without `filter.tags`";
            self.say("/expiration/expiredObjectDeleteMarker", "delete markers with a filter on tags", hint);
        }
    }

    fn noncurrent(&mut self, rule: &Rule) {
        let mut steps = Vec::new();
        for (place, it) in rule.noncurrent_version_transitions.iter().flatten().enumerate() {
            let at = format!("/noncurrentVersionTransitions/{place}");
            match it.noncurrent_days {
                None => self.say(&at, "no `noncurrentDays`", "say after how many days noncurrent versions move"),
                Some(days) if days < 0 => {
                    self.say(&format!("{at}/noncurrentDays"), format!("{days} days"), "use 0 or more");
                }
                Some(_) => {}
            }
            self.versions(&at, it.newer_noncurrent_versions);
            let when = it.noncurrent_days.map(|days| When::Days(days.into()));
            steps.push(Step { at, when, class: &it.storage_class });
        }
        self.steps(&steps, "noncurrentDays");
        let Some(expiration) = &rule.noncurrent_version_expiration else { return };
        let at = "/noncurrentVersionExpiration";
        match expiration.noncurrent_days {
            None => self.say(at, "no `noncurrentDays`", "say after how many days noncurrent versions are deleted"),
            Some(days) if days < 1 => {
                self.say(&format!("{at}/noncurrentDays"), format!("{days} days"), "use 1 or more");
            }
            Some(_) => {}
        }
        self.versions(at, expiration.newer_noncurrent_versions);
        let when = expiration.noncurrent_days.map(|days| When::Days(days.into()));
        self.last(&steps, when, at, "noncurrent versions");
    }

    fn versions(&mut self, at: &str, versions: Option<i32>) {
        if let Some(versions) = versions.filter(|it| !(1..=MOST_VERSIONS).contains(it)) {
            let hint = format!("use 1 to {MOST_VERSIONS}, or leave it out to keep none");
            self.say(&format!("{at}/newerNoncurrentVersions"), format!("{versions} versions"), hint);
        }
    }

    fn uploads(&mut self, rule: &Rule) {
        let Some(uploads) = &rule.abort_incomplete_multipart_upload else { return };
        let at = "/abortIncompleteMultipartUpload";
        if uploads.days_after_initiation < 1 {
            let days = uploads.days_after_initiation;
            self.say(&format!("{at}/daysAfterInitiation"), format!("{days} days"), "use 1 or more");
        }
        let Some(filter) = &rule.filter else { return };
        let tags = filter.tags.iter().flatten().count() > 0;
        let sizes = filter.object_size_greater_than.is_some() || filter.object_size_less_than.is_some();
        for (there, what) in [(tags, "tags"), (sizes, "object size")] {
            if there {
                let hint = "an incomplete upload has neither tags nor a size: give it a rule of its own";
                self.say(at, format!("incomplete uploads with a filter on {what}"), hint);
            }
        }
    }

    fn date(&mut self, field: &str, date: Option<&Date>) -> Option<When> {
        let date = date?;
        let Some(instant) = date.instant() else {
            self.say(field, format!("`{}` is not a date", date.0), "write it as `2030-01-31`");
            return None;
        };
        let day = Date::of(instant).0;
        if day.len() > "2030-01-31".len() {
            let hint = format!("S3 acts at midnight UTC: write `{}`", &day[.."2030-01-31".len()]);
            self.say(field, format!("`{}` is not midnight UTC", date.0), hint);
        }
        Some(When::Date(instant.timestamp().div_euclid(86_400)))
    }

    /// What holds of the moves among themselves. `days` is the name of the field with the days.
    fn steps(&mut self, steps: &[Step<'_>], days: &str) {
        let mut seen = BTreeSet::new();
        for step in steps {
            let at = format!("{}/storageClass", step.at);
            if let StorageClass::Other(word) = step.class {
                let message = format!("`{word}` is not a storage class that objects can move to");
                self.say(&at, message, format!("use {}", listed(StorageClass::KNOWN)));
            } else if !seen.insert(step.class) {
                let message = format!("a second move to `{}`", step.class.as_str());
                self.say(&at, message, "leave one of the two");
            }
            if infrequent(step.class)
                && let Some(When::Days(after)) = step.when
                && (0..INFREQUENT_DAYS).contains(&after)
            {
                let message = format!("objects move to `{}` after {after} days", step.class.as_str());
                self.say(&format!("{}/{days}", step.at), message, format!("use {INFREQUENT_DAYS} days or more"));
            }
        }
        let mut order: Vec<(i64, &Step<'_>)> = steps.iter().filter_map(|step| Some((step.when?.day(), step))).collect();
        if mixed(steps.iter().filter_map(|step| step.when)) {
            return;
        }
        order.sort_by_key(|(day, step)| (*day, step.class));
        for pair in order.windows(2) {
            let [(sooner, from), (later, to)] = pair else { continue };
            let (from, class) = (from.class, to.class);
            if !leads(from, class) {
                let message = format!("objects cannot move from `{}` to `{}`", from.as_str(), class.as_str());
                let hint = format!("S3 moves them only in the order {}", listed(StorageClass::KNOWN));
                self.say(&format!("{}/storageClass", to.at), message, hint);
            } else if infrequent(from) && later - sooner < INFREQUENT_DAYS {
                let message = format!(
                    "objects move on from `{}` to `{}` after {} days",
                    from.as_str(),
                    class.as_str(),
                    later - sooner
                );
                let hint = format!("they stay in `{}` for {INFREQUENT_DAYS} days or more", from.as_str());
                self.say(&to.at, message, hint);
            }
        }
    }

    /// What holds between the moves and the end.
    fn last(&mut self, steps: &[Step<'_>], end: Option<When>, field: &str, what: &str) {
        if mixed(steps.iter().filter_map(|step| step.when).chain(end)) {
            let hint = "use the same in the expiration and in every transition, or make it two rules";
            self.say("", "days and dates in one rule", hint);
            return;
        }
        let moves = steps.iter().filter_map(|step| Some((step.when?.day(), step)));
        if let (Some((day, step)), Some(end)) = (moves.max_by_key(|(day, _)| *day), end)
            && end.day() <= day
        {
            let message = format!("{what} are deleted before they move to `{}`", step.class.as_str());
            self.say(field, message, "delete them later than the last transition, or leave the transition out");
        }
    }
}

impl When {
    fn day(self) -> i64 {
        match self {
            Self::Days(day) | Self::Date(day) => day,
        }
    }
}

fn mixed(when: impl Iterator<Item = When>) -> bool {
    let (days, dates): (Vec<When>, Vec<When>) = when.partition(|when| matches!(when, When::Days(_)));
    !days.is_empty() && !dates.is_empty()
}

fn infrequent(class: &StorageClass) -> bool {
    matches!(class, StorageClass::StandardIa | StorageClass::OnezoneIa)
}

/// Whether S3 moves objects from the one class to the other: the waterfall. The classes are
/// ordered by it; what this version does not know is S3's to judge.
fn leads(from: &StorageClass, to: &StorageClass) -> bool {
    let unknown = |class: &StorageClass| matches!(class, StorageClass::Other(_));
    let skipped = *from == StorageClass::OnezoneIa && *to == StorageClass::GlacierIr;
    unknown(from) || unknown(to) || from == to || (from < to && !skipped)
}
