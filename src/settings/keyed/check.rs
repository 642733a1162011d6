//! The limits that all keyed sets share (API pages PutBucketInventoryConfiguration,
//! PutBucketAnalyticsConfiguration, PutBucketMetricsConfiguration and
//! PutBucketIntelligentTieringConfiguration; S3 User Guide, "Configuring Amazon S3 Inventory").

use std::collections::{BTreeMap, BTreeSet};

use super::{Element, Filter, is_removal};
use crate::bucket::{AccountId, BucketName};
use crate::setting::Problem;

/// Configurations of one kind that a bucket can hold.
const MOST: usize = 1_000;
const LONGEST_ID: usize = 64;
/// The longest key of an object, in bytes of UTF-8.
const LONGEST_KEY: usize = 1_024;
/// Tags that an object can have.
const MOST_TAGS: usize = 10;

/// Checks a set, and by `each` every element that shall be there.
pub(in crate::settings) fn check<E: Element>(
    set: Option<&Vec<E>>,
    what: &str,
    each: impl Fn(&E, &mut Check<'_>),
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let Some(set) = set else { return problems };
    if set.iter().filter(|it| !is_removal(*it)).count() > MOST {
        problems.push(
            Problem::at("/configurations", format!("{} configurations of {what}", set.len()))
                .hint(format!("S3 keeps at most {MOST} of them on a bucket")),
        );
    }
    let mut seen = BTreeSet::new();
    for (place, element) in set.iter().enumerate() {
        let mut check = Check { at: format!("/configurations/{place}"), problems: &mut problems };
        let id = element.id();
        check.id(id);
        if !seen.insert(id) {
            check.say("/id", format!("a second configuration has the id `{id}`"), "give each an id of its own");
        }
        match element.absent() {
            None => each(element, &mut check),
            Some(false) => {
                check.say("/absent", "`absent: false` says nothing", "leave it out, or write `absent: true`");
            }
            Some(true) if *element != E::removal(id) => {
                check.say("", format!("`{id}` shall be absent and says more"), "leave only `id` and `absent`");
            }
            Some(true) => {}
        }
    }
    problems
}

/// The checks of one element.
pub(in crate::settings) struct Check<'a> {
    at: String,
    problems: &'a mut Vec<Problem>,
}

impl Check<'_> {
    /// Notes a fault at a pointer inside the element.
    pub(in crate::settings) fn say(&mut self, field: &str, message: impl Into<String>, hint: impl Into<String>) {
        self.problems.push(Problem::at(format!("{}{field}", self.at), message).hint(hint));
    }

    /// Tells of a field that S3 demands.
    pub(in crate::settings) fn needs<T>(&mut self, field: &str, value: Option<&T>, hint: &str) {
        if value.is_none() {
            let (at, name) = field.rsplit_once('/').unwrap_or(("", field));
            self.say(at, format!("`{name}` is missing"), hint);
        }
    }

    fn id(&mut self, id: &str) {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let hint = "use 1 to 64 letters, digits, `-`, `_` and `.`";
        if id.is_empty() {
            self.say("/id", "the configuration has no id", hint);
        } else if let Some(bad) = id.chars().find(|c| !legal(*c)) {
            self.say("/id", format!("illegal id `{id}`: `{bad}` is not allowed"), hint);
        } else if id.len() > LONGEST_ID {
            self.say("/id", format!("the id has {} characters", id.len()), hint);
        }
    }

    /// The prefix of objects' keys.
    pub(in crate::settings) fn prefix(&mut self, field: &str, prefix: Option<&String>) {
        if let Some(prefix) = prefix.filter(|prefix| prefix.len() > LONGEST_KEY) {
            let hint = format!("keys of objects have at most {LONGEST_KEY}");
            self.say(field, format!("the prefix has {} bytes", prefix.len()), hint);
        }
    }

    /// The tags of objects.
    pub(in crate::settings) fn tags(&mut self, tags: Option<&BTreeMap<String, String>>) {
        let Some(tags) = tags else { return };
        if tags.len() > MOST_TAGS {
            let hint = format!("an object has at most {MOST_TAGS}");
            self.say("/filter/tags", format!("{} tags", tags.len()), hint);
        }
        for (key, value) in tags {
            let field = format!("/filter/tags/{}", key.replace('~', "~0").replace('/', "~1"));
            let (key_length, length) = (key.chars().count(), value.chars().count());
            if !(1..=128).contains(&key_length) {
                self.say(&field, format!("the tag key has {key_length} characters"), "use 1 to 128 characters");
            }
            if length > 256 {
                let message = format!("the value of tag `{key}` has {length} characters");
                self.say(&field, message, "use at most 256 characters");
            }
        }
    }

    /// Prefix and tags of a filter.
    pub(in crate::settings) fn filter(&mut self, filter: Option<&Filter>) {
        let Some(filter) = filter else { return };
        self.prefix("/filter/prefix", filter.prefix.as_ref());
        self.tags(filter.tags.as_ref());
    }

    /// The bucket that takes reports: an ARN.
    pub(in crate::settings) fn bucket(&mut self, field: &str, arn: Option<&String>) {
        let Some(arn) = arn else { return };
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let ["arn", partition, "s3", "", "", name] = parts.as_slice() else {
            let hint = match BucketName::parse(arn) {
                Ok(name) => format!("write `arn:aws:s3:::{name}`"),
                Err(_) => "write it as `arn:aws:s3:::NAME`".to_owned(),
            };
            self.say(field, format!("`{arn}` is not the ARN of a bucket"), hint);
            return;
        };
        if !partition.starts_with("aws") {
            self.say(field, format!("`{arn}` is not the ARN of a bucket"), format!("write `arn:aws:s3:::{name}`"));
        } else if let Err(illegal) = BucketName::parse(name) {
            self.say(field, illegal.message, illegal.hint);
        }
    }

    /// The account that owns it.
    pub(in crate::settings) fn account(&mut self, field: &str, id: Option<&String>) {
        if let Some(Err(illegal)) = id.map(|id| AccountId::parse(id)) {
            self.say(field, illegal.message, illegal.hint);
        }
    }
}
