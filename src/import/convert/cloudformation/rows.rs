//! What CloudFormation calls an attribute, and what a spec calls it. A template may write numbers and
//! switches as texts, and texts as numbers, wherever it likes.

use serde_json::Value;

use super::super::ack::key_filter;
use super::super::shapes::{date, empty, json_text, lock, lower_first, no_switches, on_by_itself, pairs, texts};
use super::super::table::{Row, bare, count, known, on, shape, switch, text, word};

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

pub(super) const BUCKET: &[Row] = &[
    known("BucketName"),
    known("BucketNamePrefix"),
    known("BucketNamespace"),
    text("AbacStatus", "abac.status"),
    text("AccelerateConfiguration.AccelerationStatus", "accelerate.status"),
    word("AccessControl", "acl", CANNED),
    text("AnalyticsConfigurations[*].Id", "analytics.configurations[*].id"),
    text("AnalyticsConfigurations[*].Prefix", "analytics.configurations[*].filter.prefix"),
    shape("AnalyticsConfigurations[*].TagFilters", "analytics.configurations[*].filter.tags", pairs),
    text(
        "AnalyticsConfigurations[*].StorageClassAnalysis.DataExport.OutputSchemaVersion",
        "analytics.configurations[*].dataExport.outputSchemaVersion",
    ),
    text(
        "AnalyticsConfigurations[*].StorageClassAnalysis.DataExport.Destination.BucketAccountId",
        "analytics.configurations[*].dataExport.destination.accountId",
    ),
    text(
        "AnalyticsConfigurations[*].StorageClassAnalysis.DataExport.Destination.BucketArn",
        "analytics.configurations[*].dataExport.destination.bucket",
    ),
    text(
        "AnalyticsConfigurations[*].StorageClassAnalysis.DataExport.Destination.Format",
        "analytics.configurations[*].dataExport.destination.format",
    ),
    text(
        "AnalyticsConfigurations[*].StorageClassAnalysis.DataExport.Destination.Prefix",
        "analytics.configurations[*].dataExport.destination.prefix",
    ),
    text(
        "BucketEncryption.ServerSideEncryptionConfiguration[0].ServerSideEncryptionByDefault.KMSMasterKeyID",
        "encryption.kmsKeyId",
    ),
    text(
        "BucketEncryption.ServerSideEncryptionConfiguration[0].ServerSideEncryptionByDefault.SSEAlgorithm",
        "encryption.algorithm",
    ),
    switch("BucketEncryption.ServerSideEncryptionConfiguration[0].BucketKeyEnabled", "encryption.bucketKey"),
    shape(
        "BucketEncryption.ServerSideEncryptionConfiguration[0].BlockedEncryptionTypes.EncryptionType",
        "encryption.blockedEncryptionTypes",
        texts,
    ),
    text("CorsConfiguration.CorsRules[*].AllowedHeaders", "cors.rules[*].allowedHeaders"),
    text("CorsConfiguration.CorsRules[*].AllowedMethods", "cors.rules[*].allowedMethods"),
    text("CorsConfiguration.CorsRules[*].AllowedOrigins", "cors.rules[*].allowedOrigins"),
    text("CorsConfiguration.CorsRules[*].ExposedHeaders", "cors.rules[*].exposeHeaders"),
    text("CorsConfiguration.CorsRules[*].Id", "cors.rules[*].id"),
    count("CorsConfiguration.CorsRules[*].MaxAge", "cors.rules[*].maxAgeSeconds"),
    text("IntelligentTieringConfigurations[*].Id", "intelligentTiering.configurations[*].id"),
    text("IntelligentTieringConfigurations[*].Prefix", "intelligentTiering.configurations[*].filter.prefix"),
    shape("IntelligentTieringConfigurations[*].TagFilters", "intelligentTiering.configurations[*].filter.tags", pairs),
    text("IntelligentTieringConfigurations[*].Status", "intelligentTiering.configurations[*].status"),
    text(
        "IntelligentTieringConfigurations[*].Tierings[*].AccessTier",
        "intelligentTiering.configurations[*].tierings[*].accessTier",
    ),
    count(
        "IntelligentTieringConfigurations[*].Tierings[*].Days",
        "intelligentTiering.configurations[*].tierings[*].days",
    ),
    text("InventoryConfigurations[*].Id", "inventory.configurations[*].id"),
    switch("InventoryConfigurations[*].Enabled", "inventory.configurations[*].isEnabled"),
    text("InventoryConfigurations[*].ScheduleFrequency", "inventory.configurations[*].schedule"),
    text("InventoryConfigurations[*].IncludedObjectVersions", "inventory.configurations[*].includedObjectVersions"),
    text("InventoryConfigurations[*].Prefix", "inventory.configurations[*].filter.prefix"),
    text("InventoryConfigurations[*].OptionalFields", "inventory.configurations[*].optionalFields"),
    text("InventoryConfigurations[*].Destination.BucketAccountId", "inventory.configurations[*].destination.accountId"),
    text("InventoryConfigurations[*].Destination.BucketArn", "inventory.configurations[*].destination.bucket"),
    text("InventoryConfigurations[*].Destination.Format", "inventory.configurations[*].destination.format"),
    text("InventoryConfigurations[*].Destination.Prefix", "inventory.configurations[*].destination.prefix"),
    count(
        "LifecycleConfiguration.Rules[*].AbortIncompleteMultipartUpload.DaysAfterInitiation",
        "lifecycle.rules[*].abortIncompleteMultipartUpload.daysAfterInitiation",
    ),
    shape("LifecycleConfiguration.Rules[*].ExpirationDate", "lifecycle.rules[*].expiration.date", date),
    count("LifecycleConfiguration.Rules[*].ExpirationInDays", "lifecycle.rules[*].expiration.days"),
    on(
        "LifecycleConfiguration.Rules[*].ExpiredObjectDeleteMarker",
        "lifecycle.rules[*].expiration.expiredObjectDeleteMarker",
    ),
    text("LifecycleConfiguration.Rules[*].Id", "lifecycle.rules[*].id"),
    count(
        "LifecycleConfiguration.Rules[*].NoncurrentVersionExpiration.NewerNoncurrentVersions",
        "lifecycle.rules[*].noncurrentVersionExpiration.newerNoncurrentVersions",
    ),
    count(
        "LifecycleConfiguration.Rules[*].NoncurrentVersionExpiration.NoncurrentDays",
        "lifecycle.rules[*].noncurrentVersionExpiration.noncurrentDays",
    ),
    count(
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
    count("LifecycleConfiguration.Rules[*].ObjectSizeGreaterThan", "lifecycle.rules[*].filter.objectSizeGreaterThan"),
    count("LifecycleConfiguration.Rules[*].ObjectSizeLessThan", "lifecycle.rules[*].filter.objectSizeLessThan"),
    text("LifecycleConfiguration.Rules[*].Prefix", "lifecycle.rules[*].filter.prefix"),
    text("LifecycleConfiguration.Rules[*].Status", "lifecycle.rules[*].status"),
    shape("LifecycleConfiguration.Rules[*].TagFilters", "lifecycle.rules[*].filter.tags", pairs),
    shape("LifecycleConfiguration.Rules[*].Transition", "lifecycle.rules[*].transitions[0]", transition),
    shape("LifecycleConfiguration.Rules[*].Transitions[*]", "lifecycle.rules[*].transitions[*]", transition),
    text("LifecycleConfiguration.TransitionDefaultMinimumObjectSize", "lifecycle.transitionDefaultMinimumObjectSize"),
    text("LoggingConfiguration.DestinationBucketName", "logging.targetBucket"),
    text("LoggingConfiguration.LogFilePrefix", "logging.targetPrefix"),
    bare(
        "LoggingConfiguration.TargetObjectKeyFormat.PartitionedPrefix",
        "logging.targetObjectKeyFormat.partitionedPrefix",
        empty,
    ),
    text(
        "LoggingConfiguration.TargetObjectKeyFormat.PartitionedPrefix.PartitionDateSource",
        "logging.targetObjectKeyFormat.partitionedPrefix.partitionDateSource",
    ),
    text("MetadataConfiguration.InventoryTableConfiguration.ConfigurationState", "metadata.inventoryTable.state"),
    text(
        "MetadataConfiguration.InventoryTableConfiguration.EncryptionConfiguration.SseAlgorithm",
        "metadata.inventoryTable.encryption.algorithm",
    ),
    text(
        "MetadataConfiguration.InventoryTableConfiguration.EncryptionConfiguration.KmsKeyArn",
        "metadata.inventoryTable.encryption.kmsKeyArn",
    ),
    text(
        "MetadataConfiguration.JournalTableConfiguration.RecordExpiration.Expiration",
        "metadata.journalTable.recordExpiration.expiration",
    ),
    count(
        "MetadataConfiguration.JournalTableConfiguration.RecordExpiration.Days",
        "metadata.journalTable.recordExpiration.days",
    ),
    text(
        "MetadataConfiguration.JournalTableConfiguration.EncryptionConfiguration.SseAlgorithm",
        "metadata.journalTable.encryption.algorithm",
    ),
    text(
        "MetadataConfiguration.JournalTableConfiguration.EncryptionConfiguration.KmsKeyArn",
        "metadata.journalTable.encryption.kmsKeyArn",
    ),
    text("MetricsConfigurations[*].Id", "metrics.configurations[*].id"),
    text("MetricsConfigurations[*].AccessPointArn", "metrics.configurations[*].filter.accessPointArn"),
    text("MetricsConfigurations[*].Prefix", "metrics.configurations[*].filter.prefix"),
    shape("MetricsConfigurations[*].TagFilters", "metrics.configurations[*].filter.tags", pairs),
    bare("NotificationConfiguration.EventBridgeConfiguration", "notifications.eventBridge", on_by_itself),
    switch("NotificationConfiguration.EventBridgeConfiguration.EventBridgeEnabled", "notifications.eventBridge"),
    shape("NotificationConfiguration.LambdaConfigurations[*].Event", "notifications.lambdaFunctions[*].events", listed),
    shape(
        "NotificationConfiguration.LambdaConfigurations[*].Filter",
        "notifications.lambdaFunctions[*].filter",
        key_filter,
    ),
    text("NotificationConfiguration.LambdaConfigurations[*].Function", "notifications.lambdaFunctions[*].arn"),
    shape("NotificationConfiguration.QueueConfigurations[*].Event", "notifications.queues[*].events", listed),
    shape("NotificationConfiguration.QueueConfigurations[*].Filter", "notifications.queues[*].filter", key_filter),
    text("NotificationConfiguration.QueueConfigurations[*].Queue", "notifications.queues[*].arn"),
    shape("NotificationConfiguration.TopicConfigurations[*].Event", "notifications.topics[*].events", listed),
    shape("NotificationConfiguration.TopicConfigurations[*].Filter", "notifications.topics[*].filter", key_filter),
    text("NotificationConfiguration.TopicConfigurations[*].Topic", "notifications.topics[*].arn"),
    shape("ObjectLockConfiguration.ObjectLockEnabled", "objectLock.enabled", lock),
    text("ObjectLockConfiguration.Rule.DefaultRetention.Mode", "objectLock.defaultRetention.mode"),
    count("ObjectLockConfiguration.Rule.DefaultRetention.Days", "objectLock.defaultRetention.days"),
    count("ObjectLockConfiguration.Rule.DefaultRetention.Years", "objectLock.defaultRetention.years"),
    on("ObjectLockEnabled", "objectLock.enabled"),
    text("OwnershipControls.Rules[0].ObjectOwnership", "objectOwnership.rule"),
    bare("PublicAccessBlockConfiguration", "publicAccessBlock", no_switches),
    switch("PublicAccessBlockConfiguration.BlockPublicAcls", "publicAccessBlock.blockPublicAcls"),
    switch("PublicAccessBlockConfiguration.BlockPublicPolicy", "publicAccessBlock.blockPublicPolicy"),
    switch("PublicAccessBlockConfiguration.IgnorePublicAcls", "publicAccessBlock.ignorePublicAcls"),
    switch("PublicAccessBlockConfiguration.RestrictPublicBuckets", "publicAccessBlock.restrictPublicBuckets"),
    text("ReplicationConfiguration.Role", "replication.role"),
    text("ReplicationConfiguration.Rules[*].Id", "replication.rules[*].id"),
    count("ReplicationConfiguration.Rules[*].Priority", "replication.rules[*].priority"),
    text("ReplicationConfiguration.Rules[*].Prefix", "replication.rules[*].prefix"),
    text("ReplicationConfiguration.Rules[*].Status", "replication.rules[*].status"),
    text(
        "ReplicationConfiguration.Rules[*].DeleteMarkerReplication.Status",
        "replication.rules[*].deleteMarkerReplication.status",
    ),
    bare("ReplicationConfiguration.Rules[*].Filter", "replication.rules[*].filter", empty),
    text("ReplicationConfiguration.Rules[*].Filter.Prefix", "replication.rules[*].filter.prefix").even_empty(),
    shape("ReplicationConfiguration.Rules[*].Filter.TagFilter", "replication.rules[*].filter.tags", pairs),
    text("ReplicationConfiguration.Rules[*].Filter.And.Prefix", "replication.rules[*].filter.prefix"),
    shape("ReplicationConfiguration.Rules[*].Filter.And.TagFilters", "replication.rules[*].filter.tags", pairs),
    text("ReplicationConfiguration.Rules[*].Destination.Account", "replication.rules[*].destination.account"),
    text("ReplicationConfiguration.Rules[*].Destination.Bucket", "replication.rules[*].destination.bucket"),
    text("ReplicationConfiguration.Rules[*].Destination.StorageClass", "replication.rules[*].destination.storageClass"),
    text(
        "ReplicationConfiguration.Rules[*].Destination.AccessControlTranslation.Owner",
        "replication.rules[*].destination.accessControlTranslation.owner",
    ),
    text(
        "ReplicationConfiguration.Rules[*].Destination.EncryptionConfiguration.ReplicaKmsKeyID",
        "replication.rules[*].destination.encryptionConfiguration.replicaKmsKeyId",
    ),
    text(
        "ReplicationConfiguration.Rules[*].Destination.Metrics.Status",
        "replication.rules[*].destination.metrics.status",
    ),
    count(
        "ReplicationConfiguration.Rules[*].Destination.Metrics.EventThreshold.Minutes",
        "replication.rules[*].destination.metrics.eventThreshold.minutes",
    ),
    text(
        "ReplicationConfiguration.Rules[*].Destination.ReplicationTime.Status",
        "replication.rules[*].destination.replicationTime.status",
    ),
    count(
        "ReplicationConfiguration.Rules[*].Destination.ReplicationTime.Time.Minutes",
        "replication.rules[*].destination.replicationTime.time.minutes",
    ),
    text(
        "ReplicationConfiguration.Rules[*].SourceSelectionCriteria.ReplicaModifications.Status",
        "replication.rules[*].sourceSelectionCriteria.replicaModifications.status",
    ),
    text(
        "ReplicationConfiguration.Rules[*].SourceSelectionCriteria.SseKmsEncryptedObjects.Status",
        "replication.rules[*].sourceSelectionCriteria.sseKmsEncryptedObjects.status",
    ),
    shape("Tags", "tags", pairs),
    text("VersioningConfiguration.Status", "versioning.status"),
    text("WebsiteConfiguration.ErrorDocument", "website.errorDocument"),
    text("WebsiteConfiguration.IndexDocument", "website.indexDocument"),
    text("WebsiteConfiguration.RedirectAllRequestsTo.HostName", "website.redirectAllRequestsTo.hostName"),
    text("WebsiteConfiguration.RedirectAllRequestsTo.Protocol", "website.redirectAllRequestsTo.protocol"),
    text(
        "WebsiteConfiguration.RoutingRules[*].RoutingRuleCondition.HttpErrorCodeReturnedEquals",
        "website.routingRules[*].condition.httpErrorCodeReturnedEquals",
    ),
    text(
        "WebsiteConfiguration.RoutingRules[*].RoutingRuleCondition.KeyPrefixEquals",
        "website.routingRules[*].condition.keyPrefixEquals",
    )
    .even_empty(),
    text("WebsiteConfiguration.RoutingRules[*].RedirectRule.HostName", "website.routingRules[*].redirect.hostName"),
    text(
        "WebsiteConfiguration.RoutingRules[*].RedirectRule.HttpRedirectCode",
        "website.routingRules[*].redirect.httpRedirectCode",
    ),
    text("WebsiteConfiguration.RoutingRules[*].RedirectRule.Protocol", "website.routingRules[*].redirect.protocol"),
    text(
        "WebsiteConfiguration.RoutingRules[*].RedirectRule.ReplaceKeyPrefixWith",
        "website.routingRules[*].redirect.replaceKeyPrefixWith",
    )
    .even_empty(),
    text(
        "WebsiteConfiguration.RoutingRules[*].RedirectRule.ReplaceKeyWith",
        "website.routingRules[*].redirect.replaceKeyWith",
    )
    .even_empty(),
    shape(
        "LoggingConfiguration.TargetObjectKeyFormat.SimplePrefix",
        "logging.targetObjectKeyFormat.simplePrefix",
        empty,
    )
    .even_empty(),
];

/// What a directory bucket has beside them: where it is, which its name says too.
pub(super) const DIRECTORY_BUCKET: &[Row] = &[known("LocationName"), known("DataRedundancy")];

pub(super) const POLICY: &[Row] = &[known("Bucket"), shape("PolicyDocument", "policy", json_text)];

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
