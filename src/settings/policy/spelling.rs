//! How AWS spells actions, operators and condition keys. They match whatever their case, so one
//! spelling is canonical; it is AWS's own, because people read it in diffs and because some stores
//! (MinIO) accept no other.

/// The actions that bucket policies name (Service Authorization Reference, "Amazon S3"). One that
/// is not here keeps the spelling that it came with.
const ACTIONS: &str = "
    AbortMultipartUpload BypassGovernanceRetention CreateBucket CreateBucketMetadataTableConfiguration DeleteBucket
    DeleteBucketMetadataTableConfiguration DeleteBucketPolicy DeleteBucketWebsite DeleteObject DeleteObjectAnnotation
    DeleteObjectTagging DeleteObjectVersion DeleteObjectVersionTagging GetAccelerateConfiguration GetAnalyticsConfiguration
    GetBucketAbac GetBucketAcl GetBucketCORS GetBucketLocation GetBucketLogging GetBucketMetadataTableConfiguration
    GetBucketNotification GetBucketObjectLockConfiguration GetBucketOwnershipControls GetBucketPolicy
    GetBucketPolicyStatus GetBucketPublicAccessBlock GetBucketRequestPayment GetBucketTagging GetBucketVersioning
    GetBucketWebsite GetEncryptionConfiguration GetIntelligentTieringConfiguration GetInventoryConfiguration
    GetLifecycleConfiguration GetMetricsConfiguration GetObject GetObjectAcl GetObjectAnnotation GetObjectAttributes GetObjectLegalHold
    GetObjectRetention GetObjectTagging GetObjectTorrent GetObjectVersion GetObjectVersionAcl
    GetObjectVersionAttributes GetObjectVersionForReplication GetObjectVersionTagging GetObjectVersionTorrent
    GetReplicationConfiguration InitiateReplication ListBucket ListBucketMultipartUploads ListBucketVersions
    ListMultipartUploadParts ListObjectAnnotations ListTagsForResource ObjectOwnerOverrideToBucketOwner PutAccelerateConfiguration
    PutAnalyticsConfiguration PutBucketAbac PutBucketAcl PutBucketCORS PutBucketLogging PutBucketNotification
    PutBucketObjectLockConfiguration PutBucketOwnershipControls PutBucketPolicy PutBucketPublicAccessBlock
    PutBucketRequestPayment PutBucketTagging PutBucketVersioning PutBucketWebsite PutEncryptionConfiguration
    PutIntelligentTieringConfiguration PutInventoryConfiguration PutLifecycleConfiguration PutMetricsConfiguration
    PutObject PutObjectAcl PutObjectAnnotation PutObjectLegalHold PutObjectRetention PutObjectTagging PutObjectVersionAcl
    PutObjectVersionTagging PutReplicationConfiguration ReplicateDelete ReplicateObject ReplicateTags RestoreObject
    TagResource UntagResource UpdateBucketMetadataAnnotationTableConfiguration
    UpdateBucketMetadataInventoryTableConfiguration UpdateBucketMetadataJournalTableConfiguration
    UpdateObjectEncryption
";

/// The operators, without `IfExists` and without the prefixes for keys of many values (IAM User
/// Guide, "IAM JSON policy elements: Condition operators").
const OPERATORS: &str = "
    ArnEquals ArnLike ArnNotEquals ArnNotLike BinaryEquals Bool DateEquals DateGreaterThan DateGreaterThanEquals
    DateLessThan DateLessThanEquals DateNotEquals IpAddress NotIpAddress Null NumericEquals NumericGreaterThan
    NumericGreaterThanEquals NumericLessThan NumericLessThanEquals NumericNotEquals StringEquals
    StringEqualsIgnoreCase StringLike StringNotEquals StringNotEqualsIgnoreCase StringNotLike
";

/// The prefixes for keys of many values.
const PREFIXES: &[&str] = &["ForAllValues:", "ForAnyValue:"];

