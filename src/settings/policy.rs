//! `policy`: the bucket policy, compared by what it means and not by how it is written.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::setting::{About, Beside, OnDirectoryBuckets, Overlay, Problem, Risk, Setting};

mod canonical;
mod check;
#[cfg(test)]
mod properties;
mod public;
pub(crate) mod reach;
mod risk;
mod said;
mod spelling;
#[cfg(test)]
mod tests;

pub use public::is_public;
pub use said::render;

/// The policy of a bucket (API page PutBucketPolicy).
pub struct Policy;

/// The policy document. A spec writes it in AWS's own form, as YAML or as a string of JSON.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "serde_json::Value", rename_all = "camelCase")]
#[schemars(with = "said::Said", rename = "policy")]
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
    /// Whether it lets the public in ([`is_public`]). Made by the canonical form, for policies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public: Option<bool>,
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

impl Statement {
    /// What it says, without its name and what is made of it.
    fn body(&self) -> Self {
        Self { id: None, public: None, sid: None, ..self.clone() }
    }

    /// Whether a policy variable stands in it (IAM User Guide, "IAM policy elements: Variables and
    /// tags"): in a resource or in a condition's value.
    fn has_variable(&self) -> bool {
        let resources = self.resources.iter().chain(&self.not_resources).flatten();
        let values = self.conditions.values().flat_map(BTreeMap::values).flatten();
        resources.chain(values).any(|text| text.contains("${"))
    }
}

/// Principals of a policy that are no more: S3 answers a user or role that was deleted by its
/// unique id (`AIDA…`, `AROA…`), and lets nobody in by it (IAM User Guide, "IAM identifiers").
pub fn dangling(policy: &Value) -> Vec<String> {
    let unique = |name: &&String| {
        ["AIDA", "AROA"].iter().any(|prefix| name.starts_with(prefix))
            && name.len() >= 16
            && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    };
    let statements = policy.statements.iter().flatten();
    let principals = statements.flat_map(|statement| statement.principal.iter().chain(&statement.not_principal));
    let names = principals.filter_map(|principals| principals.get("AWS")).flatten();
    names.filter(unique).cloned().collect::<BTreeSet<String>>().into_iter().collect()
}

impl Setting for Policy {
    type Value = Value;

    const NAME: &'static str = "policy";
    const ABOUT: About = About {
        what: "Who may do what, as a document of statements.",
        why: "It says who may do what with the bucket and its objects, other accounts included, and what is denied to everybody.",
        risk: "Letting the public in, an added Deny, a removed Allow and a removed Deny wait for an approval.",
        example: r#"Version: "2012-10-17"
Statement:
  - Sid: OnlyTls
    Effect: Deny
    Principal: "*"
    Action: "s3:*"
    Resource: ["arn:aws:s3:::ai-model-data", "arn:aws:s3:::ai-model-data/*"]
    Condition: {Bool: {"aws:SecureTransport": "false"}}"#,
    };
    const READS: &'static [&'static str] = &["s3:GetBucketPolicy"];
    const WRITES: &'static [&'static str] = &["s3:PutBucketPolicy", "s3:DeleteBucketPolicy"];
    /// The block refuses public policies, so where it opens it opens first.
    const AFTER: &'static [&'static str] = &["publicAccessBlock"];
    const REMOVABLE: bool = true;
    const ON_DIRECTORY_BUCKETS: OnDirectoryBuckets = OnDirectoryBuckets::There;

    fn check_on_directory_buckets(want: &Value) -> Vec<Problem> {
        check::on_directory_buckets(want)
    }

    /// The canonical form is not what people write.
    fn written(value: &Value) -> serde_json::Value {
        render(value)
    }

    fn canonical(value: Value) -> Value {
        canonical::canonical(value)
    }

    /// A spec's document is the whole document. A policy's statements are put among those that are
    /// there: one that stands there already, under whatever name, or that a broader Deny makes
    /// needless, is left alone; one of the same `Sid` is replaced.
    fn merge(live: &Value, want: &Value, how: Overlay) -> Value {
        let there = live.statements.as_deref().unwrap_or_default();
        let Some(said) = want.statements.clone() else { return live.clone() };
        let wanted = canonical::statements(said);
        let (statements, version) = match how {
            Overlay::Whole => {
                // One that stands there word for word answers for nobody else, and none answers twice.
                let same = |live: &Statement| wanted.iter().any(|want| want.body() == live.body());
                let mut others: Vec<&Statement> = there.iter().filter(|live| !same(live)).collect();
                let stands: Vec<bool> =
                    wanted.iter().map(|want| there.iter().any(|live| live.body() == want.body())).collect();
                let statements = wanted.into_iter().zip(stands).map(|(want, stands)| {
                    match others.iter().position(|live| !stands && is_answer_to(live, &want)) {
                        Some(at) => Statement { sid: want.sid, ..others.remove(at).clone() },
                        None => want,
                    }
                });
                // Without variables the two versions are one, so one that nobody names stays.
                (statements.collect(), want.version.clone().or_else(|| live.version.clone()))
            }
            Overlay::Within => {
                let mut statements = there.to_vec();
                let stands = |statements: &[Statement], want: &Statement| {
                    let deny = want.effect.as_deref() == Some("Deny");
                    statements.iter().any(|live| is_answer_to(live, want) || (deny && risk::covers(live, want)))
                };
                // One that gives way to another of its name may have stood for a third.
                loop {
                    let before = statements.len();
                    for want in wanted.iter().filter(|want| want.sid.is_some()) {
                        if !stands(&statements, want) {
                            statements.retain(|live| live.sid != want.sid);
                        }
                    }
                    if statements.len() == before {
                        break;
                    }
                }
                let missing: Vec<Statement> = wanted.into_iter().filter(|want| !stands(&statements, want)).collect();
                statements.extend(missing);
                // Another version would give the variables of others a meaning, or take it from them.
                let mut theirs = statements.iter().filter(|statement| there.contains(statement));
                let needed = there.is_empty()
                    || (statements.iter().any(Statement::has_variable) && !theirs.any(Statement::has_variable));
                let version = want.version.clone().filter(|_| needed).or_else(|| live.version.clone());
                (statements, version)
            }
        };
        Value { file: None, version, id: want.id.clone().or_else(|| live.id.clone()), statements: Some(statements) }
    }

    fn risk(from: &Value, to: &Value) -> Risk {
        risk::risk(from, to)
    }

    fn check(want: &Value) -> Vec<Problem> {
        check::check(want)
    }

    fn check_beside(want: &Value, beside: &Beside) -> Vec<Problem> {
        check::beside(want, beside)
    }
}

