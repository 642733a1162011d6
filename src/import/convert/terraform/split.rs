//! One resource a setting, as the provider has it since 4.x.

use serde_json::Value;

use super::super::shapes::{access_control_policy, empty, json_text, pairs, routing_rules, transition};
use super::super::table::{Row, count, known, never, number, on, same, shape, switch, word};
use super::lock;

const ON_OFF: &[(&str, Option<&str>)] = &[("Enabled", Some("Enabled")), ("Disabled", Some("Disabled"))];
/// For switches that are off where nothing is said.
const ON: &[(&str, Option<&str>)] = &[("Enabled", Some("Enabled")), ("Disabled", None)];

pub(super) const VERSIONING: &[Row] = &[
    word(
        "versioning_configuration[0].status",
        "versioning.status",
        &[("Enabled", Some("Enabled")), ("Suspended", Some("Suspended")), ("Disabled", None)],
    ),
    word("versioning_configuration[0].mfa_delete", "versioning.mfaDelete", ON),
    known("mfa"),
];

pub(super) const DIRECTORY_BUCKET: &[Row] = &[
    known("data_redundancy"),
    known("force_destroy"),
    known("location"),
    known("type"),
    same("tags.{}", "tags.{}").even_empty(),
    same("tags_all.{}", "tags.{}").even_empty(),
];

pub(super) const ENCRYPTION: &[Row] = &[
    same("rule[0].apply_server_side_encryption_by_default[0].kms_master_key_id", "encryption.kmsKeyId"),
    same("rule[0].apply_server_side_encryption_by_default[0].sse_algorithm", "encryption.algorithm"),
    switch("rule[0].bucket_key_enabled", "encryption.bucketKey"),
    same("rule[0].blocked_encryption_types", "encryption.blockedEncryptionTypes"),
];

pub(super) const PUBLIC_ACCESS_BLOCK: &[Row] = &[
    switch("block_public_acls", "publicAccessBlock.blockPublicAcls"),
    switch("block_public_policy", "publicAccessBlock.blockPublicPolicy"),
    switch("ignore_public_acls", "publicAccessBlock.ignorePublicAcls"),
    switch("restrict_public_buckets", "publicAccessBlock.restrictPublicBuckets"),
    known("skip_destroy"),
];

pub(super) const OWNERSHIP: &[Row] = &[same("rule[0].object_ownership", "objectOwnership.rule")];

pub(super) const ACL: &[Row] = &[same("acl", "acl"), shape("access_control_policy", "acl", access_control_policy)];

pub(super) const POLICY: &[Row] = &[shape("policy", "policy", json_text)];

pub(super) const LIFECYCLE: &[Row] = &[
    number(
        "rule[*].abort_incomplete_multipart_upload[0].days_after_initiation",
        "lifecycle.rules[*].abortIncompleteMultipartUpload.daysAfterInitiation",
    ),
    same("rule[*].expiration[0].date", "lifecycle.rules[*].expiration.date"),
    number("rule[*].expiration[0].days", "lifecycle.rules[*].expiration.days"),
    on("rule[*].expiration[0].expired_object_delete_marker", "lifecycle.rules[*].expiration.expiredObjectDeleteMarker"),
    number("rule[*].filter[0].and[0].object_size_greater_than", "lifecycle.rules[*].filter.objectSizeGreaterThan"),
    number("rule[*].filter[0].and[0].object_size_less_than", "lifecycle.rules[*].filter.objectSizeLessThan"),
    same("rule[*].filter[0].and[0].prefix", "lifecycle.rules[*].filter.prefix"),
    same("rule[*].filter[0].and[0].tags", "lifecycle.rules[*].filter.tags"),
    // Nothing is null there, or an empty text; zero leaves empty objects out. Beside `and` there is none: it was left out before.
    count("rule[*].filter[0].object_size_greater_than", "lifecycle.rules[*].filter.objectSizeGreaterThan"),
    number("rule[*].filter[0].object_size_less_than", "lifecycle.rules[*].filter.objectSizeLessThan"),
    same("rule[*].filter[0].prefix", "lifecycle.rules[*].filter.prefix"),
    shape("rule[*].filter[0].tag", "lifecycle.rules[*].filter.tags", pairs),
    same("rule[*].id", "lifecycle.rules[*].id"),
    number(
        "rule[*].noncurrent_version_expiration[0].newer_noncurrent_versions",
        "lifecycle.rules[*].noncurrentVersionExpiration.newerNoncurrentVersions",
    ),
    number(
        "rule[*].noncurrent_version_expiration[0].noncurrent_days",
        "lifecycle.rules[*].noncurrentVersionExpiration.noncurrentDays",
    ),
    number(
        "rule[*].noncurrent_version_transition[*].newer_noncurrent_versions",
        "lifecycle.rules[*].noncurrentVersionTransitions[*].newerNoncurrentVersions",
    ),
    same(
        "rule[*].noncurrent_version_transition[*].noncurrent_days",
        "lifecycle.rules[*].noncurrentVersionTransitions[*].noncurrentDays",
    ),
    same(
        "rule[*].noncurrent_version_transition[*].storage_class",
        "lifecycle.rules[*].noncurrentVersionTransitions[*].storageClass",
    ),
    same("rule[*].prefix", "lifecycle.rules[*].filter.prefix"),
    same("rule[*].status", "lifecycle.rules[*].status"),
    shape("rule[*].transition[*]", "lifecycle.rules[*].transitions[*]", transition),
    same("transition_default_minimum_object_size", "lifecycle.transitionDefaultMinimumObjectSize"),
];

