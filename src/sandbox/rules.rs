//! Lifecycle rules (API page PutBucketLifecycleConfiguration).

use std::collections::HashSet;

use base64::Engine;
use sha2::{Digest, Sha256};

use super::config::{Config, Word, Write};
use super::refusal::Refusal;
use super::xml::Node;

/// The header of what transitions when nobody said; its default since September 2024.
pub(super) const MINIMUM_SIZE: &str = "all_storage_classes_128K";
/// Its name.
pub(super) const MINIMUM_SIZE_HEADER: &str = "x-amz-transition-default-minimum-object-size";

/// Rules that a configuration can have (User Guide, "Lifecycle configuration elements").
const MOST: usize = 1000;

const ACTIONS: [&str; 5] = [
    "Expiration",
    "Transition",
    "NoncurrentVersionExpiration",
    "NoncurrentVersionTransition",
    "AbortIncompleteMultipartUpload",
];
const CLASSES: [&str; 6] =
    ["GLACIER", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "DEEP_ARCHIVE", "GLACIER_IR"];

pub(super) fn put(config: &mut Config, write: &Write<'_>) -> Result<(), Refusal> {
    let minimum = match write.header(MINIMUM_SIZE_HEADER) {
        None | Some(MINIMUM_SIZE) => MINIMUM_SIZE,
        Some("varies_by_storage_class") => "varies_by_storage_class",
        Some(_) => return Err(Refusal::argument("Invalid value for the default minimum object size")),
    };
    let mut sent = write.xml("LifecycleConfiguration")?;
    if !(1..=MOST).contains(&sent.children.len()) || sent.count("Rule") != sent.children.len() {
        return Err(Refusal::malformed());
    }
    let mut ids = HashSet::new();
    for (place, rule) in sent.children.iter_mut().enumerate() {
        check(rule)?;
        let id = match rule.get("ID") {
            Some(id) if id.chars().count() > 255 => {
                return Err(Refusal::argument("ID length should not exceed allowed limit of 255"));
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
            return Err(Refusal::argument("Rule ID must be unique. Found same ID for more than one rule"));
        }
    }
    config.minimum_size = minimum;
    config.set(Word::Lifecycle, &sent);
    Ok(())
}

/// An id as S3 makes one when a rule has none: 48 characters, different each time.
pub(super) fn generated(write: &Write<'_>, place: usize) -> String {
    let digest = Sha256::digest(format!("{} {} {place}", write.bucket, write.number));
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode([&digest[..], &digest[..4]].concat())
}

fn check(rule: &Node) -> Result<(), Refusal> {
    if !matches!(rule.get("Status"), Some("Enabled" | "Disabled")) {
        return Err(Refusal::malformed());
    }
    let by_tag = match (rule.child("Filter"), rule.child("Prefix")) {
        (Some(filter), None) => check_filter(filter)?,
        (None, Some(_)) => false,
        _ => return Err(Refusal::malformed()),
    };
    if !ACTIONS.iter().any(|action| rule.child(action).is_some()) {
        return Err(Refusal::request("At least one action needs to be specified in a rule"));
    }
    for single in ["Expiration", "NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"] {
        if rule.count(single) > 1 {
            return Err(Refusal::malformed());
        }
    }
    check_current(rule, by_tag)?;
    check_noncurrent(rule)?;
    if let Some(abort) = rule.child("AbortIncompleteMultipartUpload") {
        if by_tag {
            return Err(Refusal::request("AbortIncompleteMultipartUpload cannot be specified with Tags."));
        }
        positive(abort, "DaysAfterInitiation", "AbortIncompleteMultipartUpload")?.ok_or_else(Refusal::malformed)?;
    }
    Ok(())
}

/// Whether the filter asks for tags.
fn check_filter(filter: &Node) -> Result<bool, Refusal> {
    const SINGLE: [&str; 4] = ["Prefix", "Tag", "ObjectSizeGreaterThan", "ObjectSizeLessThan"];
    let sizes = |node: &Node| {
        ["ObjectSizeGreaterThan", "ObjectSizeLessThan"]
            .iter()
            .all(|size| node.get(size).is_none_or(|n| n.parse::<u64>().is_ok()))
    };
    let tags = |node: &Node| node.all("Tag").all(|tag| tag.child("Key").is_some() && tag.child("Value").is_some());
    let said: Vec<&Node> = filter.children.iter().collect();
    let inner = match said.as_slice() {
        [] => return Ok(false),
        [and] if and.name == "And" => {
            // One predicate is no conjunction.
            if and.children.len() < 2 || !and.children.iter().all(|child| SINGLE.contains(&child.name.as_str())) {
                return Err(Refusal::malformed());
            }
            and
        }
        [one] if SINGLE.contains(&one.name.as_str()) => filter,
        _ => return Err(Refusal::malformed()),
    };
    let keys: Vec<Option<&str>> = inner.all("Tag").map(|tag| tag.get("Key")).collect();
    if keys.iter().collect::<HashSet<_>>().len() != keys.len() {
        return Err(Refusal::request("Duplicate Tag Keys are not allowed."));
    }
    if sizes(inner) && tags(inner) { Ok(!keys.is_empty()) } else { Err(Refusal::malformed()) }
}

fn check_current(rule: &Node, by_tag: bool) -> Result<(), Refusal> {
    let mut latest = None;
    let mut classes = HashSet::new();
    for transition in rule.all("Transition") {
        let class = class(transition)?;
        if !classes.insert(class) {
            return Err(Refusal::request(format!(
                "'StorageClass' must be different for 'Transition' actions in same 'Rule': {class}"
            )));
        }
        match (transition.get("Days"), transition.get("Date")) {
            (Some(days), None) => {
                let days = days.parse::<i64>().map_err(|_| Refusal::malformed())?;
                if days < 0 {
                    return Err(Refusal::argument("'Days' in Transition action must be nonnegative"));
                }
                if days < 30 && matches!(class, "STANDARD_IA" | "ONEZONE_IA") {
                    return Err(Refusal::argument(format!(
                        "'Days' in Transition action must be greater than or equal to 30 for storageClass '{class}'"
                    )));
                }
                latest = latest.max(Some(days));
            }
            (None, Some(date)) => midnight(date)?,
            _ => return Err(Refusal::malformed()),
        }
    }
    let Some(expiration) = rule.child("Expiration") else { return Ok(()) };
    let days = positive(expiration, "Days", "Expiration")?;
    match (days, expiration.get("Date"), expiration.get("ExpiredObjectDeleteMarker")) {
        (Some(days), None, None) => {
            if latest.is_some_and(|latest| days <= latest) {
                return Err(Refusal::argument(
                    "'Days' in the Expiration action must be greater than 'Days' in the Transition action",
                ));
            }
        }
        (None, Some(date), None) => midnight(date)?,
        (None, None, Some("true" | "false")) => {
            if by_tag {
                return Err(Refusal::request("ExpiredObjectDeleteMarker cannot be specified with Tags."));
            }
        }
        _ => return Err(Refusal::malformed()),
    }
    Ok(())
}

fn check_noncurrent(rule: &Node) -> Result<(), Refusal> {
    let newer = |action: &Node| match action.get("NewerNoncurrentVersions").map(str::parse::<i64>) {
        None => Ok(()),
        Some(Ok(1..=100)) => Ok(()),
        Some(Ok(_)) => Err(Refusal::argument("'NewerNoncurrentVersions' must be between 1 and 100")),
        Some(Err(_)) => Err(Refusal::malformed()),
    };
    for transition in rule.all("NoncurrentVersionTransition") {
        let class = class(transition)?;
        let days = transition.get("NoncurrentDays").and_then(|days| days.parse::<i64>().ok());
        let days = days.ok_or_else(Refusal::malformed)?;
        if days < 0 || (days < 30 && matches!(class, "STANDARD_IA" | "ONEZONE_IA")) {
            return Err(Refusal::argument(format!(
                "'NoncurrentDays' in NoncurrentVersionTransition action must be greater than or equal to 30 for \
                 storageClass '{class}'"
            )));
        }
        newer(transition)?;
    }
    if let Some(expiration) = rule.child("NoncurrentVersionExpiration") {
        positive(expiration, "NoncurrentDays", "NoncurrentVersionExpiration")?.ok_or_else(Refusal::malformed)?;
        newer(expiration)?;
    }
    Ok(())
}

fn class(transition: &Node) -> Result<&str, Refusal> {
    transition.get("StorageClass").filter(|class| CLASSES.contains(class)).ok_or_else(Refusal::malformed)
}

fn positive(action: &Node, field: &str, name: &str) -> Result<Option<i64>, Refusal> {
    match action.get(field).map(str::parse::<i64>) {
        None => Ok(None),
        Some(Ok(days)) if days > 0 => Ok(Some(days)),
        Some(Ok(_)) => Err(Refusal::argument(format!("'{field}' for {name} action must be a positive integer"))),
        Some(Err(_)) => Err(Refusal::malformed()),
    }
}

fn midnight(date: &str) -> Result<(), Refusal> {
    let date =
        chrono::DateTime::parse_from_rfc3339(date).map(|date| date.to_utc()).map_err(|_| Refusal::malformed())?;
    if date.time() == chrono::NaiveTime::MIN {
        Ok(())
    } else {
        Err(Refusal::argument("'Date' must be at midnight GMT"))
    }
}
