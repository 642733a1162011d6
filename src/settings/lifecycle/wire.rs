//! How lifecycle rules travel to S3 and back.

use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload as SdkAbort, BucketLifecycleConfiguration, ExpirationStatus, LifecycleExpiration,
    LifecycleRule, LifecycleRuleAndOperator, LifecycleRuleFilter, NoncurrentVersionExpiration as SdkNoncurrent,
    NoncurrentVersionTransition as SdkNoncurrentTransition, Tag, Transition as SdkTransition,
    TransitionDefaultMinimumObjectSize, TransitionStorageClass,
};
use aws_smithy_types::error::operation::BuildError;

use super::{
    AbortIncompleteMultipartUpload, Date, Expiration, Filter, Lifecycle, MinimumObjectSize,
    NoncurrentVersionExpiration, NoncurrentVersionTransition, Rule, StorageClass, Transition, Value, full,
};
use crate::cloud::delete::SubResource;
use crate::cloud::wire::{S3, Wire};
use crate::cloud::{Ask, Fault, S3Error, S3ErrorKind};

impl Wire for Lifecycle {
    const ELEMENTS: &'static [&'static str] = &[
        "LifecycleConfiguration",
        "Rule",
        "ID",
        "Status",
        "Prefix",
        "Filter",
        "And",
        "Tag",
        "Key",
        "Value",
        "ObjectSizeGreaterThan",
        "ObjectSizeLessThan",
        "Expiration",
        "Days",
        "Date",
        "ExpiredObjectDeleteMarker",
        "Transition",
        "StorageClass",
        "NoncurrentVersionTransition",
        "NoncurrentVersionExpiration",
        "NoncurrentDays",
        "NewerNoncurrentVersions",
        "AbortIncompleteMultipartUpload",
        "DaysAfterInitiation",
    ];

    async fn read(s3: &S3<'_>) -> Result<Value, S3Error> {
        let answer = s3
            .client
            .get_bucket_lifecycle_configuration()
            .bucket(s3.bucket)
            .set_expected_bucket_owner(s3.owner())
            .ask(s3)
            .await
            .or_none(
                s3,
                "GetBucketLifecycleConfiguration",
                "s3:GetLifecycleConfiguration",
                &["NoSuchLifecycleConfiguration"],
            )?;
        Ok(answer.map_or_else(Value::default, |it| {
            from_sdk(it.rules.unwrap_or_default(), it.transition_default_minimum_object_size)
        }))
    }

    async fn write(s3: &S3<'_>, from: &Value, to: &Value) -> Result<(), S3Error> {
        if *to == Value::default() {
            s3.client
                .delete_bucket_lifecycle()
                .bucket(s3.bucket)
                .set_expected_bucket_owner(s3.owner())
                .customize()
                .interceptor(s3.may_delete(SubResource::Lifecycle)?)
                .send()
                .await
                .or_fault(s3, "DeleteBucketLifecycle", "s3:PutLifecycleConfiguration")?;
            return Ok(());
        }
        let misuse = |said: &str| s3.misuse("PutBucketLifecycleConfiguration", S3ErrorKind::Invalid, said);
        if to.rules.is_none() {
            return Err(misuse("`transitionDefaultMinimumObjectSize` without a rule: S3 keeps it with the rules"));
        }
        let configuration = to_sdk(to).map_err(|error| misuse(&error.to_string()))?;
        s3.client
            .put_bucket_lifecycle_configuration()
            .bucket(s3.bucket)
            .set_expected_bucket_owner(s3.owner())
            .lifecycle_configuration(configuration)
            .set_transition_default_minimum_object_size(minimum_to_send(from, to))
            .send()
            .await
            .or_fault(s3, "PutBucketLifecycleConfiguration", "s3:PutLifecycleConfiguration")?;
        Ok(())
    }
}