pub(super) const LOGGING: &[Row] = &[
    same("target_bucket", "logging.targetBucket"),
    same("target_prefix", "logging.targetPrefix"),
    known("target_grant[*].grantee[0].display_name"),
    never("target_grant[*].grantee[0].email_address", "S3 takes no grants to addresses of mail any more"),
    same("target_grant[*].grantee[0].id", "logging.targetGrants[*].grantee.id"),
    same("target_grant[*].grantee[0].type", "logging.targetGrants[*].grantee.type"),
    same("target_grant[*].grantee[0].uri", "logging.targetGrants[*].grantee.uri"),
    same("target_grant[*].permission", "logging.targetGrants[*].permission"),
    same(
        "target_object_key_format[0].partitioned_prefix[0].partition_date_source",
        "logging.targetObjectKeyFormat.partitionedPrefix.partitionDateSource",
    ),
    shape("target_object_key_format[0].simple_prefix", "logging.targetObjectKeyFormat.simplePrefix", empty),
];

pub(super) const WEBSITE: &[Row] = &[
    same("error_document[0].key", "website.errorDocument"),
    same("index_document[0].suffix", "website.indexDocument"),
    same("redirect_all_requests_to[0].host_name", "website.redirectAllRequestsTo.hostName"),
    same("redirect_all_requests_to[0].protocol", "website.redirectAllRequestsTo.protocol"),
    same(
        "routing_rule[*].condition[0].http_error_code_returned_equals",
        "website.routingRules[*].condition.httpErrorCodeReturnedEquals",
    ),
    same("routing_rule[*].condition[0].key_prefix_equals", "website.routingRules[*].condition.keyPrefixEquals"),
    same("routing_rule[*].redirect[0].host_name", "website.routingRules[*].redirect.hostName"),
    same("routing_rule[*].redirect[0].http_redirect_code", "website.routingRules[*].redirect.httpRedirectCode"),
    same("routing_rule[*].redirect[0].protocol", "website.routingRules[*].redirect.protocol"),
    same(
        "routing_rule[*].redirect[0].replace_key_prefix_with",
        "website.routingRules[*].redirect.replaceKeyPrefixWith",
    ),
    same("routing_rule[*].redirect[0].replace_key_with", "website.routingRules[*].redirect.replaceKeyWith"),
    // The provider fills it in from the blocks, so it comes after them and says the same.
    shape("routing_rules", "website.routingRules", routing_rules),
    known("website_domain"),
    known("website_endpoint"),
];

pub(super) const CORS: &[Row] = &[
    same("cors_rule[*].allowed_headers", "cors.rules[*].allowedHeaders"),
    same("cors_rule[*].allowed_methods", "cors.rules[*].allowedMethods"),
    same("cors_rule[*].allowed_origins", "cors.rules[*].allowedOrigins"),
    same("cors_rule[*].expose_headers", "cors.rules[*].exposeHeaders"),
    same("cors_rule[*].id", "cors.rules[*].id"),
    // The provider writes the zero that nobody said, too.
    count("cors_rule[*].max_age_seconds", "cors.rules[*].maxAgeSeconds"),
];

