//! ACK: `Bucket` manifests of the AWS Controllers for Kubernetes (`s3.services.k8s.aws/v1alpha1`).

use serde_json::Value;

use super::shapes::{date, empty, json_text, lock, no_switches, on_by_itself, pairs, scalar};
use super::table::{self, Row, Step, bare, count, known, never, on, same, shape, switch, word};
use super::{Fleet, Rank};

const NO_ID: &str = "a grant by a header names nobody by the canonical id";

const BUCKET: &[Row] = &[
    known("name"),
    // Counts when a bucket is made, and names of an account's own namespace say it themselves.
    known("namespace"),
    known("bucketNamespace"),
    known("createBucketConfiguration.locationConstraint"),
    same("abac.status", "abac.status"),
    same("accelerate.status", "accelerate.status"),
    same("acl", "acl"),
    same("analytics[*].id", "analytics.configurations[*].id"),
    same("analytics[*].filter.prefix", "analytics.configurations[*].filter.prefix"),
    shape("analytics[*].filter.tag", "analytics.configurations[*].filter.tags", pairs),
    same("analytics[*].filter.and.prefix", "analytics.configurations[*].filter.prefix"),
    shape("analytics[*].filter.and.tags", "analytics.configurations[*].filter.tags", pairs),
    same(
        "analytics[*].storageClassAnalysis.dataExport.outputSchemaVersion",
        "analytics.configurations[*].dataExport.outputSchemaVersion",
    ),
    same(
        "analytics[*].storageClassAnalysis.dataExport.destination.s3BucketDestination.bucketAccountID",
        "analytics.configurations[*].dataExport.destination.accountId",
    ),
    same(
        "analytics[*].storageClassAnalysis.dataExport.destination.s3BucketDestination.bucket",
        "analytics.configurations[*].dataExport.destination.bucket",
    ),
    same(
        "analytics[*].storageClassAnalysis.dataExport.destination.s3BucketDestination.format",
        "analytics.configurations[*].dataExport.destination.format",
    ),
    same(
        "analytics[*].storageClassAnalysis.dataExport.destination.s3BucketDestination.prefix",
        "analytics.configurations[*].dataExport.destination.prefix",
    ),
    same("cors.corsRules[*].allowedHeaders", "cors.rules[*].allowedHeaders"),
    same("cors.corsRules[*].allowedMethods", "cors.rules[*].allowedMethods"),
    same("cors.corsRules[*].allowedOrigins", "cors.rules[*].allowedOrigins"),
    same("cors.corsRules[*].exposeHeaders", "cors.rules[*].exposeHeaders"),
    same("cors.corsRules[*].id", "cors.rules[*].id"),
    count("cors.corsRules[*].maxAgeSeconds", "cors.rules[*].maxAgeSeconds"),
    same("encryption.rules[0].applyServerSideEncryptionByDefault.kmsMasterKeyID", "encryption.kmsKeyId"),
    same("encryption.rules[0].applyServerSideEncryptionByDefault.sseAlgorithm", "encryption.algorithm"),
    switch("encryption.rules[0].bucketKeyEnabled", "encryption.bucketKey"),
    same("encryption.rules[0].blockedEncryptionTypes.encryptionType", "encryption.blockedEncryptionTypes"),
    never("grantFullControl", NO_ID),
    never("grantRead", NO_ID),
    never("grantReadACP", NO_ID),
    never("grantWrite", NO_ID),
    never("grantWriteACP", NO_ID),
    same("intelligentTiering[*].id", "intelligentTiering.configurations[*].id"),
    same("intelligentTiering[*].status", "intelligentTiering.configurations[*].status"),
    same("intelligentTiering[*].filter.prefix", "intelligentTiering.configurations[*].filter.prefix"),
    shape("intelligentTiering[*].filter.tag", "intelligentTiering.configurations[*].filter.tags", pairs),
    same("intelligentTiering[*].filter.and.prefix", "intelligentTiering.configurations[*].filter.prefix"),
    shape("intelligentTiering[*].filter.and.tags", "intelligentTiering.configurations[*].filter.tags", pairs),
    same("intelligentTiering[*].tierings[*].accessTier", "intelligentTiering.configurations[*].tierings[*].accessTier"),
    same("intelligentTiering[*].tierings[*].days", "intelligentTiering.configurations[*].tierings[*].days"),
    same("inventory[*].id", "inventory.configurations[*].id"),
    switch("inventory[*].isEnabled", "inventory.configurations[*].isEnabled"),
    same("inventory[*].schedule.frequency", "inventory.configurations[*].schedule"),
    same("inventory[*].includedObjectVersions", "inventory.configurations[*].includedObjectVersions"),
    same("inventory[*].filter.prefix", "inventory.configurations[*].filter.prefix"),
    same("inventory[*].optionalFields", "inventory.configurations[*].optionalFields"),
    same("inventory[*].destination.s3BucketDestination.accountID", "inventory.configurations[*].destination.accountId"),
    same("inventory[*].destination.s3BucketDestination.bucket", "inventory.configurations[*].destination.bucket"),
    same("inventory[*].destination.s3BucketDestination.format", "inventory.configurations[*].destination.format"),
    same("inventory[*].destination.s3BucketDestination.prefix", "inventory.configurations[*].destination.prefix"),
    shape(
        "inventory[*].destination.s3BucketDestination.encryption",
        "inventory.configurations[*].destination.encryption",
        inventory_encryption,
    ),
    count(
        "lifecycle.rules[*].abortIncompleteMultipartUpload.daysAfterInitiation",
        "lifecycle.rules[*].abortIncompleteMultipartUpload.daysAfterInitiation",
    ),
    shape("lifecycle.rules[*].expiration.date", "lifecycle.rules[*].expiration.date", date),
    count("lifecycle.rules[*].expiration.days", "lifecycle.rules[*].expiration.days"),
    on(
        "lifecycle.rules[*].expiration.expiredObjectDeleteMarker",
        "lifecycle.rules[*].expiration.expiredObjectDeleteMarker",
    ),
    same("lifecycle.rules[*].filter.and.objectSizeGreaterThan", "lifecycle.rules[*].filter.objectSizeGreaterThan"),
    same("lifecycle.rules[*].filter.and.objectSizeLessThan", "lifecycle.rules[*].filter.objectSizeLessThan"),
    same("lifecycle.rules[*].filter.and.prefix", "lifecycle.rules[*].filter.prefix"),
    shape("lifecycle.rules[*].filter.and.tags", "lifecycle.rules[*].filter.tags", pairs),
    same("lifecycle.rules[*].filter.objectSizeGreaterThan", "lifecycle.rules[*].filter.objectSizeGreaterThan"),
    same("lifecycle.rules[*].filter.objectSizeLessThan", "lifecycle.rules[*].filter.objectSizeLessThan"),
    same("lifecycle.rules[*].filter.prefix", "lifecycle.rules[*].filter.prefix"),
    shape("lifecycle.rules[*].filter.tag", "lifecycle.rules[*].filter.tags", pairs),
    same("lifecycle.rules[*].id", "lifecycle.rules[*].id"),
    count(
        "lifecycle.rules[*].noncurrentVersionExpiration.newerNoncurrentVersions",
        "lifecycle.rules[*].noncurrentVersionExpiration.newerNoncurrentVersions",
    ),
    count(
        "lifecycle.rules[*].noncurrentVersionExpiration.noncurrentDays",
        "lifecycle.rules[*].noncurrentVersionExpiration.noncurrentDays",
    ),
    count(
        "lifecycle.rules[*].noncurrentVersionTransitions[*].newerNoncurrentVersions",
        "lifecycle.rules[*].noncurrentVersionTransitions[*].newerNoncurrentVersions",
    ),
    same(
        "lifecycle.rules[*].noncurrentVersionTransitions[*].noncurrentDays",
        "lifecycle.rules[*].noncurrentVersionTransitions[*].noncurrentDays",
    ),
    same(
        "lifecycle.rules[*].noncurrentVersionTransitions[*].storageClass",
        "lifecycle.rules[*].noncurrentVersionTransitions[*].storageClass",
    ),
    same("lifecycle.rules[*].prefix", "lifecycle.rules[*].filter.prefix"),
    same("lifecycle.rules[*].status", "lifecycle.rules[*].status"),
    shape("lifecycle.rules[*].transitions[*].date", "lifecycle.rules[*].transitions[*].date", date),
    same("lifecycle.rules[*].transitions[*].days", "lifecycle.rules[*].transitions[*].days"),
    same("lifecycle.rules[*].transitions[*].storageClass", "lifecycle.rules[*].transitions[*].storageClass"),
    same("logging.loggingEnabled.targetBucket", "logging.targetBucket"),
    same("logging.loggingEnabled.targetPrefix", "logging.targetPrefix"),
    known("logging.loggingEnabled.targetGrants[*].grantee.displayName"),
    never(
        "logging.loggingEnabled.targetGrants[*].grantee.emailAddress",
        "S3 takes no grants to addresses of mail any more",
    ),
    same("logging.loggingEnabled.targetGrants[*].grantee.id", "logging.targetGrants[*].grantee.id"),
    same("logging.loggingEnabled.targetGrants[*].grantee.type_", "logging.targetGrants[*].grantee.type"),
    same("logging.loggingEnabled.targetGrants[*].grantee.type", "logging.targetGrants[*].grantee.type"),
    same("logging.loggingEnabled.targetGrants[*].grantee.uRI", "logging.targetGrants[*].grantee.uri"),
    same("logging.loggingEnabled.targetGrants[*].permission", "logging.targetGrants[*].permission"),
    bare(
        "logging.loggingEnabled.targetObjectKeyFormat.partitionedPrefix",
        "logging.targetObjectKeyFormat.partitionedPrefix",
        empty,
    ),
    same(
        "logging.loggingEnabled.targetObjectKeyFormat.partitionedPrefix.partitionDateSource",
        "logging.targetObjectKeyFormat.partitionedPrefix.partitionDateSource",
    ),
    same("metrics[*].id", "metrics.configurations[*].id"),
    same("metrics[*].filter.accessPointARN", "metrics.configurations[*].filter.accessPointArn"),
    same("metrics[*].filter.and.accessPointARN", "metrics.configurations[*].filter.accessPointArn"),
    same("metrics[*].filter.prefix", "metrics.configurations[*].filter.prefix"),
    shape("metrics[*].filter.tag", "metrics.configurations[*].filter.tags", pairs),
    same("metrics[*].filter.and.prefix", "metrics.configurations[*].filter.prefix"),
    shape("metrics[*].filter.and.tags", "metrics.configurations[*].filter.tags", pairs),
    shape("notification.eventBridgeConfiguration", "notifications.eventBridge", on_by_itself).even_empty(),
    same("notification.lambdaFunctionConfigurations[*].id", "notifications.lambdaFunctions[*].id"),
    same("notification.lambdaFunctionConfigurations[*].lambdaFunctionARN", "notifications.lambdaFunctions[*].arn"),
    same("notification.lambdaFunctionConfigurations[*].events", "notifications.lambdaFunctions[*].events"),
    shape("notification.lambdaFunctionConfigurations[*].filter", "notifications.lambdaFunctions[*].filter", key_filter),
    same("notification.queueConfigurations[*].id", "notifications.queues[*].id"),
    same("notification.queueConfigurations[*].queueARN", "notifications.queues[*].arn"),
    same("notification.queueConfigurations[*].events", "notifications.queues[*].events"),
    shape("notification.queueConfigurations[*].filter", "notifications.queues[*].filter", key_filter),
    same("notification.topicConfigurations[*].id", "notifications.topics[*].id"),
    same("notification.topicConfigurations[*].topicARN", "notifications.topics[*].arn"),
    same("notification.topicConfigurations[*].events", "notifications.topics[*].events"),
    shape("notification.topicConfigurations[*].filter", "notifications.topics[*].filter", key_filter),
    shape("objectLockConfiguration.objectLockEnabled", "objectLock.enabled", lock),
    same("objectLockConfiguration.rule.defaultRetention.mode", "objectLock.defaultRetention.mode"),
    count("objectLockConfiguration.rule.defaultRetention.days", "objectLock.defaultRetention.days"),
    count("objectLockConfiguration.rule.defaultRetention.years", "objectLock.defaultRetention.years"),
    on("objectLockEnabledForBucket", "objectLock.enabled"),
    same("objectOwnership", "objectOwnership.rule"),
    same("ownershipControls.rules[0].objectOwnership", "objectOwnership.rule"),
    shape("policy", "policy", json_text),
    bare("publicAccessBlock", "publicAccessBlock", no_switches),
    switch("publicAccessBlock.blockPublicACLs", "publicAccessBlock.blockPublicAcls"),
    switch("publicAccessBlock.blockPublicPolicy", "publicAccessBlock.blockPublicPolicy"),
    switch("publicAccessBlock.ignorePublicACLs", "publicAccessBlock.ignorePublicAcls"),
    switch("publicAccessBlock.restrictPublicBuckets", "publicAccessBlock.restrictPublicBuckets"),
    same("replication.role", "replication.role"),
    same("replication.rules[*].id", "replication.rules[*].id"),
    count("replication.rules[*].priority", "replication.rules[*].priority"),
    same("replication.rules[*].prefix", "replication.rules[*].prefix"),
    same("replication.rules[*].status", "replication.rules[*].status"),
    same("replication.rules[*].deleteMarkerReplication.status", "replication.rules[*].deleteMarkerReplication.status"),
    same(
        "replication.rules[*].existingObjectReplication.status",
        "replication.rules[*].existingObjectReplication.status",
    ),
    same("replication.rules[*].filter.prefix", "replication.rules[*].filter.prefix").even_empty(),
    bare("replication.rules[*].filter", "replication.rules[*].filter", empty),
    shape("replication.rules[*].filter.tag", "replication.rules[*].filter.tags", pairs),
    same("replication.rules[*].filter.and.prefix", "replication.rules[*].filter.prefix"),
    shape("replication.rules[*].filter.and.tags", "replication.rules[*].filter.tags", pairs),
    same("replication.rules[*].destination.account", "replication.rules[*].destination.account"),
    same("replication.rules[*].destination.bucket", "replication.rules[*].destination.bucket"),
    same("replication.rules[*].destination.storageClass", "replication.rules[*].destination.storageClass"),
    same(
        "replication.rules[*].destination.accessControlTranslation.owner",
        "replication.rules[*].destination.accessControlTranslation.owner",
    ),
    same(
        "replication.rules[*].destination.encryptionConfiguration.replicaKMSKeyID",
        "replication.rules[*].destination.encryptionConfiguration.replicaKmsKeyId",
    ),
    same("replication.rules[*].destination.metrics.status", "replication.rules[*].destination.metrics.status"),
    count(
        "replication.rules[*].destination.metrics.eventThreshold.minutes",
        "replication.rules[*].destination.metrics.eventThreshold.minutes",
    ),
    same(
        "replication.rules[*].destination.replicationTime.status",
        "replication.rules[*].destination.replicationTime.status",
    ),
    count(
        "replication.rules[*].destination.replicationTime.time.minutes",
        "replication.rules[*].destination.replicationTime.time.minutes",
    ),
    same(
        "replication.rules[*].sourceSelectionCriteria.replicaModifications.status",
        "replication.rules[*].sourceSelectionCriteria.replicaModifications.status",
    ),
    same(
        "replication.rules[*].sourceSelectionCriteria.sseKMSEncryptedObjects.status",
        "replication.rules[*].sourceSelectionCriteria.sseKmsEncryptedObjects.status",
    ),
    same("requestPayment.payer", "requestPayer.payer"),
    shape("tagging.tagSet", "tags", pairs),
    word("versioning.mfaDelete", "versioning.mfaDelete", &[("Enabled", Some("Enabled")), ("Disabled", None)]),
    same("versioning.status", "versioning.status"),
    same("website.errorDocument.key", "website.errorDocument"),
    same("website.indexDocument.suffix", "website.indexDocument"),
    same("website.redirectAllRequestsTo.hostName", "website.redirectAllRequestsTo.hostName"),
    same("website.redirectAllRequestsTo.protocol", "website.redirectAllRequestsTo.protocol"),
    same(
        "website.routingRules[*].condition.httpErrorCodeReturnedEquals",
        "website.routingRules[*].condition.httpErrorCodeReturnedEquals",
    ),
    same("website.routingRules[*].condition.keyPrefixEquals", "website.routingRules[*].condition.keyPrefixEquals")
        .even_empty(),
    same("website.routingRules[*].redirect.hostName", "website.routingRules[*].redirect.hostName"),
    same("website.routingRules[*].redirect.httpRedirectCode", "website.routingRules[*].redirect.httpRedirectCode"),
    same("website.routingRules[*].redirect.protocol", "website.routingRules[*].redirect.protocol"),
    same(
        "website.routingRules[*].redirect.replaceKeyPrefixWith",
        "website.routingRules[*].redirect.replaceKeyPrefixWith",
    )
    .even_empty(),
    same("website.routingRules[*].redirect.replaceKeyWith", "website.routingRules[*].redirect.replaceKeyWith")
        .even_empty(),
    shape(
        "logging.loggingEnabled.targetObjectKeyFormat.simplePrefix",
        "logging.targetObjectKeyFormat.simplePrefix",
        empty,
    )
    .even_empty(),
];

