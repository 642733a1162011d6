//! `acl`: the grants of the bucket's access control list, S3's oldest way to let others in.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::setting::{Overlay, Problem, Risk, Setting};

/// The access control list of a bucket (API page PutBucketAcl).
pub struct Acl;

/// The grants. A spec writes a canned word (`private`) or the list; the owner's own full control
/// is implied and never in the list, so a private ACL is an empty list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "Said", rename_all = "camelCase")]
#[schemars(with = "Said", rename = "acl")]
pub struct Value {
    /// One entry per grantee, in the order of their names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grants: Option<Vec<Grant>>,
}

/// What one grantee may do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Grant {
    /// `AllUsers`, `AuthenticatedUsers`, `LogDelivery`, `id:<canonical user id>`, `uri:<group>`;
    /// `Owner` only where the owner has less than full control.
    pub grantee: String,
    /// What it may do.
    pub permissions: BTreeSet<Permission>,
}

/// What a grant allows on a bucket (S3 User Guide, "Access control list (ACL) overview").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schemars(rename = "aclPermission")]
pub enum Permission {
    /// All of the others.
    FullControl,
    /// Lists the objects.
    Read,
    /// Reads the bucket's ACL.
    ReadAcp,
    /// Creates objects.
    Write,
    /// Writes the bucket's ACL.
    WriteAcp,
}

/// What a spec may write.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "acl")]
enum Said {
    /// An ACL by its name.
    Canned(Canned),
    /// Its grants.
    Grants(Grants),
}

/// The ACLs that S3 has a name for and that make sense on a bucket.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "cannedAcl")]
enum Canned {
    /// Nobody but the owner.
    Private,
    /// Everybody may list the objects.
    PublicRead,
    /// Everybody may list and create objects.
    PublicReadWrite,
    /// Everybody with an AWS account may list the objects.
    AuthenticatedRead,
    /// S3's log delivery may create objects.
    LogDeliveryWrite,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "aclGrants")]
struct Grants {
    /// Everybody who is let in besides the owner.
    grants: Option<Vec<SaidGrant>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "aclGrant")]
struct SaidGrant {
    /// `AllUsers`, `AuthenticatedUsers`, `LogDelivery`, `id:<canonical user id>` or `uri:<group>`.
    grantee: String,
    /// What it may do, when it is one thing.
    permission: Option<Permission>,
    /// What it may do.
    permissions: Option<BTreeSet<Permission>>,
}
