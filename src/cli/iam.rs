//! `driftless iam`: the least IAM policy that reader and writer need, from the settings in use.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::desired::Desired;
use crate::policy::Rule;
use crate::settings::{self, SETTINGS};

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
    /// Whether buckets are made with object lock possible.
    pub object_lock: bool,
}

impl InUse {
    /// Every setting there is.
    pub fn all() -> Self {
        Self {
            written: SETTINGS.iter().map(|setting| setting.name()).collect(),
            read: BTreeSet::new(),
            object_lock: true,
        }
    }

    /// What these documents name.
    pub fn of(desired: &Desired) -> Self {
        let mut in_use = Self::default();
        for wish in desired.buckets.values() {
            in_use.written.extend(wish.wants.iter().map(|want| want.setting));
            in_use.object_lock |= wish.object_lock;
        }
        for policy in desired.policies() {
            match &policy.rule {
                Rule::Require(demands) => in_use.written.extend(demands.iter().map(|demand| demand.setting)),
                Rule::Assert(_, repair) => {
                    in_use.read.extend(policy.looks_at());
                    in_use.written.extend(repair.iter().map(|demand| demand.setting));
                }
            }
        }
        in_use
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
    if role == Role::Writer {
        let writes: BTreeSet<&str> = in_use
            .written
            .iter()
            .flat_map(|name| settings::find(name))
            .flat_map(|setting| setting.writes())
            .copied()
            .collect();
        // Making a bucket with object lock needs both (API page CreateBucket).
        let lock: &[&str] = match in_use.object_lock {
            true => &["s3:PutBucketObjectLockConfiguration", "s3:PutBucketVersioning"],
            false => &[],
        };
        let (tables, writes): (BTreeSet<&str>, BTreeSet<&str>) =
            writes.into_iter().partition(|action| action.starts_with("s3tables:"));
        statements.push(json!({
            "Sid": "WriteSettings",
            "Effect": "Allow",
            "Action": writes.iter().chain(&["s3:CreateBucket"]).chain(lock).collect::<BTreeSet<_>>(),
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
    }
    statements.push(json!({
        "Sid": "NeverData",
        "Effect": "Deny",
        "Action": NEVER,
        "Resource": [any_bucket, format!("arn:{partition}:s3:::*/*")],
    }));
    json!({ "Version": "2012-10-17", "Statement": statements })
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
                    let lock = action == "s3:PutBucketObjectLockConfiguration";
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
        let text = policy(Role::Reader, &InUse::all(), "aws").to_string();
        assert!(!text.contains("s3:PutBucket") && !text.contains("s3:CreateBucket"), "{text}");
    }

    #[test]
    fn only_what_is_in_use_is_allowed() {
        let in_use = InUse { written: ["versioning"].into(), ..InUse::default() };
        let text = policy(Role::Writer, &in_use, "aws").to_string();
        assert!(text.contains("s3:PutBucketVersioning") && !text.contains("s3:PutBucketTagging"), "{text}");
        assert!(!text.contains("ObjectLock"), "{text}");
    }

    /// The writer could not make a bucket with object lock.
    #[test]
    fn a_bucket_with_object_lock_can_be_made() {
        let in_use = InUse { object_lock: true, ..InUse::default() };
        let text = policy(Role::Writer, &in_use, "aws").to_string();
        assert!(text.contains("s3:PutBucketObjectLockConfiguration"), "{text}");
        assert!(text.contains("s3:PutBucketVersioning"), "{text}");
        assert!(!policy(Role::Reader, &in_use, "aws").to_string().contains("ObjectLock"));
    }
}