/// The prefix and suffix that a notification is for.
pub(super) fn key_filter(value: &Value) -> Result<Option<Value>, String> {
    let rules = ["/key/filterRules", "/S3Key/Rules"].iter().find_map(|at| value.pointer(at)?.as_array());
    let mut made = serde_json::Map::new();
    for rule in rules.ok_or("it is no filter of keys")? {
        let said = |lower: &str, upper: &str| rule.get(lower).or_else(|| rule.get(upper)).and_then(scalar);
        let name = said("name", "Name").unwrap_or_default().to_ascii_lowercase();
        match (name.as_str(), said("value", "Value")) {
            ("prefix" | "suffix", Some(value)) if !made.contains_key(&name) => drop(made.insert(name, value.into())),
            ("prefix" | "suffix", Some(_)) => return Err(format!("a second {name}: S3 takes one")),
            _ => return Err("a rule that is neither a prefix nor a suffix".to_owned()),
        }
    }
    Ok(Some(Value::Object(made)))
}

fn inventory_encryption(value: &Value) -> Result<Option<Value>, String> {
    let key = value.pointer("/sseKMS/keyID").and_then(Value::as_str);
    let kinds: Vec<&str> = value.as_object().into_iter().flatten().map(|(kind, _)| kind.as_str()).collect();
    match (kinds.as_slice(), key) {
        (["sseKMS"], Some(key)) => Ok(Some(serde_json::json!({"type": "SSE-KMS", "keyId": key}))),
        (["sseS3"], _) => Ok(Some(serde_json::json!({"type": "SSE-S3"}))),
        _ => Err("it is neither `sseS3` nor `sseKMS` with a key".to_owned()),
    }
}

