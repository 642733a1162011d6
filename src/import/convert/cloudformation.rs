//! CloudFormation: templates with `AWS::S3::Bucket` and `AWS::S3::BucketPolicy`, YAML or JSON.

use std::collections::BTreeMap;

use serde_json::Value;

use super::ack::key_filter;
use super::intrinsics::{Scope, long};
use super::shapes::{date, empty, json_text, lock, lower_first, pairs, texts};
use super::table::{self, Row, Said, known, number, on, same, shape, switch, word};
use super::{Fleet, Rank};

const CANNED: &[(&str, Option<&str>)] = &[
    ("Private", Some("private")),
    ("PublicRead", Some("public-read")),
    ("PublicReadWrite", Some("public-read-write")),
    ("AuthenticatedRead", Some("authenticated-read")),
    ("LogDeliveryWrite", Some("log-delivery-write")),
    // On a bucket these two are the owner's own.
    ("BucketOwnerRead", Some("private")),
    ("BucketOwnerFullControl", Some("private")),
];

const BUCKET: &[Row] = &[
    known("BucketName"),
    known("BucketNamePrefix"),
    known("BucketNamespace"),
    same("AbacStatus", "abac.status"),
    same("AccelerateConfiguration.AccelerationStatus", "accelerate.status"),
    word("AccessControl", "acl", CANNED),
    same("AnalyticsConfigurations[*].Id", "analytics.configurations[*].id"),
    same("AnalyticsConfigurations[*].Prefix", "analytics.configurations[*].filter.prefix"),
    shape("AnalyticsConfigurations[*].TagFilters", "analytics.configurations[*].filter.tags", pairs),
    same(
        "AnalyticsConfigurations[*].StorageClassAnalysis.DataExport.OutputSchemaVersion",
        "analytics.configurations[*].dataExport.outputSchemaVersion",
    ),
    same(
        "AnalyticsConfigurations[*].StorageClassAnalysis.DataExport.Destination.BucketAccountId",
        "analytics.configurations[*].dataExport.destination.accountId",
    ),
    same(
        "AnalyticsConfigurations[*].StorageClassAnalysis.DataExport.Destination.BucketArn",
        "analytics.configurations[*].dataExport.destination.bucket",
    ),
    same(
        "AnalyticsConfigurations[*].StorageClassAnalysis.DataExport.Destination.Format",
        "analytics.configurations[*].dataExport.destination.format",
    ),
    same(
        "AnalyticsConfigurations[*].StorageClassAnalysis.DataExport.Destination.Prefix",
        "analytics.configurations[*].dataExport.destination.prefix",
    ),
    same(
        "BucketEncryption.ServerSideEncryptionConfiguration[0].ServerSideEncryptionByDefault.KMSMasterKeyID",
        "encryption.kmsKeyId",
    ),
    same(
        "BucketEncryption.ServerSideEncryptionConfiguration[0].ServerSideEncryptionByDefault.SSEAlgorithm",
        "encryption.algorithm",
    ),
    switch("BucketEncryption.ServerSideEncryptionConfiguration[0].BucketKeyEnabled", "encryption.bucketKey"),
    shape(
        "BucketEncryption.ServerSideEncryptionConfiguration[0].BlockedEncryptionTypes.EncryptionType",
        "encryption.blockedEncryptionTypes",
        texts,
    ),
    same("CorsConfiguration.CorsRules[*].AllowedHeaders", "cors.rules[*].allowedHeaders"),
    same("CorsConfiguration.CorsRules[*].AllowedMethods", "cors.rules[*].allowedMethods"),
    same("CorsConfiguration.CorsRules[*].AllowedOrigins", "cors.rules[*].allowedOrigins"),
    same("CorsConfiguration.CorsRules[*].ExposedHeaders", "cors.rules[*].exposeHeaders"),
    same("CorsConfiguration.CorsRules[*].Id", "cors.rules[*].id"),
    number("CorsConfiguration.CorsRules[*].MaxAge", "cors.rules[*].maxAgeSeconds"),
    same("IntelligentTieringConfigurations[*].Id", "intelligentTiering.configurations[*].id"),
    same("IntelligentTieringConfigurations[*].Prefix", "intelligentTiering.configurations[*].filter.prefix"),
    shape("IntelligentTieringConfigurations[*].TagFilters", "intelligentTiering.configurations[*].filter.tags", pairs),
    same("IntelligentTieringConfigurations[*].Status", "intelligentTiering.configurations[*].status"),
    same(
        "IntelligentTieringConfigurations[*].Tierings[*].AccessTier",
        "intelligentTiering.configurations[*].tierings[*].accessTier",
    ),
    number(
        "IntelligentTieringConfigurations[*].Tierings[*].Days",
        "intelligentTiering.configurations[*].tierings[*].days",
    ),
    same("InventoryConfigurations[*].Id", "inventory.configurations[*].id"),
    switch("InventoryConfigurations[*].Enabled", "inventory.configurations[*].isEnabled"),
    same("InventoryConfigurations[*].ScheduleFrequency", "inventory.configurations[*].schedule"),
    same("InventoryConfigurations[*].IncludedObjectVersions", "inventory.configurations[*].includedObjectVersions"),
    same("InventoryConfigurations[*].Prefix", "inventory.configurations[*].filter.prefix"),
    same("InventoryConfigurations[*].OptionalFields", "inventory.configurations[*].optionalFields"),
    same("InventoryConfigurations[*].Destination.BucketAccountId", "inventory.configurations[*].destination.accountId"),
    same("InventoryConfigurations[*].Destination.BucketArn", "inventory.configurations[*].destination.bucket"),
    same("InventoryConfigurations[*].Destination.Format", "inventory.configurations[*].destination.format"),
    same("InventoryConfigurations[*].Destination.Prefix", "inventory.configurations[*].destination.prefix"),
    number(
        "LifecycleConfiguration.Rules[*].AbortIncompleteMultipartUpload.DaysAfterInitiation",
        "lifecycle.rules[*].abortIncompleteMultipartUpload.daysAfterInitiation",
    ),
    shape("LifecycleConfiguration.Rules[*].ExpirationDate", "lifecycle.rules[*].expiration.date", date),
    number("LifecycleConfiguration.Rules[*].ExpirationInDays", "lifecycle.rules[*].expiration.days"),
    on(
        "LifecycleConfiguration.Rules[*].ExpiredObjectDeleteMarker",
        "lifecycle.rules[*].expiration.expiredObjectDeleteMarker",
    ),
    same("LifecycleConfiguration.Rules[*].Id", "lifecycle.rules[*].id"),
    number(
        "LifecycleConfiguration.Rules[*].NoncurrentVersionExpiration.NewerNoncurrentVersions",
        "lifecycle.rules[*].noncurrentVersionExpiration.newerNoncurrentVersions",
    ),
    number(
        "LifecycleConfiguration.Rules[*].NoncurrentVersionExpiration.NoncurrentDays",
        "lifecycle.rules[*].noncurrentVersionExpiration.noncurrentDays",
    ),
    number(
        "LifecycleConfiguration.Rules[*].NoncurrentVersionExpirationInDays",
        "lifecycle.rules[*].noncurrentVersionExpiration.noncurrentDays",
    ),
    shape(
        "LifecycleConfiguration.Rules[*].NoncurrentVersionTransition",
        "lifecycle.rules[*].noncurrentVersionTransitions[0]",
        noncurrent_transition,
    ),
    shape(
        "LifecycleConfiguration.Rules[*].NoncurrentVersionTransitions[*]",
        "lifecycle.rules[*].noncurrentVersionTransitions[*]",
        noncurrent_transition,
    ),
    number("LifecycleConfiguration.Rules[*].ObjectSizeGreaterThan", "lifecycle.rules[*].filter.objectSizeGreaterThan"),
    number("LifecycleConfiguration.Rules[*].ObjectSizeLessThan", "lifecycle.rules[*].filter.objectSizeLessThan"),
    same("LifecycleConfiguration.Rules[*].Prefix", "lifecycle.rules[*].filter.prefix"),
    same("LifecycleConfiguration.Rules[*].Status", "lifecycle.rules[*].status"),
    shape("LifecycleConfiguration.Rules[*].TagFilters", "lifecycle.rules[*].filter.tags", pairs),
    shape("LifecycleConfiguration.Rules[*].Transition", "lifecycle.rules[*].transitions[0]", transition),
    shape("LifecycleConfiguration.Rules[*].Transitions[*]", "lifecycle.rules[*].transitions[*]", transition),
    same("LifecycleConfiguration.TransitionDefaultMinimumObjectSize", "lifecycle.transitionDefaultMinimumObjectSize"),
    same("LoggingConfiguration.DestinationBucketName", "logging.targetBucket"),
    same("LoggingConfiguration.LogFilePrefix", "logging.targetPrefix"),
    same(
        "LoggingConfiguration.TargetObjectKeyFormat.PartitionedPrefix.PartitionDateSource",
        "logging.targetObjectKeyFormat.partitionedPrefix.partitionDateSource",
    ),
    same("MetadataConfiguration.InventoryTableConfiguration.ConfigurationState", "metadata.inventoryTable.state"),
    same(
        "MetadataConfiguration.InventoryTableConfiguration.EncryptionConfiguration.SseAlgorithm",
        "metadata.inventoryTable.encryption.algorithm",
    ),
    same(
        "MetadataConfiguration.InventoryTableConfiguration.EncryptionConfiguration.KmsKeyArn",
        "metadata.inventoryTable.encryption.kmsKeyArn",
    ),
    same(
        "MetadataConfiguration.JournalTableConfiguration.RecordExpiration.Expiration",
        "metadata.journalTable.recordExpiration.expiration",
    ),
    number(
        "MetadataConfiguration.JournalTableConfiguration.RecordExpiration.Days",
        "metadata.journalTable.recordExpiration.days",
    ),
    same(
        "MetadataConfiguration.JournalTableConfiguration.EncryptionConfiguration.SseAlgorithm",
        "metadata.journalTable.encryption.algorithm",
    ),
    same(
        "MetadataConfiguration.JournalTableConfiguration.EncryptionConfiguration.KmsKeyArn",
        "metadata.journalTable.encryption.kmsKeyArn",
    ),
    same("MetricsConfigurations[*].Id", "metrics.configurations[*].id"),
    same("MetricsConfigurations[*].AccessPointArn", "metrics.configurations[*].filter.accessPointArn"),
    same("MetricsConfigurations[*].Prefix", "metrics.configurations[*].filter.prefix"),
    shape("MetricsConfigurations[*].TagFilters", "metrics.configurations[*].filter.tags", pairs),
    switch("NotificationConfiguration.EventBridgeConfiguration.EventBridgeEnabled", "notifications.eventBridge"),
    shape("NotificationConfiguration.LambdaConfigurations[*].Event", "notifications.lambdaFunctions[*].events", listed),
    shape(
        "NotificationConfiguration.LambdaConfigurations[*].Filter",
        "notifications.lambdaFunctions[*].filter",
        key_filter,
    ),
    same("NotificationConfiguration.LambdaConfigurations[*].Function", "notifications.lambdaFunctions[*].arn"),
    shape("NotificationConfiguration.QueueConfigurations[*].Event", "notifications.queues[*].events", listed),
    shape("NotificationConfiguration.QueueConfigurations[*].Filter", "notifications.queues[*].filter", key_filter),
    same("NotificationConfiguration.QueueConfigurations[*].Queue", "notifications.queues[*].arn"),
    shape("NotificationConfiguration.TopicConfigurations[*].Event", "notifications.topics[*].events", listed),
    shape("NotificationConfiguration.TopicConfigurations[*].Filter", "notifications.topics[*].filter", key_filter),
    same("NotificationConfiguration.TopicConfigurations[*].Topic", "notifications.topics[*].arn"),
    shape("ObjectLockConfiguration.ObjectLockEnabled", "objectLock.enabled", lock),
    same("ObjectLockConfiguration.Rule.DefaultRetention.Mode", "objectLock.defaultRetention.mode"),
    number("ObjectLockConfiguration.Rule.DefaultRetention.Days", "objectLock.defaultRetention.days"),
    number("ObjectLockConfiguration.Rule.DefaultRetention.Years", "objectLock.defaultRetention.years"),
    on("ObjectLockEnabled", "objectLock.enabled"),
    same("OwnershipControls.Rules[0].ObjectOwnership", "objectOwnership.rule"),
    switch("PublicAccessBlockConfiguration.BlockPublicAcls", "publicAccessBlock.blockPublicAcls"),
    switch("PublicAccessBlockConfiguration.BlockPublicPolicy", "publicAccessBlock.blockPublicPolicy"),
    switch("PublicAccessBlockConfiguration.IgnorePublicAcls", "publicAccessBlock.ignorePublicAcls"),
    switch("PublicAccessBlockConfiguration.RestrictPublicBuckets", "publicAccessBlock.restrictPublicBuckets"),
    same("ReplicationConfiguration.Role", "replication.role"),
    same("ReplicationConfiguration.Rules[*].Id", "replication.rules[*].id"),
    same("ReplicationConfiguration.Rules[*].Priority", "replication.rules[*].priority"),
    same("ReplicationConfiguration.Rules[*].Prefix", "replication.rules[*].prefix"),
    same("ReplicationConfiguration.Rules[*].Status", "replication.rules[*].status"),
    same(
        "ReplicationConfiguration.Rules[*].DeleteMarkerReplication.Status",
        "replication.rules[*].deleteMarkerReplication.status",
    ),
    same("ReplicationConfiguration.Rules[*].Filter.Prefix", "replication.rules[*].filter.prefix"),
    shape("ReplicationConfiguration.Rules[*].Filter.TagFilter", "replication.rules[*].filter.tags", pairs),
    same("ReplicationConfiguration.Rules[*].Filter.And.Prefix", "replication.rules[*].filter.prefix"),
    shape("ReplicationConfiguration.Rules[*].Filter.And.TagFilters", "replication.rules[*].filter.tags", pairs),
    same("ReplicationConfiguration.Rules[*].Destination.Account", "replication.rules[*].destination.account"),
    same("ReplicationConfiguration.Rules[*].Destination.Bucket", "replication.rules[*].destination.bucket"),
    same("ReplicationConfiguration.Rules[*].Destination.StorageClass", "replication.rules[*].destination.storageClass"),
    same(
        "ReplicationConfiguration.Rules[*].Destination.AccessControlTranslation.Owner",
        "replication.rules[*].destination.accessControlTranslation.owner",
    ),
    same(
        "ReplicationConfiguration.Rules[*].Destination.EncryptionConfiguration.ReplicaKmsKeyID",
        "replication.rules[*].destination.encryptionConfiguration.replicaKmsKeyId",
    ),
    same(
        "ReplicationConfiguration.Rules[*].Destination.Metrics.Status",
        "replication.rules[*].destination.metrics.status",
    ),
    number(
        "ReplicationConfiguration.Rules[*].Destination.Metrics.EventThreshold.Minutes",
        "replication.rules[*].destination.metrics.eventThreshold.minutes",
    ),
    same(
        "ReplicationConfiguration.Rules[*].Destination.ReplicationTime.Status",
        "replication.rules[*].destination.replicationTime.status",
    ),
    number(
        "ReplicationConfiguration.Rules[*].Destination.ReplicationTime.Time.Minutes",
        "replication.rules[*].destination.replicationTime.time.minutes",
    ),
    same(
        "ReplicationConfiguration.Rules[*].SourceSelectionCriteria.ReplicaModifications.Status",
        "replication.rules[*].sourceSelectionCriteria.replicaModifications.status",
    ),
    same(
        "ReplicationConfiguration.Rules[*].SourceSelectionCriteria.SseKmsEncryptedObjects.Status",
        "replication.rules[*].sourceSelectionCriteria.sseKmsEncryptedObjects.status",
    ),
    shape("Tags", "tags", pairs),
    same("VersioningConfiguration.Status", "versioning.status"),
    same("WebsiteConfiguration.ErrorDocument", "website.errorDocument"),
    same("WebsiteConfiguration.IndexDocument", "website.indexDocument"),
    same("WebsiteConfiguration.RedirectAllRequestsTo.HostName", "website.redirectAllRequestsTo.hostName"),
    same("WebsiteConfiguration.RedirectAllRequestsTo.Protocol", "website.redirectAllRequestsTo.protocol"),
    same(
        "WebsiteConfiguration.RoutingRules[*].RoutingRuleCondition.HttpErrorCodeReturnedEquals",
        "website.routingRules[*].condition.httpErrorCodeReturnedEquals",
    ),
    same(
        "WebsiteConfiguration.RoutingRules[*].RoutingRuleCondition.KeyPrefixEquals",
        "website.routingRules[*].condition.keyPrefixEquals",
    ),
    same("WebsiteConfiguration.RoutingRules[*].RedirectRule.HostName", "website.routingRules[*].redirect.hostName"),
    same(
        "WebsiteConfiguration.RoutingRules[*].RedirectRule.HttpRedirectCode",
        "website.routingRules[*].redirect.httpRedirectCode",
    ),
    same("WebsiteConfiguration.RoutingRules[*].RedirectRule.Protocol", "website.routingRules[*].redirect.protocol"),
    same(
        "WebsiteConfiguration.RoutingRules[*].RedirectRule.ReplaceKeyPrefixWith",
        "website.routingRules[*].redirect.replaceKeyPrefixWith",
    ),
    same(
        "WebsiteConfiguration.RoutingRules[*].RedirectRule.ReplaceKeyWith",
        "website.routingRules[*].redirect.replaceKeyWith",
    ),
    shape(
        "LoggingConfiguration.TargetObjectKeyFormat.SimplePrefix",
        "logging.targetObjectKeyFormat.simplePrefix",
        empty,
    ),
];

