//! The limits that S3 documents for replication (API pages PutBucketReplication, ReplicationRule,
//! Destination; User Guide, "Replication configuration file elements").

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::{Destination, QUARTER, Rule, Status, StorageClass, Switch, Value};
use crate::setting::{Beside, Problem};
use crate::settings::resource::{is_alias, is_key};
use crate::settings::words::listed;

/// Rules that a bucket can have.
const MOST_RULES: usize = 1000;
/// Characters of an id.
const LONGEST_ID: usize = 255;
/// Characters of a prefix.
const LONGEST_PREFIX: usize = 1024;
/// Tags that an object can have (User Guide, "Categorizing your storage using tags").
const MOST_TAGS: usize = 10;
/// Bytes of a whole configuration.
const LARGEST: usize = 2 * 1024 * 1024;

pub(super) fn check(want: &Value) -> Vec<Problem> {
    let rules = want.rules.as_deref().unwrap_or_default();
    let mut problems = Vec::new();
    let mut say = |at: &str, message: String, hint: &str| problems.push(Problem::at(at, message).hint(hint));
    if let Some(role) = want.role.as_ref().filter(|role| !is_role(role)) {
        say(
            "/role",
            format!("`{role}` is not the ARN of an IAM role"),
            "write it as `arn:aws:iam::111122223333:role/name`",
        );
    }
    if want.rules.as_ref().is_some_and(Vec::is_empty) {
        say("/rules", "no rule".to_owned(), "write `replication: absent` to take replication away");
    }
    if rules.len() > MOST_RULES {
        let hint = format!("S3 keeps at most {MOST_RULES} rules on a bucket");
        say("/rules", format!("{} replication rules", rules.len()), &hint);
    }
    let size = serde_json::to_value(want).map_or(0, |json| as_xml(&json));
    if size > LARGEST {
        say("/rules", format!("about {size} bytes of XML"), "S3 takes at most 2 MB: write fewer or shorter rules");
    }
    together(rules, &mut say);
    for (place, rule) in rules.iter().enumerate() {
        Check { at: format!("/rules/{place}"), say: &mut say }.rule(rule);
    }
    problems
}

/// Why S3 refuses rules beside each other of which it would take each: a policy adds its own to those
/// that are there.
pub(super) fn clash(to: &Value) -> Option<&'static str> {
    let rules = to.rules.as_deref().unwrap_or_default();
    let mut faults = Vec::new();
    together(rules, &mut |at, _, _| faults.push(at.rsplit('/').next().unwrap_or_default().to_owned()));
    faults.into_iter().find_map(|field| match field.as_str() {
        "priority" => Some("S3 takes no two rules of one priority"),
        "prefix" => Some("S3 takes no two rules without a filter whose prefixes overlap"),
        "bucket" => Some("S3 takes one destination only for rules without a filter"),
        _ => None,
    })
}

/// S3 copies into no bucket out of itself (InvalidRequest). Zones of Ceph, and MinIO, have buckets of
/// one name in several places.
pub(super) fn beside(want: &Value, beside: &Beside) -> Vec<Problem> {
    let Some(bucket) = beside.bucket.as_ref().filter(|_| !beside.is_elsewhere()) else { return Vec::new() };
    let own =
        |rule: &Rule| matches!(arn(&rule.destination.bucket), Some([_, "s3", "", "", name]) if name == bucket.as_str());
    let rules = want.rules.iter().flatten().enumerate().filter(|(_, rule)| own(rule));
    rules
        .map(|(place, rule)| {
            let at = format!("/rules/{place}/destination/bucket");
            Problem::at(at, format!("the rule `{}` copies the bucket into itself", rule.id))
                .hint("name another bucket; its versioning is on, too")
        })
        .collect()
}

type Say<'a> = dyn FnMut(&str, String, &str) + 'a;