/// Reads manifests; documents of other kinds are other controllers' business.
pub(super) fn read(text: &str, fleet: &mut Fleet) -> Result<(), String> {
    let (mut any, mut refused) = (false, Vec::new());
    for (number, document) in documents(text).into_iter().enumerate() {
        // One that cannot be read hides nothing of the others.
        match tree(document) {
            Ok(document) => any |= manifest(&document, fleet, 0),
            Err(error) => refused.push((number + 1, error)),
        }
    }
    if any {
        for (number, error) in refused {
            fleet.lose(&format!("document {number}"), "", format!("it is no YAML that can be read: {error}"));
        }
        return Ok(());
    }
    Err(match refused.first() {
        Some((number, error)) => format!("document {number} is no YAML that can be read: {error}"),
        None => "it holds no Bucket of `s3.services.k8s.aws`".to_owned(),
    })
}

/// A document with its merge keys (`<<`) put in.
fn tree(document: &str) -> Result<Value, serde_yaml::Error> {
    let mut tree: serde_yaml::Value = serde_yaml::from_str(document)?;
    tree.apply_merge()?;
    serde_yaml::from_value(tree)
}

/// Lists the texts that whoever renders the manifest was to fill in: those of Helm (`{{ .Values.a }}`),
/// and those of a substitution (`${A}`, `${A:-b}`; a variable of a policy is `${aws:a}`).
fn unfilled(value: &Value, path: &mut Vec<Step>, losses: &mut Vec<(String, String)>) {
    let mut within = |step: Step, inner: &Value| {
        path.push(step);
        unfilled(inner, path, losses);
        path.pop();
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, inner)| within(Step::Field(key.clone()), inner)),
        Value::Array(items) => items.iter().enumerate().for_each(|(place, inner)| within(Step::Place(place), inner)),
        Value::String(text) if is_unfilled(text) => {
            losses
                .push((table::shown(path), "it holds what was to be filled in: render the manifest first".to_owned()));
        }
        _ => {}
    }
}