/// The header that goes with the rules. Stores that do not know it never answer it, so the
/// default is sent only to take back another value.
pub(super) fn minimum_to_send(from: &Value, to: &Value) -> Option<TransitionDefaultMinimumObjectSize> {
    let from = from.transition_default_minimum_object_size.as_ref();
    let to = to.transition_default_minimum_object_size.as_ref();
    to.or(from.and(Some(&MinimumObjectSize::All128K))).map(|size| size.as_str().into())
}

/// The rules as the SDK sends them: always with a filter, because S3 refuses to mix rules with
/// and without one.
pub(super) fn to_sdk(value: &Value) -> Result<BucketLifecycleConfiguration, BuildError> {
    let rules = value.rules.iter().flatten().map(rule_to_sdk).collect::<Result<_, _>>()?;
    BucketLifecycleConfiguration::builder().set_rules(Some(rules)).build()
}

/// What S3 answered, old rules with a bare prefix included.
pub(super) fn from_sdk(rules: Vec<LifecycleRule>, minimum: Option<TransitionDefaultMinimumObjectSize>) -> Value {
    if rules.is_empty() {
        return Value::default();
    }
    Value {
        rules: Some(rules.into_iter().map(rule_from_sdk).collect()),
        transition_default_minimum_object_size: minimum
            .filter(|size| !size.as_str().is_empty())
            .map(|size| size.as_str().into()),
    }
}

fn rule_to_sdk(rule: &Rule) -> Result<LifecycleRule, BuildError> {
    let transitions = rule.transitions.iter().flatten().map(|it| {
        Ok(SdkTransition::builder()
            .set_days(it.days)
            .set_date(it.date.as_ref().map(date_to_sdk).transpose()?)
            .set_storage_class(class_to_sdk(&it.storage_class))
            .build())
    });
    let noncurrent = rule.noncurrent_version_transitions.iter().flatten().map(|it| {
        SdkNoncurrentTransition::builder()
            .set_noncurrent_days(it.noncurrent_days)
            .set_newer_noncurrent_versions(it.newer_noncurrent_versions)
            .set_storage_class(class_to_sdk(&it.storage_class))
            .build()
    });
    let expiration = |it: &Expiration| {
        Ok::<_, BuildError>(
            LifecycleExpiration::builder()
                .set_days(it.days)
                .set_date(it.date.as_ref().map(date_to_sdk).transpose()?)
                .set_expired_object_delete_marker(it.expired_object_delete_marker)
                .build(),
        )
    };
    let noncurrent_expiration = |it: &NoncurrentVersionExpiration| {
        SdkNoncurrent::builder()
            .set_noncurrent_days(it.noncurrent_days)
            .set_newer_noncurrent_versions(it.newer_noncurrent_versions)
            .build()
    };
    let abort = |it: &AbortIncompleteMultipartUpload| {
        SdkAbort::builder().days_after_initiation(it.days_after_initiation).build()
    };
    LifecycleRule::builder()
        .set_id(Some(rule.id.clone()).filter(|id| !id.is_empty()))
        .status(ExpirationStatus::from(rule.status.as_str()))
        .filter(filter_to_sdk(&rule.filter.clone().unwrap_or_default())?)
        .set_expiration(rule.expiration.as_ref().map(expiration).transpose()?)
        .set_noncurrent_version_expiration(rule.noncurrent_version_expiration.as_ref().map(noncurrent_expiration))
        .set_transitions(full(transitions.collect::<Result<_, BuildError>>()?))
        .set_noncurrent_version_transitions(full(noncurrent.collect()))
        .set_abort_incomplete_multipart_upload(rule.abort_incomplete_multipart_upload.as_ref().map(abort))
        .build()
}

