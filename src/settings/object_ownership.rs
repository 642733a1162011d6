//! `objectOwnership`: who owns what others upload, and whether ACLs count at all.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::setting::{Risk, Setting};

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
