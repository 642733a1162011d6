//! `objectOwnership`: who owns what others upload, and whether ACLs count at all.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::acl;
use crate::setting::{About, Hindrance, OnDirectoryBuckets, Others, Risk, Setting};

/// The ownership controls of a bucket (API page PutBucketOwnershipControls).
pub struct ObjectOwnership;

/// The one rule. A spec writes `{rule: BucketOwnerEnforced}` or the word alone.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "Said", rename_all = "camelCase")]
#[schemars(with = "Said", rename = "objectOwnership")]
pub struct Value {
    /// Who owns what others upload; nothing at S3 is `ObjectWriter`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<Rule>,
}

/// Who owns what others upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "objectOwnershipRule")]
pub enum Rule {
    /// The bucket's owner owns everything, and ACLs are disabled. What AWS gives a new bucket.
    BucketOwnerEnforced,
    /// The bucket's owner owns uploads that grant it full control; ACLs count.
    BucketOwnerPreferred,
    /// Whoever uploads an object owns it; ACLs count.
    ObjectWriter,
}

/// What a spec may write.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "objectOwnership")]
enum Said {
    /// The rule alone.
    Word(Rule),
    /// S3's own form.
    Controls(Controls),
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "objectOwnershipControls")]
struct Controls {
    /// Who owns what others upload.
    rule: Option<Rule>,
}

impl From<Said> for Value {
    fn from(said: Said) -> Self {
        match said {
            Said::Word(rule) => Self { rule: Some(rule) },
            Said::Controls(Controls { rule }) => Self { rule },
        }
    }
}

impl Setting for ObjectOwnership {
    type Value = Value;

    const NAME: &'static str = "objectOwnership";
    const ABOUT: About = About {
        what: "Whether ACLs count, and who owns uploaded objects.",
        why: "With `BucketOwnerEnforced`, ACLs no longer count and every object belongs to the bucket's owner: permissions stand in policies alone.",
        risk: "Switching ACLs off or on waits for an approval: whoever is let in by an ACL alone would be locked out, or let in again.",
        example: "BucketOwnerEnforced",
    };
    const READS: &'static [&'static str] = &["s3:GetBucketOwnershipControls"];
    const WRITES: &'static [&'static str] = &["s3:PutBucketOwnershipControls"];
    /// S3 refuses `BucketOwnerEnforced` while an ACL still lets others in
    /// (InvalidBucketAclWithObjectOwnership), so grants go first. The other way round, an ACL that
    /// needs ownership to be changed first is held in the first pass and written in the next: locking
    /// down must work at once, opening up may take two passes.
    const AFTER: &'static [&'static str] = &["publicAccessBlock", "acl"];
    /// Directory buckets know no ACLs (API page CreateBucket).
    const ON_DIRECTORY_BUCKETS: OnDirectoryBuckets = OnDirectoryBuckets::Given;

    fn given_on_directory_buckets() -> Value {
        Value { rule: Some(Rule::BucketOwnerEnforced) }
    }

    /// ACLs are off since April 2023 (S3 User Guide, "Controlling ownership of objects and disabling
    /// ACLs for your bucket").
    fn fresh() -> Value {
        Value { rule: Some(Rule::BucketOwnerEnforced) }
    }

    /// A bucket without controls is one from before them, or one whose controls were deleted (API
    /// page GetBucketOwnershipControls), and its uploads belong to their writers.
    fn canonical(value: Value) -> Value {
        Value { rule: Some(value.rule.unwrap_or(Rule::ObjectWriter)) }
    }

    fn risk(from: &Value, to: &Value) -> Risk {
        let enforced = |value: &Value| value.rule == Some(Rule::BucketOwnerEnforced);
        match (enforced(from), enforced(to)) {
            (false, true) => Risk::Guarded("whoever is let in by an ACL alone would be locked out"),
            (true, false) => Risk::Guarded("ACLs of the bucket and of its objects would let others in again"),
            _ => Risk::Safe,
        }
    }

    /// S3 answers InvalidBucketAclWithObjectOwnership (API page PutBucketOwnershipControls).
    fn hindrance(to: &Value, others: &Others<'_>) -> Option<Hindrance> {
        (to.rule == Some(Rule::BucketOwnerEnforced) && acl::lets_others_in(others)).then_some(Hindrance {
            why: "S3 switches ACLs off only where the bucket's own lets nobody in but the owner",
            advice: "let the spec say `acl: private` too",
        })
    }
}

