//! Replication at S3.

use aws_sdk_s3::types::{
    AccessControlTranslation as SdkTranslation, DeleteMarkerReplication, Destination as SdkDestination,
    EncryptionConfiguration as SdkEncryption, ExistingObjectReplication, Metrics as SdkMetrics, ReplicaModifications,
    ReplicationConfiguration, ReplicationRule, ReplicationRuleAndOperator, ReplicationRuleFilter,
    ReplicationTime as SdkTime, ReplicationTimeValue, SourceSelectionCriteria as SdkCriteria, SseKmsEncryptedObjects,
    Tag,
};
use aws_smithy_types::error::operation::BuildError;

use super::{
    AccessControlTranslation, Destination, EncryptionConfiguration, Filter, Metrics, Minutes, Replication,
    ReplicationTime, Rule, SourceSelectionCriteria, Status, Switch, Value,
};
use crate::cloud::delete::SubResource;
use crate::cloud::wire::{S3, Wire};
use crate::cloud::{Ask, Fault, S3Error, S3ErrorKind};

impl Wire for Replication {
    const ELEMENTS: &'static [&'static str] = &[
        "ReplicationConfiguration",
        "Role",
        "Rule",
        "ID",
        "Priority",
        "Prefix",
        "Filter",
        "And",
        "Tag",
        "Key",
        "Value",
        "Status",
        "SourceSelectionCriteria",
        "SseKmsEncryptedObjects",
        "ReplicaModifications",
        "ExistingObjectReplication",
        "Destination",
        "Bucket",
        "Account",
        "StorageClass",
        "AccessControlTranslation",
        "Owner",
        "EncryptionConfiguration",
        "ReplicaKmsKeyID",
        "ReplicationTime",
        "Time",
        "Minutes",
        "Metrics",
        "EventThreshold",
        "DeleteMarkerReplication",
    ];

    /// Ceph answers an empty configuration where nothing is set.
    async fn read(s3: &S3<'_>) -> Result<Value, S3Error> {
        let answer = s3
            .client
            .get_bucket_replication()
            .bucket(s3.bucket)
            .set_expected_bucket_owner(s3.owner())
            .ask(s3)
            .await
            .or_none(
                s3,
                "GetBucketReplication",
                "s3:GetReplicationConfiguration",
                &["ReplicationConfigurationNotFoundError"],
            )?;
        Ok(answer.and_then(|answer| answer.replication_configuration).map(from_sdk).unwrap_or_default())
    }

    async fn write(s3: &S3<'_>, _from: &Value, to: &Value) -> Result<(), S3Error> {
        if *to == Value::default() {
            s3.client
                .delete_bucket_replication()
                .bucket(s3.bucket)
                .set_expected_bucket_owner(s3.owner())
                .customize()
                .interceptor(s3.may_delete(SubResource::Replication)?)
                .send()
                .await
                .or_fault(s3, "DeleteBucketReplication", "s3:PutReplicationConfiguration")?;
            return Ok(());
        }
        let configuration =
            to_sdk(to).map_err(|error| s3.misuse("PutBucketReplication", S3ErrorKind::Invalid, &error.to_string()))?;
        s3.client
            .put_bucket_replication()
            .bucket(s3.bucket)
            .set_expected_bucket_owner(s3.owner())
            .replication_configuration(configuration)
            .send()
            .await
            .or_fault(s3, "PutBucketReplication", "s3:PutReplicationConfiguration")?;
        Ok(())
    }
}

pub(super) fn to_sdk(value: &Value) -> Result<ReplicationConfiguration, BuildError> {
    ReplicationConfiguration::builder()
        .role(value.role.clone().unwrap_or_default())
        .set_rules(Some(value.rules.iter().flatten().map(rule_to_sdk).collect::<Result<_, _>>()?))
        .build()
}

pub(super) fn from_sdk(configuration: ReplicationConfiguration) -> Value {
    Value { role: Some(configuration.role), rules: Some(configuration.rules.into_iter().map(rule_from_sdk).collect()) }
}

#[expect(deprecated, reason = "rules of the first version have their prefix there")]
fn rule_to_sdk(rule: &Rule) -> Result<ReplicationRule, BuildError> {
    let markers = rule
        .delete_marker_replication
        .as_ref()
        .map(|it| DeleteMarkerReplication::builder().status(it.status.as_str().into()).build());
    let existing = rule
        .existing_object_replication
        .as_ref()
        .map(|it| ExistingObjectReplication::builder().status(it.status.as_str().into()).build());
    ReplicationRule::builder()
        .set_id(Some(rule.id.clone()).filter(|id| !id.is_empty()))
        .set_priority(rule.priority)
        .set_prefix(rule.prefix.clone())
        .set_filter(rule.filter.as_ref().map(filter_to_sdk).transpose()?)
        .status(rule.status.as_str().into())
        .set_source_selection_criteria(criteria_to_sdk(rule)?)
        .set_existing_object_replication(existing.transpose()?)
        .destination(destination_to_sdk(&rule.destination)?)
        .set_delete_marker_replication(markers)
        .build()
}

