//! The settings of which a bucket holds many, each under an id: inventory, analytics, request
//! metrics, archive tiers of Intelligent-Tiering. One is got, put and deleted with `id=…`; without
//! an id a GET lists them, page by page.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use axum::body::Bytes;
use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::config::{Config, Word, Write};
use super::operation::Operation;
use super::refusal::Refusal;
use super::xml::Node;

/// Configurations of one kind on a bucket (API pages of the PUTs, TooManyConfigurations).
const MOST: usize = 1_000;
/// Configurations on a page (API pages of the lists: "does not return more than 100").
const PAGE: usize = 100;
/// Characters of an id (API page MetricsConfiguration).
const LONGEST_ID: usize = 64;

/// The sets of a bucket.
#[derive(Debug, Clone, Default)]
pub(super) struct Sets {
    inventory: Set,
    analytics: Set,
    metrics: Set,
    tiering: Set,
}

type Set = BTreeMap<String, Node>;

impl Sets {
    fn of(&self, word: Word) -> &Set {
        match word {
            Word::Inventory => &self.inventory,
            Word::Analytics => &self.analytics,
            Word::Metrics => &self.metrics,
            _ => &self.tiering,
        }
    }

    fn of_mut(&mut self, word: Word) -> &mut Set {
        match word {
            Word::Inventory => &mut self.inventory,
            Word::Analytics => &mut self.analytics,
            Word::Metrics => &mut self.metrics,
            _ => &mut self.tiering,
        }
    }
}

/// Whether a sub-resource is one of these.
pub(super) fn is_keyed(word: Word) -> bool {
    matches!(word, Word::Inventory | Word::Analytics | Word::Metrics | Word::IntelligentTiering)
}

/// The operation that a method means for one of these with these parameters.
pub(super) fn route(method: &Method, word: Word, parameters: &[&(String, String)]) -> Option<Operation> {
    match parameters {
        [] => Operation::route(method, Some(word)).filter(|_| *method == Method::GET),
        [(key, _)] if key == "continuation-token" => Operation::route(method, Some(word)).filter(|it| !it.writes()),
        [(key, id)] if key == "id" && !id.is_empty() => match *method {
            Method::GET => Some(match word {
                Word::Inventory => Operation::GetBucketInventoryConfiguration,
                Word::Analytics => Operation::GetBucketAnalyticsConfiguration,
                Word::Metrics => Operation::GetBucketMetricsConfiguration,
                _ => Operation::GetBucketIntelligentTieringConfiguration,
            }),
            _ => Operation::route(method, Some(word)),
        },
        _ => None,
    }
}

/// The root of one, and of the list (API pages of the GETs and lists).
fn roots(word: Word) -> (&'static str, &'static str) {
    match word {
        Word::Inventory => ("InventoryConfiguration", "ListInventoryConfigurationsResult"),
        Word::Analytics => ("AnalyticsConfiguration", "ListBucketAnalyticsConfigurationResult"),
        Word::Metrics => ("MetricsConfiguration", "ListMetricsConfigurationsResult"),
        _ => ("IntelligentTieringConfiguration", "ListBucketIntelligentTieringConfigurationsOutput"),
    }
}

fn no_such() -> Refusal {
    Refusal::new(404, "NoSuchConfiguration", "The specified configuration does not exist.")
}

/// What GET answers: one of them, or a page of all.
///
/// # Errors
/// When there is none of this id, or nothing goes on with this token.
pub(super) fn get(config: &Config, word: Word, id: Option<&str>, token: Option<&str>) -> Result<Bytes, Refusal> {
    let set = config.sets.of(word);
    if let Some(id) = id {
        return set.get(id).map(Node::document).ok_or_else(no_such);
    }
    let after = match token {
        None => Bound::Unbounded,
        Some(token) => {
            let last = URL_SAFE_NO_PAD.decode(token).ok().and_then(|id| String::from_utf8(id).ok());
            Bound::Excluded(last.ok_or_else(|| Refusal::argument("The continuation token provided is incorrect"))?)
        }
    };
    let mut rest = set.range::<String, _>((after, Bound::Unbounded));
    let page: Vec<(&String, &Node)> = rest.by_ref().take(PAGE).collect();
    let more = rest.next().is_some();
    let mut fields: Vec<Node> = page.iter().map(|(_, node)| (*node).clone()).collect();
    fields.extend(token.map(|token| Node::leaf("ContinuationToken", token)));
    fields.push(Node::leaf("IsTruncated", if more { "true" } else { "false" }));
    if let (true, Some((last, _))) = (more, page.last()) {
        fields.push(Node::leaf("NextContinuationToken", URL_SAFE_NO_PAD.encode(last.as_bytes())));
    }
    Ok(Node::of(roots(word).1, fields).document())
}

/// Adds or replaces one.
///
/// # Errors
/// The refusal of this content.
pub(super) fn put(config: &mut Config, word: Word, write: &Write<'_>) -> Result<(), Refusal> {
    let sent = write.xml(roots(word).0)?;
    match word {
        Word::Inventory => inventory(&sent)?,
        Word::Analytics => analytics(&sent)?,
        Word::Metrics => filter(&sent, &["Prefix", "Tag", "AccessPointArn"])?,
        _ => tiering(&sent)?,
    }
    let id = write.id.unwrap_or_default();
    if sent.get("Id") != Some(id) {
        return Err(Refusal::new(400, "IdMismatch", "Document ID does not match the specified configuration ID."));
    }
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if id.len() > LONGEST_ID || !id.chars().all(legal) {
        return Err(Refusal::argument("The ID of the configuration is not valid"));
    }
    let set = config.sets.of_mut(word);
    if !set.contains_key(id) && set.len() == MOST {
        let said = "You are attempting to create a new configuration but have already reached the 1,000-configuration \
                    limit.";
        return Err(Refusal::new(400, "TooManyConfigurations", said));
    }
    set.insert(id.to_owned(), sent);
    Ok(())
}

