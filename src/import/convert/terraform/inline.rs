//! `aws_s3_bucket` with everything in line, as the provider wrote it up to 3.x and fills it in since.

use serde_json::Value;

use super::super::shapes::{inline_grants, json_text, redirect_all, routing_rules, transition};
use super::super::table::{Row, count, known, number, on, same, shape, switch};
use super::lock;

/// The bucket's own resource.
pub(super) const BUCKET: &[Row] = &[
    known("bucket_domain_name"),
    known("bucket_namespace"),
    known("bucket_prefix"),
    known("bucket_region"),
    known("bucket_regional_domain_name"),
    known("force_destroy"),
    known("hosted_zone_id"),
    known("website_domain"),
    known("website_endpoint"),
    same("acceleration_status", "accelerate.status"),
    same("acl", "acl"),
    same("cors_rule[*].allowed_headers", "cors.rules[*].allowedHeaders"),
    same("cors_rule[*].allowed_methods", "cors.rules[*].allowedMethods"),
    same("cors_rule[*].allowed_origins", "cors.rules[*].allowedOrigins"),
    same("cors_rule[*].expose_headers", "cors.rules[*].exposeHeaders"),
    // The provider writes the zero that nobody said, too.
    count("cors_rule[*].max_age_seconds", "cors.rules[*].maxAgeSeconds"),
    shape("grant", "acl", inline_grants),
    number(
        "lifecycle_rule[*].abort_incomplete_multipart_upload_days",
        "lifecycle.rules[*].abortIncompleteMultipartUpload.daysAfterInitiation",
    ),
    shape("lifecycle_rule[*].enabled", "lifecycle.rules[*].status", enabled),
    same("lifecycle_rule[*].expiration[0].date", "lifecycle.rules[*].expiration.date"),
    number("lifecycle_rule[*].expiration[0].days", "lifecycle.rules[*].expiration.days"),
    on(
        "lifecycle_rule[*].expiration[0].expired_object_delete_marker",
        "lifecycle.rules[*].expiration.expiredObjectDeleteMarker",
    ),
    same("lifecycle_rule[*].id", "lifecycle.rules[*].id"),
    number(
        "lifecycle_rule[*].noncurrent_version_expiration[0].days",
        "lifecycle.rules[*].noncurrentVersionExpiration.noncurrentDays",
    ),
    same(
        "lifecycle_rule[*].noncurrent_version_transition[*].days",
        "lifecycle.rules[*].noncurrentVersionTransitions[*].noncurrentDays",
    ),
    same(
        "lifecycle_rule[*].noncurrent_version_transition[*].storage_class",
        "lifecycle.rules[*].noncurrentVersionTransitions[*].storageClass",
    ),
    same("lifecycle_rule[*].prefix", "lifecycle.rules[*].filter.prefix"),
    same("lifecycle_rule[*].tags", "lifecycle.rules[*].filter.tags"),
    shape("lifecycle_rule[*].transition[*]", "lifecycle.rules[*].transitions[*]", transition),
    same("logging[0].target_bucket", "logging.targetBucket"),
    same("logging[0].target_prefix", "logging.targetPrefix"),
    shape("object_lock_configuration[0].object_lock_enabled", "objectLock.enabled", lock),
    same("object_lock_configuration[0].rule[0].default_retention[0].mode", "objectLock.defaultRetention.mode"),
    number("object_lock_configuration[0].rule[0].default_retention[0].days", "objectLock.defaultRetention.days"),
    number("object_lock_configuration[0].rule[0].default_retention[0].years", "objectLock.defaultRetention.years"),
    on("object_lock_enabled", "objectLock.enabled"),
    shape("policy", "policy", json_text),
    same("replication_configuration[0].role", "replication.role"),
    same("replication_configuration[0].rules[*].id", "replication.rules[*].id"),
    same("replication_configuration[0].rules[*].priority", "replication.rules[*].priority"),
    same("replication_configuration[0].rules[*].prefix", "replication.rules[*].prefix"),
    same("replication_configuration[0].rules[*].status", "replication.rules[*].status"),
    same(
        "replication_configuration[0].rules[*].delete_marker_replication_status",
        "replication.rules[*].deleteMarkerReplication.status",
    ),
    same("replication_configuration[0].rules[*].filter[0].prefix", "replication.rules[*].filter.prefix"),
    same("replication_configuration[0].rules[*].filter[0].tags", "replication.rules[*].filter.tags"),
    same("replication_configuration[0].rules[*].destination[0].account_id", "replication.rules[*].destination.account"),
    same("replication_configuration[0].rules[*].destination[0].bucket", "replication.rules[*].destination.bucket"),
    same(
        "replication_configuration[0].rules[*].destination[0].storage_class",
        "replication.rules[*].destination.storageClass",
    ),
    same(
        "replication_configuration[0].rules[*].destination[0].replica_kms_key_id",
        "replication.rules[*].destination.encryptionConfiguration.replicaKmsKeyId",
    ),
    same(
        "replication_configuration[0].rules[*].destination[0].access_control_translation[0].owner",
        "replication.rules[*].destination.accessControlTranslation.owner",
    ),
    same(
        "replication_configuration[0].rules[*].destination[0].metrics[0].status",
        "replication.rules[*].destination.metrics.status",
    ),
    number(
        "replication_configuration[0].rules[*].destination[0].metrics[0].minutes",
        "replication.rules[*].destination.metrics.eventThreshold.minutes",
    ),
    same(
        "replication_configuration[0].rules[*].destination[0].replication_time[0].status",
        "replication.rules[*].destination.replicationTime.status",
    ),
    number(
        "replication_configuration[0].rules[*].destination[0].replication_time[0].minutes",
        "replication.rules[*].destination.replicationTime.time.minutes",
    ),
    shape(
        "replication_configuration[0].rules[*].source_selection_criteria[0].sse_kms_encrypted_objects[0].enabled",
        "replication.rules[*].sourceSelectionCriteria.sseKmsEncryptedObjects.status",
        enabled,
    ),
    same("request_payer", "requestPayer.payer"),
    same(
        "server_side_encryption_configuration[0].rule[0].apply_server_side_encryption_by_default[0].kms_master_key_id",
        "encryption.kmsKeyId",
    ),
    same(
        "server_side_encryption_configuration[0].rule[0].apply_server_side_encryption_by_default[0].sse_algorithm",
        "encryption.algorithm",
    ),
    switch("server_side_encryption_configuration[0].rule[0].bucket_key_enabled", "encryption.bucketKey"),
    same(
        "server_side_encryption_configuration[0].rule[0].blocked_encryption_types",
        "encryption.blockedEncryptionTypes",
    ),
    same("tags.{}", "tags.{}").even_empty(),
    same("tags_all.{}", "tags.{}").even_empty(),
    // Whether it was on once and is suspended now, or was never on, cannot be told from it.
    shape("versioning[0].enabled", "versioning.status", versioned),
    shape("versioning[0].mfa_delete", "versioning.mfaDelete", versioned),
    same("website[0].error_document", "website.errorDocument"),
    same("website[0].index_document", "website.indexDocument"),
    shape("website[0].redirect_all_requests_to", "website.redirectAllRequestsTo", redirect_all),
    shape("website[0].routing_rules", "website.routingRules", routing_rules),
];

fn enabled(value: &Value) -> Result<Option<Value>, String> {
    let on = value.as_bool().ok_or("it is neither true nor false")?;
    Ok(Some(if on { "Enabled" } else { "Disabled" }.into()))
}

fn versioned(value: &Value) -> Result<Option<Value>, String> {
    Ok((value == true).then(|| "Enabled".into()))
}