/// What holds of the rules among themselves.
fn together(rules: &[Rule], say: &mut Say<'_>) {
    let (mut ids, mut priorities) = (BTreeSet::new(), BTreeMap::new());
    let first = rules.first().map(Rule::has_filter);
    for (place, rule) in rules.iter().enumerate() {
        let at = format!("/rules/{place}");
        if !rule.id.is_empty() && !ids.insert(rule.id.as_str()) {
            let message = format!("a second rule has the id `{}`", rule.id);
            say(&format!("{at}/id"), message, "give every rule an id of its own");
        }
        if first != Some(rule.has_filter()) {
            let hint = "give every rule a `filter`, with `priority` and `deleteMarkerReplication`, or none";
            say(&at, "rules with and without a filter in one bucket".to_owned(), hint);
        }
        if let Some(priority) = rule.priority
            && let Some(other) = priorities.insert(priority, rule.id.as_str())
        {
            let message = format!("the rule `{other}` has the priority {priority}, too");
            say(&format!("{at}/priority"), message, "give every rule a priority of its own");
        }
    }
    if first != Some(false) {
        return;
    }
    for (place, rule) in rules.iter().enumerate() {
        for other in &rules[..place] {
            let at = format!("/rules/{place}");
            let (ours, theirs) = (rule.scope().0, other.scope().0);
            if other.destination.bucket != rule.destination.bucket {
                let message = format!("a second destination beside that of the rule `{}`", other.id);
                let hint = "rules without a `filter` have one destination in all; use `filter` in each";
                say(&format!("{at}/destination/bucket"), message, hint);
            } else if ours.starts_with(theirs) || theirs.starts_with(ours) {
                let message = format!("the prefix overlaps that of the rule `{}`", other.id);
                say(&format!("{at}/prefix"), message, "use `filter` in each rule, where `priority` decides");
            }
        }
    }
}

/// The checks of one rule.
struct Check<'a, 'b> {
    at: String,
    say: &'a mut Say<'b>,
}

impl Check<'_, '_> {
    fn say(&mut self, field: &str, message: impl Into<String>, hint: &str) {
        (self.say)(&format!("{}{field}", self.at), message.into(), hint);
    }

    fn rule(&mut self, rule: &Rule) {
        if rule.id.is_empty() {
            self.say("/id", "the rule has no id", "name it: S3 would invent an id, and the rule would look foreign");
        } else if rule.id.chars().count() > LONGEST_ID {
            let message = format!("the id has {} characters", rule.id.chars().count());
            self.say("/id", message, &format!("use at most {LONGEST_ID}"));
        }
        if rule.prefix.is_some() && rule.filter.is_some() {
            self.say("/prefix", "a prefix beside a filter", "move the prefix into the filter");
        }
        if rule.filter.is_some() {
            self.second_version(rule);
        } else {
            self.first_version(rule);
        }
        if let Some(priority) = rule.priority.filter(|priority| *priority < 0) {
            self.say("/priority", format!("the priority is {priority}"), "use 0 or more");
        }
        let prefixes = [
            ("/prefix", rule.prefix.as_ref()),
            ("/filter/prefix", rule.filter.as_ref().and_then(|filter| filter.prefix.as_ref())),
        ];
        for (field, prefix) in prefixes.into_iter().filter_map(|(field, prefix)| Some((field, prefix?))) {
            if prefix.chars().count() > LONGEST_PREFIX {
                let message = format!("the prefix has {} characters", prefix.chars().count());
                self.say(field, message, &format!("use at most {LONGEST_PREFIX}"));
            }
        }
        self.tags(rule);
        if rule.existing_object_replication.as_ref().is_some_and(|it| *it != Switch::OFF) {
            let hint = "leave it out: S3 takes it no longer; copy what is there with S3 Batch Replication";
            self.say("/existingObjectReplication", "replication of existing objects in a rule", hint);
        }
        let criteria = rule.source_selection_criteria.as_ref();
        if criteria.is_some_and(|it| it.sse_kms_encrypted_objects.is_none() && it.replica_modifications.is_none()) {
            let hint = "name `sseKmsEncryptedObjects` or `replicaModifications`, or leave it out";
            self.say("/sourceSelectionCriteria", "empty criteria", hint);
        }
        self.destination(rule, &rule.destination);
    }