/// Whether ACLs are known to be off.
pub(super) fn is_enforced(others: &Others<'_>) -> bool {
    let known = others(ObjectOwnership::NAME).and_then(|doc| doc.parse::<Value>().ok());
    known.is_some_and(|it| it.rule == Some(Rule::BucketOwnerEnforced))
}

#[cfg(feature = "aws")]
mod wire {
    use aws_sdk_s3::types::{ObjectOwnership as Ownership, OwnershipControls, OwnershipControlsRule};

    use super::{ObjectOwnership, Rule, Value};
    use crate::cloud::wire::{S3, Wire};
    use crate::cloud::{Ask, Fault, S3Error, S3ErrorKind};

    impl Wire for ObjectOwnership {
        const ELEMENTS: &'static [&'static str] = &["OwnershipControls", "Rule", "ObjectOwnership"];

        async fn read(s3: &S3<'_>) -> Result<Value, S3Error> {
            let answer = s3
                .client
                .get_bucket_ownership_controls()
                .bucket(s3.bucket)
                .set_expected_bucket_owner(s3.owner())
                .ask(s3)
                .await
                .or_none(
                    s3,
                    "GetBucketOwnershipControls",
                    "s3:GetBucketOwnershipControls",
                    &["OwnershipControlsNotFoundError"],
                )?;
            let controls = answer.and_then(|answer| answer.ownership_controls);
            let mut rules = controls.into_iter().flat_map(|controls| controls.rules);
            let rule = rules.next();
            if rules.next().is_some() {
                let said = "there is a rule beside the first, and this version knows of one only";
                return Err(s3.misuse("GetBucketOwnershipControls", S3ErrorKind::Other, said));
            }
            let Some(rule) = rule else { return Ok(Value::default()) };
            let rule = match rule.object_ownership.as_str() {
                "BucketOwnerEnforced" => Rule::BucketOwnerEnforced,
                "BucketOwnerPreferred" => Rule::BucketOwnerPreferred,
                "ObjectWriter" => Rule::ObjectWriter,
                other => {
                    let said = format!("the object ownership `{other}` is not one that this version knows");
                    return Err(s3.misuse("GetBucketOwnershipControls", S3ErrorKind::Other, &said));
                }
            };
            Ok(Value { rule: Some(rule) })
        }

