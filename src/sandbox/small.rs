//! The settings that have only a field or two: versioning, encryption, public access block,
//! ownership, acceleration, request payment, object lock.

use super::acl;
use super::config::{Block, Config, Ownership, Versioning, Word, Write};
use super::refusal::Refusal;
use super::xml::Node;

pub(super) fn put_versioning(config: &mut Config, write: &Write<'_>) -> Result<(), Refusal> {
    let sent = write.xml("VersioningConfiguration")?;
    let status = match sent.get("Status") {
        Some("Enabled") => Versioning::Enabled,
        Some("Suspended") => Versioning::Suspended,
        Some(_) => return Err(Refusal::malformed()),
        None => {
            let said = "The Versioning element must be specified";
            return Err(Refusal::new(400, "IllegalVersioningConfigurationException", said));
        }
    };
    let mfa_delete = match sent.get("MfaDelete") {
        Some("Enabled") => Some(true),
        Some("Disabled") => Some(false),
        Some(_) => return Err(Refusal::malformed()),
        None => config.mfa_delete,
    };
    if config.object_lock && status == Versioning::Suspended {
        let said = "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.";
        return Err(Refusal::bucket_state(said));
    }
    if config.has(Word::Replication) && status == Versioning::Suspended {
        let said = "A replication configuration is present on this bucket, so you cannot change the versioning state. \
                    To change the versioning state, first delete the replication configuration.";
        return Err(Refusal::bucket_state(said));
    }
    let touches_mfa = config.mfa_delete == Some(true) || mfa_delete == Some(true);
    if touches_mfa && write.header("x-amz-mfa").is_none() {
        let said = "Mfa Authentication must be used for this request";
        return Err(Refusal::new(403, "AccessDenied", said));
    }
    config.versioning = status;
    config.mfa_delete = mfa_delete;
    show_versioning(config);
    Ok(())
}

pub(super) fn show_versioning(config: &mut Config) {
    let status = match config.versioning {
        Versioning::Never => return config.clear(Word::Versioning),
        Versioning::Enabled => "Enabled",
        Versioning::Suspended => "Suspended",
    };
    let mut fields = vec![Node::leaf("Status", status)];
    if let Some(mfa) = config.mfa_delete {
        fields.push(Node::leaf("MfaDelete", if mfa { "Enabled" } else { "Disabled" }));
    }
    config.set(Word::Versioning, &Node::of("VersioningConfiguration", fields));
}

/// What every bucket has that has no other (API page GetBucketEncryption).
pub(super) fn default_encryption() -> Node {
    let apply = Node::of("ApplyServerSideEncryptionByDefault", vec![Node::leaf("SSEAlgorithm", "AES256")]);
    let rule = Node::of("Rule", vec![apply, Node::leaf("BucketKeyEnabled", "false")]);
    Node::of("ServerSideEncryptionConfiguration", vec![rule])
}

pub(super) fn put_encryption(config: &mut Config, write: &Write<'_>) -> Result<(), Refusal> {
    let mut sent = write.xml("ServerSideEncryptionConfiguration")?;
    let [rule] = sent.children.as_mut_slice() else { return Err(Refusal::malformed()) };
    if rule.name != "Rule" {
        return Err(Refusal::malformed());
    }
    match rule.child("ApplyServerSideEncryptionByDefault") {
        None => {
            let default = Node::leaf("SSEAlgorithm", "AES256");
            rule.children.insert(0, Node::of("ApplyServerSideEncryptionByDefault", vec![default]));
        }
        Some(apply) => match apply.get("SSEAlgorithm") {
            Some("AES256") if apply.child("KMSMasterKeyID").is_some() => {
                return Err(Refusal::argument(
                    "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse",
                ));
            }
            Some("AES256" | "aws:kms" | "aws:kms:dsse") => {}
            _ => return Err(Refusal::malformed()),
        },
    }
    match rule.get("BucketKeyEnabled") {
        None => {
            let after_apply = rule.children.iter().position(|child| child.name != "ApplyServerSideEncryptionByDefault");
            let place = after_apply.unwrap_or(rule.children.len());
            rule.children.insert(place, Node::leaf("BucketKeyEnabled", "false"));
        }
        Some(flag) => drop(boolean(flag)?),
    }
    if let Some(blocked) = rule.child("BlockedEncryptionTypes") {
        let known = |kind: &Node| kind.name == "EncryptionType" && matches!(kind.text.as_str(), "NONE" | "SSE-C");
        if !blocked.children.iter().all(known) {
            return Err(Refusal::malformed());
        }
    }
    config.set(Word::Encryption, &sent);
    Ok(())
}

const FLAGS: [&str; 4] = ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"];

pub(super) fn all_blocked() -> Node {
    Node::of("PublicAccessBlockConfiguration", FLAGS.map(|flag| Node::leaf(flag, "true")).to_vec())
}

pub(super) fn put_public_access_block(config: &mut Config, write: &Write<'_>) -> Result<(), Refusal> {
    let (shown, block) = public_access_block(write.xml("PublicAccessBlockConfiguration")?)?;
    config.block = block;
    config.set(Word::PublicAccessBlock, &shown);
    Ok(())
}

/// A block as it is shown, of a bucket or of an account, and what it refuses.
pub(super) fn public_access_block(mut sent: Node) -> Result<(Node, Block), Refusal> {
    let flags = FLAGS.map(|flag| sent.get(flag).map_or(Ok(false), boolean));
    let [public_acls, ignore, public_policy, restrict] = flags;
    let values = [public_acls?, ignore?, public_policy?, restrict?];
    let shown = FLAGS.iter().zip(values).map(|(flag, on)| Node::leaf(flag, if on { "true" } else { "false" }));
    let unknown = sent.children.drain(..).filter(|child| !FLAGS.contains(&child.name.as_str()));
    let fields = shown.chain(unknown).collect();
    let block = Block { public_acls: values[0], public_policy: values[2] };
    Ok((Node::of("PublicAccessBlockConfiguration", fields), block))
}