/// Condition keys with a capital in them (IAM User Guide, "AWS global condition context keys";
/// Service Authorization Reference, "Amazon S3"). Those with a `/` go on with a tag's key.
const KEYS: &str = "
    aws:CalledVia aws:CalledViaFirst aws:CalledViaLast aws:CurrentTime aws:EpochTime aws:FederatedProvider
    aws:MultiFactorAuthAge aws:MultiFactorAuthPresent aws:PrincipalAccount aws:PrincipalArn
    aws:PrincipalIsAWSService aws:PrincipalOrgID aws:PrincipalOrgPaths aws:PrincipalServiceName
    aws:PrincipalServiceNamesList aws:PrincipalTag/ aws:PrincipalType aws:RequestTag/ aws:RequestedRegion
    aws:ResourceAccount aws:ResourceOrgID aws:ResourceOrgPaths aws:ResourceTag/ aws:SecureTransport
    aws:SourceAccount aws:SourceArn aws:SourceIdentity aws:SourceIp aws:SourceOrgID aws:SourceOrgPaths
    aws:SourceOwner aws:SourceVpc aws:SourceVpcArn aws:SourceVpce aws:TagKeys aws:TokenIssueTime aws:UserAgent
    aws:ViaAWSService aws:VpcSourceIp aws:VpceAccount aws:VpceOrgID aws:VpceOrgPaths s3:AccessGrantsInstanceArn
    s3:AccessPointNetworkOrigin s3:BucketTag/ s3:DataAccessPointAccount s3:DataAccessPointArn s3:ExistingObjectTag/
    s3:InventoryAccessibleOptionalFields s3:RequestObjectTag/ s3:RequestObjectTagKeys s3:ResourceAccount
    s3:TlsVersion s3:authType s3:locationconstraint s3:signatureAge
";

/// A pattern of more stars than anybody writes keeps its spelling: finding another is not cheap.
const MOST_STARS: usize = 3;

fn words(table: &'static str) -> impl Iterator<Item = &'static str> {
    table.split_ascii_whitespace()
}

/// An action as AWS spells it; wildcards stay.
pub(super) fn action(said: &str) -> String {
    let Some((service, name)) = said.split_once(':') else { return said.to_owned() };
    let service = service.to_lowercase();
    if service != "s3" {
        return said.to_owned();
    }
    let stars = name.matches('*').count();
    let folded: Vec<char> = name.to_lowercase().chars().collect();
    let spelled = words(ACTIONS).filter(|_| stars <= MOST_STARS).find_map(|known| {
        let known: Vec<char> = known.chars().collect();
        let mut spelled = String::new();
        align(&folded, &known, &mut spelled).then_some(spelled)
    });
    format!("s3:{}", spelled.unwrap_or_else(|| name.to_owned()))
}

/// What an action can be done to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A bucket.
    Bucket,
    /// Objects in one.
    Objects,
    /// The one and the other, or an access point.
    Any,
}

/// What an action of S3 can be done to: one kind for each known action that it stands for. Nothing
/// for one that nobody here knows, and for one of too many stars to tell.
pub(super) fn meant(action: &str) -> Vec<Kind> {
    matched(action).unwrap_or_default().into_iter().map(kind).collect()
}

/// Whether an action of S3 stands for none that is known here.
pub(super) fn is_unknown(action: &str) -> bool {
    matched(action).is_some_and(|known| known.is_empty())
}

/// The known actions that a pattern stands for; `None` where it is not one of S3, or cannot be told.
fn matched(action: &str) -> Option<Vec<&'static str>> {
    let (service, name) = action.split_once(':')?;
    if !service.eq_ignore_ascii_case("s3") || name.matches('*').count() > MOST_STARS {
        return None;
    }
    let folded: Vec<char> = name.to_lowercase().chars().collect();
    let fits = |known: &&str| align(&folded, &known.chars().collect::<Vec<char>>(), &mut String::new());
    Some(words(ACTIONS).filter(fits).collect())
}

/// Service Authorization Reference, "Amazon S3", column "Resource types".
fn kind(action: &str) -> Kind {
    match action {
        "TagResource" | "UntagResource" | "ListTagsForResource" => Kind::Any,
        "AbortMultipartUpload"
        | "ListMultipartUploadParts"
        | "BypassGovernanceRetention"
        | "InitiateReplication"
        | "ReplicateDelete"
        | "ReplicateTags" => Kind::Objects,
        name if name.contains("Object") && !name.contains("BucketObject") => Kind::Objects,
        _ => Kind::Bucket,
    }
}

/// The known action that one was meant to be.
pub(super) fn nearest(action: &str) -> Option<&'static str> {
    let (_, name) = action.split_once(':')?;
    crate::finding::did_you_mean(name, words(ACTIONS))
}

/// Whether a pattern in lower case matches a name; then `spelled` is the pattern in the name's case.
fn align(pattern: &[char], name: &[char], spelled: &mut String) -> bool {
    let length = spelled.len();
    let matched = match (pattern.split_first(), name.split_first()) {
        (None, None) => return true,
        (None, Some(_)) => return false,
        (Some(('*', rest)), _) => {
            spelled.push('*');
            (0..=name.len()).any(|skip| align(rest, &name[skip..], spelled))
        }
        (Some(('?', rest)), Some((_, names))) => {
            spelled.push('?');
            align(rest, names, spelled)
        }
        (Some((letter, rest)), Some((known, names))) if known.eq_ignore_ascii_case(letter) => {
            spelled.push(*known);
            align(rest, names, spelled)
        }
        _ => false,
    };
    if !matched {
        spelled.truncate(length);
    }
    matched
}

