//! `versioning`: whether S3 keeps every version of an object.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{object_lock, replication};
use crate::setting::{About, Hindrance, Others, Risk, Setting};

/// Whether S3 keeps every version of an object (API page PutBucketVersioning).
pub struct Versioning;

/// The state of versioning. Nothing at all is a bucket that never had it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "versioning")]
pub struct Value {
    /// `Enabled` keeps every version; `Suspended` keeps those that are there and adds no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// Whether versions can be deleted, and versioning changed, only with the MFA device of the
    /// account's root user. It is read and compared, never written: a spec says what is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mfa_delete: Option<MfaDelete>,
}

/// The two states that can be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "versioningStatus")]
pub enum Status {
    /// Every version is kept.
    Enabled,
    /// Versions that are there stay; new writes replace the null version.
    Suspended,
}

/// The two states of MFA delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "versioningMfaDelete")]
pub enum MfaDelete {
    /// Deleting a version and changing versioning need the device.
    Enabled,
    /// They do not; the same as nothing.
    Disabled,
}

impl Setting for Versioning {
    type Value = Value;

    const NAME: &'static str = "versioning";
    const ABOUT: About = About {
        what: "Whether overwritten and deleted objects can be had back.",
        why: "A version that was overwritten or deleted can be had back. Replication and Object Lock need it.",
        risk: "Suspending waits for an approval: from then on, overwritten and deleted objects are gone. Once on, it can be suspended but never removed, and under replication or Object Lock not even that. MFA delete is never switched, and while it is on S3 lets nobody change versioning without the root user's device.",
        example: "{status: Enabled}",
    };
    const READS: &'static [&'static str] = &["s3:GetBucketVersioning"];
    const WRITES: &'static [&'static str] = &["s3:PutBucketVersioning"];

    /// S3 answers `Disabled` for a bucket whose MFA delete was on once, and nothing for the others.
    fn canonical(value: Value) -> Value {
        Value { mfa_delete: value.mfa_delete.filter(|it| *it == MfaDelete::Enabled), ..value }
    }

    fn risk(from: &Value, to: &Value) -> Risk {
        if from.mfa_delete != to.mfa_delete {
            return Risk::Impossible(
                "MFA delete is switched only with the MFA device of the account's root user: do it by hand \
                 (`aws s3api put-bucket-versioning --mfa`), or let the spec say what is there",
            );
        }
        if from.mfa_delete.is_some() && from.status != to.status {
            return Risk::Impossible(
                "while MFA delete is on, versioning is changed only with the MFA device of the account's root user: \
                 do it by hand (`aws s3api put-bucket-versioning --mfa`)",
            );
        }
        match (from.status, to.status) {
            (Some(_), None) => Risk::Impossible("versioning can be suspended but never removed"),
            (Some(Status::Enabled), Some(Status::Suspended)) => {
                Risk::Guarded("from then on, overwritten and deleted objects are gone")
            }
            _ => Risk::Safe,
        }
    }

    /// S3 answers InvalidBucketState (User Guide, "Object Lock considerations", "Additional
    /// considerations for replication").
    fn hindrance(to: &Value, others: &Others<'_>) -> Option<Hindrance> {
        if to.status != Some(Status::Suspended) {
            return None;
        }
        if object_lock::is_on(others) {
            return Some(Hindrance {
                why: "versioning cannot be suspended while object lock is on, and object lock stays on for ever",
                advice: "let the spec say `versioning: {status: Enabled}`",
            });
        }
        replication::is_there(others).then_some(Hindrance {
            why: "versioning cannot be suspended while the bucket has replication",
            advice: "let the spec say `replication: absent` too",
        })
    }
}

/// Whether versioning is known, and known not to be on.
pub(super) fn is_off(others: &Others<'_>) -> bool {
    let known = others(Versioning::NAME).and_then(|doc| doc.parse::<Value>().ok());
    known.is_some_and(|it| it.status != Some(Status::Enabled))
}

#[cfg(feature = "aws")]
mod wire {
    use aws_sdk_s3::types::{BucketVersioningStatus, MfaDeleteStatus, VersioningConfiguration};

    use super::{MfaDelete, Status, Value, Versioning};
    use crate::cloud::wire::{S3, Wire};
    use crate::cloud::{Ask, Fault, S3Error, S3ErrorKind};

    impl Wire for Versioning {
        const ELEMENTS: &'static [&'static str] = &["VersioningConfiguration", "Status", "MfaDelete", "MFADelete"];

