//! Object lock at S3.

use aws_sdk_s3::types::{
    DefaultRetention as SdkRetention, EventHoldDuration, ObjectLockConfiguration, ObjectLockEnabled, ObjectLockRule,
};

use super::{DefaultRetention, EventHold, ObjectLock, Retention, Value};
use crate::cloud::wire::{S3, Wire};
use crate::cloud::{Ask, Fault, S3Error, S3ErrorKind};

impl Wire for ObjectLock {
    const ELEMENTS: &'static [&'static str] = &[
        "ObjectLockConfiguration",
        "ObjectLockEnabled",
        "Rule",
        "DefaultRetention",
        "Mode",
        "Days",
        "Years",
        "DefaultEventHold",
    ];

    async fn read(s3: &S3<'_>) -> Result<Value, S3Error> {
        let answer = s3
            .client
            .get_object_lock_configuration()
            .bucket(s3.bucket)
            .set_expected_bucket_owner(s3.owner())
            .ask(s3)
            .await
            .or_none(
                s3,
                "GetObjectLockConfiguration",
                "s3:GetBucketObjectLockConfiguration",
                &["ObjectLockConfigurationNotFoundError"],
            )?;
        let configuration = answer.and_then(|answer| answer.object_lock_configuration);
        let enabled = configuration.as_ref().and_then(|it| it.object_lock_enabled.as_ref());
        if let Some(other) = enabled.filter(|it| **it != ObjectLockEnabled::Enabled && !it.as_str().is_empty()) {
            s3.unknown(&format!("ObjectLockEnabled {}", other.as_str()));
        }
        Ok(configuration.map(from_sdk).unwrap_or_default())
    }

    async fn write(s3: &S3<'_>, _from: &Value, to: &Value) -> Result<(), S3Error> {
        if to.enabled != Some(true) {
            let said = "object lock can never be switched off";
            return Err(s3.misuse("PutObjectLockConfiguration", S3ErrorKind::Forbidden, said));
        }
        s3.client
            .put_object_lock_configuration()
            .bucket(s3.bucket)
            .set_expected_bucket_owner(s3.owner())
            .object_lock_configuration(to_sdk(to))
            .send()
            .await
            .or_fault(s3, "PutObjectLockConfiguration", "s3:PutBucketObjectLockConfiguration")?;
        Ok(())
    }
}

pub(super) fn to_sdk(value: &Value) -> ObjectLockConfiguration {
    let rule = value.retention().map(|it| {
        let hold = it
            .default_event_hold
            .map(|hold| EventHoldDuration::builder().set_days(hold.days).set_years(hold.years).build());
        let retention = SdkRetention::builder()
            .set_mode(it.mode.as_ref().map(|mode| mode.as_str().into()))
            .set_days(it.days)
            .set_years(it.years)
            .set_default_event_hold(hold)
            .build();
        ObjectLockRule::builder().default_retention(retention).build()
    });
    ObjectLockConfiguration::builder().object_lock_enabled(ObjectLockEnabled::Enabled).set_rule(rule).build()
}

pub(super) fn from_sdk(configuration: ObjectLockConfiguration) -> Value {
    let retention = configuration.rule.and_then(|rule| rule.default_retention).map(|it| DefaultRetention {
        mode: it.mode.map(|mode| mode.as_str().into()),
        days: it.days,
        years: it.years,
        default_event_hold: it.default_event_hold.map(|hold| EventHold { days: hold.days, years: hold.years }),
    });
    Value {
        enabled: Some(configuration.object_lock_enabled == Some(ObjectLockEnabled::Enabled)),
        default_retention: retention.map(Retention::For),
    }
}
