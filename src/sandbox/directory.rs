//! Directory buckets: made, listed, and configured as far as they can be (User Guide, "Differences
//! for directory buckets").

use std::sync::Arc;

use super::buckets::{Bucket, Buckets};
use super::config::{Config, Word, Write};
use super::http::{Call, Reply};
use super::refusal::Refusal;
use super::tagging;
use super::xml::Node;
use crate::bucket::{BucketName, Region};
use crate::clock::Timestamp;

/// Directory buckets in one page at most (API page ListDirectoryBuckets).
const PAGE: usize = 1_000;

/// Whether a name is one of a directory bucket.
pub(super) fn is_one(name: &str) -> bool {
    name.ends_with("--x-s3")
}

/// Refuses what directory buckets do not know: most sub-resources, and the header by which the
/// owner is named, which "fails with the HTTP status code 501 Not Implemented" (API pages).
pub(super) fn check(call: &Call) -> Result<(), Refusal> {
    if !is_one(&call.bucket) {
        return Ok(());
    }
    if call.headers.contains_key("x-amz-expected-bucket-owner") {
        return Err(Refusal::new(
            501,
            "NotImplemented",
            "A header you provided implies functionality that is not implemented",
        ));
    }
    match call.operation.word() {
        None | Some(Word::Encryption | Word::Lifecycle | Word::Policy) => Ok(()),
        Some(_) => {
            let said = "The specified method is not allowed against this resource.";
            Err(Refusal::new(405, "MethodNotAllowed", said))
        }
    }
}

/// Judges a change by what directory buckets take.
pub(super) fn judge(bucket: &str, word: Word, write: &Write<'_>) -> Result<(), Refusal> {
    if !is_one(bucket) {
        return Ok(());
    }
    let refused = |said: &'static str| Err(Refusal::request(said));
    match word {
        Word::Encryption => {
            let sent = write.xml("ServerSideEncryptionConfiguration")?;
            let apply = sent.child("Rule").and_then(|rule| rule.child("ApplyServerSideEncryptionByDefault"));
            match apply.and_then(|apply| apply.get("SSEAlgorithm")) {
                None | Some("AES256") => Ok(()),
                Some("aws:kms") if apply.is_some_and(|apply| apply.child("KMSMasterKeyID").is_none()) => {
                    refused("Directory buckets need a customer managed key")
                }
                Some("aws:kms")
                    if sent.child("Rule").and_then(|rule| rule.get("BucketKeyEnabled")) == Some("false") =>
                {
                    refused("The bucket key of a directory bucket cannot be disabled")
                }
                Some("aws:kms") => Ok(()),
                Some(_) => refused("Directory buckets take AES256 and aws:kms"),
            }
        }
        Word::Lifecycle => {
            let sent = write.xml("LifecycleConfiguration")?;
            let lacking = ["Transition", "NoncurrentVersionTransition", "NoncurrentVersionExpiration"];
            let tagged = |rule: &Node| {
                let filter = rule.child("Filter");
                let and = filter.and_then(|filter| filter.child("And"));
                [filter, and].into_iter().flatten().any(|part| part.child("Tag").is_some())
            };
            if sent.all("Rule").any(|rule| tagged(rule) || lacking.iter().any(|name| rule.child(name).is_some())) {
                return refused("Directory buckets expire objects and abort uploads, and nothing else");
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Judges a creation: name and body must say the same zone, and the zone must be of this region.
pub(super) fn create(
    buckets: &Buckets,
    call: &Call,
    asked: &Node,
    served: &Region,
    now: Timestamp,
) -> Result<Bucket, Refusal> {
    let name = BucketName::parse(&call.bucket).map_err(|_| Refusal::request("The name is not one"))?;
    let zone = name.zone().ok_or_else(|| Refusal::request("The name has no zone"))?;
    for header in ["x-amz-acl", "x-amz-object-ownership", "x-amz-bucket-object-lock-enabled", "x-amz-bucket-namespace"]
    {
        if call.headers.contains_key(header) {
            return Err(Refusal::new(501, "NotImplemented", "A header you provided is not for directory buckets"));
        }
    }
    let (kind, redundancy) = match zone.is_local() {
        true => ("LocalZone", "SingleLocalZone"),
        false => ("AvailabilityZone", "SingleAvailabilityZone"),
    };
    let said = |part: &str, field: &str| asked.child(part).and_then(|part| part.get(field));
    if said("Location", "Type") != Some(kind) || said("Location", "Name") != Some(zone.id()) {
        return Err(Refusal::request("The location of a directory bucket must be the zone of its name"));
    }
    if said("Bucket", "Type") != Some("Directory") || said("Bucket", "DataRedundancy") != Some(redundancy) {
        return Err(Refusal::request("The type and redundancy of a directory bucket must be those of its zone"));
    }
    let here = call.signed_region.as_deref().and_then(|region| Region::parse(region).ok());
    let region = here.unwrap_or_else(|| served.clone());
    if zone.region().is_some_and(|of_zone| of_zone != region) {
        return Err(Refusal::new(400, "InvalidBucketName", "The zone of the name is not one of this region."));
    }
    if let Some(old) = buckets.get(&*call.bucket) {
        let code = if old.owner == call.account { "BucketAlreadyOwnedByYou" } else { "BucketAlreadyExists" };
        return Err(Refusal::new(409, code, "The requested bucket name is not available in this zone."));
    }
    let mut config = Config::fresh(&call.account);
    if let Some(tags) = asked.child("Tags") {
        config.tags = tagging::parse(tags, &[])?;
    }
    Ok(Bucket { owner: call.account.clone(), region, eu: false, created: now, config: Arc::new(config) })
}

/// One page of the account's directory buckets in this region.
pub(super) fn list(buckets: &Buckets, call: &Call, served: &Region) -> Result<Reply, Refusal> {
    let most = match call.query("max-directory-buckets").map(str::parse::<usize>) {
        Some(Ok(most @ 0..=PAGE)) => most.max(1),
        _ => return Err(Refusal::argument("max-directory-buckets must be an integer between 0 and 1000")),
    };
    let here = call.signed_region.as_deref().unwrap_or(served.as_str());
    let after = call.query("continuation-token").unwrap_or_default();
    let mine = |name: &str, bucket: &Bucket| {
        is_one(name) && name > after && bucket.owner == call.account && bucket.region.as_str() == here
    };
    let mut page = buckets.iter().filter(|(name, bucket)| mine(name, bucket));
    let shown: Vec<(&Arc<str>, &Bucket)> = page.by_ref().take(most).collect();
    let element = |(name, bucket): &(&Arc<str>, &Bucket)| {
        let created = bucket.created.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        let arn = format!("arn:{}:s3express:{here}:{}:bucket/{name}", bucket.region.partition(), bucket.owner);
        Node::of(
            "Bucket",
            vec![
                Node::leaf("BucketArn", arn),
                Node::leaf("CreationDate", created),
                Node::leaf("Name", name.to_string()),
            ],
        )
    };
    let mut fields = vec![Node::of("Buckets", shown.iter().map(element).collect())];
    if let (true, Some((last, _))) = (page.next().is_some(), shown.last()) {
        fields.push(Node::leaf("ContinuationToken", last.to_string()));
    }
    Ok(Reply::xml(Node::of("ListAllMyDirectoryBucketsResult", fields).document()))
}