const POLICY: &[Row] = &[known("Bucket"), shape("PolicyDocument", "policy", json_text)];

/// One event as the list of it.
fn listed(value: &Value) -> Result<Option<Value>, String> {
    texts(value)
}

fn transition(value: &Value) -> Result<Option<Value>, String> {
    moved(value, &[("TransitionInDays", "days"), ("TransitionDate", "date"), ("StorageClass", "storageClass")])
}

fn noncurrent_transition(value: &Value) -> Result<Option<Value>, String> {
    moved(
        value,
        &[
            ("TransitionInDays", "noncurrentDays"),
            ("NewerNoncurrentVersions", "newerNoncurrentVersions"),
            ("StorageClass", "storageClass"),
        ],
    )
}

fn moved(value: &Value, known: &[(&str, &str)]) -> Result<Option<Value>, String> {
    let mut made = serde_json::Map::new();
    for (key, inner) in value.as_object().ok_or("it has no fields")? {
        let (_, to) = known
            .iter()
            .find(|(from, _)| from == key)
            .ok_or_else(|| format!("no setting of this version says its `{}`", lower_first(key)))?;
        let inner = match (*to, inner) {
            ("storageClass", word) => word.clone(),
            ("date", said) => date(said)?.unwrap_or_default(),
            (_, Value::String(text)) => text.parse::<i64>().map_err(|_| "it is no whole number".to_owned())?.into(),
            (_, number) => number.clone(),
        };
        made.insert((*to).to_owned(), inner);
    }
    Ok(Some(Value::Object(made)))
}