/// Removes one.
///
/// # Errors
/// When there is none of this id.
pub(super) fn delete(config: &mut Config, word: Word, id: &str) -> Result<(), Refusal> {
    config.sets.of_mut(word).remove(id).map(drop).ok_or_else(no_such)
}

/// A filter has one predicate, or `And` around several.
fn filter(sent: &Node, predicates: &[&str]) -> Result<(), Refusal> {
    let Some(filter) = sent.child("Filter") else { return Ok(()) };
    let inner = match filter.children.as_slice() {
        [and] if and.name == "And" && and.children.len() > 1 => and,
        [one] if one.name != "And" => filter,
        _ => return Err(Refusal::malformed()),
    };
    let tag = |tag: &Node| tag.child("Key").is_some() && tag.child("Value").is_some();
    let known = inner.children.iter().all(|it| predicates.contains(&it.name.as_str()));
    let single = predicates.iter().all(|name| *name == "Tag" || inner.count(name) <= 1);
    if known && single && inner.all("Tag").all(tag) { Ok(()) } else { Err(Refusal::malformed()) }
}

/// The bucket that takes reports, in these formats.
fn destination(parent: &Node, formats: &[&str]) -> Result<Node, Refusal> {
    let destination = parent.child("Destination").and_then(|it| it.child("S3BucketDestination"));
    let destination = destination.ok_or_else(Refusal::malformed)?;
    let bucket = destination.get("Bucket").ok_or_else(Refusal::malformed)?;
    if !destination.get("Format").is_some_and(|format| formats.contains(&format)) {
        return Err(Refusal::malformed());
    }
    let name = bucket.strip_prefix("arn:aws").and_then(|rest| rest.split_once(":s3:::")).map(|(_, name)| name);
    if name.is_none_or(str::is_empty) {
        return Err(Refusal::new(400, "InvalidS3DestinationBucket", "Invalid bucket ARN."));
    }
    Ok(destination.clone())
}

const FIELDS: [&str; 19] = [
    "Size",
    "LastModifiedDate",
    "StorageClass",
    "ETag",
    "IsMultipartUploaded",
    "ReplicationStatus",
    "EncryptionStatus",
    "ObjectLockRetainUntilDate",
    "ObjectLockMode",
    "ObjectLockLegalHoldStatus",
    "ObjectLockEventHoldDuration",
    "ObjectLockEventHoldStatus",
    "IntelligentTieringAccessTier",
    "IntelligentTieringReferenceDate",
    "BucketKeyStatus",
    "ChecksumAlgorithm",
    "ObjectAccessControlList",
    "ObjectOwner",
    "LifecycleExpirationDate",
];

fn inventory(sent: &Node) -> Result<(), Refusal> {
    let is = |node: &Node, field: &str, words: &[&str]| node.get(field).is_some_and(|said| words.contains(&said));
    let schedule = sent.child("Schedule").is_some_and(|it| is(it, "Frequency", &["Daily", "Weekly"]));
    let fields = sent.child("OptionalFields").is_none_or(|list| {
        list.children.iter().all(|field| field.name == "Field" && FIELDS.contains(&field.text.as_str()))
    });
    if !(schedule
        && fields
        && is(sent, "IsEnabled", &["true", "false"])
        && is(sent, "IncludedObjectVersions", &["All", "Current"]))
    {
        return Err(Refusal::malformed());
    }
    filter(sent, &["Prefix"])?;
    let destination = destination(sent, &["CSV", "ORC", "Parquet"])?;
    match destination.child("Encryption").map(|it| it.children.as_slice()) {
        None => Ok(()),
        Some([one]) if one.name == "SSE-S3" => Ok(()),
        Some([one]) if one.name == "SSE-KMS" && one.get("KeyId").is_some_and(|key| !key.is_empty()) => Ok(()),
        Some(_) => Err(Refusal::malformed()),
    }
}

fn analytics(sent: &Node) -> Result<(), Refusal> {
    filter(sent, &["Prefix", "Tag"])?;
    let analysis = sent.child("StorageClassAnalysis").ok_or_else(Refusal::malformed)?;
    let Some(export) = analysis.child("DataExport") else { return Ok(()) };
    if export.get("OutputSchemaVersion") != Some("V_1") {
        return Err(Refusal::malformed());
    }
    destination(export, &["CSV"]).map(drop)
}

fn tiering(sent: &Node) -> Result<(), Refusal> {
    filter(sent, &["Prefix", "Tag"])?;
    if !matches!(sent.get("Status"), Some("Enabled" | "Disabled")) || sent.count("Tiering") == 0 {
        return Err(Refusal::malformed());
    }
    let mut tiers = BTreeSet::new();
    for tiering in sent.all("Tiering") {
        let tier = tiering.get("AccessTier").unwrap_or_default();
        let least = match tier {
            "ARCHIVE_ACCESS" => 90,
            "DEEP_ARCHIVE_ACCESS" => 180,
            _ => return Err(Refusal::malformed()),
        };
        let days = tiering.get("Days").and_then(|days| days.parse::<i64>().ok()).ok_or_else(Refusal::malformed)?;
        if !tiers.insert(tier) || !(least..=730).contains(&days) {
            return Err(Refusal::argument(format!("The Tiering of {tier} is not valid")));
        }
    }
    Ok(())
}