/// One predicate stands alone, several stand in `And`, none is the empty prefix.
fn filter_to_sdk(filter: &Filter) -> Result<ReplicationRuleFilter, BuildError> {
    let prefix = filter.prefix.clone().filter(|prefix| !prefix.is_empty());
    let tags = filter.tags.iter().flatten().map(|(key, value)| Tag::builder().key(key).value(value).build());
    let mut tags = tags.collect::<Result<Vec<_>, _>>()?;
    let sdk = ReplicationRuleFilter::builder();
    Ok(match usize::from(prefix.is_some()) + tags.len() {
        0 => sdk.prefix("").build(),
        1 => sdk.set_prefix(prefix).set_tag(tags.pop()).build(),
        _ => sdk.and(ReplicationRuleAndOperator::builder().set_prefix(prefix).set_tags(Some(tags)).build()).build(),
    })
}

/// S3 refuses a key for copies where nothing is said of objects under KMS, so `Disabled` is said.
fn criteria_to_sdk(rule: &Rule) -> Result<Option<SdkCriteria>, BuildError> {
    let said = rule.source_selection_criteria.as_ref();
    let off = rule.destination.encryption_configuration.as_ref().map(|_| Switch::OFF);
    let kms = said.and_then(|it| it.sse_kms_encrypted_objects.clone()).or(off);
    let kms = kms.map(|it| SseKmsEncryptedObjects::builder().status(it.status.as_str().into()).build());
    let replicas = said.and_then(|it| it.replica_modifications.as_ref());
    let replicas = replicas.map(|it| ReplicaModifications::builder().status(it.status.as_str().into()).build());
    let (kms, replicas) = (kms.transpose()?, replicas.transpose()?);
    let any = kms.is_some() || replicas.is_some();
    Ok(any
        .then(|| SdkCriteria::builder().set_sse_kms_encrypted_objects(kms).set_replica_modifications(replicas).build()))
}

fn destination_to_sdk(to: &Destination) -> Result<SdkDestination, BuildError> {
    let minutes = |it: &Minutes| ReplicationTimeValue::builder().minutes(it.minutes).build();
    let owner = to
        .access_control_translation
        .as_ref()
        .map(|it| SdkTranslation::builder().owner(it.owner.as_str().into()).build());
    let key = to
        .encryption_configuration
        .as_ref()
        .map(|it| SdkEncryption::builder().set_replica_kms_key_id(it.replica_kms_key_id.clone()).build());
    let time = to
        .replication_time
        .as_ref()
        .map(|it| SdkTime::builder().status(it.status.as_str().into()).set_time(it.time.as_ref().map(minutes)).build());
    let metrics = to.metrics.as_ref().map(|it| {
        let threshold = it.event_threshold.as_ref().map(minutes);
        SdkMetrics::builder().status(it.status.as_str().into()).set_event_threshold(threshold).build()
    });
    SdkDestination::builder()
        .bucket(&to.bucket)
        .set_account(to.account.clone())
        .set_storage_class(to.storage_class.as_ref().map(|class| class.as_str().into()))
        .set_access_control_translation(owner.transpose()?)
        .set_encryption_configuration(key)
        .set_replication_time(time.transpose()?)
        .set_metrics(metrics.transpose()?)
        .build()
}

#[expect(deprecated, reason = "rules of the first version have their prefix there")]
fn rule_from_sdk(rule: ReplicationRule) -> Rule {
    let criteria = rule.source_selection_criteria.map(|it| SourceSelectionCriteria {
        sse_kms_encrypted_objects: it.sse_kms_encrypted_objects.map(|it| switch(it.status.as_str())),
        replica_modifications: it.replica_modifications.map(|it| switch(it.status.as_str())),
    });
    Rule {
        id: rule.id.unwrap_or_default(),
        status: rule.status.as_str().into(),
        priority: rule.priority,
        filter: rule.filter.map(filter_from_sdk),
        prefix: rule.prefix,
        delete_marker_replication: rule
            .delete_marker_replication
            .and_then(|it| it.status)
            .map(|status| switch(status.as_str())),
        source_selection_criteria: criteria,
        existing_object_replication: rule.existing_object_replication.map(|it| switch(it.status.as_str())),
        destination: rule.destination.map(destination_from_sdk).unwrap_or_default(),
    }
}

fn switch(status: &str) -> Switch {
    Switch { status: Status::from(status) }
}

fn filter_from_sdk(filter: ReplicationRuleFilter) -> Filter {
    let and = filter.and.unwrap_or_else(|| ReplicationRuleAndOperator::builder().build());
    let tags = and.tags.into_iter().flatten().chain(filter.tag);
    Filter { prefix: filter.prefix.or(and.prefix), tags: Some(tags.map(|tag| (tag.key, tag.value)).collect()) }
}

fn destination_from_sdk(to: SdkDestination) -> Destination {
    let minutes = |it: ReplicationTimeValue| it.minutes.map(|minutes| Minutes { minutes });
    Destination {
        bucket: to.bucket,
        account: to.account.filter(|account| !account.is_empty()),
        storage_class: to.storage_class.map(|class| class.as_str().into()),
        access_control_translation: to
            .access_control_translation
            .map(|it| AccessControlTranslation { owner: it.owner.as_str().into() }),
        encryption_configuration: to
            .encryption_configuration
            .map(|it| EncryptionConfiguration { replica_kms_key_id: it.replica_kms_key_id }),
        replication_time: to
            .replication_time
            .map(|it| ReplicationTime { status: it.status.as_str().into(), time: it.time.and_then(minutes) }),
        metrics: to.metrics.map(|it| Metrics {
            status: it.status.as_str().into(),
            event_threshold: it.event_threshold.and_then(minutes),
        }),
    }
}
