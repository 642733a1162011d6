//! Replication rules (API page PutBucketReplication). Nothing is copied.

use std::collections::HashSet;

use super::config::{Config, Versioning, Word, Write};
use super::refusal::Refusal;
use super::rules::generated;
use super::xml::Node;

/// Rules that a configuration can have.
const MOST: usize = 1000;

const CLASSES: [&str; 8] = [
    "STANDARD",
    "REDUCED_REDUNDANCY",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER_IR",
    "GLACIER",
    "DEEP_ARCHIVE",
];

pub(super) fn put(config: &mut Config, write: &Write<'_>) -> Result<(), Refusal> {
    let mut sent = write.xml("ReplicationConfiguration")?;
    let role = sent.get("Role").ok_or_else(Refusal::malformed)?;
    let is_role = role.strip_prefix("arn:").and_then(|rest| rest.split_once(":iam::")).is_some_and(|(_, rest)| {
        rest.split_once(":role/").is_some_and(|(account, name)| account.len() == 12 && !name.is_empty())
    });
    if !is_role {
        return Err(Refusal::argument("Invalid Role specified in replication configuration"));
    }
    if config.versioning != Versioning::Enabled {
        let said = "Versioning must be 'Enabled' on the bucket to apply a replication configuration";
        return Err(Refusal::request(said));
    }
    if !(1..=MOST).contains(&sent.count("Rule")) || sent.count("Rule") + sent.count("Role") != sent.children.len() {
        return Err(Refusal::malformed());
    }
    let second = sent.all("Rule").all(|rule| rule.child("Filter").is_some());
    let (mut ids, mut priorities) = (HashSet::new(), HashSet::new());
    let rules = sent.children.iter_mut().filter(|child| child.name == "Rule");
    for (place, rule) in rules.enumerate() {
        check(rule, second, write)?;
        let id = match rule.get("ID") {
            Some(id) if id.chars().count() > 255 => {
                return Err(Refusal::argument("Rule Id cannot be greater than 255"));
            }
            Some(id) if !id.is_empty() => id.to_owned(),
            _ => {
                let id = generated(write, place);
                rule.children.retain(|child| child.name != "ID");
                rule.children.insert(0, Node::leaf("ID", &id));
                id
            }
        };
        if !ids.insert(id) {
            return Err(Refusal::argument("Rule Id must be unique"));
        }
        if let Some(priority) = rule.get("Priority") {
            let number = priority.parse::<i64>().map_err(|_| Refusal::malformed())?;
            if !(0..=i64::from(i32::MAX)).contains(&number) {
                return Err(Refusal::request("Priority must be between 0 and 2147483647."));
            }
            if !priorities.insert(number) {
                return Err(Refusal::request(format!("Found duplicate priority {number}.")));
            }
        }
    }
    config.set(Word::Replication, &sent);
    Ok(())
}

/// `Enabled` or `Disabled`, where the element is there.
fn status(node: Option<&Node>) -> Result<Option<bool>, Refusal> {
    match node.map(|node| node.get("Status")) {
        None => Ok(None),
        Some(Some("Enabled")) => Ok(Some(true)),
        Some(Some("Disabled")) => Ok(Some(false)),
        Some(_) => Err(Refusal::malformed()),
    }
}

fn check(rule: &Node, second: bool, write: &Write<'_>) -> Result<(), Refusal> {
    status(Some(rule))?;
    // "This parameter is no longer supported" (API page ReplicationRule).
    if rule.child("ExistingObjectReplication").is_some() {
        return Err(Refusal::malformed());
    }
    let by_tag = match (rule.child("Filter"), rule.child("Prefix")) {
        (Some(filter), None) => check_filter(filter)?,
        (None, Some(_)) => false,
        _ => return Err(Refusal::malformed()),
    };
    for field in ["Priority", "DeleteMarkerReplication"] {
        let restriction = match (second, rule.child(field).is_some()) {
            (true, false) => "must be specified",
            (false, true) => "cannot be used",
            _ => continue,
        };
        return Err(Refusal::request(format!(
            "{field} {restriction} for this version of Cross Region Replication configuration schema. Please refer to \
             S3 Developer Guide for more information."
        )));
    }
    if status(rule.child("DeleteMarkerReplication"))? == Some(true) && by_tag {
        return Err(Refusal::request(
            "Delete marker replication is not supported if any Tag filter is specified. Please refer to S3 Developer \
             Guide for more information.",
        ));
    }
    let criteria = rule.child("SourceSelectionCriteria");
    let kms = status(criteria.and_then(|it| it.child("SseKmsEncryptedObjects")))?;
    let replicas = status(criteria.and_then(|it| it.child("ReplicaModifications")))?;
    if criteria.is_some() && kms.is_none() && replicas.is_none() {
        return Err(Refusal::request("SourceSelectionCriteria cannot be empty."));
    }
    check_destination(rule.child("Destination").ok_or_else(Refusal::malformed)?, kms.is_some(), write)
}