pub(super) const NOTIFICATION: &[Row] = &[
    switch("eventbridge", "notifications.eventBridge"),
    same("topic[*].id", "notifications.topics[*].id"),
    same("topic[*].topic_arn", "notifications.topics[*].arn"),
    same("topic[*].events", "notifications.topics[*].events"),
    same("topic[*].filter_prefix", "notifications.topics[*].filter.prefix"),
    same("topic[*].filter_suffix", "notifications.topics[*].filter.suffix"),
    same("queue[*].id", "notifications.queues[*].id"),
    same("queue[*].queue_arn", "notifications.queues[*].arn"),
    same("queue[*].events", "notifications.queues[*].events"),
    same("queue[*].filter_prefix", "notifications.queues[*].filter.prefix"),
    same("queue[*].filter_suffix", "notifications.queues[*].filter.suffix"),
    same("lambda_function[*].id", "notifications.lambdaFunctions[*].id"),
    same("lambda_function[*].lambda_function_arn", "notifications.lambdaFunctions[*].arn"),
    same("lambda_function[*].events", "notifications.lambdaFunctions[*].events"),
    same("lambda_function[*].filter_prefix", "notifications.lambdaFunctions[*].filter.prefix"),
    same("lambda_function[*].filter_suffix", "notifications.lambdaFunctions[*].filter.suffix"),
];

pub(super) const REPLICATION: &[Row] = &[
    same("role", "replication.role"),
    never("token", "the token of an object lock is said once, when replication is set up"),
    same("rule[*].id", "replication.rules[*].id"),
    same("rule[*].priority", "replication.rules[*].priority"),
    same("rule[*].prefix", "replication.rules[*].prefix"),
    same("rule[*].status", "replication.rules[*].status"),
    same("rule[*].delete_marker_replication[0].status", "replication.rules[*].deleteMarkerReplication.status"),
    same("rule[*].existing_object_replication[0].status", "replication.rules[*].existingObjectReplication.status"),
    same("rule[*].filter[0].prefix", "replication.rules[*].filter.prefix"),
    shape("rule[*].filter[0].tag", "replication.rules[*].filter.tags", pairs),
    same("rule[*].filter[0].and[0].prefix", "replication.rules[*].filter.prefix"),
    same("rule[*].filter[0].and[0].tags", "replication.rules[*].filter.tags"),
    same("rule[*].destination[0].account", "replication.rules[*].destination.account"),
    same("rule[*].destination[0].bucket", "replication.rules[*].destination.bucket"),
    same("rule[*].destination[0].storage_class", "replication.rules[*].destination.storageClass"),
    same(
        "rule[*].destination[0].access_control_translation[0].owner",
        "replication.rules[*].destination.accessControlTranslation.owner",
    ),
    same(
        "rule[*].destination[0].encryption_configuration[0].replica_kms_key_id",
        "replication.rules[*].destination.encryptionConfiguration.replicaKmsKeyId",
    ),
    same("rule[*].destination[0].metrics[0].status", "replication.rules[*].destination.metrics.status"),
    number(
        "rule[*].destination[0].metrics[0].event_threshold[0].minutes",
        "replication.rules[*].destination.metrics.eventThreshold.minutes",
    ),
    same(
        "rule[*].destination[0].replication_time[0].status",
        "replication.rules[*].destination.replicationTime.status",
    ),
    number(
        "rule[*].destination[0].replication_time[0].time[0].minutes",
        "replication.rules[*].destination.replicationTime.time.minutes",
    ),
    same(
        "rule[*].source_selection_criteria[0].replica_modifications[0].status",
        "replication.rules[*].sourceSelectionCriteria.replicaModifications.status",
    ),
    same(
        "rule[*].source_selection_criteria[0].sse_kms_encrypted_objects[0].status",
        "replication.rules[*].sourceSelectionCriteria.sseKmsEncryptedObjects.status",
    ),
];

pub(super) const OBJECT_LOCK: &[Row] = &[
    shape("object_lock_enabled", "objectLock.enabled", lock),
    known("token"),
    same("rule[0].default_retention[0].mode", "objectLock.defaultRetention.mode"),
    number("rule[0].default_retention[0].days", "objectLock.defaultRetention.days"),
    number("rule[0].default_retention[0].years", "objectLock.defaultRetention.years"),
];

pub(super) const ACCELERATE: &[Row] = &[same("status", "accelerate.status")];
pub(super) const PAYER: &[Row] = &[same("payer", "requestPayer.payer")];
pub(super) const ABAC: &[Row] = &[word("abac_status[0].status", "abac.status", ON_OFF)];

pub(super) const INVENTORY: &[Row] = &[
    same("name", "inventory.configurations[0].id"),
    switch("enabled", "inventory.configurations[0].isEnabled"),
    same("schedule[0].frequency", "inventory.configurations[0].schedule"),
    same("included_object_versions", "inventory.configurations[0].includedObjectVersions"),
    same("filter[0].prefix", "inventory.configurations[0].filter.prefix"),
    same("optional_fields", "inventory.configurations[0].optionalFields"),
    same("destination[0].bucket[0].account_id", "inventory.configurations[0].destination.accountId"),
    same("destination[0].bucket[0].bucket_arn", "inventory.configurations[0].destination.bucket"),
    same("destination[0].bucket[0].format", "inventory.configurations[0].destination.format"),
    same("destination[0].bucket[0].prefix", "inventory.configurations[0].destination.prefix"),
    shape(
        "destination[0].bucket[0].encryption[0].sse_s3",
        "inventory.configurations[0].destination.encryption.type",
        sse_s3,
    ),
    shape(
        "destination[0].bucket[0].encryption[0].sse_kms",
        "inventory.configurations[0].destination.encryption",
        sse_kms,
    ),
];

