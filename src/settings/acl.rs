//! `acl`: the grants of the bucket's access control list, S3's oldest way to let others in.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::object_ownership;
use crate::setting::{About, Hindrance, Others, Overlay, Problem, Risk, Setting};

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

/// The groups that S3 knows, and what they are called here.
const GROUPS: [(&str, &str); 3] = [
    (ALL_USERS, "http://acs.amazonaws.com/groups/global/AllUsers"),
    (AUTHENTICATED_USERS, "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"),
    (LOG_DELIVERY, "http://acs.amazonaws.com/groups/s3/LogDelivery"),
];
const ALL_USERS: &str = "AllUsers";
const AUTHENTICATED_USERS: &str = "AuthenticatedUsers";
const LOG_DELIVERY: &str = "LogDelivery";
/// The bucket's owner, where it has less than full control.
const OWNER: &str = "Owner";

/// Grants that one ACL can have (S3 User Guide, "Access control list (ACL) overview").
const MOST_GRANTS: usize = 100;

/// What full control is made of.
const PARTS: [Permission; 4] = [Permission::Read, Permission::ReadAcp, Permission::Write, Permission::WriteAcp];

impl From<Said> for Value {
    fn from(said: Said) -> Self {
        let grant = |grantee: &str, permissions: &[Permission]| Grant {
            grantee: grantee.to_owned(),
            permissions: permissions.iter().copied().collect(),
        };
        let grants = match said {
            Said::Canned(canned) => Some(match canned {
                Canned::Private => vec![],
                Canned::PublicRead => vec![grant(ALL_USERS, &[Permission::Read])],
                Canned::PublicReadWrite => vec![grant(ALL_USERS, &[Permission::Read, Permission::Write])],
                Canned::AuthenticatedRead => vec![grant(AUTHENTICATED_USERS, &[Permission::Read])],
                Canned::LogDeliveryWrite => vec![grant(LOG_DELIVERY, &[Permission::Write, Permission::ReadAcp])],
            }),
            Said::Grants(Grants { grants }) => grants.map(|grants| {
                grants
                    .into_iter()
                    .map(|SaidGrant { grantee, permission, permissions }| Grant {
                        grantee,
                        permissions: permissions.into_iter().flatten().chain(permission).collect(),
                    })
                    .collect()
            }),
        };
        Self { grants }
    }
}

/// One name per grantee: the URI of a group that S3 knows is the group's short word.
fn grantee(name: &str) -> String {
    let uri = name.strip_prefix("uri:").unwrap_or(name);
    match GROUPS.iter().find(|(word, known)| *known == uri || *word == name) {
        Some((word, _)) => (*word).to_owned(),
        None => name.to_owned(),
    }
}

/// Full control stands for its four parts.
fn collapsed(permissions: BTreeSet<Permission>) -> BTreeSet<Permission> {
    let full = permissions.contains(&Permission::FullControl) || PARTS.iter().all(|part| permissions.contains(part));
    if full { BTreeSet::from([Permission::FullControl]) } else { permissions }
}

/// Every grantee with the parts that it may do; the owner's full control is spelled out.
fn parts(value: &Value) -> BTreeMap<String, BTreeSet<Permission>> {
    let mut all = BTreeMap::from([(OWNER.to_owned(), BTreeSet::from(PARTS))]);
    for grant in value.grants.iter().flatten() {
        let parts = if grant.permissions.contains(&Permission::FullControl) {
            BTreeSet::from(PARTS)
        } else {
            grant.permissions.clone()
        };
        all.insert(grant.grantee.clone(), parts);
    }
    all
}

impl Setting for Acl {
    type Value = Value;