/// Reads a template. `given` are values of parameters, pseudo parameters and names of buckets.
pub(super) fn read(text: &str, given: &BTreeMap<String, String>, fleet: &mut Fleet) -> Result<(), String> {
    let tree: serde_yaml::Value =
        serde_yaml::from_str(text).map_err(|error| format!("it is no template that can be read: {error}"))?;
    let template = long(tree)?;
    let Some(resources) = template.get("Resources").and_then(Value::as_object) else {
        return Err("it is no template: it has no `Resources`".to_owned());
    };
    let scope = Scope { template: &template, given };
    for (logical, resource) in resources {
        let kind = resource.get("Type").and_then(Value::as_str).unwrap_or_default();
        if kind.starts_with("AWS::S3") {
            take(logical, kind, resource, &scope, fleet);
        } else if logical.starts_with("Fn::") {
            // `Fn::ForEach` and transforms make resources that are not there yet.
            fleet.lose(logical, "", "what it makes cannot be told from the template");
        }
    }
    Ok(())
}

fn take(logical: &str, kind: &str, resource: &Value, scope: &Scope<'_>, fleet: &mut Fleet) {
    match resource.get("Condition").and_then(Value::as_str).map(|name| scope.holds(name)) {
        Some(Ok(false)) => return fleet.lose(logical, "", "its condition does not hold, so it is not made"),
        Some(Err(why)) => fleet.lose(logical, "Condition", format!("{why}; it is taken to hold")),
        _ => {}
    }
    let (name, table) = match kind {
        "AWS::S3::Bucket" => (scope.bucket(logical, 0), BUCKET),
        "AWS::S3::BucketPolicy" => {
            let bucket = resource.pointer("/Properties/Bucket").unwrap_or(&Value::Null);
            let name =
                scope.text(bucket).and_then(|it| it.ok_or_else(|| "it does not say which bucket it is for".to_owned()));
            (name, POLICY)
        }
        _ => return fleet.lose(logical, "", format!("this kind of resource ({kind}) is not converted")),
    };
    let name = match name {
        Ok(name) => name,
        Err(why) => return fleet.lose(logical, "", why),
    };
    let Some(name) = fleet.bucket(logical, "BucketName", &name) else { return };
    if let Some(region) = scope.given.get("AWS::Region") {
        fleet.put_region(&name, logical, "AWS::Region", region);
    }
    let mut lost = Said::default();
    let nothing = Value::Object(serde_json::Map::new());
    let mut properties = resource.get("Properties").unwrap_or(&nothing).clone();
    // Both are told already, and need not be told again where they cannot be.
    if let Some(fields) = properties.as_object_mut() {
        fields.remove("BucketName");
        fields.remove("Bucket");
    }
    let properties = scope.resolve(&properties, &mut lost);
    let said = table::read(&properties, &[table], lost.losses);
    fleet.put(&name, logical, Rank::Own, said);
}