/// Whether the filter asks for tags.
fn check_filter(filter: &Node) -> Result<bool, Refusal> {
    let inner = match filter.children.as_slice() {
        [] => return Ok(false),
        [and] if and.name == "And" && and.children.len() > 1 => and,
        [one] if one.name == "Prefix" || one.name == "Tag" => filter,
        _ => return Err(Refusal::malformed()),
    };
    let keys: Vec<&str> = inner.all("Tag").map(|tag| tag.get("Key").unwrap_or_default()).collect();
    if keys.iter().collect::<HashSet<_>>().len() != keys.len() {
        return Err(Refusal::request("Duplicate Tag Keys are not allowed."));
    }
    Ok(!keys.is_empty())
}

fn check_destination(to: &Node, kms: bool, write: &Write<'_>) -> Result<(), Refusal> {
    let arn = to.get("Bucket").ok_or_else(Refusal::malformed)?;
    let name = arn.strip_prefix("arn:").and_then(|rest| rest.split_once(":s3:::")).map(|(_, name)| name);
    let name = name.ok_or_else(|| Refusal::argument("Invalid bucket ARN"))?;
    if name == write.bucket {
        return Err(Refusal::request("Destination bucket cannot be the same as the source bucket."));
    }
    match (write.keeps_versions)(name) {
        None => return Err(Refusal::request("Destination bucket must exist.")),
        Some(false) => return Err(Refusal::request("Destination bucket must have versioning enabled.")),
        Some(true) => {}
    }
    if to.get("StorageClass").is_some_and(|class| !CLASSES.contains(&class)) {
        return Err(Refusal::malformed());
    }
    if let Some(translation) = to.child("AccessControlTranslation") {
        if translation.get("Owner") != Some("Destination") {
            return Err(Refusal::malformed());
        }
        if to.child("Account").is_none() {
            return Err(Refusal::request(
                "Account must be specified if the Owner in AccessControlTranslation has a value",
            ));
        }
    }
    let key = to.child("EncryptionConfiguration").map(|it| it.get("ReplicaKmsKeyID").unwrap_or_default());
    match key {
        Some(_) if !kms => {
            return Err(Refusal::request(
                "SseKmsEncryptedObjects must be specified if EncryptionConfiguration is present.",
            ));
        }
        None | Some("") if kms => {
            return Err(Refusal::request(
                "ReplicaKmsKeyID must be specified if SseKmsEncryptedObjects tag is present.",
            ));
        }
        Some(key) if !key.starts_with("arn:") => return Err(Refusal::argument("Invalid ReplicaKmsKeyID ARN.")),
        _ => {}
    }
    check_time(to)
}

fn check_time(to: &Node) -> Result<(), Refusal> {
    let minutes = |node: Option<&Node>| node.and_then(|it| it.get("Minutes")).map(str::to_owned);
    let time = to.child("ReplicationTime");
    let metrics = to.child("Metrics");
    status(metrics)?;
    let promised = status(time)?;
    if let Some(time) = time {
        if metrics.is_none() {
            return Err(Refusal::request(
                "Replication destination must contain both ReplicationTime and Metrics or neither.",
            ));
        }
        if minutes(time.child("Time")).as_deref() != Some("15") {
            return Err(Refusal::argument("Invalid time minute value"));
        }
    }
    let threshold = metrics.and_then(|it| it.child("EventThreshold"));
    match (promised, threshold) {
        (Some(true), None) => Err(Refusal::argument("ReplicationMetrics must contain an event threshold")),
        (Some(true), threshold) if minutes(threshold).as_deref() != Some("15") => {
            Err(Refusal::argument("Invalid event threshold minute value"))
        }
        (None | Some(false), Some(_)) => Err(Refusal::argument(
            "Metrics cannot contain an event threshold when ReplicationTime is not specified or Disabled",
        )),
        _ => Ok(()),
    }
}