    const NAME: &'static str = "acl";
    const ABOUT: About = About {
        what: "Who is let in by grants, the oldest way.",
        why: "The oldest way to let others in, and the one that is overlooked. Most buckets want `private`.",
        risk: "Letting anybody in, locking anybody out, and taking the owner's own full control wait for an approval.",
        example: "private",
    };
    const READS: &'static [&'static str] = &["s3:GetBucketAcl"];
    /// The owner's id is read again before a write, as every ACL has to name it; and whether ACLs
    /// count at all.
    const WRITES: &'static [&'static str] = &["s3:PutBucketAcl", "s3:GetBucketAcl", "s3:GetBucketOwnershipControls"];
    /// The block refuses public grants, so where it opens it opens first; where it closes, it
    /// shuts the public out one request sooner.
    const AFTER: &'static [&'static str] = &["publicAccessBlock"];

    const BESIDE: &'static [&'static str] = &[object_ownership::ObjectOwnership::NAME];

    fn canonical(value: Value) -> Value {
        let mut grants: BTreeMap<String, BTreeSet<Permission>> = BTreeMap::new();
        for grant in value.grants.unwrap_or_default() {
            grants.entry(grantee(&grant.grantee)).or_default().extend(grant.permissions);
        }
        let grants = grants
            .into_iter()
            .map(|(grantee, permissions)| Grant { grantee, permissions: collapsed(permissions) })
            .filter(|grant| match grant.grantee.as_str() {
                OWNER => !grant.permissions.contains(&Permission::FullControl),
                _ => !grant.permissions.is_empty(),
            })
            .collect();
        Value { grants: Some(grants) }
    }

    fn merge(live: &Value, want: &Value, how: Overlay) -> Value {
        let grants = match (&live.grants, &want.grants, how) {
            (live, None, _) => live.clone(),
            (_, want, Overlay::Whole) => want.clone(),
            (live, Some(want), Overlay::Within) => {
                // An owner that is not in the list has full control, and so all that can be wanted.
                let full = !live.iter().flatten().any(|grant| grant.grantee == OWNER);
                let wanted = want.iter().filter(|grant| !(full && grant.grantee == OWNER));
                Some(live.iter().flatten().chain(wanted).cloned().collect())
            }
        };
        Value { grants }
    }

    fn risk(from: &Value, to: &Value) -> Risk {
        let (from, to) = (parts(from), parts(to));
        let lost = |from: &BTreeMap<String, BTreeSet<Permission>>, to: &BTreeMap<String, BTreeSet<Permission>>| {
            from.iter()
                .filter(|(grantee, parts)| to.get(*grantee).is_none_or(|kept| !kept.is_superset(parts)))
                .map(|(grantee, _)| grantee.clone())
                .collect::<BTreeSet<String>>()
        };
        let (removed, added) = (lost(&from, &to), lost(&to, &from));
        let world = |grantee: &String| [ALL_USERS, AUTHENTICATED_USERS].contains(&grantee.as_str());
        if added.iter().any(world) {
            return Risk::Guarded("everybody in the world, or with an AWS account, would be let in");
        }
        if added.iter().any(|grantee| grantee != OWNER) {
            return Risk::Guarded("others than the owner would be let in");
        }
        if removed.contains(OWNER) {
            return Risk::Guarded("the owner would lose its own full control");
        }
        if removed.iter().any(|grantee| !world(grantee)) {
            return Risk::Guarded("whoever is let in by a grant would be locked out");
        }
        Risk::Safe
    }

    fn check(want: &Value) -> Vec<Problem> {
        let mut problems = Vec::new();
        let grants = want.grants.as_deref().unwrap_or_default();
        let count: usize = grants.iter().map(|grant| grant.permissions.len()).sum();
        if count > MOST_GRANTS {
            problems.push(
                Problem::at("/grants", format!("{count} grants"))
                    .hint(format!("S3 keeps at most {MOST_GRANTS} grants in an ACL")),
            );
        }
        for (place, grant) in grants.iter().enumerate() {
            if let Some(problem) = faulty_grantee(&grant.grantee, &grant.permissions) {
                problems.push(Problem { pointer: format!("/grants/{place}/grantee"), ..problem });
            }
            if grant.permissions.is_empty() {
                problems.push(
                    Problem::at(
                        format!("/grants/{place}"),
                        format!("the grant to `{}` permits nothing", grant.grantee),
                    )
                    .hint("write `permission: READ`, `WRITE`, `READ_ACP`, `WRITE_ACP` or `FULL_CONTROL`"),
                );
            }
        }
        problems
    }

    /// S3 answers AccessControlListNotSupported (API page PutBucketAcl).
    fn hindrance(to: &Value, others: &Others<'_>) -> Option<Hindrance> {
        (grants_others(to) && object_ownership::is_enforced(others)).then_some(Hindrance {
            why: "S3 takes no grants while `BucketOwnerEnforced` switches ACLs off",
            advice: "let the spec say `acl: private`; others can be let in once `objectOwnership: BucketOwnerPreferred` is in force",
        })
    }
}

