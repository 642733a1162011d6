//! `driftless iam`: the least IAM policy that reader and writer need, from the settings in use.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::account::{self, ACCOUNT_SETTINGS};
use crate::desired::Desired;
use crate::policy::Rule;
use crate::setting::{AnySetting, OnDirectoryBuckets, Setting};
use crate::settings::object_lock::ObjectLock;
use crate::settings::replication::Replication;
use crate::settings::{self, SETTINGS};
use crate::spec::Asked;

/// Which role a policy is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    /// It reads.
    Reader,
    /// It reads and writes.
    Writer,
}

/// The settings that documents name: those that are written, and those that are only read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InUse {
    /// Read, and written.
    pub written: BTreeSet<&'static str>,
    /// Read only.
    pub read: BTreeSet<&'static str>,
    /// The roles that replication hands to S3; any when it is written and none is named.
    pub roles: BTreeSet<String>,
    /// Whether there are directory buckets: their actions have a name of their own.
    pub directory: bool,
    /// Settings of accounts themselves: read, and written.
    pub account: BTreeSet<&'static str>,
}

impl InUse {
    /// Every setting there is.
    pub fn all() -> Self {
        Self {
            written: SETTINGS.iter().map(|setting| setting.name()).collect(),
            account: ACCOUNT_SETTINGS.iter().map(|setting| setting.name).collect(),
            ..Self::default()
        }
    }

    /// What these documents name.
    pub fn of(desired: &Desired) -> Self {
        let mut in_use = Self::default();
        for wish in desired.buckets.values() {
            let named = if wish.id.is_account() { &mut in_use.account } else { &mut in_use.written };
            named.extend(wish.wants.iter().map(|want| want.setting));
            in_use.roles.extend(wish.wants.iter().filter_map(|want| role(want.setting, &want.asked)));
            in_use.directory |= wish.id.name.is_directory();
        }
        for policy in desired.policies() {
            let (Rule::Require(demands) | Rule::Assert(_, demands)) = &policy.rule;
            if let Rule::Assert(..) = &policy.rule {
                in_use.read.extend(policy.looks_at());
            }
            in_use.written.extend(demands.iter().map(|demand| demand.setting));
            in_use.roles.extend(demands.iter().filter_map(|demand| role(demand.setting, &demand.asked)));
        }
        in_use
    }
}

/// The role that somebody names for replication.
fn role(setting: &str, asked: &Asked) -> Option<String> {
    match asked {
        Asked::Value(doc) if setting == Replication::NAME => doc.value().get("role")?.as_str().map(str::to_owned),
        _ => None,
    }
}

/// What nobody who runs driftless may do, whatever else is allowed: a bucket, an object or a
/// version is never deleted, and what is in objects is nobody's business here.
const NEVER: &[&str] = &[
    "s3:DeleteBucket",
    "s3:DeleteObject*",
    "s3:GetObject*",
    "s3:PutObject*",
    "s3:RestoreObject",
    "s3:BypassGovernanceRetention",
    "s3:ReplicateObject",
    "s3:ReplicateDelete",
    "s3:ObjectOwnerOverrideToBucketOwner",
];