fn is_unfilled(text: &str) -> bool {
    let variable = |rest: &str| {
        let (name, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(0));
        !name.is_empty() && (after.starts_with('}') || [":-", ":=", ":+", ":?"].iter().any(|it| after.starts_with(it)))
    };
    text.contains("{{") || text.split("${").skip(1).any(variable)
}

/// The documents of a file. A line that begins with `---` begins one: what stands within a document
/// at the left edge is a field or an end.
fn documents(text: &str) -> Vec<&str> {
    let mut starts = vec![0];
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if at > 0
            && line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
        {
            starts.push(at);
        }
        at += line.len();
    }
    starts.push(text.len());
    starts.windows(2).map(|ends| &text[ends[0]..ends[1]]).collect()
}

fn manifest(document: &Value, fleet: &mut Fleet, depth: usize) -> bool {
    let said = |pointer: &str| document.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    // What `kubectl get -o yaml` prints.
    if matches!(said("/kind"), "List" | "BucketList") && depth == 0 {
        let items = document.get("items").and_then(Value::as_array);
        return items.into_iter().flatten().fold(false, |any, item| manifest(item, fleet, 1) | any);
    }
    let ours = said("/apiVersion").split('/').next().is_some_and(|group| group == "s3.services.k8s.aws");
    if !ours || said("/kind") != "Bucket" {
        return false;
    }
    let namespace = Some(said("/metadata/namespace")).filter(|it| !it.is_empty()).map(|it| format!("{it}/"));
    let address = format!("{}{}", namespace.unwrap_or_default(), said("/metadata/name"));
    let Some(name) = fleet.bucket(&address, "spec.name", said("/spec/name")) else { return true };
    let annotations = document.pointer("/metadata/annotations");
    let region = annotations.and_then(|it| it.get("services.k8s.aws/region")).and_then(Value::as_str);
    let place = said("/spec/createBucketConfiguration/locationConstraint");
    if let Some(region) = region.or(Some(place).filter(|place| !place.is_empty())) {
        fleet.put_region(&name, &address, "region", region);
    }
    let spec = document.get("spec").unwrap_or(&Value::Null);
    let mut losses = Vec::new();
    unfilled(spec, &mut Vec::new(), &mut losses);
    let said = table::read(spec, &[BUCKET], losses);
    fleet.put(&name, &address, Rank::Own, said);
    true
}