/// Whether the ACL says anything but that the owner has full control.
fn grants_others(value: &Value) -> bool {
    value.grants.as_ref().is_some_and(|grants| !grants.is_empty())
}

/// Whether the bucket's ACL is known, and known to let others in.
pub(super) fn lets_others_in(others: &Others<'_>) -> bool {
    others(Acl::NAME).and_then(|doc| doc.parse::<Value>().ok()).is_some_and(|it| grants_others(&it))
}

/// What is wrong with a grantee that a spec names.
fn faulty_grantee(name: &str, permissions: &BTreeSet<Permission>) -> Option<Problem> {
    let name = grantee(name);
    let says = |message: String, hint: &str| Some(Problem::at("", message).hint(hint));
    if GROUPS.iter().any(|(word, _)| *word == name) {
        return None;
    }
    if name == OWNER {
        return if permissions.contains(&Permission::FullControl) {
            None
        } else {
            says(
                "the owner with less than full control".to_owned(),
                "leave it out; full control of the owner is implied",
            )
        };
    }
    match name.split_once(':') {
        Some(("id", id)) if !id.is_empty() => None,
        Some(("uri", uri)) if uri.starts_with("http://") || uri.starts_with("https://") => None,
        Some(("uri", uri)) => says(
            format!("`{uri}` is not the address of a group"),
            "write `AllUsers`, `AuthenticatedUsers`, `LogDelivery`, or an address that begins with `http://`",
        ),
        // S3 takes no such grant since October 2025, and answered them by their id (API page PutBucketAcl).
        Some(("email", _)) => says(
            "S3 takes no grants by email address".to_owned(),
            "write `id:` and the canonical user id; `aws s3api list-buckets --query Owner.ID` prints one's own",
        ),
        _ => {
            let words = GROUPS.map(|(word, _)| word);
            let hint = match crate::finding::did_you_mean(&name, words) {
                Some(word) => format!("did you mean `{word}`?"),
                None => "write `id:<canonical user id>`, `uri:<group>` or one of `AllUsers`, `AuthenticatedUsers`, \
                         `LogDelivery`"
                    .to_owned(),
            };
            says(format!("`{name}` is not a grantee"), &hint)
        }
    }
}

#[cfg(feature = "aws")]
mod wire {
    use std::collections::BTreeSet;

    use aws_sdk_s3::types::{AccessControlPolicy, Grant as S3Grant, Grantee, Owner, Permission as S3Permission, Type};

    use super::{Acl, GROUPS, Grant, OWNER, Permission, Value};
    use crate::cloud::wire::{S3, Wire};
    use crate::cloud::{Ask, Fault, S3Error, S3ErrorKind};

    const PERMISSIONS: [(Permission, S3Permission); 5] = [
        (Permission::FullControl, S3Permission::FullControl),
        (Permission::Read, S3Permission::Read),
        (Permission::ReadAcp, S3Permission::ReadAcp),
        (Permission::Write, S3Permission::Write),
        (Permission::WriteAcp, S3Permission::WriteAcp),
    ];