        /// The default is written as what it means, and the controls are never deleted.
        async fn write(s3: &S3<'_>, _from: &Value, to: &Value) -> Result<(), S3Error> {
            let ownership = match to.rule {
                Some(Rule::BucketOwnerEnforced) => Ownership::BucketOwnerEnforced,
                Some(Rule::BucketOwnerPreferred) => Ownership::BucketOwnerPreferred,
                Some(Rule::ObjectWriter) | None => Ownership::ObjectWriter,
            };
            let misuse = |said: String| s3.misuse("PutBucketOwnershipControls", S3ErrorKind::Invalid, &said);
            let rule = OwnershipControlsRule::builder()
                .object_ownership(ownership)
                .build()
                .map_err(|error| misuse(error.to_string()))?;
            let controls =
                OwnershipControls::builder().rules(rule).build().map_err(|error| misuse(error.to_string()))?;
            s3.client
                .put_bucket_ownership_controls()
                .bucket(s3.bucket)
                .set_expected_bucket_owner(s3.owner())
                .ownership_controls(controls)
                .send()
                .await
                .or_fault(s3, "PutBucketOwnershipControls", "s3:PutBucketOwnershipControls")?;
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doc::Doc;
    use crate::setting::Overlay;

    fn of(json: &str) -> Value {
        serde_json::from_str(json).expect("a value")
    }

    #[test]
    fn a_spec_may_write_the_word_alone() {
        assert_eq!(of("\"BucketOwnerEnforced\""), of(r#"{"rule":"BucketOwnerEnforced"}"#));
        assert_eq!(Doc::of(&of("\"ObjectWriter\"")).as_str(), r#"{"rule":"ObjectWriter"}"#);
        assert!(serde_json::from_str::<Value>("\"bucketOwnerEnforced\"").is_err());
        assert!(serde_json::from_str::<Value>(r#"{"rules":"ObjectWriter"}"#).is_err());
    }

    #[test]
    fn no_controls_and_object_writer_are_one() {
        let default = ObjectOwnership::canonical(Value::default());
        assert_eq!(default, of("\"ObjectWriter\""));
        assert_eq!(ObjectOwnership::canonical(default.clone()), default);
    }

    #[test]
    fn a_spec_that_says_nothing_keeps_what_is_live() {
        let live = of("\"BucketOwnerPreferred\"");
        assert_eq!(ObjectOwnership::merge(&live, &of("{}"), Overlay::Whole), live);
        let to = ObjectOwnership::merge(&live, &of("\"BucketOwnerEnforced\""), Overlay::Within);
        assert_eq!(to, of("\"BucketOwnerEnforced\""));
    }

    #[test]
    fn turning_acls_off_or_on_is_guarded() {
        let risk = |from: &str, to: &str| ObjectOwnership::risk(&of(from), &of(to));
        let (enforced, preferred, writer) = ("\"BucketOwnerEnforced\"", "\"BucketOwnerPreferred\"", "\"ObjectWriter\"");
        assert_eq!(risk(writer, enforced), Risk::Guarded("whoever is let in by an ACL alone would be locked out"));
        assert_eq!(
            risk(enforced, preferred),
            Risk::Guarded("ACLs of the bucket and of its objects would let others in again")
        );
        assert_eq!(risk(writer, preferred), Risk::Safe);
        assert_eq!(risk(enforced, enforced), Risk::Safe);
    }

    /// Pain 13, aws-controllers-k8s/community#1282: a tool turned ACLs off and wrote one afterwards,
    /// which S3 refuses, so grants are written before ownership.
    #[test]
    fn pain_13_grants_are_removed_before_ownership_is_enforced() {
        assert!(ObjectOwnership::AFTER.contains(&"acl"));
        assert!(!crate::settings::acl::Acl::AFTER.contains(&ObjectOwnership::NAME));
    }

    /// S3 answers InvalidBucketAclWithObjectOwnership, and the write was tried all the same.
    #[test]
    fn acls_cannot_be_switched_off_while_one_lets_others_in() {
        let others = |acl: &'static str| {
            let doc = crate::settings::named("acl").parse(&serde_json::json!(acl)).expect("an ACL");
            move |asked: &str| (asked == "acl").then(|| doc.clone())
        };
        let why = |to: &str, acl| ObjectOwnership::hindrance(&of(to), &others(acl)).map(|it| it.why);
        let private = "S3 switches ACLs off only where the bucket's own lets nobody in but the owner";
        assert_eq!(why("\"BucketOwnerEnforced\"", "public-read"), Some(private));
        assert_eq!(why("\"BucketOwnerEnforced\"", "private"), None);
        assert_eq!(why("\"ObjectWriter\"", "public-read"), None);
    }

    /// Pain 3, aws-controllers-k8s/community#2870: what S3 holds by default was seen as drift.
    #[test]
    fn pain_3_a_bucket_from_before_the_controls_is_in_sync_with_object_writer() {
        let live = ObjectOwnership::canonical(Value::default());
        let to = ObjectOwnership::canonical(ObjectOwnership::merge(&live, &of("\"ObjectWriter\""), Overlay::Whole));
        assert_eq!(Doc::of(&live), Doc::of(&to));
    }
}