pub(super) const ANALYTICS: &[Row] = &[
    same("name", "analytics.configurations[0].id"),
    same("filter[0].prefix", "analytics.configurations[0].filter.prefix"),
    same("filter[0].tags", "analytics.configurations[0].filter.tags"),
    same(
        "storage_class_analysis[0].data_export[0].output_schema_version",
        "analytics.configurations[0].dataExport.outputSchemaVersion",
    ),
    same(
        "storage_class_analysis[0].data_export[0].destination[0].s3_bucket_destination[0].bucket_account_id",
        "analytics.configurations[0].dataExport.destination.accountId",
    ),
    same(
        "storage_class_analysis[0].data_export[0].destination[0].s3_bucket_destination[0].bucket_arn",
        "analytics.configurations[0].dataExport.destination.bucket",
    ),
    same(
        "storage_class_analysis[0].data_export[0].destination[0].s3_bucket_destination[0].format",
        "analytics.configurations[0].dataExport.destination.format",
    ),
    same(
        "storage_class_analysis[0].data_export[0].destination[0].s3_bucket_destination[0].prefix",
        "analytics.configurations[0].dataExport.destination.prefix",
    ),
];

pub(super) const METRIC: &[Row] = &[
    same("name", "metrics.configurations[0].id"),
    same("filter[0].access_point", "metrics.configurations[0].filter.accessPointArn"),
    same("filter[0].prefix", "metrics.configurations[0].filter.prefix"),
    same("filter[0].tags", "metrics.configurations[0].filter.tags"),
];

pub(super) const TIERING: &[Row] = &[
    same("name", "intelligentTiering.configurations[0].id"),
    same("status", "intelligentTiering.configurations[0].status"),
    same("filter[0].prefix", "intelligentTiering.configurations[0].filter.prefix"),
    same("filter[0].tags", "intelligentTiering.configurations[0].filter.tags"),
    same("tiering[*].access_tier", "intelligentTiering.configurations[0].tierings[*].accessTier"),
    same("tiering[*].days", "intelligentTiering.configurations[0].tierings[*].days"),
];

pub(super) const METADATA: &[Row] = &[
    known("metadata_configuration[0].destination"),
    same(
        "metadata_configuration[0].inventory_table_configuration[0].configuration_state",
        "metadata.inventoryTable.state",
    ),
    same(
        "metadata_configuration[0].inventory_table_configuration[0].encryption_configuration[0].sse_algorithm",
        "metadata.inventoryTable.encryption.algorithm",
    ),
    same(
        "metadata_configuration[0].inventory_table_configuration[0].encryption_configuration[0].kms_key_arn",
        "metadata.inventoryTable.encryption.kmsKeyArn",
    ),
    known("metadata_configuration[0].inventory_table_configuration[0].table_arn"),
    known("metadata_configuration[0].inventory_table_configuration[0].table_name"),
    same(
        "metadata_configuration[0].journal_table_configuration[0].record_expiration[0].expiration",
        "metadata.journalTable.recordExpiration.expiration",
    ),
    number(
        "metadata_configuration[0].journal_table_configuration[0].record_expiration[0].days",
        "metadata.journalTable.recordExpiration.days",
    ),
    same(
        "metadata_configuration[0].journal_table_configuration[0].encryption_configuration[0].sse_algorithm",
        "metadata.journalTable.encryption.algorithm",
    ),
    same(
        "metadata_configuration[0].journal_table_configuration[0].encryption_configuration[0].kms_key_arn",
        "metadata.journalTable.encryption.kmsKeyArn",
    ),
    known("metadata_configuration[0].journal_table_configuration[0].table_arn"),
    known("metadata_configuration[0].journal_table_configuration[0].table_name"),
];

fn sse_s3(_: &Value) -> Result<Option<Value>, String> {
    Ok(Some("SSE-S3".into()))
}

fn sse_kms(value: &Value) -> Result<Option<Value>, String> {
    let key = value.pointer("/0/key_id").and_then(Value::as_str).ok_or("it names no key")?;
    Ok(Some(serde_json::json!({"type": "SSE-KMS", "keyId": key})))
}