/// One predicate stands alone, several stand in `And`, none is the empty prefix.
fn filter_to_sdk(filter: &Filter) -> Result<LifecycleRuleFilter, BuildError> {
    let prefix = filter.prefix.clone().filter(|prefix| !prefix.is_empty());
    let mut tags = filter
        .tags
        .iter()
        .flatten()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect::<Result<Vec<_>, _>>()?;
    let (larger, smaller) = (filter.object_size_greater_than, filter.object_size_less_than);
    let sizes = usize::from(larger.is_some()) + usize::from(smaller.is_some());
    let sdk = LifecycleRuleFilter::builder();
    Ok(match usize::from(prefix.is_some()) + tags.len() + sizes {
        0 => sdk.prefix("").build(),
        1 => sdk
            .set_prefix(prefix)
            .set_tag(tags.pop())
            .set_object_size_greater_than(larger)
            .set_object_size_less_than(smaller)
            .build(),
        _ => sdk
            .and(
                LifecycleRuleAndOperator::builder()
                    .set_prefix(prefix)
                    .set_tags(full(tags))
                    .set_object_size_greater_than(larger)
                    .set_object_size_less_than(smaller)
                    .build(),
            )
            .build(),
    })
}

#[expect(deprecated, reason = "rules of before 2016 still have their prefix there")]
fn rule_from_sdk(rule: LifecycleRule) -> Rule {
    Rule {
        id: rule.id.unwrap_or_default(),
        status: rule.status.as_str().into(),
        filter: rule.filter.map(filter_from_sdk),
        prefix: rule.prefix,
        expiration: rule.expiration.map(|it| Expiration {
            days: it.days,
            date: it.date.map(date_from_sdk),
            expired_object_delete_marker: it.expired_object_delete_marker,
        }),
        noncurrent_version_expiration: rule.noncurrent_version_expiration.map(|it| NoncurrentVersionExpiration {
            noncurrent_days: it.noncurrent_days,
            newer_noncurrent_versions: it.newer_noncurrent_versions,
        }),
        transitions: rule.transitions.map(|list| {
            list.into_iter()
                .map(|it| Transition {
                    days: it.days,
                    date: it.date.map(date_from_sdk),
                    storage_class: class_from_sdk(it.storage_class),
                })
                .collect()
        }),
        noncurrent_version_transitions: rule.noncurrent_version_transitions.map(|list| {
            list.into_iter()
                .map(|it| NoncurrentVersionTransition {
                    noncurrent_days: it.noncurrent_days,
                    newer_noncurrent_versions: it.newer_noncurrent_versions,
                    storage_class: class_from_sdk(it.storage_class),
                })
                .collect()
        }),
        abort_incomplete_multipart_upload: rule
            .abort_incomplete_multipart_upload
            .and_then(|it| it.days_after_initiation)
            .map(|days_after_initiation| AbortIncompleteMultipartUpload { days_after_initiation }),
    }
}

fn filter_from_sdk(filter: LifecycleRuleFilter) -> Filter {
    let and = filter.and.unwrap_or_else(|| LifecycleRuleAndOperator::builder().build());
    let tags = and.tags.into_iter().flatten().chain(filter.tag);
    Filter {
        prefix: filter.prefix.or(and.prefix),
        tags: Some(tags.map(|tag| (tag.key, tag.value)).collect()),
        object_size_greater_than: filter.object_size_greater_than.or(and.object_size_greater_than),
        object_size_less_than: filter.object_size_less_than.or(and.object_size_less_than),
    }
}

fn class_to_sdk(class: &StorageClass) -> Option<TransitionStorageClass> {
    Some(class.as_str()).filter(|word| !word.is_empty()).map(TransitionStorageClass::from)
}

fn class_from_sdk(class: Option<TransitionStorageClass>) -> StorageClass {
    class.as_ref().map_or("", TransitionStorageClass::as_str).into()
}

fn date_to_sdk(date: &Date) -> Result<aws_smithy_types::DateTime, BuildError> {
    let instant =
        date.instant().ok_or_else(|| BuildError::invalid_field("date", format!("`{}` is not a date", date.0)))?;
    Ok(aws_smithy_types::DateTime::from_secs(instant.timestamp()))
}

/// Beyond the years that a date can name nothing is lost that S3 could have meant: it stays a
/// number of seconds, which no write takes for a date.
fn date_from_sdk(date: aws_smithy_types::DateTime) -> Date {
    chrono::DateTime::from_timestamp(date.secs(), 0).map_or_else(|| Date(date.secs().to_string()), Date::of)
}