    fn second_version(&mut self, rule: &Rule) {
        if rule.priority.is_none() {
            self.say("", "a filter without `priority`", "write `priority`, another number in each rule");
        }
        match &rule.delete_marker_replication {
            None => {
                let hint = "write `deleteMarkerReplication: {status: Disabled}`, or `Enabled`";
                self.say("", "a filter without `deleteMarkerReplication`", hint);
            }
            Some(markers) => {
                let tags = rule.filter.as_ref().and_then(|filter| filter.tags.as_ref());
                if *markers != Switch::OFF && tags.is_some_and(|tags| !tags.is_empty()) {
                    let hint = "delete markers have no tags: write `Disabled`, or leave `filter.tags` out";
                    self.say("/deleteMarkerReplication", "delete markers with a filter on tags", hint);
                }
            }
        }
    }

    fn first_version(&mut self, rule: &Rule) {
        if rule.prefix.is_none() {
            self.say("", "neither a filter nor a prefix", "write `filter: {}` for all objects of the bucket");
        }
        let replicas = rule.source_selection_criteria.as_ref().and_then(|it| it.replica_modifications.as_ref());
        let only_second = [
            ("/priority", "priority", rule.priority.is_some()),
            ("/deleteMarkerReplication", "deleteMarkerReplication", rule.delete_marker_replication.is_some()),
            ("/sourceSelectionCriteria/replicaModifications", "replicaModifications", replicas.is_some()),
        ];
        for (field, name, _) in only_second.into_iter().filter(|(_, _, said)| *said) {
            self.say(field, format!("`{name}` without a filter"), "move the prefix into `filter`, or leave it out");
        }
    }

    fn tags(&mut self, rule: &Rule) {
        let Some(tags) = rule.filter.as_ref().and_then(|filter| filter.tags.as_ref()) else { return };
        if tags.len() > MOST_TAGS {
            self.say("/filter/tags", format!("{} tags", tags.len()), "no object has more than 10");
        }
        for (key, value) in tags {
            let field = format!("/filter/tags/{}", key.replace('~', "~0").replace('/', "~1"));
            if key.is_empty() || key.chars().count() > 128 {
                let message = format!("the tag key has {} characters", key.chars().count());
                self.say(&field, message, "use 1 to 128 characters");
            }
            if value.chars().count() > 256 {
                let message = format!("the value of tag `{key}` has {} characters", value.chars().count());
                self.say(&field, message, "use at most 256 characters");
            }
        }
    }

    fn destination(&mut self, rule: &Rule, to: &Destination) {
        if !is_bucket(&to.bucket) {
            let message = format!("`{}` is not the ARN of a bucket", to.bucket);
            self.say("/destination/bucket", message, "write it as `arn:aws:s3:::name`");
        }
        if let Some(account) =
            to.account.as_ref().filter(|id| id.len() != 12 || !id.bytes().all(|b| b.is_ascii_digit()))
        {
            let hint = "write twelve digits, in quotes";
            self.say("/destination/account", format!("`{account}` is not the id of an account"), hint);
        }
        if to.access_control_translation.is_some() && to.account.is_none() {
            let hint = "write `account`: the one that owns the destination";
            self.say("/destination/accessControlTranslation", "another owner without `account`", hint);
        }
        if let Some(StorageClass::Other(word)) = &to.storage_class {
            let message = format!("`{word}` is not a storage class for copies");
            self.say("/destination/storageClass", message, &format!("use {}", listed(StorageClass::KNOWN)));
        }
        self.encryption(rule, to);
        self.time(to);
    }