pub(super) fn ownership_controls(ownership: &str) -> Node {
    Node::of("OwnershipControls", vec![Node::of("Rule", vec![Node::leaf("ObjectOwnership", ownership)])])
}

pub(super) fn put_ownership_controls(config: &mut Config, write: &Write<'_>) -> Result<(), Refusal> {
    let sent = write.xml("OwnershipControls")?;
    let rules: Vec<&Node> = sent.all("Rule").collect();
    let [rule] = rules.as_slice() else { return Err(Refusal::malformed()) };
    let ownership = parse_ownership(rule.get("ObjectOwnership").unwrap_or_default()).ok_or_else(Refusal::malformed)?;
    if ownership == Ownership::Enforced && acl::grants_others(&config.grants, write.owner) {
        return Err(acl_against_ownership());
    }
    config.ownership = ownership;
    config.show_acl(write.owner);
    config.set(Word::OwnershipControls, &sent);
    Ok(())
}

pub(super) fn parse_ownership(text: &str) -> Option<Ownership> {
    match text {
        "BucketOwnerEnforced" => Some(Ownership::Enforced),
        "BucketOwnerPreferred" | "ObjectWriter" => Some(Ownership::Other),
        _ => None,
    }
}

pub(super) fn acl_against_ownership() -> Refusal {
    let said = "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting";
    Refusal::new(400, "InvalidBucketAclWithObjectOwnership", said)
}

pub(super) fn put_accelerate(config: &mut Config, write: &Write<'_>) -> Result<(), Refusal> {
    let sent = write.xml("AccelerateConfiguration")?;
    if !matches!(sent.get("Status"), Some("Enabled" | "Suspended")) {
        return Err(Refusal::malformed());
    }
    if write.bucket.contains('.') {
        return Err(Refusal::request(
            "S3 Transfer Acceleration is not supported for buckets with periods (.) in their names",
        ));
    }
    config.set(Word::Accelerate, &sent);
    Ok(())
}

pub(super) fn request_payment(payer: &str) -> Node {
    Node::of("RequestPaymentConfiguration", vec![Node::leaf("Payer", payer)])
}

pub(super) fn put_request_payment(config: &mut Config, write: &Write<'_>) -> Result<(), Refusal> {
    let sent = write.xml("RequestPaymentConfiguration")?;
    if !matches!(sent.get("Payer"), Some("BucketOwner" | "Requester")) {
        return Err(Refusal::malformed());
    }
    config.set(Word::RequestPayment, &sent);
    Ok(())
}

/// What every bucket answers until it is told otherwise: no region's is a 404 (API page
/// GetBucketAbac).
pub(super) fn abac_status(status: &str) -> Node {
    Node::of("AbacStatus", vec![Node::leaf("Status", status)])
}

pub(super) fn put_abac(config: &mut Config, write: &Write<'_>) -> Result<(), Refusal> {
    let sent = write.xml("AbacStatus")?;
    config.abac = match sent.get("Status") {
        Some("Enabled") => true,
        Some("Disabled") => false,
        _ => return Err(Refusal::malformed()),
    };
    config.set(Word::Abac, &sent);
    Ok(())
}

pub(super) fn object_lock() -> Node {
    Node::of("ObjectLockConfiguration", vec![Node::leaf("ObjectLockEnabled", "Enabled")])
}

pub(super) fn put_object_lock(config: &mut Config, write: &Write<'_>) -> Result<(), Refusal> {
    let sent = write.xml("ObjectLockConfiguration")?;
    if sent.get("ObjectLockEnabled") != Some("Enabled") || sent.count("Rule") > 1 {
        return Err(Refusal::malformed());
    }
    if let Some(rule) = sent.child("Rule") {
        let retention = rule.child("DefaultRetention").ok_or_else(Refusal::malformed)?;
        if !matches!(retention.get("Mode"), Some("GOVERNANCE" | "COMPLIANCE")) {
            return Err(Refusal::malformed());
        }
        let fixed = period(retention)?;
        let held = match retention.child("DefaultEventHold") {
            Some(hold) => Some(period(hold)?.ok_or_else(Refusal::malformed)?),
            None => None,
        };
        if fixed.or(held).is_none() {
            return Err(Refusal::malformed());
        }
    }
    if config.versioning != Versioning::Enabled {
        return Err(Refusal::bucket_state(
            "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration",
        ));
    }
    config.object_lock = true;
    config.set(Word::ObjectLock, &sent);
    Ok(())
}

/// `Days` or `Years` of a retention, at most a hundred years.
fn period(node: &Node) -> Result<Option<i64>, Refusal> {
    let (said, most) = match (node.get("Days"), node.get("Years")) {
        (Some(days), None) => (days, 36_500),
        (None, Some(years)) => (years, 100),
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => return Err(Refusal::malformed()),
    };
    let period = said.parse::<i64>().map_err(|_| Refusal::malformed())?;
    if period <= 0 {
        return Err(Refusal::argument("Default retention period must be a positive integer value."));
    }
    if period > most {
        return Err(Refusal::argument("Default retention period too large"));
    }
    Ok(Some(period))
}

/// The booleans of S3's documents. `TRUE` occurs in AWS's own examples.
fn boolean(text: &str) -> Result<bool, Refusal> {
    match text {
        "true" | "TRUE" => Ok(true),
        "false" | "FALSE" => Ok(false),
        _ => Err(Refusal::malformed()),
    }
}