/// The policy document for a role, in the partition of the ARNs (`aws`, `aws-cn`, `aws-us-gov`).
pub fn policy(role: Role, in_use: &InUse, partition: &str) -> Value {
    let any_bucket = format!("arn:{partition}:s3:::*");
    let every: BTreeSet<&str> = in_use.written.union(&in_use.read).copied().collect();
    let reads: BTreeSet<&str> =
        every.iter().flat_map(|name| settings::find(name)).flat_map(|setting| setting.reads()).copied().collect();
    let mut statements = vec![
        json!({
            "Sid": "ListBuckets",
            "Effect": "Allow",
            "Action": ["s3:ListAllMyBuckets"],
            "Resource": "*",
        }),
        json!({
            "Sid": "ReadSettings",
            "Effect": "Allow",
            "Action": reads.iter().chain(&["s3:ListBucket"]).collect::<BTreeSet<_>>(),
            "Resource": any_bucket,
        }),
    ];
    let of_account = || in_use.account.iter().flat_map(|name| account::find(name));
    let mut about_account = |sid: &str, actions: BTreeSet<&&str>| {
        // These have no resource but all of them (Service Authorization Reference, Amazon S3).
        if !actions.is_empty() {
            statements.push(json!({ "Sid": sid, "Effect": "Allow", "Action": actions, "Resource": "*" }));
        }
    };
    about_account("ReadAccount", of_account().flat_map(|setting| setting.reads).collect());
    if role == Role::Writer {
        about_account("WriteAccount", of_account().flat_map(|setting| setting.writes).collect());
        let writes: BTreeSet<&str> = in_use
            .written
            .iter()
            .flat_map(|name| settings::find(name))
            .flat_map(|setting| setting.writes())
            .copied()
            .collect();
        // Making a bucket with object lock needs both (API page CreateBucket).
        let lock: &[&str] = match in_use.written.contains(ObjectLock::NAME) {
            true => &["s3:PutBucketVersioning"],
            false => &[],
        };
        let (tables, writes): (BTreeSet<&str>, BTreeSet<&str>) =
            writes.into_iter().partition(|action| action.starts_with("s3tables:"));
        // So does making one with its tags.
        let tags: &[&str] = if in_use.written.contains("tags") { &["s3:TagResource"] } else { &[] };
        statements.push(json!({
            "Sid": "WriteSettings",
            "Effect": "Allow",
            "Action": writes.iter().chain(&["s3:CreateBucket"]).chain(lock).chain(tags).collect::<BTreeSet<_>>(),
            "Resource": any_bucket,
        }));
        // S3 makes metadata tables in the table bucket `aws-s3` of the account, for whoever asks.
        if !tables.is_empty() {
            let bucket = format!("arn:{partition}:s3tables:*:*:bucket/aws-s3");
            statements.push(json!({
                "Sid": "MetadataTables",
                "Effect": "Allow",
                "Action": tables,
                "Resource": [bucket, format!("{bucket}/table/*")],
            }));
        }
        // Whoever configures replication hands a role to S3 (API page PutBucketReplication).
        if in_use.written.contains(Replication::NAME) {
            let any_role = format!("arn:{partition}:iam::*:role/*");
            let roles = if in_use.roles.is_empty() { BTreeSet::from([any_role]) } else { in_use.roles.clone() };
            statements.push(json!({
                "Sid": "PassReplicationRoles",
                "Effect": "Allow",
                "Action": ["iam:PassRole"],
                "Resource": roles,
                "Condition": {"StringEquals": {"iam:PassedToService": "s3.amazonaws.com"}},
            }));
        }
    }
    if in_use.directory {
        statements.extend(directory(role, in_use, partition));
    }
    statements.push(json!({
        "Sid": "NeverData",
        "Effect": "Deny",
        "Action": NEVER,
        "Resource": [any_bucket, format!("arn:{partition}:s3:::*/*")],
    }));
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// What directory buckets need: the same actions under another name, but for their tags, which are
/// S3 Control's alone; and nobody is let into a session with their objects (S3 User Guide,
/// "Authorizing Regional endpoint API operations with IAM").
fn directory(role: Role, in_use: &InUse, partition: &str) -> Vec<Value> {
    let buckets = format!("arn:{partition}:s3express:*:*:bucket/*");
    let there = |names: &BTreeSet<&'static str>, actions: fn(&dyn AnySetting) -> &'static [&'static str]| {
        let known = names.iter().flat_map(|name| settings::find(name));
        let known = known.filter(|it| it.on_directory_buckets() == OnDirectoryBuckets::There && it.name() != "tags");
        let actions = known.flat_map(actions).filter_map(|action| action.strip_prefix("s3:"));
        actions.map(|action| format!("s3express:{action}")).collect::<BTreeSet<String>>()
    };
    let every: BTreeSet<&'static str> = in_use.written.union(&in_use.read).copied().collect();
    let mut statements = vec![json!({
        "Sid": "ListDirectoryBuckets",
        "Effect": "Allow",
        "Action": ["s3express:ListAllMyDirectoryBuckets"],
        "Resource": "*",
    })];
    let mut allow = |sid: &str, actions: BTreeSet<String>| {
        if !actions.is_empty() {
            statements.push(json!({ "Sid": sid, "Effect": "Allow", "Action": actions, "Resource": buckets }));
        }
    };
    let mut reads = there(&every, |it| it.reads());
    if every.contains("tags") {
        reads.insert("s3express:ListTagsForResource".to_owned());
    }
    allow("ReadDirectorySettings", reads);
    if role == Role::Writer {
        let mut writes = there(&in_use.written, |it| it.writes());
        writes.insert("s3express:CreateBucket".to_owned());
        if in_use.written.contains("tags") {
            writes.extend(["s3express:TagResource".to_owned(), "s3express:UntagResource".to_owned()]);
        }
        allow("WriteDirectorySettings", writes);
    }
    statements.push(json!({
        "Sid": "NeverDirectoryData",
        "Effect": "Deny",
        "Action": ["s3express:CreateSession", "s3express:DeleteBucket"],
        "Resource": buckets,
    }));
    statements
}

/// Prints the least IAM policy for a role, from the settings that the documents name.
#[derive(Debug, clap::Args)]
pub struct IamArgs {
    /// A folder of specs; all settings when nothing is named.
    #[arg(value_name = "DIR")]
    pub dir: Option<std::path::PathBuf>,
    /// The role.
    #[arg(long, value_enum, default_value_t = Role::Writer)]
    pub role: Role,
    /// The partition of the ARNs.
    #[arg(long, default_value = "aws", value_parser = ["aws", "aws-cn", "aws-us-gov", "aws-eusc"])]
    pub partition: String,
}

/// Runs the command.
#[cfg(all(feature = "aws", feature = "daemon"))]
pub fn run(config: &super::ConfigArgs, args: &IamArgs) -> std::process::ExitCode {
    use crate::clock::{Clock, SystemClock};

    let in_use = match &args.dir {
        None => InUse::all(),
        Some(dir) => {
            let tree = match crate::source::dir::read(dir, crate::source::Limits::default()) {
                Ok(tree) => tree,
                Err(error) => {
                    super::session::complain(&error, error.hint.as_deref());
                    return std::process::ExitCode::from(super::CANNOT_TELL);
                }
            };
            let source = crate::config::Override {
                path: vec!["source".to_owned(), "dir".to_owned()],
                value: "\".\"".to_owned(),
                from: "the command line".to_owned(),
            };
            let defaults = if config.config.is_none() { vec![source] } else { Vec::new() };
            let config = match config.load(&defaults) {
                Ok(config) => config,
                Err(findings) => {
                    super::print_findings(&findings);
                    return std::process::ExitCode::from(super::CANNOT_TELL);
                }
            };
            let (desired, loaded) = crate::agent::load_files(&config, &tree, &(), SystemClock.now());
            super::print_findings(&loaded.findings);
            InUse::of(&desired)
        }
    };
    super::say(format_args!("{:#}", policy(args.role, &in_use, &args.partition)));
    std::process::ExitCode::SUCCESS
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Law 4: the policy denies what is never to happen, for both roles and whatever is in use.
    #[test]
    fn no_role_may_delete_a_bucket_or_touch_an_object() {
        for role in [Role::Reader, Role::Writer] {
            for in_use in [InUse::default(), InUse::all()] {
                let policy = policy(role, &in_use, "aws");
                let statements = policy["Statement"].as_array().expect("statements");
                let deny = statements.iter().find(|it| it["Effect"] == "Deny").expect("a denial");
                for action in ["s3:DeleteBucket", "s3:DeleteObject*", "s3:GetObject*"] {
                    assert!(deny["Action"].as_array().expect("actions").contains(&json!(action)), "{action}");
                }
                let allowed = statements.iter().filter(|it| it["Effect"] == "Allow");
                for action in allowed.flat_map(|it| it["Action"].as_array().expect("actions")) {
                    let action = action.as_str().expect("text");
                    let lock = action.ends_with("BucketObjectLockConfiguration");
                    assert!(!action.contains('*') && (lock || !action.contains("Object")), "{action}");
                    assert!(
                        !action.starts_with("s3:DeleteBucket")
                            || action == "s3:DeleteBucketPolicy"
                            || action == "s3:DeleteBucketMetadataTableConfiguration"
                            || action == "s3:DeleteBucketWebsite",
                        "{action}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_reader_may_write_nothing() {
        let policy = policy(Role::Reader, &InUse::all(), "aws");
        let statements = policy["Statement"].as_array().expect("statements");
        for action in statements.iter().filter(|it| it["Effect"] == "Allow").map(|it| &it["Action"]) {
            for action in action.as_array().expect("actions").iter().filter_map(Value::as_str) {
                assert!(action.starts_with("s3:Get") || action.starts_with("s3:List"), "{action}");
            }
        }
    }

    #[test]
    fn only_what_is_in_use_is_allowed() {
        let in_use = InUse { written: ["versioning"].into(), ..InUse::default() };
        let text = policy(Role::Writer, &in_use, "aws").to_string();
        assert!(text.contains("s3:PutBucketVersioning") && !text.contains("s3:PutBucketTagging"), "{text}");
        assert!(!text.contains("ObjectLock"), "{text}");
    }

    #[test]
    fn the_settings_of_an_account_need_actions_of_their_own_on_everything() {
        let in_use = InUse { account: ["publicAccessBlock"].into(), ..InUse::default() };
        let policy = policy(Role::Writer, &in_use, "aws");
        let statement = |sid: &str| {
            let all = policy["Statement"].as_array().expect("statements");
            all.iter().find(|it| it["Sid"] == sid).unwrap_or_else(|| panic!("no {sid}")).clone()
        };
        assert_eq!(statement("ReadAccount")["Action"], json!(["s3:GetAccountPublicAccessBlock"]));
        assert_eq!(statement("WriteAccount")["Action"], json!(["s3:PutAccountPublicAccessBlock"]));
        assert_eq!(statement("WriteAccount")["Resource"], "*");
        let text = super::policy(Role::Writer, &InUse::default(), "aws").to_string();
        assert!(!text.contains("AccountPublicAccessBlock"), "{text}");
    }

    /// The writer could not make a bucket with object lock.
    #[test]
    fn a_bucket_with_object_lock_can_be_made() {
        let in_use = InUse { written: ["objectLock"].into(), ..InUse::default() };
        let text = policy(Role::Writer, &in_use, "aws").to_string();
        assert!(text.contains("s3:PutBucketObjectLockConfiguration"), "{text}");
        assert!(text.contains("s3:PutBucketVersioning"), "{text}");
        assert!(!policy(Role::Reader, &in_use, "aws").to_string().contains("s3:PutBucketObjectLock"));
    }

    #[test]
    fn only_the_roles_of_replication_are_handed_on_and_only_to_s3() {
        let passed = |roles: BTreeSet<String>, role| {
            let in_use = InUse { written: ["replication"].into(), roles, ..InUse::default() };
            let policy = policy(role, &in_use, "aws-cn");
            let statements = policy["Statement"].as_array().expect("statements").clone();
            statements.into_iter().find(|it| it["Sid"] == "PassReplicationRoles")
        };
        let role = "arn:aws-cn:iam::111122223333:role/replication";
        let statement = passed([role.to_owned()].into(), Role::Writer).expect("a statement");
        assert_eq!((&statement["Action"], &statement["Resource"]), (&json!(["iam:PassRole"]), &json!([role])));
        assert_eq!(statement["Condition"]["StringEquals"]["iam:PassedToService"], "s3.amazonaws.com");
        let any = passed(BTreeSet::new(), Role::Writer).expect("a statement");
        assert_eq!(any["Resource"], json!(["arn:aws-cn:iam::*:role/*"]));
        assert_eq!(passed(BTreeSet::new(), Role::Reader), None);
    }

    #[test]
    fn directory_buckets_have_actions_of_their_own_and_nobody_enters_a_session() {
        let in_use =
            InUse { written: ["encryption", "tags", "versioning"].into(), directory: true, ..InUse::default() };
        let actions = |role: Role, sid: &str| {
            let policy = policy(role, &in_use, "aws");
            let statements = policy["Statement"].as_array().expect("statements").clone();
            statements.into_iter().find(|it| it["Sid"] == sid).map_or(Value::Null, |it| it["Action"].clone())
        };
        let reads = json!(["s3express:GetEncryptionConfiguration", "s3express:ListTagsForResource"]);
        assert_eq!(actions(Role::Writer, "ReadDirectorySettings"), reads);
        let writes = json!([
            "s3express:CreateBucket",
            "s3express:PutEncryptionConfiguration",
            "s3express:TagResource",
            "s3express:UntagResource"
        ]);
        assert_eq!(actions(Role::Writer, "WriteDirectorySettings"), writes);
        assert_eq!(actions(Role::Reader, "WriteDirectorySettings"), Value::Null);
        for role in [Role::Reader, Role::Writer] {
            let never = json!(["s3express:CreateSession", "s3express:DeleteBucket"]);
            assert_eq!(actions(role, "NeverDirectoryData"), never);
        }
        assert!(!policy(Role::Writer, &InUse::all(), "aws").to_string().contains("s3express"));
    }

    /// A bucket is made with its tags, and S3 asks for this action then.
    #[test]
    fn a_bucket_can_be_made_with_its_tags() {
        let in_use = InUse { written: ["tags"].into(), ..InUse::default() };
        assert!(policy(Role::Writer, &in_use, "aws").to_string().contains("s3:TagResource"));
        assert!(!policy(Role::Reader, &in_use, "aws").to_string().contains("s3:TagResource"));
    }
}