/// An operator as AWS spells it, or `None` when there is no such operator.
pub(super) fn operator(said: &str) -> Option<String> {
    let strip = |prefix: &str| {
        said.get(..prefix.len()).filter(|it| it.eq_ignore_ascii_case(prefix)).map(|_| &said[prefix.len()..])
    };
    let (prefix, rest) =
        PREFIXES.iter().find_map(|prefix| strip(prefix).map(|rest| (*prefix, rest))).unwrap_or(("", said));
    let cut = rest
        .len()
        .checked_sub("IfExists".len())
        .filter(|cut| rest.get(*cut..).is_some_and(|it| it.eq_ignore_ascii_case("IfExists")));
    let (name, suffix) = cut.map_or((rest, ""), |cut| (&rest[..cut], "IfExists"));
    // `Null` asks for absence itself (IAM User Guide, "...IfExists condition operators").
    let known = words(OPERATORS).find(|known| known.eq_ignore_ascii_case(name))?;
    (known != "Null" || suffix.is_empty()).then(|| format!("{prefix}{known}{suffix}"))
}

/// All operators, for suggestions.
pub(super) fn operators() -> impl Iterator<Item = &'static str> {
    words(OPERATORS)
}

/// A condition key with its name in lower case; the key of a tag in it keeps its case.
pub(super) fn folded_key(said: &str) -> String {
    match said.split_once('/') {
        Some((name, tag)) => format!("{}/{tag}", name.to_lowercase()),
        None => said.to_lowercase(),
    }
}

/// A canonical condition key as AWS spells it.
pub(super) fn key(folded: &str) -> String {
    let (name, tag) = match folded.find('/') {
        Some(at) => folded.split_at(at + 1),
        None => (folded, ""),
    };
    let known = words(KEYS).find(|known| known.eq_ignore_ascii_case(name));
    // A key that was kept in its own case, as two differ in case alone, is rendered as it is.
    let kept = name.chars().any(char::is_uppercase);
    format!("{}{tag}", known.filter(|_| !kept).unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_have_the_spelling_of_aws() {
        for (said, spelled) in [
            ("s3:getobject", "s3:GetObject"),
            ("S3:GETOBJECTVERSIONTAGGING", "s3:GetObjectVersionTagging"),
            ("s3:get*", "s3:Get*"),
            ("s3:*objecttagging", "s3:*ObjectTagging"),
            ("s3:putbucketcors", "s3:PutBucketCORS"),
            ("s3:?etobject", "s3:?etObject"),
            ("s3:*", "s3:*"),
            ("*", "*"),
            ("s3:ForceDeleteBucket", "s3:ForceDeleteBucket"),
            ("s3express:CreateSession", "s3express:CreateSession"),
        ] {
            assert_eq!(action(said), spelled);
            assert_eq!(action(spelled), spelled);
        }
    }

    #[test]
    fn the_tables_are_sorted_so_that_a_pattern_has_one_spelling() {
        for table in [ACTIONS, OPERATORS, KEYS] {
            assert!(words(table).is_sorted(), "{table}");
        }
    }

    #[test]
    fn operators_have_the_spelling_of_aws_and_others_are_none() {
        assert_eq!(operator("bool").as_deref(), Some("Bool"));
        assert_eq!(operator("stringequalsIFEXISTS").as_deref(), Some("StringEqualsIfExists"));
        assert_eq!(operator("foranyvalue:stringlike").as_deref(), Some("ForAnyValue:StringLike"));
        assert_eq!(operator("StringEqual"), None);
        assert_eq!(operator("NullIfExists"), None);
        assert_eq!(operator(""), None);
    }

    #[test]
    fn keys_are_folded_and_spelled_again_but_tags_keep_their_case() {
        assert_eq!(folded_key("AWS:SecureTransport"), "aws:securetransport");
        assert_eq!(key("aws:securetransport"), "aws:SecureTransport");
        assert_eq!(folded_key("s3:ExistingObjectTag/Team"), "s3:existingobjecttag/Team");
        assert_eq!(key("s3:existingobjecttag/Team"), "s3:ExistingObjectTag/Team");
        assert_eq!(key("s3:x-amz-acl"), "s3:x-amz-acl");
        assert_eq!(key("aws:userid"), "aws:userid");
    }
}