        async fn read(s3: &S3<'_>) -> Result<Value, S3Error> {
            let answer = s3
                .client
                .get_bucket_versioning()
                .bucket(s3.bucket)
                .set_expected_bucket_owner(s3.owner())
                .ask(s3)
                .await
                .or_fault(s3, "GetBucketVersioning", "s3:GetBucketVersioning")?;
            Ok(Value {
                status: match answer.status().filter(|it| !it.as_str().is_empty()) {
                    Some(BucketVersioningStatus::Enabled) => Some(Status::Enabled),
                    Some(BucketVersioningStatus::Suspended) => Some(Status::Suspended),
                    // Taken for a bucket that never had versions it would be switched on unasked.
                    Some(other) => {
                        let said = format!("this version does not know the status `{other}`");
                        return Err(s3.misuse("GetBucketVersioning", S3ErrorKind::Other, &said));
                    }
                    None => None,
                },
                mfa_delete: match answer.mfa_delete().filter(|it| !it.as_str().is_empty()) {
                    Some(MfaDeleteStatus::Enabled) => Some(MfaDelete::Enabled),
                    Some(MfaDeleteStatus::Disabled) => Some(MfaDelete::Disabled),
                    Some(other) => {
                        s3.unknown(&format!("MfaDelete {}", other.as_str()));
                        None
                    }
                    None => None,
                },
            })
        }

        /// Says nothing of MFA delete, which leaves it as it is.
        async fn write(s3: &S3<'_>, _from: &Value, to: &Value) -> Result<(), S3Error> {
            let status = match to.status {
                Some(Status::Enabled) => BucketVersioningStatus::Enabled,
                _ => BucketVersioningStatus::Suspended,
            };
            s3.client
                .put_bucket_versioning()
                .bucket(s3.bucket)
                .set_expected_bucket_owner(s3.owner())
                .versioning_configuration(VersioningConfiguration::builder().status(status).build())
                .send()
                .await
                .or_fault(s3, "PutBucketVersioning", "s3:PutBucketVersioning")?;
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setting::Overlay;

    #[test]
    fn versioning_can_be_suspended_but_never_removed() {
        let of = |status| Value { status, mfa_delete: None };
        let risk = |from, to| Versioning::risk(&of(from), &of(to));
        assert!(matches!(risk(Some(Status::Suspended), None), Risk::Impossible(_)));
        assert!(matches!(risk(Some(Status::Enabled), Some(Status::Suspended)), Risk::Guarded(_)));
        assert_eq!(risk(None, Some(Status::Enabled)), Risk::Safe);
        assert_eq!(risk(Some(Status::Suspended), Some(Status::Enabled)), Risk::Safe);
    }

    #[test]
    fn never_enabled_and_suspended_are_two_states() {
        let never = Versioning::canonical(Value::default());
        assert_ne!(never, Versioning::canonical(Value { status: Some(Status::Suspended), mfa_delete: None }));
    }

    fn of(status: Status, mfa_delete: Option<MfaDelete>) -> Value {
        Versioning::canonical(Value { status: Some(status), mfa_delete })
    }

    fn impossible(from: &Value, to: &Value) -> &'static str {
        match Versioning::risk(from, to) {
            Risk::Impossible(why) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn mfa_delete_is_never_switched_and_the_spec_is_told_how_to() {
        let off = of(Status::Enabled, None);
        let on = of(Status::Enabled, Some(MfaDelete::Enabled));
        let said = "MFA delete is switched only with the MFA device of the account's root user: do it by hand \
                    (`aws s3api put-bucket-versioning --mfa`), or let the spec say what is there";
        assert_eq!((impossible(&off, &on), impossible(&on, &off)), (said, said));
        assert_eq!(of(Status::Enabled, Some(MfaDelete::Disabled)), off, "a spec that says what is there is in sync");
        let said = "while MFA delete is on, versioning is changed only with the MFA device of the account's root user: \
                    do it by hand (`aws s3api put-bucket-versioning --mfa`)";
        assert_eq!(impossible(&on, &of(Status::Suspended, Some(MfaDelete::Enabled))), said);
    }

    #[test]
    fn a_repair_that_does_not_name_mfa_delete_carries_it_over() {
        let live = of(Status::Suspended, Some(MfaDelete::Enabled));
        let want = Value { status: Some(Status::Enabled), mfa_delete: None };
        assert_eq!(Versioning::merge(&live, &want, Overlay::Whole).mfa_delete, Some(MfaDelete::Enabled));
    }

    #[test]
    fn versioning_stays_on_while_object_lock_or_replication_need_it() {
        let others = |name: &'static str, said: &str| {
            let setting = crate::settings::named(name);
            let said = serde_json::from_str(said).expect("JSON");
            let doc = setting.canonical(&setting.parse(&said).expect("a value"));
            move |asked: &str| (asked == name).then(|| doc.clone())
        };
        let suspended = of(Status::Suspended, None);
        let why = |others: &Others<'_>| Versioning::hindrance(&suspended, others).map(|it| it.why);
        assert_eq!(
            why(&others("objectLock", r#"{"enabled":true}"#)),
            Some("versioning cannot be suspended while object lock is on, and object lock stays on for ever")
        );
        let rule = r#"{"role":"arn:aws:iam::111122223333:role/r","rules":[{"id":"a","status":"Enabled","prefix":"",
            "destination":{"bucket":"arn:aws:s3:::b"}}]}"#;
        assert_eq!(
            why(&others("replication", rule)),
            Some("versioning cannot be suspended while the bucket has replication")
        );
        assert_eq!(why(&others("objectLock", "{}")), None);
        assert_eq!(why(&|_: &str| None), None);
        assert_eq!(Versioning::hindrance(&of(Status::Enabled, None), &others("objectLock", "true")), None);
    }
}