    fn encryption(&mut self, rule: &Rule, to: &Destination) {
        let criteria = rule.source_selection_criteria.as_ref();
        let asked = criteria.and_then(|it| it.sse_kms_encrypted_objects.as_ref());
        let key = to.encryption_configuration.as_ref().and_then(|it| it.replica_kms_key_id.as_ref());
        if asked.is_some() && key.is_none() {
            let hint = "write `destination.encryptionConfiguration: {replicaKmsKeyId: …}`";
            let field = "/sourceSelectionCriteria/sseKmsEncryptedObjects";
            self.say(field, "objects under KMS without a key for their copies", hint);
        }
        if to.encryption_configuration.is_some() && asked.is_none() {
            let hint = "write `sourceSelectionCriteria: {sseKmsEncryptedObjects: {status: Enabled}}`, or leave it out";
            self.say("/destination/encryptionConfiguration", "a key for copies of objects that no rule copies", hint);
        }
        if let Some(key) = key.filter(|key| !is_key(key) && !is_alias(key)) {
            let message = format!("`{key}` is not the ARN of a KMS key");
            let hint = "write the ARN of the key or of its alias, in the destination's region";
            self.say("/destination/encryptionConfiguration/replicaKmsKeyId", message, hint);
        }
    }

    fn time(&mut self, to: &Destination) {
        let time = to.replication_time.as_ref();
        let promised = time.is_some_and(|it| it.status != Status::Disabled);
        let threshold = to.metrics.as_ref().and_then(|it| it.event_threshold);
        if promised && to.metrics.as_ref().is_none_or(|it| it.status == Status::Disabled) {
            let hint = "write `metrics: {status: Enabled}` beside it";
            self.say("/destination/replicationTime", "`replicationTime` without `metrics`", hint);
        }
        if threshold.is_some() && !promised {
            let hint = "leave the threshold out, or write `replicationTime: {status: Enabled}`";
            self.say("/destination/metrics/eventThreshold", "a threshold without `replicationTime`", hint);
        }
        let times = [
            ("/destination/replicationTime/time/minutes", time.and_then(|it| it.time)),
            ("/destination/metrics/eventThreshold/minutes", threshold),
        ];
        for (field, said) in times {
            if let Some(said) = said.filter(|said| *said != QUARTER) {
                self.say(field, format!("{} minutes", said.minutes), "S3 knows 15 only");
            }
        }
    }
}

/// The parts of an ARN: partition, service, region, account, resource.
fn arn(text: &str) -> Option<[&str; 5]> {
    let mut parts = text.strip_prefix("arn:")?.splitn(5, ':');
    let parts = [parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?];
    (!parts[0].is_empty() && !parts[4].is_empty()).then_some(parts)
}

/// MinIO names targets of replication in ARNs of its own, in the place of roles and of buckets.
fn is_minio(text: &str) -> bool {
    matches!(arn(text), Some(["minio", "replication", ..]))
}

fn is_role(text: &str) -> bool {
    let account = |id: &str| id.len() == 12 && id.bytes().all(|b| b.is_ascii_digit());
    let iam = |[_, service, region, id, resource]: [&str; 5]| {
        service == "iam"
            && region.is_empty()
            && account(id)
            && resource.strip_prefix("role/").is_some_and(|it| !it.is_empty())
    };
    arn(text).is_some_and(iam) || is_minio(text)
}

fn is_bucket(text: &str) -> bool {
    let s3 = |[_, service, region, account, name]: [&str; 5]| {
        service == "s3" && region.is_empty() && account.is_empty() && crate::bucket::BucketName::parse(name).is_ok()
    };
    arn(text).is_some_and(s3) || is_minio(text)
}

/// How long a value is as XML, near enough: every field has its name twice.
fn as_xml(json: &Json) -> usize {
    match json {
        Json::Object(fields) => fields
            .iter()
            .map(|(name, value)| match value {
                Json::Array(list) => list.iter().map(|value| element(name, value)).sum(),
                value => element(name, value),
            })
            .sum(),
        Json::Array(list) => list.iter().map(as_xml).sum(),
        Json::String(text) => text.len(),
        other => other.to_string().len(),
    }
}

fn element(name: &str, value: &Json) -> usize {
    2 * name.len() + "<></>".len() + as_xml(value)
}