    /// The owner, and the grants: the owner's own are under the name [`OWNER`].
    async fn live(s3: &S3<'_>) -> Result<(Option<Owner>, Value), S3Error> {
        let answer =
            s3.client.get_bucket_acl().bucket(s3.bucket).set_expected_bucket_owner(s3.owner()).ask(s3).await.or_fault(
                s3,
                "GetBucketAcl",
                "s3:GetBucketAcl",
            )?;
        let unknown = |what: &str, word: &str| {
            let said = format!("the {what} `{word}` is not one that this version knows");
            s3.misuse("GetBucketAcl", S3ErrorKind::Other, &said)
        };
        let owner = answer.owner;
        let owner_id = owner.as_ref().and_then(Owner::id).unwrap_or_default().to_owned();
        // Nothing granted to the owner is less than full control, and must not read as it.
        let mut grants = vec![Grant { grantee: OWNER.to_owned(), permissions: BTreeSet::new() }];
        for grant in answer.grants.unwrap_or_default() {
            let (Some(grantee), Some(permission)) = (grant.grantee, grant.permission) else {
                let said = "a grant without a grantee or a permission is not one that this version knows";
                return Err(s3.misuse("GetBucketAcl", S3ErrorKind::Other, said));
            };
            let (permission, _) = PERMISSIONS
                .into_iter()
                .find(|(_, known)| *known == permission)
                .ok_or_else(|| unknown("permission", permission.as_str()))?;
            let name = match &grantee.r#type {
                Type::CanonicalUser if grantee.id().unwrap_or_default() == owner_id => OWNER.to_owned(),
                Type::CanonicalUser => format!("id:{}", grantee.id().unwrap_or_default()),
                Type::Group => format!("uri:{}", grantee.uri().unwrap_or_default()),
                Type::AmazonCustomerByEmail => format!("email:{}", grantee.email_address().unwrap_or_default()),
                other => return Err(unknown("kind of grantee", other.as_str())),
            };
            grants.push(Grant { grantee: name, permissions: BTreeSet::from([permission]) });
        }
        Ok((owner, Value { grants: Some(grants) }))
    }

    fn said_grantee(name: &str, owner: Option<&Owner>) -> Result<Grantee, String> {
        let group = GROUPS.iter().find(|(word, _)| *word == name).map(|(_, uri)| *uri);
        let grantee = match (group, name.split_once(':')) {
            (Some(uri), _) | (None, Some(("uri", uri))) => Grantee::builder().r#type(Type::Group).uri(uri),
            (None, Some(("email", address))) => {
                Grantee::builder().r#type(Type::AmazonCustomerByEmail).email_address(address)
            }
            (None, Some(("id", id))) => {
                if owner.and_then(Owner::id) == Some(id) {
                    return Err(format!("`{name}` is the owner, whose full control is implied; leave it out"));
                }
                Grantee::builder().r#type(Type::CanonicalUser).id(id)
            }
            _ if name == OWNER => {
                Grantee::builder().r#type(Type::CanonicalUser).set_id(owner.and_then(|owner| owner.id.clone()))
            }
            _ => return Err(format!("`{name}` is not a grantee")),
        };
        grantee.build().map_err(|error| error.to_string())
    }

    impl Wire for Acl {
        const ELEMENTS: &'static [&'static str] = &[
            "AccessControlPolicy",
            "Owner",
            "ID",
            "DisplayName",
            "AccessControlList",
            "Grant",
            "Grantee",
            "URI",
            "EmailAddress",
            "Permission",
        ];

        async fn read(s3: &S3<'_>) -> Result<Value, S3Error> {
            Ok(live(s3).await?.1)
        }

        /// PutBucketAcl replaces the whole list and has to name the owner, which is no part of the
        /// value and is read again.
        async fn write(s3: &S3<'_>, _from: &Value, to: &Value) -> Result<(), S3Error> {
            let misuse = |said: String| s3.misuse("PutBucketAcl", S3ErrorKind::Invalid, &said);
            let (owner, _) = live(s3).await?;
            let mut grants = to.grants.clone().unwrap_or_default();
            if !grants.iter().any(|grant| grant.grantee == OWNER) {
                let permissions = BTreeSet::from([Permission::FullControl]);
                grants.insert(0, Grant { grantee: OWNER.to_owned(), permissions });
            }
            let mut sent = Vec::new();
            for Grant { grantee, permissions } in &grants {
                let grantee = said_grantee(grantee, owner.as_ref()).map_err(misuse)?;
                for (_, permission) in PERMISSIONS.iter().filter(|(known, _)| permissions.contains(known)) {
                    sent.push(S3Grant::builder().grantee(grantee.clone()).permission(permission.clone()).build());
                }
            }
            s3.client
                .put_bucket_acl()
                .bucket(s3.bucket)
                .set_expected_bucket_owner(s3.owner())
                .access_control_policy(AccessControlPolicy::builder().set_owner(owner).set_grants(Some(sent)).build())
                .send()
                .await
                .or_fault(s3, "PutBucketAcl", "s3:PutBucketAcl")?;
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests;
