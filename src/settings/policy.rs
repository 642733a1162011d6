//! `policy`: the bucket policy, compared by what it means and not by how it is written.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::setting::{Overlay, Problem, Risk, Setting};

/// The policy of a bucket (API page PutBucketPolicy).
pub struct Policy;

/// The policy document. A spec writes it in AWS's own form, as YAML or as a string of JSON.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "serde_json::Value", rename_all = "camelCase")]
pub struct Value {
    /// A file that holds the document. The loader replaces it with what the file holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// `2012-10-17`, or `2008-10-17`, which knows no policy variables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The document's own name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The statements; none at all is no policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statements: Option<Vec<Statement>>,
}

/// One statement. In canonical form every scalar-or-list is a sorted list, `"*"` for everybody is
/// `{"AWS": ["*"]}`, an account is its twelve digits, actions and operators have AWS's spelling,
/// and names of condition keys are lower case.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    /// What tells it apart in a diff: its `sid`, else a digest. Made by the canonical form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its name in the document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// `Allow` or `Deny`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<String>,
    /// Whom it speaks of: kind to names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<Principals>,
    /// Whom it does not speak of, everybody else being meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_principal: Option<Principals>,
    /// The actions, such as `s3:GetObject` or `s3:Get*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actions: Option<BTreeSet<String>>,
    /// The actions that are not meant, all others being.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_actions: Option<BTreeSet<String>>,
    /// ARNs of the bucket and of objects in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<BTreeSet<String>>,
    /// ARNs that are not meant, all others being.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_resources: Option<BTreeSet<String>>,
    /// Operator to key to values; empty when it always holds.
    pub conditions: Conditions,
}

/// Kind of principal (`AWS`, `Service`, `Federated`, `CanonicalUser`) to names.
pub type Principals = BTreeMap<String, BTreeSet<String>>;

/// Operator (`Bool`) to key (`aws:securetransport`) to values.
pub type Conditions = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;