/// Whether S3 answers `live` when it was told `want`: both say the same, or S3 put the ARNs of
/// CloudFront's origin access identities in the place of their canonical user ids. Which ARN is
/// whose cannot be known here, so as many as there are ids are taken for theirs; a spec that names
/// the ARN is compared exactly.
fn is_answer_to(live: &Statement, want: &Statement) -> bool {
    let (mut live, want) = (live.body(), want.body());
    if let (Some(there), Some(said)) = (&mut live.principal, &want.principal) {
        let none = BTreeSet::new();
        let of = |principals: &Principals, kind: &str| principals.get(kind).unwrap_or(&none).clone();
        let ids: Vec<String> = of(said, "CanonicalUser").difference(&of(there, "CanonicalUser")).cloned().collect();
        let said_arns = of(said, "AWS");
        let mut arns = of(there, "AWS");
        let before = arns.len();
        arns.retain(|arn| !arn.contains(":iam::cloudfront:user/") || said_arns.contains(arn));
        if !ids.is_empty() && before - arns.len() == ids.len() {
            there.entry("CanonicalUser".to_owned()).or_default().extend(ids);
            there.insert("AWS".to_owned(), arns);
            there.retain(|_, names| !names.is_empty());
        }
    }
    live == want
}

#[cfg(feature = "aws")]
mod wire {
    use super::{Policy, Value, said};
    use crate::cloud::delete::SubResource;
    use crate::cloud::wire::{S3, Wire, is_listing};
    use crate::cloud::{Ask, Fault, S3Error, S3ErrorKind};

    impl Wire for Policy {
        /// The answer is JSON, and its parser refuses what it does not know.
        const ELEMENTS: &'static [&'static str] = &[];

        async fn read(s3: &S3<'_>) -> Result<Value, S3Error> {
            let answer = s3
                .client
                .get_bucket_policy()
                .bucket(s3.bucket)
                .set_expected_bucket_owner(s3.owner())
                .ask(s3)
                .await
                .or_none(s3, "GetBucketPolicy", "s3:GetBucketPolicy", &["NoSuchBucketPolicy"])?;
            let text = answer.and_then(|answer| answer.policy).unwrap_or_default();
            if text.trim().is_empty() {
                return Ok(Value::default());
            }
            // What cannot be read must not be overwritten, so it is unknown rather than empty.
            let kind = match serde_json::from_str::<serde::de::IgnoredAny>(&text) {
                Ok(_) => S3ErrorKind::Other,
                Err(_) if is_listing(text.as_bytes()) => S3ErrorKind::Unsupported,
                Err(_) => S3ErrorKind::Transport,
            };
            said::read(&text.into()).map_err(|error| s3.misuse("GetBucketPolicy", kind, &error))
        }

        /// PutBucketPolicy replaces the whole document. S3's check that the writer can still write
        /// the policy afterwards stays on.
        async fn write(s3: &S3<'_>, _from: &Value, to: &Value) -> Result<(), S3Error> {
            if to.statements.as_ref().is_none_or(Vec::is_empty) {
                s3.client
                    .delete_bucket_policy()
                    .bucket(s3.bucket)
                    .set_expected_bucket_owner(s3.owner())
                    .customize()
                    .interceptor(s3.may_delete(SubResource::Policy)?)
                    .send()
                    .await
                    .or_fault(s3, "DeleteBucketPolicy", "s3:DeleteBucketPolicy")?;
                return Ok(());
            }
            s3.client
                .put_bucket_policy()
                .bucket(s3.bucket)
                .set_expected_bucket_owner(s3.owner())
                .policy(said::render(to).to_string())
                .send()
                .await
                .or_fault(s3, "PutBucketPolicy", "s3:PutBucketPolicy")?;
            Ok(())
        }
    }
}
